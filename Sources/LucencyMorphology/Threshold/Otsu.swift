import LucencyFoundation

/// Otsu's level of a set of values.
///
/// Whole numbers that span at most 65,536 levels are counted exactly, a bin per level, and the level is the greatest
/// value of the darker class. Other values are counted in 4096 bins from minimum to maximum, and the level is the
/// middle of a bin. Of equally good levels the lowest is taken.
enum Otsu {
    static func level(of values: UnsafeBufferPointer<Float>) throws(Diagnostic) -> Double {
        let (low, high) = extrema(of: values)
        guard high > low else { throw constant(Double(low)) }
        let width = Double(high) - Double(low)
        if width < 65_536, let counts = wholeCounts(values, from: low, levels: Int(width) + 1) {
            return Double(low) + Double(split(counts))
        }
        let bins = 4096, scale = Double(bins) / width
        var counts = [Int](repeating: 0, count: bins)
        counts.withUnsafeMutableBufferPointer { counts in
            for value in values { counts[min(bins &- 1, Int((Double(value) - Double(low)) * scale))] &+= 1 }
        }
        return Double(low) + (Double(split(counts)) + 0.5) / scale
    }

    static func constant(_ value: Double) -> Diagnostic {
        Diagnostic(
            .undefinedResult, "a threshold is undefined: every pixel of the image is \(value)",
            remedy: "use a fixed level, or leave the image out")
    }

    static func extrema(of values: UnsafeBufferPointer<Float>) -> (Float, Float) {
        var low = SIMD16<Float>(repeating: .infinity), high = -low
        var index = 0
        while index &+ 16 <= values.count {
            let block = UnsafeRawBufferPointer(values).loadUnaligned(fromByteOffset: index &* 4, as: SIMD16<Float>.self)
            low.replace(with: block, where: block .< low)
            high.replace(with: block, where: block .> high)
            index &+= 16
        }
        var least = low.min(), most = high.max()
        while index < values.count {
            least = min(least, values[index])
            most = max(most, values[index])
            index &+= 1
        }
        return (least, most)
    }

    /// Counts per level, or nil when a value is not whole.
    private static func wholeCounts(_ values: UnsafeBufferPointer<Float>, from low: Float, levels: Int) -> [Int]? {
        guard low == low.rounded() else { return nil }
        var counts = [Int](repeating: 0, count: levels)
        let whole = counts.withUnsafeMutableBufferPointer { counts in
            for value in values {
                let level = Int(value - low)
                guard Float(level) + low == value else { return false }
                counts[level] &+= 1
            }
            return true
        }
        return whole ? counts : nil
    }

    /// The last bin of the darker class at the greatest variance between the classes.
    private static func split(_ counts: [Int]) -> Int {
        var total = 0.0, sum = 0.0
        for (level, count) in counts.enumerated() {
            total += Double(count)
            sum += Double(count) * Double(level)
        }
        var weight = 0.0, partial = 0.0, best = -1.0, bestLevel = 0
        for (level, count) in counts.dropLast().enumerated() {
            weight += Double(count)
            partial += Double(count) * Double(level)
            guard weight > 0, weight < total else { continue }
            let gap = partial / weight - (sum - partial) / (total - weight)
            let variance = weight * (total - weight) * gap * gap
            if variance > best {
                best = variance
                bestLevel = level
            }
        }
        return bestLevel
    }
}
