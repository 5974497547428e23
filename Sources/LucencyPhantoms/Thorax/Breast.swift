/// A breast: a layer on the skin that is thickest below its middle and thins out upwards.
struct Breast: Sendable, Hashable {
    var x: Double
    var y: Double
    /// Half axes of the outline.
    var width: Double
    var height: Double
    var depth: Double

    /// Its thickness on the ray at (x, y).
    @inline(__always)
    func thickness(_ px: Double, _ py: Double) -> Double {
        let u = (px - x) / width, v = (py - y) / height
        let rest = 1 - u * u - v * v
        return rest > 0 ? depth * rest.squareRoot() * smoothStep((v + 0.95) / 1.5) : 0
    }
}
