import LucencyFoundation

/// Smooth noise in -1...1 without limits: random values on a lattice of 128 × 128 that repeats. For texture whose
/// coordinates are bent or stretched; cheap enough to be asked for at every pixel.
struct TissueNoise: Sendable {
    private let values: [Float]
    private static let side = 128

    init(random: PhiloxStream) {
        var random = random
        values = (0..<Self.side * Self.side).map { _ in Float(random.uniform() * 2 - 1) }
    }

    /// The value at a point in units of the lattice.
    func callAsFunction(_ x: Float, _ y: Float) -> Float {
        let fx = x.rounded(.down), fy = y.rounded(.down)
        let mask = Self.side &- 1
        let column = Int(fx) & mask, row = (Int(fy) & mask) &* Self.side
        let right = (column &+ 1) & mask, below = (row &+ Self.side) & (Self.side * Self.side &- 1)
        let u = x - fx, v = y - fy
        let a = u * u * (3 - 2 * u), b = v * v * (3 - 2 * v)
        return values.withUnsafeBufferPointer { values in
            let top = values[row &+ column] + a * (values[row &+ right] - values[row &+ column])
            let bottom = values[below &+ column] + a * (values[below &+ right] - values[below &+ column])
            return top + b * (bottom - top)
        }
    }

    /// How much of a texture is left when pixels of a side average over it: 1 for a coarse one, 0 for one that no pixel
    /// can show.
    static func visible(_ spacing: Double, pixel: Double) -> Float {
        let ratio = pixel / spacing
        return Float(bell(0.75 * ratio))
    }
}

/// From 0 at 0 to 1 at 1 without a kink.
func smoothStep(_ t: Float) -> Float {
    let t = min(max(t, 0), 1)
    return t * t * (3 - 2 * t)
}
