import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Pixels to fit to: for each the logits of all classes (log-probabilities will do, since a constant does not matter to most
/// methods), the true class and a weight.
public struct LogitPoints: Sendable {
    public let classCount: Int
    /// One pixel after the other, the classes of a pixel side by side.
    public private(set) var logits: [Float] = []
    /// Places among the classes.
    public private(set) var labels: [UInt8] = []
    public private(set) var weights: [Float] = []

    public init(classCount: Int) {
        self.classCount = max(1, min(254, classCount))
    }

    public var count: Int { labels.count }

    /// - Throws: `Diagnostic` when there are not as many logits as classes, one is not finite, the label is none of the
    ///   classes, or the weight is not above 0.
    public mutating func add(_ logits: [Float], label: Int, weight: Float = 1) throws(Diagnostic) {
        guard logits.count == classCount, logits.allSatisfy(\.isFinite) else {
            throw Diagnostic(.badArgument, "\(logits) are not \(classCount) finite logits")
        }
        guard (0..<classCount).contains(label), weight > 0, weight.isFinite else {
            throw Diagnostic(.badLabel, "class \(label) of weight \(weight) is none of \(classCount) classes")
        }
        append(logits, UInt8(label), weight)
    }

    mutating func append(_ logits: some Sequence<Float>, _ label: UInt8, _ weight: Float) {
        self.logits.append(contentsOf: logits)
        labels.append(label)
        weights.append(weight)
    }

    /// Adds up what `body` finds in blocks of points, in the order of the blocks: the sum does not depend on threads.
    func sum(
        _ width: Int, pool: ThreadPool,
        _ body:
            @Sendable (_ logits: UnsafeBufferPointer<Float>, _ label: Int, _ weight: Double, _ sums: inout [Double])
            -> Void
    ) -> [Double] {
        let block = 1 << 13, blocks = (count + block - 1) / block
        let parts = Monitor(Array(repeating: [Double](), count: blocks))
        logits.withUnsafeBufferPointer { logits in
            nonisolated(unsafe) let logits = logits
            pool.forEach(blocks) { (part: Int) in
                var sums = Array(repeating: 0.0, count: width)
                for point in part * block..<min(count, (part + 1) * block) {
                    body(
                        UnsafeBufferPointer(rebasing: logits[point * classCount..<(point + 1) * classCount]),
                        Int(labels[point]), Double(weights[point]), &sums)
                }
                parts.update { $0[part] = sums }
            }
        }
        let all = parts.wait(until: { _ in true }) { $0 }
        return all.reduce(into: Array(repeating: 0.0, count: width)) { total, part in
            for place in part.indices { total[place] += part[place] }
        }
    }

    /// The calibration error in equal-width bins, and the log loss, at a temperature; points are counted by weight.
    package func scores(temperature: Double, bins: Int) -> (error: Double, logLoss: Double) {
        var counts = Array(repeating: 0.0, count: max(1, bins)), gaps = counts, loss = 0.0
        for point in 0..<count {
            let row = logits[point * classCount..<(point + 1) * classCount], label = Int(labels[point])
            guard let top = row.max(), let answer = row.firstIndex(of: top) else { continue }
            let total = row.reduce(0.0) { $0 + exp(Double($1 - top) / temperature) }
            let confidence = 1 / total, weight = Double(weights[point])
            loss += weight * (log(total) - Double(row[row.startIndex + label] - top) / temperature)
            let bin = max(0, min(counts.count - 1, Int((confidence * Double(counts.count)).rounded(.up)) - 1))
            counts[bin] += weight
            gaps[bin] += weight * (confidence - (answer - row.startIndex == label ? 1 : 0))
        }
        let total = max(counts.reduce(0, +), .leastNormalMagnitude)
        return (gaps.reduce(0) { $0 + abs($1) } / total, loss / total)
    }

    /// Weighted mean of −log softmax(scale · z + shift)[label], one scale and shift for each class.
    func logLoss(scale: [Double], shift: [Double], pool: ThreadPool) -> Double {
        let sums = sum(2, pool: pool) { logits, label, weight, sums in
            var top = -Double.infinity
            for place in 0..<logits.count { top = max(top, scale[place] * Double(logits[place]) + shift[place]) }
            var total = 0.0
            for place in 0..<logits.count {
                total += exp(scale[place] * Double(logits[place]) + shift[place] - top)
            }
            sums[0] += weight
            sums[1] += weight * (log(total) + top - scale[label] * Double(logits[label]) - shift[label])
        }
        return sums[1] / sums[0]
    }
}
