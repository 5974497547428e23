import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where the colours of the stains come from.
public enum StainMethod: Hashable, Sendable {
    /// Known colours: A. C. Ruifrok and D. A. Johnston, Anal. Quant. Cytol. Histol. 23(4) (2001).
    case ruifrok(Stains)
    /// The image's own: the extreme directions of its colours in the plane in which they spread most. M. Macenko et al.,
    /// "A method for normalizing histology slides for quantitative analysis", ISBI 2009. Pixels below `minimumDensity` in
    /// any colour are no tissue; `percentile` of the angles at either end are left out. The paper's values are 0.15 (of
    /// densities by the natural logarithm here, as in most public code) and 1.
    case macenko(minimumDensity: Double = 0.15, percentile: Double = 1)

    /// Stains with known colours.
    public enum Stains: String, CaseIterable, Hashable, Sendable {
        /// Hematoxylin, eosin, and what is neither.
        case he
        /// Hematoxylin, DAB, and what is neither.
        case hdab
        /// Hematoxylin, eosin and DAB.
        case hed

        var basis: StainBasis {
            get throws(Diagnostic) {
                let hematoxylin: SIMD3 = [0.65, 0.70, 0.29], eosin: SIMD3 = [0.07, 0.99, 0.11]
                let dab: SIMD3 = [0.27, 0.57, 0.78]
                return switch self {
                case .he: try StainBasis(hematoxylin: hematoxylin, counterstain: eosin)
                case .hdab: try StainBasis(hematoxylin: hematoxylin, counterstain: dab)
                case .hed: try StainBasis(hematoxylin: hematoxylin, counterstain: eosin, residual: dab)
                }
            }
        }
    }

    /// The stains of an image.
    /// - Throws: `Diagnostic` when the image has too little stained tissue, or a setting is out of range.
    func basis(of density: OpticalDensity) throws -> StainBasis {
        switch self {
        case .ruifrok(let stains): try stains.basis
        case .macenko(let minimum, let percentile):
            try Self.macenko(density, minimum: minimum, percentile: percentile)
        }
    }

    private static func macenko(
        _ density: OpticalDensity, minimum: Double, percentile: Double
    ) throws -> StainBasis {
        guard minimum >= 0, minimum.isFinite else {
            throw Diagnostic(.badArgument, "a minimum density of \(minimum) is not possible", remedy: "give 0 or more")
        }
        guard percentile >= 0, percentile < 50 else {
            throw Diagnostic(.badArgument, "a percentile of \(percentile) is not possible", remedy: "give 0 to 49")
        }
        let count = density.count
        return try density.values.withUnsafeBufferPointer { values in
            func color(_ i: Int) -> SIMD3<Double> {
                [Double(values[i]), Double(values[count &+ i]), Double(values[2 &* count &+ i])]
            }
            let least = Float(minimum)
            let tissue = (0..<count).filter {
                values[$0] >= least && values[count &+ $0] >= least && values[2 &* count &+ $0] >= least
            }
            guard tissue.count >= 100 else {
                throw Diagnostic(
                    .undefinedResult, "only \(tissue.count) pixels are stained, too few to tell the stains' colours",
                    remedy: "lower the minimum density, or use `ruifrok`")
            }
            var mean = SIMD3<Double>.zero
            for i in tissue { mean += color(i) }
            mean /= Double(tissue.count)
            var covariance = [[Double]](repeating: [0, 0, 0], count: 3)
            for i in tissue {
                let gap = color(i) - mean
                for a in 0..<3 { for b in 0..<3 { covariance[a][b] += gap[a] * gap[b] } }
            }
            for a in 0..<3 { for b in 0..<3 { covariance[a][b] /= Double(tissue.count - 1) } }
            let axes = SymmetricMatrix.eigenvectors(covariance)
            // Densities are positive, so axes that point to more red density make angles comparable.
            func turned(_ axis: SIMD3<Double>) -> SIMD3<Double> { axis.x < 0 ? -axis : axis }
            let first = turned(axes[0]), second = turned(axes[1])
            let angles = tissue.map { i -> Float in
                let c = color(i)
                return Float(atan2((c * second).sum(), (c * first).sum()))
            }
            let (low, high) = angles.withUnsafeBufferPointer { angles in
                let quantiles = Quantiles([angles])
                return (quantiles(percentile / 100) ?? 0, quantiles(1 - percentile / 100) ?? 0)
            }
            guard high - low > 1e-3 else {
                throw Diagnostic(
                    .undefinedResult,
                    "all stained pixels have the same colour, so there are no two stains to tell apart",
                    remedy: "use `ruifrok`")
            }
            let a = first * cos(low) + second * sin(low), b = first * cos(high) + second * sin(high)
            // Hematoxylin takes more red light than its counterstains do.
            return a.x > b.x
                ? try StainBasis(hematoxylin: a, counterstain: b) : try StainBasis(hematoxylin: b, counterstain: a)
        }
    }
}

/// Eigenvectors of symmetric 3 × 3 matrices by Jacobi's rotations.
enum SymmetricMatrix {
    /// Unit vectors, by descending eigenvalue.
    static func eigenvectors(_ matrix: [[Double]]) -> [SIMD3<Double>] {
        var a = matrix
        var v: [[Double]] = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
        for _ in 0..<60 {
            var p = 0, q = 1
            for (i, j) in [(0, 2), (1, 2)] where abs(a[i][j]) > abs(a[p][q]) { (p, q) = (i, j) }
            guard abs(a[p][q]) > 1e-300 else { break }
            let theta = (a[q][q] - a[p][p]) / (2 * a[p][q])
            let t = (theta >= 0 ? 1.0 : -1) / (abs(theta) + (theta * theta + 1).squareRoot())
            let c = 1 / (t * t + 1).squareRoot(), s = t * c
            for k in 0..<3 { (a[k][p], a[k][q]) = (c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]) }
            for k in 0..<3 { (a[p][k], a[q][k]) = (c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]) }
            for k in 0..<3 { (v[k][p], v[k][q]) = (c * v[k][p] - s * v[k][q], s * v[k][p] + c * v[k][q]) }
        }
        return [0, 1, 2].sorted { a[$0][$0] > a[$1][$1] }.map { [v[0][$0], v[1][$0], v[2][$0]] }
    }
}
