import LucencyFoundation

/// Bends the plane, so that no outline is quite regular: slow waves of some 7 µm, and ripples of 1 µm.
struct TissueBend: Sendable {
    private let waveX, waveY, rippleX, rippleY: SmoothField

    /// - Parameters: the picture's size in µm.
    init(width: Double, height: Double, draws: PhantomDraws) {
        func field(_ name: String, _ spacing: Double) -> SmoothField {
            SmoothField(
                width: Int(width) + 1, height: Int(height) + 1, spacing: spacing, margin: TissueFields.margin + spacing,
                random: draws.stream(name))
        }
        waveX = field("bend.x", 70)
        waveY = field("bend.y", 70)
        rippleX = field("ripple.x", 13)
        rippleY = field("ripple.y", 13)
    }

    /// Where a point's tissue comes from.
    func callAsFunction(_ x: Double, _ y: Double) -> (x: Double, y: Double) {
        (x + 7 * waveX(x, y) + 0.9 * rippleX(x, y), y + 7 * waveY(x, y) + 0.9 * rippleY(x, y))
    }
}
