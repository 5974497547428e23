import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Homomorphic filtering: evens out illumination and raises local contrast.
///
/// An image is taken as illumination (long waves) times reflectance (short ones); the logarithm makes the product a sum, which
/// a high-emphasis filter weighs: `exp(F(log(image + offset))) − offset` with the response
/// `gammaLow + (gammaHigh − gammaLow)·(1 − 2^−(f/fc)²)`, Gaussian with half its rise at the cut-off. Oppenheim, Schafer &
/// Stockham (1968), Proc. IEEE 56(8); the response after Gonzalez & Woods, Digital Image Processing, 4th ed., eq. 4-147,
/// whose constant `c` is ln 2 here.
///
/// Each channel is filtered by itself; alpha is untouched. Borders are reflected.
public struct Homomorphic: Sendable {
    /// Wavelength at which the response is midway between the two gammas.
    public var cutoff: Length
    /// Weight of long waves, the mean of the logarithm included: below 1 flattens illumination.
    public var gammaLow: Double
    /// Weight of short waves: above 1 raises local contrast.
    public var gammaHigh: Double
    /// Added before the logarithm. nil: 1/255 of the image's range (1 for an 8-bit image that uses all of it, and the same
    /// effect at any other scale); 1 for a constant image. Values + offset must be positive.
    public var offset: Double?
    /// Keeps the mean of the logarithm (weight 1 instead of `gammaLow`), so that overall brightness stays as it was.
    public var keepMean: Bool

    public init(
        cutoff: Length = .pixels(64), gammaLow: Double = 0.5, gammaHigh: Double = 1.5, offset: Double? = nil,
        keepMean: Bool = false
    ) {
        self.cutoff = cutoff
        self.gammaLow = gammaLow
        self.gammaHigh = gammaHigh
        self.offset = offset
        self.keepMean = keepMean
    }

    /// - Throws: `Diagnostic` when a value plus the offset is not positive (without an offset: when a value is negative), a
    ///   gamma is not positive, or the cut-off is below 2 px or metric on an assumed spacing.
    public func callAsFunction(_ image: Image, pool: ThreadPool = .serial) throws -> Image {
        guard gammaLow > 0, gammaHigh > 0, gammaLow.isFinite, gammaHigh.isFinite else {
            throw Diagnostic(.badArgument, "the gammas \(gammaLow) and \(gammaHigh) must be positive")
        }
        let pixels = try LowPass.pixels(of: cutoff, in: image.geometry, profile: .gaussian)
        let grid = try PaddedGrid(image.size, reach: pixels * LowPass.reach(.gaussian), border: .reflect)
        let offset = try offset(for: image)
        let lowPass = LowPass(.gaussian, cutoff: pixels, size: grid.padded)
        let width = grid.padded.x / 2 + 1
        let low = gammaLow, high = gammaHigh
        let filtered = try image.mappingColors(pool: pool) { log($0 + offset) }
            .filteringChannels(grid, pool: pool) { mean in
                (offset: mean, base: keepMean ? mean : low * mean, outside: mean)
            } by: { y, z, row in
                lowPass.forEach(y, z, width) { row[$0] = Float(low + (high - low) * (1 - $1)) }
            }
        return try filtered.mappingColors(pool: pool) { exp($0) - offset }
    }

    private func offset(for image: Image) throws(Diagnostic) -> Double {
        let colors = image.channels - (image.colorModel.hasAlpha ? 1 : 0)
        let extremes = image.pixels.withUnsafeBufferPointer {
            Moments.extremes(of: UnsafeBufferPointer(rebasing: $0[..<(colors * image.size.count)]))
        }
        if let offset {
            guard offset.isFinite, extremes.low + offset > 0 else {
                throw Diagnostic(
                    .badArgument, "the smallest value \(extremes.low) plus the offset \(offset) has no logarithm",
                    remedy: "give an offset above \(-extremes.low), or normalize first")
            }
            return offset
        }
        guard extremes.low >= 0 else {
            throw Diagnostic(
                .badArgument, "the smallest value is \(extremes.low), and negative values have no logarithm",
                remedy: "give an offset above \(-extremes.low), or normalize to 0...1 first")
        }
        return extremes.high > extremes.low ? (extremes.high - extremes.low) / 255 : 1
    }
}
