#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import LucencyFoundation
import LucencyImaging

/// Where every pixel of a patch comes from.
///
/// With d the way from the patch's middle to a pixel, in the unit of the spacing, u the elastic shift, R the rotation and
/// s the scale, the source lies R⁻¹(d + u) / s away from the middle. Both steps are one to one, so nothing folds.
struct SpatialMap {
    private let size: GridSize
    /// From patch pixels plus shifts (in pixels) to source pixels.
    private let x, y, z, origin: SIMD3<Double>
    private let lattices: [SmoothLattice]
    private let amplitude: SIMD3<Double>
    private let planeZ: Double?

    /// - Parameter start: the first pixel of the patch in the source, where nothing is turned.
    init(_ drawn: SpatialTransform.Drawn, start: SIMD3<Int>, size: GridSize, spacing: SIMD3<Double>) {
        self.size = size
        let middle = SIMD3(Double(size.x - 1), Double(size.y - 1), Double(size.z - 1)) / 2
        let rows = Self.rotation(drawn.rotation)
        // The inverse of a rotation is its transpose: a step along target axis i moves the source along row i.
        func step(_ row: SIMD3<Double>, _ length: Double) -> SIMD3<Double> { row * length / (drawn.scale * spacing) }
        x = step(rows.x, spacing.x)
        y = step(rows.y, spacing.y)
        z = step(rows.z, spacing.z)
        let center = SIMD3(Double(start.x), Double(start.y), Double(start.z)) + middle
        origin = center - x * middle.x - y * middle.y - z * middle.z
        planeZ = size.isPlanar ? Double(start.z) : nil
        let axes = drawn.elasticAmplitude == 0 ? 0 : drawn.isInPlane || size.isPlanar ? 2 : 3
        lattices = (0..<axes).map {
            SmoothLattice(
                size: size, spacing: spacing, distance: drawn.elasticDistance, seed: drawn.seed, stream: UInt64($0))
        }
        amplitude = SIMD3(repeating: drawn.elasticAmplitude) / spacing
    }

    /// The rows of the rotation about x, then y, then z.
    private static func rotation(_ degrees: SIMD3<Double>) -> (x: SIMD3<Double>, y: SIMD3<Double>, z: SIMD3<Double>) {
        func turn(_ degrees: Double) -> (cos: Double, sin: Double) {
            (cos(degrees * .pi / 180), sin(degrees * .pi / 180))
        }
        let a = turn(degrees.x), b = turn(degrees.y), c = turn(degrees.z)
        return (
            [c.cos * b.cos, c.cos * b.sin * a.sin - c.sin * a.cos, c.cos * b.sin * a.cos + c.sin * a.sin],
            [c.sin * b.cos, c.sin * b.sin * a.sin + c.cos * a.cos, c.sin * b.sin * a.cos - c.cos * a.sin],
            [-b.sin, b.cos * a.sin, b.cos * a.cos]
        )
    }

    /// The sources of a row of the patch, in source pixels; `shifts` is room for a row.
    func row(_ rowY: Int, _ rowZ: Int, into row: CoordinateRow, shifts: UnsafeMutablePointer<Double>) {
        let base = origin + y * Double(rowY) + z * Double(rowZ)
        for i in 0..<size.x {
            let place = Double(i)
            row.x[i] = base.x + x.x * place
            row.y[i] = base.y + x.y * place
            row.z[i] = base.z + x.z * place
        }
        for (axis, lattice) in lattices.enumerated() {
            lattice.row(y: rowY, z: rowZ, into: shifts)
            let move = (axis == 0 ? x : axis == 1 ? y : z) * amplitude[axis]
            for i in 0..<size.x {
                row.x[i] += move.x * shifts[i]
                row.y[i] += move.y * shifts[i]
                row.z[i] += move.z * shifts[i]
            }
        }
        // A planar patch stays in its slice.
        if let planeZ { for i in 0..<size.x { row.z[i] = planeZ } }
    }
}

/// Room for the coordinates of a row of pixels.
struct CoordinateRow {
    let x, y, z: UnsafeMutablePointer<Double>
    /// Whether a pixel lies beyond the source.
    let isOutside: UnsafeMutablePointer<Bool>
    let count: Int

    /// Marks what lies outside a grid; with `mirrored`, coordinates are then folded back into it.
    func confine(to size: GridSize, mirrored: Bool) {
        let limits = SIMD3(Double(size.x), Double(size.y), Double(size.z)) - 0.5
        for i in 0..<count {
            let (px, py, pz) = (x[i], y[i], z[i])
            let inside =
                px >= -0.5 && px <= limits.x && py >= -0.5 && py <= limits.y && pz >= -0.5 && pz <= limits.z
            isOutside[i] = !inside
            guard !inside, mirrored else { continue }
            x[i] = Self.folded(px, Double(size.x))
            y[i] = Self.folded(py, Double(size.y))
            z[i] = Self.folded(pz, Double(size.z))
        }
    }

    /// Mirrored at −1/2 and `length` − 1/2, as often as needed.
    private static func folded(_ place: Double, _ length: Double) -> Double {
        var phase = (place + 0.5).truncatingRemainder(dividingBy: 2 * length)
        if phase < 0 { phase += 2 * length }
        return (phase > length ? 2 * length - phase : phase) - 0.5
    }
}
