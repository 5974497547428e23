import LucencyFoundation
import LucencyImaging
import LucencyMorphology

extension LabelMap {
    /// Other labels on the same grid, with the same table.
    func replaced(by labels: AlignedBuffer<Int32>) throws -> LabelMap {
        try LabelMap(geometry: geometry, labels: labels, table: table, origin: origin)
    }

    /// The labels that occur, without the background and ignored pixels; only those of `wanted` unless it is empty.
    func classes(_ wanted: [Int] = []) -> [Int32] {
        presentLabels().filter {
            $0 != 0 && $0 != Self.ignoreLabel && (wanted.isEmpty || wanted.contains(Int($0)))
        }
    }

    /// The same labels, but ignored wherever `other` is.
    func ignoring(where other: LabelMap) throws -> LabelMap {
        var result = labels
        result.withUnsafeMutableBufferPointer { result in
            other.labels.withUnsafeBufferPointer { other in
                for i in 0..<result.count where other[i] == Self.ignoreLabel { result[i] = Self.ignoreLabel }
            }
        }
        return try replaced(by: result)
    }

    /// Gives ignored pixels another value, which is called "ignored" where labels have names.
    func renamingIgnored(to value: Int32) throws -> LabelMap {
        var result = labels
        let clashes = result.withUnsafeMutableBufferPointer { result in
            var clashes = table[value] != nil
            for i in 0..<result.count {
                if result[i] == value { clashes = true }
                if result[i] == Self.ignoreLabel { result[i] = value }
            }
            return clashes
        }
        guard !clashes else {
            throw Diagnostic(
                .badLabel, "ignored pixels cannot get the value \(value): a class has it",
                remedy: "choose an ignore value above all classes")
        }
        var names = table
        if !names.isEmpty { names[value] = LabelClass(name: "ignored", color: [128, 128, 128]) }
        return try LabelMap(geometry: geometry, labels: result, table: names, origin: origin)
    }

    /// For every pixel the label of the pixel nearest to a place that `source` gives; background where that lies outside,
    /// and no change where an ignored pixel would be copied.
    /// - Parameter source: pixel x, y, z → place to copy from, however far away.
    func moved(
        pool: ThreadPool, _ source: @Sendable (Int, Int, Int) -> (x: Double, y: Double, z: Int)
    ) throws -> LabelMap {
        let size = self.size, right = Double(size.x) - 0.5, bottom = Double(size.y) - 0.5
        let result = AlignedBuffer<Int32>(count: labels.count) { out in
            labels.withUnsafeBufferPointer { labels in
                nonisolated(unsafe) let out = out, labels = labels
                pool.forEach(size.y * size.z) { row in
                    let y = row % size.y, z = row / size.y
                    for x in 0..<size.x {
                        let index = row &* size.x &+ x, from = source(x, y, z)
                        var label: Int32 = 0
                        // Compared before rounding: a place may be farther away than an integer can say.
                        if from.x > -0.5, from.x < right, from.y > -0.5, from.y < bottom, from.z >= 0, from.z < size.z {
                            let column = Int(from.x.rounded()), line = Int(from.y.rounded())
                            label = labels[(from.z &* size.y &+ line) &* size.x &+ column]
                        }
                        out[index] = label == Self.ignoreLabel ? labels[index] : label
                    }
                }
            }
        }
        return try replaced(by: result)
    }
}

/// A length that must be 0 or more, and finite.
func requireLength(_ length: Length, _ name: String, above zero: Bool = false) throws(Diagnostic) {
    guard length.value.isFinite, zero ? length.value > 0 : length.value >= 0 else {
        throw Diagnostic(
            .badArgument, "\(name) of \(length) is not possible", remedy: zero ? "give more than 0" : "give 0 or more")
    }
}

/// A probability.
func requireProbability(_ value: Double, _ name: String) throws(Diagnostic) {
    guard 0...1 ~= value else {
        throw Diagnostic(.badArgument, "\(name) \(value) is not a probability", remedy: "give a number from 0 to 1")
    }
}

/// Classes, each one once.
func requireClasses(_ classes: [Int], _ name: String) throws(Diagnostic) {
    if let wrong = classes.first(where: { !(1...Int(Int32.max) ~= $0) }) {
        throw Diagnostic(.badArgument, "\(name) cannot hold the class \(wrong)", remedy: "give classes, 1 or more")
    }
    guard Set(classes).count == classes.count else {
        throw Diagnostic(.badArgument, "\(name) names a class twice", remedy: "name each class once")
    }
}

/// A range whose numbers lie within limits.
func requireInterval(_ interval: Interval, _ name: String, within limits: ClosedRange<Double>) throws(Diagnostic) {
    guard limits ~= interval.lower, limits ~= interval.upper, interval.lower <= interval.upper else {
        throw Diagnostic(
            .badArgument, "\(name) from \(interval.lower) to \(interval.upper) is out of range",
            remedy: "give numbers from \(limits.lowerBound) to \(limits.upperBound), the smaller one first")
    }
}
