import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Makes probabilities that sum to 1 of numbers that nearly do, and says what is wrong with those that do not.
struct ProbabilityRepair {
    let planes: Int
    let size: GridSize
    /// How far a stored number may be off.
    let halfStep: Float

    /// Numbers of float32 may be off by this much, as those of other tools are.
    private static let slack: Float = 2e-3

    /// - Parameter values: planes × pixels; of a single plane the probability of the foreground.
    /// - Returns: as many planes, or two of a single one, each pixel's sum 1.
    /// - Throws: `Diagnostic` with the pixel and the likely reason.
    func callAsFunction(_ values: AlignedBuffer<Float>) throws(Diagnostic) -> AlignedBuffer<Float> {
        try requireRange(values)
        let pixels = size.count
        if planes == 1 {
            return values.withUnsafeBufferPointer { values in
                AlignedBuffer(count: 2 * pixels) { out in
                    for index in 0..<pixels {
                        let p = max(0, min(1, values[index]))
                        (out[index], out[pixels &+ index]) = (1 - p, p)
                    }
                }
            }
        }
        try requireSums(values)
        return values.withUnsafeBufferPointer { values in
            AlignedBuffer(count: planes * pixels) { out in
                for index in 0..<pixels {
                    var sum: Float = 0
                    for plane in 0..<planes { sum += max(0, values[plane &* pixels &+ index]) }
                    for plane in 0..<planes {
                        out[plane &* pixels &+ index] = min(1, max(0, values[plane &* pixels &+ index]) / sum)
                    }
                }
            }
        }
    }

    /// Numbers must be finite and within 0...1.
    private func requireRange(_ values: AlignedBuffer<Float>) throws(Diagnostic) {
        let (least, greatest, wrong): (Float, Float, Int?) = values.withUnsafeBufferPointer { values in
            var least = Float.infinity, greatest = -Float.infinity
            for (index, value) in values.enumerated() {
                guard value.isFinite else { return (least, greatest, index) }
                (least, greatest) = (min(least, value), max(greatest, value))
            }
            return (least, greatest, nil)
        }
        if let wrong {
            throw Diagnostic(.notFinite, "pixel \(place(wrong)): \(values[wrong]) is no probability")
        }
        guard least < -Self.slack || greatest > 1 + Self.slack else { return }
        let range = "the numbers reach from \(least) to \(greatest), and probabilities lie between 0 and 1"
        if least >= 0, greatest <= 255, values.withUnsafeBufferPointer({ $0.allSatisfy { $0 == $0.rounded() } }) {
            throw Diagnostic(
                .notFinite, range,
                remedy: "these look like bytes stored as floats, or labels: divide by 255, or store uint8")
        }
        if least >= 0, greatest <= 100 + Self.slack {
            throw Diagnostic(
                .notFinite, range, remedy: "if these are percentages, divide by 100; if logits, say `--logits`")
        }
        throw Diagnostic(
            .notFinite, range, remedy: "these look like logits: apply softmax before saving, or say `--logits`")
    }

    private func requireSums(_ values: AlignedBuffer<Float>) throws(Diagnostic) {
        let pixels = size.count, tolerance = Float(planes) * halfStep + Self.slack
        let found: (worst: Int, sum: Float, above: Int, below: Int) = values.withUnsafeBufferPointer { values in
            var worst = 0, worstSum: Float = 1, above = 0, below = 0
            for index in 0..<pixels {
                var sum: Float = 0
                for plane in 0..<planes { sum += values[plane &* pixels &+ index] }
                if sum > 1 + tolerance { above &+= 1 } else if sum < 1 - tolerance { below &+= 1 }
                if abs(sum - 1) > abs(worstSum - 1) { (worst, worstSum) = (index, sum) }
            }
            return (worst, worstSum, above, below)
        }
        guard found.above + found.below > 0 else { return }
        let remedy =
            found.above == 0
            ? "is a class missing, such as the background? Name all classes, or write the background as well"
            : found.below == 0
                ? "these may be classes that overlap (sigmoid): report each by itself, as one file of its probability"
                : "apply softmax over the classes, not a sigmoid; if these are logits, say `--logits`"
        throw Diagnostic(
            .notFinite,
            "pixel \(place(found.worst)): the \(planes) probabilities sum to \(found.sum), not to 1 "
                + "(\(found.above + found.below) of \(pixels) pixels are like that)", remedy: remedy)
    }

    private func place(_ index: Int) -> String {
        let pixel = index % size.count
        let flat = "\(pixel % size.x), \(pixel / size.x % size.y)"
        return size.isPlanar ? "(\(flat))" : "(\(flat), \(pixel / (size.x * size.y)))"
    }

    /// Probabilities of logits; of a single plane by a sigmoid.
    static func softmax(_ logits: AlignedBuffer<Float>, planes: Int, pixels: Int) -> AlignedBuffer<Float> {
        logits.withUnsafeBufferPointer { logits in
            AlignedBuffer(count: logits.count) { out in
                for index in 0..<pixels {
                    guard planes > 1 else {
                        out[index] = 1 / (1 + expf(-logits[index]))
                        continue
                    }
                    var top = -Float.infinity
                    for plane in 0..<planes { top = max(top, logits[plane &* pixels &+ index]) }
                    var sum: Float = 0
                    for plane in 0..<planes {
                        let value = expf(logits[plane &* pixels &+ index] - top)
                        out[plane &* pixels &+ index] = value
                        sum += value
                    }
                    for plane in 0..<planes { out[plane &* pixels &+ index] /= sum }
                }
            }
        }
    }
}
