import LucencyFoundation
import LucencyImaging

/// A smooth random field over a grid: random control values on a lattice under uniform cubic B-splines.
///
/// The control values are evenly distributed in −1...1, and so is the field bounded by these. The same seed gives the
/// same field. A planar grid has a planar lattice.
struct SmoothLattice: Sendable {
    /// For every pixel of an axis, its first control point and the four weights from there.
    private struct Axis: Sendable {
        let firsts: [Int]
        let weights: [SIMD4<Double>]
        let points: Int

        init(pixels: Int, cells: Double) {
            guard pixels > 1 else {
                (firsts, weights, points) = ([0], [[1, 0, 0, 0]], 1)
                return
            }
            let places = (0..<pixels).map { Double($0) * cells }
            firsts = places.map { Int($0) }
            weights = places.map { place in
                let t = place - place.rounded(.down), s = 1 - t
                let inner = SIMD2(4 - 6 * t * t + 3 * t * t * t, 4 - 6 * s * s + 3 * s * s * s)
                return SIMD4(s * s * s, inner.x, inner.y, t * t * t) / 6
            }
            points = (firsts.last ?? 0) + 4
        }
    }

    private let x, y, z: Axis
    private let controls: [Double]
    private let width: Int

    /// - Parameters:
    ///   - distance: between control points, in the unit of `spacing`.
    ///   - seed, stream: which of all fields.
    init(size: GridSize, spacing: SIMD3<Double>, distance: Double, seed: UInt64, stream: UInt64) {
        x = Axis(pixels: size.x, cells: spacing.x / distance)
        y = Axis(pixels: size.y, cells: spacing.y / distance)
        z = Axis(pixels: size.z, cells: spacing.z / distance)
        width = size.x
        var random = PhiloxStream(seed: seed, stream: stream)
        controls = (0..<x.points * y.points * z.points).map { _ in 2 * random.uniform() - 1 }
    }

    /// The number of control points that a lattice would have.
    static func points(size: GridSize, spacing: SIMD3<Double>, distance: Double) -> Double {
        func points(_ pixels: Int, _ spacing: Double) -> Double { Double(pixels) * spacing / distance + 4 }
        return points(size.x, spacing.x) * points(size.y, spacing.y) * (size.isPlanar ? 1 : points(size.z, spacing.z))
    }

    /// The field along one row, written to `values`.
    func row(y rowY: Int, z rowZ: Int, into values: UnsafeMutablePointer<Double>) {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: x.points) { line in
            let b = y.weights[rowY], c = z.weights[rowZ]
            let firstY = y.firsts[rowY], firstZ = z.firsts[rowZ]
            line.initialize(repeating: 0)
            controls.withUnsafeBufferPointer { controls in
                for k in 0..<min(4, z.points) {
                    for j in 0..<min(4, y.points) {
                        let weight = b[j] * c[k], start = ((firstZ + k) * y.points + firstY + j) * x.points
                        guard weight != 0 else { continue }
                        for i in 0..<x.points { line[i] += weight * controls[start &+ i] }
                    }
                }
            }
            guard x.points > 1 else {
                values[0] = line[0]
                return
            }
            x.firsts.withUnsafeBufferPointer { firsts in
                x.weights.withUnsafeBufferPointer { weights in
                    for i in 0..<width {
                        let f = firsts[i], w = weights[i]
                        values[i] = line[f] * w.x + line[f &+ 1] * w.y + line[f &+ 2] * w.z + line[f &+ 3] * w.w
                    }
                }
            }
        }
    }
}
