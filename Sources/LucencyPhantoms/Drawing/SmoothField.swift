import LucencyFoundation

/// Smooth random values over the plane: normal numbers on a lattice under cubic B-splines, scaled to a mean square of
/// about 1. Neighbours nearer than `spacing` are alike.
struct SmoothField: Sendable {
    private let spacing: Double
    private let columns: Int
    private let rows: Int
    private let lattice: [Double]

    /// - Parameter margin: how far outside 0...width and 0...height values may be asked for.
    init(width: Int, height: Int, spacing: Double, margin: Double = 0, random: PhiloxStream) {
        var random = random
        self.spacing = spacing
        offset = margin
        columns = Int((Double(width) + 2 * margin) / spacing) + 5
        rows = Int((Double(height) + 2 * margin) / spacing) + 5
        // The mean square of cubic B-spline weights is 151/315 per axis.
        lattice = (0..<columns * rows).map { _ in random.normal() * (315.0 / 151) }
    }

    private let offset: Double

    /// A weighted sum of fields of equal size and spacing (at least one).
    init(blending fields: [(field: SmoothField, weight: Double)]) {
        let first = fields[0].field
        spacing = first.spacing
        offset = first.offset
        columns = first.columns
        rows = first.rows
        lattice = first.lattice.indices.map { i in fields.reduce(0) { $0 + $1.weight * $1.field.lattice[i] } }
    }

    /// The value at a point; points outside take the nearest edge's cell.
    func callAsFunction(_ x: Double, _ y: Double) -> Double {
        let (column, u) = place(x, columns), (row, v) = place(y, rows)
        let a = Self.weights(u), b = Self.weights(v)
        return lattice.withUnsafeBufferPointer { lattice in
            var sum = 0.0
            for j in 0..<4 {
                let start = (row &+ j) &* columns &+ column
                let line =
                    lattice[start] * a[0] + lattice[start &+ 1] * a[1] + lattice[start &+ 2] * a[2]
                    + lattice[start &+ 3] * a[3]
                sum += line * b[j]
            }
            return sum
        }
    }

    private func place(_ x: Double, _ count: Int) -> (index: Int, fraction: Double) {
        let scaled = min(max((x + offset) / spacing, 0), Double(count - 4))
        let index = min(Int(scaled), count - 4)
        return (index, scaled - Double(index))
    }

    /// The cubic B-spline's weights for the four lattice points around a place a fraction `t` behind the second.
    static func weights(_ t: Double) -> SIMD4<Double> {
        let s = 1 - t
        return SIMD4(s * s * s, 4 - 6 * t * t + 3 * t * t * t, 4 - 6 * s * s + 3 * s * s * s, t * t * t) / 6
    }
}
