/// An affine map of 3-D space in double precision: `linear columns · index + offset`.
public struct Affine3: Hashable, Sendable {
    /// Where one step along x, y and z leads.
    public var x, y, z: SIMD3<Double>
    public var offset: SIMD3<Double>

    public init(x: SIMD3<Double>, y: SIMD3<Double>, z: SIMD3<Double>, offset: SIMD3<Double>) {
        self.x = x
        self.y = y
        self.z = z
        self.offset = offset
    }

    /// Axis-aligned scaling.
    public init(scale: SIMD3<Double>, offset: SIMD3<Double> = .zero) {
        self.init(x: [scale.x, 0, 0], y: [0, scale.y, 0], z: [0, 0, scale.z], offset: offset)
    }

    /// The image of a point.
    public func callAsFunction(_ point: SIMD3<Double>) -> SIMD3<Double> {
        x * point.x + y * point.y + z * point.z + offset
    }

    /// Determinant of the linear part; negative where the axes are left-handed.
    public var determinant: Double {
        x.x * (y.y * z.z - y.z * z.y) - y.x * (x.y * z.z - x.z * z.y) + z.x * (x.y * y.z - x.z * y.y)
    }

    /// The inverse map, or nil if it is singular.
    public var inverse: Affine3? {
        let d = determinant
        guard d.isFinite, d != 0 else { return nil }
        func cross(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> SIMD3<Double> {
            [a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x]
        }
        let r0 = cross(y, z) / d, r1 = cross(z, x) / d, r2 = cross(x, y) / d
        func dot(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> Double { (a * b).sum() }
        return Affine3(
            x: [r0.x, r1.x, r2.x], y: [r0.y, r1.y, r2.y], z: [r0.z, r1.z, r2.z],
            offset: [-dot(r0, offset), -dot(r1, offset), -dot(r2, offset)])
    }
}
