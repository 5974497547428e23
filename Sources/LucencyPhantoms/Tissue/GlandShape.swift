import LucencyFoundation

/// A closed wall of epithelium (or of a vessel) round a lumen: a stretched disc whose outline waves.
struct GlandShape: Sendable {
    enum Kind: Sendable { case gland, vessel }

    var kind = Kind.gland
    var x: Double
    var y: Double
    /// Mean outer radius, µm.
    var radius: Double
    /// Ratio of the axes.
    var stretch = 1.0
    var angle = 0.0
    /// Amplitude and phase of the outline's waves with 2, 3, … periods, as fractions of the radius.
    var waves: [(amplitude: Double, phase: Double)] = []
    /// Of the wall, µm.
    var thickness: Double
    /// How much the wall's thickness varies, as a fraction.
    var unevenness = 0.1

    /// The farthest that it reaches from its centre.
    var reach: Double { radius * stretch.squareRoot() * (1 + waves.reduce(0) { $0 + $1.amplitude }) }

    /// Draws waves whose amplitudes fall with their number.
    mutating func wave(_ amplitude: Double, count: Int = 4, _ random: inout PhiloxStream) {
        waves = (0..<count).map { k in
            (amplitude * random.uniform(in: 0.4...1) / Double(k + 1).squareRoot(), random.uniform() * 2 * .pi)
        }
    }

    /// Whether a circle at a point stays clear of it by a gap (its circle of the same area, a little stretched).
    func isClear(_ px: Double, _ py: Double, radius other: Double, gap: Double) -> Bool {
        hypotenuse(px - x, py - y) > radius * (0.75 + 0.25 * stretch) + other + gap
    }

    /// Marks its depth in the fields, where it is deeper than what is there.
    func paint(_ fields: inout TissueFields, bend: TissueBend, ripple: TissueNoise) {
        let axis = unitVector(angle), longer = stretch.squareRoot(), box = reach + 45
        let small = Float(1 / max(6, thickness))
        fields.forPoints(x - box, y - box, x + box, y + box) { fields, index, px, py in
            let bent = bend(px, py)
            let dx = bent.x - x, dy = bent.y - y
            let a = (dx * axis.x + dy * axis.y) / longer, b = (dy * axis.x - dx * axis.y) * longer
            let rho = max(1e-6, hypotenuse(a, b))
            let theta = arcTangent(b, a)
            var outline = radius
            for (k, wave) in waves.enumerated() {
                outline += radius * wave.amplitude * cosine(Double(k + 2) * theta + wave.phase)
            }
            // The slope of rho, so that depths are distances near the outline.
            let slope = hypotenuse(a / rho / longer, b / rho * longer)
            let depth = Float((outline - rho) / max(0.25, slope))
            switch kind {
            case .vessel:
                fields.blood[index] = max(fields.blood[index], depth - Float(thickness))
            case .gland:
                guard depth > fields.epithelium[index] else { return }
                fields.epithelium[index] = depth
                let vary = ripple(Float(px) * small + Float(x), Float(py) * small + Float(y))
                fields.lumen[index] = depth - Float(thickness) * (1 + Float(unevenness) * vary)
            }
        }
    }
}
