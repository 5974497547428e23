#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import LucencyFoundation

/// Changes the amounts of haematoxylin, eosin and residual in H&E images.
///
/// Colours are taken apart into stains in optical density, OD = −ln(I / white), with the vectors of Ruifrok and Johnston
/// (2001, Anal. Quant. Cytol. Histol. 23(4)); each stain s becomes α·s + β, α in 1 ± strength and β in ± shift; then the
/// colours are put together again (Tellez et al. 2018, IEEE TMI 37(9); 2019, Medical Image Analysis 58: strengths of
/// 0.05 are their light, 0.2 their strong variant).
///
/// Needs three channels, red, green and blue, on the original scale of light, 0...`white`: it belongs before
/// `normalize`. Put it first or after a `spatial`, and pad with `white`.
public struct StainJitter: AugmentationComponent {
    public static let name = "stain"
    public var probability = 0.5
    /// How far α may lie from 1, in 0...1.
    public var strength = 0.05
    /// How far β may lie from 0, in optical density (natural logarithm), in 0...1.
    public var shift = 0.05
    /// The value of a pixel without tissue: 255 for bytes, 1 for fractions.
    public var white = 255.0

    public init() {}

    public func check(for form: SampleForm) throws(Diagnostic) {
        try check(probability: probability)
        try require(strength >= 0 && strength <= 1, "a strength of \(strength) is not possible", remedy: "give 0...1")
        try require(shift >= 0 && shift <= 1, "a shift of \(shift) is not possible", remedy: "give 0...1")
        try require(white > 0 && white.isFinite, "white must be positive", remedy: "give 255 or 1")
        try require(
            form.channels == 3, "images with \(form.channels) channel(s) have no stains",
            remedy: "use it on red, green and blue")
    }

    public func draw(from random: inout PhiloxStream, for form: SampleForm) -> DrawnAugmentation? {
        guard random.uniform() < probability else { return nil }
        let factors = (0..<3).map { _ in 1 + strength * (2 * random.uniform() - 1) }
        let shifts = (0..<3).map { _ in shift * (2 * random.uniform() - 1) }
        return .stain(Drawn(factors: factors, shifts: shifts, white: white))
    }

    public struct Drawn: DrawnParameters {
        public static let name = StainJitter.name
        /// α of haematoxylin, eosin and residual.
        public var factors: [Double]
        /// β of the same.
        public var shifts: [Double]
        public var white: Double

        public init(factors: [Double], shifts: [Double], white: Double = 255) {
            self.factors = factors
            self.shifts = shifts
            self.white = white
        }

        public func apply(to sample: inout Sample) throws(Diagnostic) {
            try require(sample.channels == 3, "\(sample.channels) channel(s) are no colours")
            try require(factors, for: sample, "factors", in: 0...2)
            try require(shifts, for: sample, "shifts", in: -1...1)
            try require(white > 0 && white.isFinite, "white must be positive")
            guard factors != [1, 1, 1] || shifts != [0, 0, 0] else { return }
            let map = Self.map(factors, shifts), count = sample.size.count
            let white = Float(white), darkest = white / 1024
            sample.image.withUnsafeMutableBufferPointer { values in
                guard let red = values.baseAddress else { return }
                let green = red + count, blue = green + count
                for i in 0..<count {
                    // Light that is darker than any camera tells apart has no finite density.
                    let r = -log(max(red[i], darkest) / white), g = -log(max(green[i], darkest) / white)
                    let density = r * map.x + g * map.y - log(max(blue[i], darkest) / white) * map.z + map.offset
                    red[i] = min(max(white * exp(-density.x), 0), white)
                    green[i] = min(max(white * exp(-density.y), 0), white)
                    blue[i] = min(max(white * exp(-density.z), 0), white)
                }
            }
        }

        private typealias Map = (x: SIMD3<Float>, y: SIMD3<Float>, z: SIMD3<Float>, offset: SIMD3<Float>)

        /// Unmixing, jitter and mixing in one affine map of optical densities.
        private static func map(_ factors: [Double], _ shifts: [Double]) -> Map {
            // Densities of red, green and blue in one unit of each stain.
            let stains: [SIMD3<Double>] = [[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]].map {
                $0 / ($0 * $0).sum().squareRoot()
            }
            func cross(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> SIMD3<Double> {
                [a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x]
            }
            let determinant = (stains[0] * cross(stains[1], stains[2])).sum()
            var columns = [SIMD3<Double>](repeating: .zero, count: 3)
            var offset = SIMD3<Double>.zero
            for stain in 0..<3 {
                // The amount of a stain is the density along the direction that is perpendicular to the other two.
                let amount = cross(stains[(stain + 1) % 3], stains[(stain + 2) % 3]) / determinant
                for color in 0..<3 { columns[color] += amount[color] * factors[stain] * stains[stain] }
                offset += shifts[stain] * stains[stain]
            }
            return (SIMD3<Float>(columns[0]), SIMD3<Float>(columns[1]), SIMD3<Float>(columns[2]), SIMD3<Float>(offset))
        }
    }
}
