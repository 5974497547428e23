import LucencyFoundation

/// Maps intensities to a common scale.
///
/// Alpha is untouched. A constant image has no scale of its own: `.zScore` and `.percentile` make it 0, `.minMax` makes it
/// the lower end.
public struct Normalize: Sendable {
    public enum Method: Hashable, Sendable {
        /// Mean 0 and standard deviation 1 (of the population: the sum is divided by n), computed in double precision.
        case zScore
        /// The smallest value becomes `low`, the greatest `high`.
        case minMax(low: Double = 0, high: Double = 1)
        /// The lower percentile becomes 0, the upper 1 (percent, 0...100; linear interpolation at q·(n − 1), as NumPy).
        /// Values beyond are cut to 0...1 if `clip`.
        case percentile(lower: Double = 1, upper: Double = 99, clip: Bool = true)
        /// `low` becomes 0, `high` 1. Values beyond are cut to 0...1 if `clip`.
        case window(low: Double, high: Double, clip: Bool = true)
    }

    /// Which values are looked at together.
    public enum Scope: String, CaseIterable, Hashable, Sendable {
        /// All channels get the same map, so that colours keep their hue.
        case joint
        /// Each channel gets its own.
        case perChannel
    }

    public var method: Method
    /// nil: joint for RGB, per channel for channels that are not colours (bands, sequences).
    public var scope: Scope?

    public init(_ method: Method = .zScore, scope: Scope? = nil) {
        self.method = method
        self.scope = scope
    }

    /// - Throws: `Diagnostic` when a range is empty or a percentile outside 0...100; or when both percentiles of an image
    ///   that is not constant fall on the same value, which would make all of it 0.
    public func callAsFunction(_ image: Image, pool: ThreadPool = .serial) throws -> Image {
        try check()
        let count = image.size.count
        let colors = image.channels - (image.colorModel.hasAlpha ? 1 : 0)
        let joint = (scope ?? (image.colorModel == .rgb || image.colorModel == .rgba ? .joint : .perChannel)) == .joint
        var pixels = image.pixels
        try pixels.withUnsafeMutableBufferPointer { pixels in
            let groups = joint ? [0..<colors] : (0..<colors).map { $0..<$0 + 1 }
            for group in groups {
                let values = UnsafeMutableBufferPointer(
                    rebasing: pixels[group.lowerBound * count..<group.upperBound * count])
                let map = try LinearMap(method, of: UnsafeBufferPointer(values), pool: pool)
                map.apply(to: values, pool: pool)
            }
        }
        return try Image(
            geometry: image.geometry, colorModel: image.colorModel, pixels: pixels, origin: image.origin?.rescaled)
    }

    private func check() throws(Diagnostic) {
        switch method {
        case .zScore: break
        case .minMax(let low, let high):
            guard low < high, low.isFinite, high.isFinite else {
                throw Diagnostic(.badArgument, "the range \(low)...\(high) is empty")
            }
        case .percentile(let lower, let upper, _):
            guard lower >= 0, lower < upper, upper <= 100 else {
                throw Diagnostic(
                    .badArgument, "the percentiles \(lower) and \(upper) are not ascending within 0...100")
            }
        case .window(let low, let high, _):
            guard low < high, low.isFinite, high.isFinite else {
                throw Diagnostic(.badArgument, "the window \(low)...\(high) is empty")
            }
        }
    }
}

/// `(value − center)·scale + base`, cut to a range.
struct LinearMap: Sendable {
    var center = 0.0
    var scale = 0.0
    var base = 0.0
    var range: ClosedRange<Double>?

    init(_ method: Normalize.Method, of values: UnsafeBufferPointer<Float>, pool: ThreadPool) throws(Diagnostic) {
        switch method {
        case .zScore:
            let moments = Moments(of: values, pool: pool)
            center = moments.mean
            scale = moments.standardDeviation > 0 ? 1 / moments.standardDeviation : 0
        case .minMax(let low, let high):
            let extremes = Moments.extremes(of: values)
            center = extremes.low
            base = low
            scale = extremes.high > extremes.low ? (high - low) / (extremes.high - extremes.low) : 0
            range = low...high
        case .percentile(let lower, let upper, let clip):
            let quantiles = Quantiles([values])
            let low = quantiles(lower / 100) ?? 0, high = quantiles(upper / 100) ?? 0
            center = low
            range = clip ? 0...1 : nil
            if high > low {
                scale = 1 / (high - low)
                return
            }
            let extremes = Moments.extremes(of: values)
            guard extremes.low == extremes.high else {
                throw Diagnostic(
                    .undefinedResult,
                    "the percentiles \(lower) and \(upper) are both \(low), though values run from \(extremes.low) to \(extremes.high)",
                    remedy: "choose percentiles further apart, or `min-max`")
            }
        case .window(let low, let high, let clip):
            center = low
            scale = 1 / (high - low)
            range = clip ? 0...1 : nil
        }
    }

    func apply(to values: UnsafeMutableBufferPointer<Float>, pool: ThreadPool) {
        nonisolated(unsafe) let values = values
        let block = 1 << 16
        pool.forEach((values.count + block - 1) / block) { task in
            for i in task * block..<min(values.count, (task + 1) * block) {
                var value = (Double(values[i]) - center) * scale + base
                if let range { value = min(max(value, range.lowerBound), range.upperBound) }
                values[i] = Float(value)
            }
        }
    }
}
