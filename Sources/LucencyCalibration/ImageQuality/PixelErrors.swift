import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Differences of single pixels, summed: mean squared and mean absolute error, and the peak signal-to-noise ratio. They merge,
/// so an image's channels and slices count as one set of pixels.
public struct PixelErrors: Hashable, Codable, Sendable {
    public private(set) var count = 0
    private var squares = 0.0
    private var absolutes = 0.0

    /// Of no pixel.
    public init() {}

    /// - Throws: `Diagnostic` when the planes differ in size.
    public init(_ test: QualityPlane, _ reference: QualityPlane) throws(Diagnostic) {
        try test.requireSize(of: reference)
        count = test.values.count
        for (x, y) in zip(test.values, reference.values) {
            squares += (x - y) * (x - y)
            absolutes += abs(x - y)
        }
    }

    public mutating func merge(_ other: PixelErrors) {
        count += other.count
        squares += other.squares
        absolutes += other.absolutes
    }

    /// Mean squared error, in squared units of the values; NaN for no pixel.
    public var mse: Double { squares / Double(count) }

    /// Mean absolute error; NaN for no pixel.
    public var mae: Double { absolutes / Double(count) }

    /// 10 log₁₀(L² / MSE) in dB, of all channels together; infinite for equal images.
    /// - Parameter range: L, the distance from the least to the greatest possible value.
    public func psnr(range: Double) -> Double { 10 * log10(range * range / mse) }
}
