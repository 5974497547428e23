import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How one point of light is spread over an image: a kernel around its middle, whose values sum to 1.
///
/// Lengths in mm reach the same distance in every direction; in px, the same number of pixels.
public enum PointSpread: Hashable, Sendable {
    /// A Gaussian of this standard deviation, cut off at four of them.
    case gaussian(deviation: Length)
    /// Equal weights over a square or cube of `2·⌊size/2⌋ + 1` pixels to a side.
    case box(size: Length)
    /// Equal weights within a radius: a lens out of focus.
    case disk(radius: Length)
    /// Equal weights along a line through the middle: a camera that moved. Planar; the angle is counter-clockwise from the
    /// x axis, in degrees.
    case motion(length: Length, angle: Double)
    /// Given weights, rows of an odd number of them, an odd number of rows; not made to sum to 1.
    case weights([[Double]])

    /// The kernel on one grid.
    struct Kernel: Sendable {
        /// Pixels to each side of the middle.
        var reach: (x: Int, y: Int, z: Int)
        /// z, y, x, from −reach to reach.
        var values: [Double]

        /// Calls `body` with each offset from the middle and its weight.
        func forEach(_ body: (_ x: Int, _ y: Int, _ z: Int, _ weight: Double) -> Void) {
            var index = 0
            for z in -reach.z...reach.z {
                for y in -reach.y...reach.y {
                    for x in -reach.x...reach.x {
                        body(x, y, z, values[index])
                        index += 1
                    }
                }
            }
        }
    }

    /// Whether the kernel is the same when mirrored at its middle, so that its spectrum is real.
    var isSymmetric: Bool { if case .weights = self { false } else { true } }

