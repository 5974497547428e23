import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Labels that do not lie where the image shows the object: shifted, turned and scaled as a whole about the grid's
/// middle, as after a faulty registration or patient motion. Labels of nearest pixels; what comes in from outside is
/// background. In volumes the turn is about the z axis, and the scale applies within slices.
public struct AffineShift: LabelCorruptionStep, Hashable {
    /// The greatest shift along each axis; evenly drawn from minus this to this.
    public var translation: Length
    /// Degrees.
    public var rotation: Interval
    public var scale: Interval

    public static let rotationLimits = -360.0...360
    public static let scaleLimits = 0.05...20

    public init(
        translation: Length = .pixels(3), rotation: Interval = Interval(-3, 3), scale: Interval = Interval(0.97, 1.03)
    ) {
        self.translation = translation
        self.rotation = rotation
        self.scale = scale
    }

    public func check() throws {
        try requireLength(translation, "a translation")
        try requireInterval(rotation, "rotation", within: Self.rotationLimits)
        try requireInterval(scale, "scale", within: Self.scaleLimits)
    }

    public func callAsFunction(_ labels: LabelMap, random: inout PhiloxStream, pool: ThreadPool) throws -> LabelMap {
        try check()
        let size = labels.size, geometry = labels.geometry
        var shift = [0.0, 0, 0]
        for axis in 0..<3 {
            let deviate = random.uniform(in: -1...1)
            if axis < size.dimensions { shift[axis] = deviate * (try translation.pixels(along: axis, of: geometry)) }
            // A shift by more than the grid leaves nothing, however far it goes.
            shift[axis] = min(max(shift[axis], -2 * Double(size[axis])), 2 * Double(size[axis]))
        }
        let angle = random.uniform(in: rotation.lower...rotation.upper) * .pi / 180
        let factor = random.uniform(in: scale.lower...scale.upper)
        // Turned in the world, where pixels may be longer one way than the other.
        let ratio = geometry.spacing.y / geometry.spacing.x
        let (c, s) = (cos(angle) / factor, sin(angle) / factor)
        let (middleX, middleY) = (Double(size.x - 1) / 2, Double(size.y - 1) / 2)
        let (shiftX, shiftY, shiftZ) = (shift[0], shift[1], Int(shift[2].rounded()))
        return try labels.moved(pool: pool) { x, y, z in
            let dx = Double(x) - middleX - shiftX, dy = (Double(y) - middleY - shiftY) * ratio
            let u = c * dx + s * dy, v = (c * dy - s * dx) / ratio
            return (u + middleX, v + middleY, z - shiftZ)
        }
    }
}
