import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// SSIM over five scales, MS-SSIM (Wang, Simoncelli, Bovik, "Multiscale structural similarity for image quality assessment",
/// 2003): the mean of contrast and structure at scales 1 to 4 and the mean SSIM at scale 5, each to its exponent, multiplied.
///
/// Between scales images are halved by means of 2 × 2 pixels. Negative means count as 0. Gaussian windows of 11 × 11, full ones
/// only, so a side has at least 176 pixels.
public struct MultiScaleSimilarity: Hashable, Sendable {
    public static let exponents = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
    /// 11 pixels at the fifth scale.
    public static let smallestSide = 176

    public init() {}

    /// - Parameter range: L, the distance from the least to the greatest possible value.
    /// - Throws: `Diagnostic` when the planes differ in size, a side is below 176 pixels, or the range is not positive.
    public func callAsFunction(
        _ test: QualityPlane, _ reference: QualityPlane, range: Double, pool: ThreadPool = .serial
    ) throws(Diagnostic) -> Double {
        guard min(test.width, test.height) >= Self.smallestSide else {
            throw Diagnostic(
                .badArgument,
                "MS-SSIM needs \(Self.smallestSide) pixels a side for its five scales, and the image has \(test.width) × "
                    + "\(test.height)", remedy: "take SSIM for smaller images")
        }
        var (x, y) = (test, reference), product = 1.0
        for (scale, exponent) in Self.exponents.enumerated() {
            let means = try StructuralSimilarity().means(x, y, range: range, pool: pool)
            let isLast = scale == Self.exponents.count - 1
            product *= pow(max(0, isLast ? means.similarity : means.contrastStructure), exponent)
            if !isLast { (x, y) = (x.halved, y.halved) }
        }
        return product
    }
}
