/// The square grid on which path lengths are computed, in the patient's coordinates: x to the image's right (the
/// patient's left), y down from the lungs' apices, z from the back to the front; mm. Rays run along z.
package struct ThoraxGrid: Sendable, Hashable {
    /// Columns and rows.
    package let count: Int
    package let pixel: Double
    package let left: Double
    package let top: Double

    package init(count: Int, pixel: Double, left: Double, top: Double) {
        self.count = count
        self.pixel = pixel
        self.left = left
        self.top = top
    }

    package func x(_ column: Int) -> Double { left + (Double(column) + 0.5) * pixel }
    package func y(_ row: Int) -> Double { top + (Double(row) + 0.5) * pixel }

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
package struct Chord: Sendable, Hashable {
    package var lower: Double
    package var upper: Double
    package var length: Double { max(0, upper - lower) }
    package var isEmpty: Bool { !(upper > lower) }
    static let empty = Chord(lower: 0, upper: 0)

    func clipped(to other: Chord) -> Chord {
        Chord(lower: max(lower, other.lower), upper: min(upper, other.upper))
    }
}
