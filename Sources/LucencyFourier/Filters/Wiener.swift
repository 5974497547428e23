import LucencyFoundation
import LucencyImaging

/// Sharpens what a known kernel has blurred: the estimate of least mean squared error for an image whose noise is the same
/// at all frequencies, `W = H*/(|H|² + 1/snr)`. N. Wiener (1949); Gonzalez & Woods, Digital Image Processing, 4th ed.,
/// eq. 5-85. The mean stays. Each channel by itself; alpha is untouched.
public struct Wiener: Sendable {
    public var kernel: PointSpread
    /// Power of the image over that of the noise, taken as equal at all frequencies: the greater, the sharper and noisier.
    public var snr: Double
    public var border: Border

    public init(_ kernel: PointSpread, snr: Double = 100, border: Border = .reflect) {
        self.kernel = kernel
        self.snr = snr
        self.border = border
    }

    /// - Throws: `Diagnostic` when the kernel does not fit the grid, or the ratio is not positive.
    public func callAsFunction(_ image: Image, pool: ThreadPool = .serial) throws -> Image {
        guard snr > 0, snr.isFinite else {
            throw Diagnostic(
                .badArgument, "a signal-to-noise ratio of \(snr) is not possible", remedy: "give more than 0")
        }
        let kernel = try kernel.kernel(in: image.geometry)
        // An inverse reaches further than the kernel.
        let grid = try PaddedGrid(image.size, reach: kernel.extent * 4, border: border)
        var transfer = try kernel.spectrum(on: grid.padded, pool: pool)
        let noise = Float(1 / snr)
        transfer.map { value in
            let power = value.x * value.x + value.y * value.y
            return SIMD2(value.x, -value.y) / (power + noise)
        }
        let inverse = transfer
        return try image.filteringChannels(grid, pool: pool) { mean in
            (offset: mean, base: mean, outside: mean)
        } through: {
            $0.multiply(by: inverse, pool: pool)
        }
    }
}
