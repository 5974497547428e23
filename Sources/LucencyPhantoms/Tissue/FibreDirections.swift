import LucencyFoundation

/// The way collagen fibres run: along one direction that waves, and round glands near them.
struct FibreDirections: Sendable {
    let angle: Double
    let amplitude: Double
    private let wave: SmoothField
    private let crimp: SmoothField

    init(width: Double, height: Double, draws: PhantomDraws) {
        func field(_ name: String, _ spacing: Double) -> SmoothField {
            SmoothField(
                width: Int(width) + 1, height: Int(height) + 1, spacing: spacing, margin: 60, random: draws.stream(name)
            )
        }
        var random = draws.stream("fibres")
        angle = random.uniform() * .pi
        amplitude = random.uniform(in: 6...16)
        wave = field("fibres.wave", 46)
        crimp = field("fibres.crimp", 10)
    }

    /// Coordinates along and across fibres, µm.
    func coordinates(_ x: Double, _ y: Double, nearness: Float) -> (along: Float, across: Float) {
        let axis = unitVector(angle)
        let along = x * axis.x + y * axis.y
        // Level lines of the nearness run round glands.
        let across = y * axis.x - x * axis.y + amplitude * wave(x, y) + 2.1 * crimp(x, y) + 42 * Double(nearness)
        return (Float(along), Float(across))
    }

    /// The direction of fibres at a point, an angle.
    func direction(_ x: Double, _ y: Double, _ fields: TissueFields) -> Double {
        let step = 2.0
        func across(_ x: Double, _ y: Double) -> Double {
            Double(coordinates(x, y, nearness: fields.corner(x, y)(fields.nearness)).across)
        }
        let dx = across(x + step, y) - across(x - step, y), dy = across(x, y + step) - across(x, y - step)
        return arcTangent(dy, dx) + .pi / 2
    }
}
