import LucencyFoundation
import LucencyImaging

/// Takes noise away. Alpha is untouched; a volume is filtered in 3-D. Windows count pixels, along every axis alike.
public struct Denoise: Sendable {
    public enum Method: Hashable, Sendable {
        /// The median of a square or cube of `2·radius + 1` pixels to a side; the image is reflected at its edges. Takes
        /// away specks and keeps edges. Each channel by itself.
        case median(radius: Int)
        /// A mean of neighbours, weighted by how near and how alike they are: C. Tomasi and R. Manduchi, "Bilateral
        /// filtering for gray and color images", ICCV 1998. Colours are compared together. `range` nil: the image's
        /// standard deviation.
        case bilateral(spatial: Double, range: Double?)
        /// A mean of pixels whose surroundings look alike: A. Buades, B. Coll and J.-M. Morel, CVPR 2005, with uniform
        /// weights in patches (J. Darbon et al., ISBI 2008). A pixel up to `distance` away weighs exp(−d²/strength²),
        /// where d² is the mean squared difference of the two patches less the noise's part, 2·noise². Colours are
        /// compared together.
        case nonLocalMeans(patch: Int, distance: Int, strength: Double, noise: Double)
        /// The image near the given one whose total variation is small: L. Rudin, S. Osher and E. Fatemi, Physica D 60
        /// (1992), by the dual algorithm of A. Chambolle, J. Math. Imaging Vis. 20 (2004). Each channel by itself. The
        /// greater `weight` (in the image's intensities), the flatter.
        case totalVariation(weight: Double, tolerance: Double = 2e-4, iterations: Int = 200)
    }

    public var method: Method

    public init(_ method: Method = .median(radius: 1)) {
        self.method = method
    }

    /// - Throws: `Diagnostic` when a setting is out of range.
    public func callAsFunction(_ image: Image, pool: ThreadPool = .serial) throws -> Image {
        switch method {
        case .median(let radius):
            try Self.require(radius >= 0 && radius <= 64, "a radius of \(radius) is not possible", "give 0 to 64")
            let median = MedianFilter(radius: radius)
            let result = try image.mappingChannels { median.apply($0, into: $1, size: image.size, pool: pool) }
            // Medians are values of the image, so it can be stored as it was.
            return try Image(
                geometry: result.geometry, colorModel: result.colorModel, pixels: result.pixels, origin: image.origin)
        case .bilateral(let spatial, let range):
            try Self.require(
                spatial > 0 && spatial <= 64, "a spatial deviation of \(spatial) is not possible",
                "give more than 0 and at most 64")
            if let range {
                try Self.require(range > 0 && range.isFinite, "a range of \(range) is not possible", "give more than 0")
            }
            return try BilateralFilter(spatial: spatial, range: range).apply(image, pool: pool)
        case .nonLocalMeans(let patch, let distance, let strength, let noise):
            try Self.require(
                patch >= 1 && patch <= 63 && patch % 2 == 1, "patches of \(patch) pixels have no middle",
                "give an odd number, 1 to 63")
            try Self.require(
                distance >= 1 && distance <= 128, "a distance of \(distance) is not possible", "give 1 to 128")
            try Self.require(
                strength > 0 && strength.isFinite, "a strength of \(strength) is not possible", "give more than 0")
            try Self.require(noise >= 0 && noise.isFinite, "noise of \(noise) is not possible", "give 0 or more")
            return try NonLocalMeans(reach: patch / 2, distance: distance, strength: strength, noise: noise)
                .apply(image, pool: pool)
        case .totalVariation(let weight, let tolerance, let iterations):
            try Self.require(weight > 0 && weight.isFinite, "a weight of \(weight) is not possible", "give more than 0")
            try Self.require(
                tolerance >= 0 && tolerance < 1, "a tolerance of \(tolerance) is not possible", "give 0 to 1")
            try Self.require(
                iterations >= 1 && iterations <= 100_000, "\(iterations) iterations are not possible",
                "give 1 to 100000")
            let filter = TotalVariation(weight: weight, tolerance: tolerance, iterations: iterations)
            return try image.mappingChannels { filter.apply($0, into: $1, size: image.size, pool: pool) }
        }
    }

    private static func require(_ holds: Bool, _ what: String, _ remedy: String) throws(Diagnostic) {
        if !holds { throw Diagnostic(.badArgument, what, remedy: remedy) }
    }
}
