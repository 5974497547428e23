import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Smooth random values in space: at every single point a normal number of mean 0 and variance 1, exactly; points
/// nearer than `spacing` are alike.
///
/// Independent normal numbers stand on a lattice. A value is their sum under the weights of cubic B-splines, divided by
/// the weights' Euclidean norm at that point. (Without that, the variance would go up and down with the place in the
/// lattice: between 1/4 and 0.195 per axis.) A lattice point's number follows from its place alone, so that fields of
/// one stream agree wherever their regions overlap.
struct LatticeField: Sendable {
    private let spacing: Double
    private let first: SIMD3<Int>
    private let columns: Int
    private let rows: Int
    private let planes: Int
    private let nodes: [Float]

    /// A field over a box; points outside take the value at its border.
    /// - Parameters:
    ///   - spacing: of the lattice, above 0, in the unit of the points.
    init(spacing: Double, from lower: SIMD3<Double>, to upper: SIMD3<Double>, random: PhiloxStream) {
        var random = random
        let bits = random.next()
        let key = SIMD2(UInt32(truncatingIfNeeded: bits), UInt32(truncatingIfNeeded: bits >> 32))
        let counts = Self.counts(spacing: spacing, from: lower, to: upper)
        self.spacing = spacing
        first = counts.first
        (columns, rows, planes) = (counts.size.x, counts.size.y, counts.size.z)
        var nodes = [Float](repeating: 0, count: columns * rows * planes)
        for k in 0..<planes {
            for j in 0..<rows {
                for i in 0..<columns {
                    nodes[(k &* rows &+ j) &* columns &+ i] = Self.node(first &+ SIMD3(i, j, k), key)
                }
            }
        }
        self.nodes = nodes
    }

    /// The lattice points that a box needs.
    static func count(spacing: Double, from lower: SIMD3<Double>, to upper: SIMD3<Double>) -> Int {
        let size = counts(spacing: spacing, from: lower, to: upper).size
        return size.x * size.y * size.z
    }

    private static func counts(
        spacing: Double, from lower: SIMD3<Double>, to upper: SIMD3<Double>
    ) -> (first: SIMD3<Int>, size: SIMD3<Int>) {
        var first = SIMD3<Int>(), size = SIMD3<Int>()
        for axis in 0..<3 {
            first[axis] = Int((lower[axis] / spacing).rounded(.down)) - 1
            size[axis] = Int((max(lower[axis], upper[axis]) / spacing).rounded(.down)) + 3 - first[axis]
        }
        return (first, size)
    }

    /// The normal number of a lattice point (Box and Muller).
    private static func node(_ place: SIMD3<Int>, _ key: SIMD2<UInt32>) -> Float {
        let counter = SIMD4(
            UInt32(truncatingIfNeeded: place.x), UInt32(truncatingIfNeeded: place.y),
            UInt32(truncatingIfNeeded: place.z), 0)
        let word = Philox.block(counter: counter, key: key)
        let u = Double((UInt64(word.x) << 32 | UInt64(word.y)) >> 11) * 0x1p-53
        let v = Double(word.z) * 0x1p-32
        return Float((-2 * log(1 - u)).squareRoot() * cos(2 * .pi * v))
    }

    /// The values of `count` points in a row along x, from `x` in steps of `step`, at one y and z.
    func row(x: Double, step: Double, count: Int, y: Double, z: Double, into out: UnsafeMutablePointer<Float>) {
        let (j, wy) = place(y, first.y, rows), (k, wz) = place(z, first.z, planes)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { line in
            nodes.withUnsafeBufferPointer { nodes in
                line.initialize(repeating: 0)
                for c in 0..<4 {
                    for b in 0..<4 {
                        let weight = wy[b] * wz[c], start = ((k &+ c) &* rows &+ j &+ b) &* columns
                        for i in 0..<line.count { line[i] += weight * nodes[start &+ i] }
                    }
                }
                // As `place`, written out because most of the time is spent here.
                let start = x / spacing - Double(first.x) - 1, stride = step / spacing
                let limit = Double(columns - 3), last = columns - 4
                for column in 0..<count {
                    let scaled = min(max(start + Double(column) * stride, 0), limit)
                    let i = min(Int(scaled), last)
                    let t = Float(scaled - Double(i)), s = 1 - t, tt = t * t, ss = s * s
                    let a = ss * s, b = 4 - tt * (6 - 3 * t), c = 4 - ss * (6 - 3 * s), d = tt * t
                    let sum = line[i] * a + line[i &+ 1] * b + line[i &+ 2] * c + line[i &+ 3] * d
                    out[column] = sum / (a * a + b * b + c * c + d * d).squareRoot()
                }
            }
        }
    }

    /// The first of four lattice points about a place, and their weights with Euclidean norm 1.
    private func place(_ x: Double, _ first: Int, _ count: Int) -> (index: Int, weights: SIMD4<Float>) {
        let scaled = min(max(x / spacing - Double(first) - 1, 0), Double(count - 3))
        let index = min(Int(scaled), count - 4)
        let t = Float(scaled - Double(index)), s = 1 - t
        let w = SIMD4(s * s * s, 4 - 6 * t * t + 3 * t * t * t, 4 - 6 * s * s + 3 * s * s * s, t * t * t)
        return (index, w / (w * w).sum().squareRoot())
    }
}
