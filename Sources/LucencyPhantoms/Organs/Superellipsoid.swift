/// A placed `OrganPart` in the body's coordinates, mm.
struct Superellipsoid: Sendable {
    let center: SIMD3<Double>
    let radii: SIMD3<Double>
    private let axis: (x: Double, y: Double)
    private let exponent: Double
    /// The box outside of which nothing needs it.
    let lower: SIMD3<Double>
    let upper: SIMD3<Double>

    /// - Parameter margin: by how much the box is larger than the shape, mm.
    init(_ part: OrganPart, build: SIMD3<Double>, margin: Double, name: String, draws: inout PhantomDraws) {
        var center = SIMD3<Double>(), radii = SIMD3<Double>()
        for (axis, letter) in ["x", "y", "z"].enumerated() {
            center[axis] = draws.number("\(name).center.\(letter)", in: part.center[axis]) * build[axis]
            radii[axis] = draws.number("\(name).radius.\(letter)", in: part.radii[axis]) * build[axis]
        }
        let angle = draws.number("\(name).rotation", in: part.rotation)
        self.init(center: center, radii: radii, rotation: angle, exponent: part.exponent, margin: margin)
    }

    /// - Parameter rotation: degrees about z.
    init(center: SIMD3<Double>, radii: SIMD3<Double>, rotation: Double, exponent: Double, margin: Double) {
        self.center = center
        self.radii = radii
        self.exponent = exponent
        axis = unitVector(rotation * .pi / 180)
        // Of the box around it, which is the shape itself for large exponents.
        let reach = SIMD3(
            abs(radii.x * axis.x) + abs(radii.y * axis.y), abs(radii.x * axis.y) + abs(radii.y * axis.x), radii.z)
        lower = center - reach - margin
        upper = center + reach + margin
    }

    func reaches(y: Double, z: Double) -> Bool { lower.y <= y && y <= upper.y && lower.z <= z && z <= upper.z }

    /// The distance to the border to first order, (f − 1)/|∇f| with f = (|x/a|ⁿ + |y/b|ⁿ + |z/c|ⁿ)^(1/n): exact on the
    /// axes and at the border (Taubin, "Distance approximations for rasterizing implicit curves", ACM Transactions on
    /// Graphics 13, 1994).
    func distance(_ place: SIMD3<Double>) -> Double {
        let d = place - center
        let along = SIMD3(d.x * axis.x + d.y * axis.y, d.y * axis.x - d.x * axis.y, d.z)
        let a = along / radii
        if exponent == 2 {
            let f = (a * a).sum().squareRoot()
            let slope = a / radii, g = (slope * slope).sum().squareRoot()
            return g > 1e-12 ? f * (f - 1) / g : -radii.min()
        }
        // Single precision is exact to micrometres here, and several times as fast.
        let n = Float(exponent), b = SIMD3<Float>(abs(Float(a.x)), abs(Float(a.y)), abs(Float(a.z)))
        let powers = SIMD3(power(b.x, n), power(b.y, n), power(b.z, n))
        let sum = powers.sum()
        guard sum > 1e-12 else { return -radii.min() }
        let f = Double(power(sum, 1 / n))
        let slope = SIMD3<Double>(powers / SIMD3(max(b.x, 1e-9), max(b.y, 1e-9), max(b.z, 1e-9))) / radii
        let g = (slope * slope).sum().squareRoot() * f / Double(sum)
        return g > 1e-12 ? (f - 1) / g : -radii.min()
    }
}
