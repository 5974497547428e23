import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Colours of the stains of a slide: for each stain, the optical density of red, green and blue in one unit of it.
///
/// Optical density is −ln(I / white), so densities add where stains lie on each other (Beer and Lambert).
public struct StainBasis: Hashable, Sendable {
    /// Unit vectors.
    public let hematoxylin: SIMD3<Double>
    public let counterstain: SIMD3<Double>
    /// What the other two do not explain.
    public let residual: SIMD3<Double>

    /// - Parameter residual: nil for the direction that is perpendicular to both stains.
    /// - Throws: `Diagnostic` when the colours do not tell three stains apart.
    public init(
        hematoxylin: SIMD3<Double>, counterstain: SIMD3<Double>, residual: SIMD3<Double>? = nil
    ) throws(Diagnostic) {
        let vectors = [hematoxylin, counterstain, residual ?? Self.cross(hematoxylin, counterstain)]
        for vector in vectors {
            guard vector.x.isFinite, vector.y.isFinite, vector.z.isFinite, (vector * vector).sum() > 0 else {
                throw Diagnostic(.badArgument, "the stains' colours are not finite, or two of them are the same")
            }
        }
        let unit = vectors.map { $0 / ($0 * $0).sum().squareRoot() }
        guard abs((unit[0] * Self.cross(unit[1], unit[2])).sum()) > 1e-6 else {
            throw Diagnostic(.badArgument, "the stains' colours lie in one plane, so amounts of stain are undefined")
        }
        self.hematoxylin = unit[0]
        self.counterstain = unit[1]
        self.residual = unit[2]
    }

    static func cross(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> SIMD3<Double> {
        [a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x]
    }

    /// For each stain, what amounts of it red, green and blue density stand for: the rows of the inverse.
    var amounts: [SIMD3<Double>] {
        let stains = [hematoxylin, counterstain, residual]
        let determinant = (stains[0] * Self.cross(stains[1], stains[2])).sum()
        return (0..<3).map { Self.cross(stains[($0 + 1) % 3], stains[($0 + 2) % 3]) / determinant }
    }
}

/// Optical densities of a colour image.
struct OpticalDensity {
    let count: Int
    /// −ln(I / white) of red, green and blue, one after the other.
    let values: AlignedBuffer<Float>

    /// - Parameter darkest: light below this share of white counts as this much.
    init(_ image: Image, white: Double?, darkest: Double, pool: ThreadPool) throws {
        guard image.colorModel == .rgb || image.colorModel == .rgba else {
            throw Diagnostic(
                .channelMismatch, "an image with \(image.channels) channel(s) that are not colours has no stains",
                remedy: "give an RGB image")
        }
        let white = white ?? image.storedWhite
        guard white > 0, white.isFinite else { throw Diagnostic(.badArgument, "a white of \(white) is not possible") }
        count = image.size.count
        values = try image.mappingColors(pool: pool) { -log(max($0 / white, darkest)) }.pixels
    }
}