    /// - Throws: `Diagnostic` when a length is not positive, metric on an assumed spacing or beyond the grid, or weights have
    ///   no middle.
    func kernel(in geometry: Geometry) throws(Diagnostic) -> Kernel {
        switch self {
        case .weights(let rows): return try Self.given(rows)
        case .gaussian(let deviation):
            let sigma = try pixels(deviation, geometry)
            let axes = (0..<3).map { axis -> [Double] in
                guard sigma[axis] > 0 else { return [1] }
                return LineFilter.gaussian(sigma: sigma[axis]).weights
            }
            return try Self.sampled(reach: axes.map { $0.count / 2 }, geometry) { x, y, z in
                axes[0][x + axes[0].count / 2] * axes[1][y + axes[1].count / 2] * axes[2][z + axes[2].count / 2]
            }
        case .box(let size):
            let sides = try pixels(size, geometry)
            return try Self.sampled(reach: (0..<3).map { Int(sides[$0] / 2) }, geometry) { _, _, _ in 1 }
        case .disk(let radius):
            let radii = try pixels(radius, geometry)
            return try Self.sampled(reach: (0..<3).map { Int(radii[$0]) }, geometry) { x, y, z in
                func part(_ place: Int, _ axis: Int) -> Double {
                    radii[axis] > 0 ? Double(place * place) / (radii[axis] * radii[axis]) : 0
                }
                return part(x, 0) + part(y, 1) + part(z, 2) <= 1 + 1e-9 ? 1 : 0
            }
        case .motion(let length, let angle):
            guard geometry.size.isPlanar else {
                throw Diagnostic(
                    .badArgument, "motion blurs the plane, and this is a volume of \(geometry.size)",
                    remedy: "choose another kernel")
            }
            guard angle.isFinite else { throw Diagnostic(.badArgument, "an angle of \(angle) is not possible") }
            let lengths = try pixels(length, geometry)
            // Half of the line, in pixels; y points down.
            let half = SIMD2(lengths.x * cos(angle * .pi / 180), -lengths.y * sin(angle * .pi / 180)) / 2
            let reach = [Int(abs(half.x).rounded(.up)), Int(abs(half.y).rounded(.up)), 0]
            let width = 2 * reach[0] + 3
            var values = [Double](repeating: 0, count: width * (2 * reach[1] + 3))
            let steps = max(1, Int((16 * max(lengths.x, lengths.y)).rounded(.up)))
            guard steps <= 1 << 20 else { throw tooLarge(length) }
            // Points along the line, in pairs that mirror each other, each shared among the four pixels around it.
            for step in 0..<steps {
                let place = half * ((Double(step) + 0.5) / Double(steps))
                for sign in [1.0, -1] {
                    let x = sign * place.x, y = sign * place.y, left = x.rounded(.down), top = y.rounded(.down)
                    for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                        let share = (dx == 0 ? 1 - (x - left) : x - left) * (dy == 0 ? 1 - (y - top) : y - top)
                        values[(Int(top) + dy + reach[1] + 1) * width + Int(left) + dx + reach[0] + 1] += share
                    }
                }
            }
            let sum = values.reduce(0, +)
            return Kernel(reach: (reach[0] + 1, reach[1] + 1, 0), values: values.map { $0 / sum })
        }
    }

    private func tooLarge(_ length: Length) -> Diagnostic {
        Diagnostic(.tooLarge, "a kernel of \(length) is too large", remedy: "give a shorter length")
    }

    /// In pixels along x, y, z; 0 along z of the plane.
    private func pixels(_ length: Length, _ geometry: Geometry) throws(Diagnostic) -> SIMD3<Double> {
        var pixels = SIMD3<Double>.zero
        for axis in 0..<geometry.size.dimensions { pixels[axis] = try length.pixels(along: axis, of: geometry) }
        guard length.value > 0, pixels.max().isFinite else {
            throw Diagnostic(.badArgument, "a length of \(length) is not possible", remedy: "give more than 0")
        }
        guard pixels.max() <= 65_536 else { throw tooLarge(length) }
        return pixels
    }

    private static func sampled(
        reach: [Int], _ geometry: Geometry, _ weight: (Int, Int, Int) -> Double
    ) throws(Diagnostic) -> Kernel {
        try BufferLimit.require(
            GridSize(2 * reach[0] + 1, 2 * reach[1] + 1, 2 * reach[2] + 1), planes: 2, for: "a kernel")
        var kernel = Kernel(reach: (reach[0], reach[1], reach[2]), values: [])
        for z in -reach[2]...reach[2] {
            for y in -reach[1]...reach[1] { for x in -reach[0]...reach[0] { kernel.values.append(weight(x, y, z)) } }
        }
        let sum = kernel.values.reduce(0, +)
        kernel.values = kernel.values.map { $0 / sum }
        return kernel
    }

    private static func given(_ rows: [[Double]]) throws(Diagnostic) -> Kernel {
        let width = rows.first?.count ?? 0
        guard rows.count % 2 == 1, width % 2 == 1, rows.allSatisfy({ $0.count == width }) else {
            throw Diagnostic(
                .badArgument, "\(rows.count) rows of \(width) weights have no middle, or rows differ",
                remedy: "give an odd number of rows, each of the same odd number of weights")
        }
        guard rows.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
            throw Diagnostic(.badArgument, "a weight is not finite")
        }
        return Kernel(reach: (width / 2, rows.count / 2, 0), values: rows.flatMap { $0 })
    }
}

extension PointSpread.Kernel {
    /// Reach along x, y, z, as a border must be wide.
    var extent: SIMD3<Double> { [Double(reach.x), Double(reach.y), Double(reach.z)] }

    /// The spectrum of the kernel on a grid, its middle at the first pixel. What reaches beyond the grid comes in again at
    /// the other side, as the image does.
    func spectrum(on size: GridSize, pool: ThreadPool) throws -> Spectrum {
        var values = [Double](repeating: 0, count: size.count)
        func wrap(_ place: Int, _ count: Int) -> Int { ((place % count) + count) % count }
        forEach { x, y, z, weight in
            values[(wrap(z, size.z) * size.y + wrap(y, size.y)) * size.x + wrap(x, size.x)] += weight
        }
        return try FourierTransform(size: size).forward(AlignedBuffer(values.map { Float($0) }), pool: pool)
    }
}
