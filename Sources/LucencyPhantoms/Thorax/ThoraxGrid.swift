/// The square grid on which path lengths are computed, in the patient's coordinates: x to the image's right (the
/// patient's left), y down from the lungs' apices, z from the back to the front; mm. Rays run along z.
struct ThoraxGrid: Sendable, Hashable {
    /// Columns and rows.
    let count: Int
    let pixel: Double
    let left: Double
    let top: Double

    func x(_ column: Int) -> Double { left + (Double(column) + 0.5) * pixel }
    func y(_ row: Int) -> Double { top + (Double(row) + 0.5) * pixel }

    /// Columns whose centres lie between two abscissae.
    func columns(_ from: Double, _ to: Double) -> Range<Int> { range((from - left) / pixel, (to - left) / pixel) }
    /// Rows whose centres lie between two ordinates.
    func rows(_ from: Double, _ to: Double) -> Range<Int> { range((from - top) / pixel, (to - top) / pixel) }

    private func range(_ from: Double, _ to: Double) -> Range<Int> {
        let limit = Double(count)
        let first = Int(min(max((from - 0.5).rounded(.up), 0), limit))
        let end = Int(min(max((to - 0.5).rounded(.down) + 1, 0), limit))
        return first..<max(first, end)
    }
}

/// A stretch along a ray.
struct Chord: Sendable, Hashable {
    var lower: Double
    var upper: Double
    var length: Double { max(0, upper - lower) }
    var isEmpty: Bool { !(upper > lower) }
    static let empty = Chord(lower: 0, upper: 0)

    func clipped(to other: Chord) -> Chord {
        Chord(lower: max(lower, other.lower), upper: min(upper, other.upper))
    }
}
