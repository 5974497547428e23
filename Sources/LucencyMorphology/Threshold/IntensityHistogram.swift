import LucencyFoundation

/// Counts of a set of intensities.
///
/// Whole numbers that span few enough levels are counted exactly, a bin per level, and a bin stands for its value. Others are
/// counted in bins of equal width from minimum to maximum, and a bin stands for its middle.
struct IntensityHistogram {
    let counts: [Int]
    private let low: Double
    private let width: Double
    let isExact: Bool

    /// - Parameters:
    ///   - levels: at most so many levels are counted exactly.
    ///   - bins: for other values.
    /// - Throws: `Diagnostic` when all values are the same.
    init(of values: UnsafeBufferPointer<Float>, levels: Int = 65_536, bins: Int = 4096) throws(Diagnostic) {
        let (low, high) = Self.extrema(of: values)
        guard high > low else { throw Self.constant(Double(low)) }
        let span = Double(high) - Double(low)
        self.low = Double(low)
        if span < Double(levels), let counts = Self.wholeCounts(values, from: low, levels: Int(span) + 1) {
            self.counts = counts
            width = 1
            isExact = true
            return
        }
        let scale = Double(bins) / span
        var counts = [Int](repeating: 0, count: bins)
        counts.withUnsafeMutableBufferPointer { counts in
            for value in values { counts[min(bins &- 1, Int((Double(value) - Double(low)) * scale))] &+= 1 }
        }
        self.counts = counts
        width = 1 / scale
        isExact = false
    }

    /// The intensity that a bin stands for.
    func level(of bin: Int) -> Double { low + (Double(bin) + (isExact ? 0 : 0.5)) * width }

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
}
