import LucencyFoundation
import LucencyImaging

/// The neighbourhood that erosion and dilation look at, centred and symmetric.
public struct StructuringElement: Hashable, Sendable {
    public enum Shape: String, CaseIterable, Hashable, Sendable {
        /// All pixels whose centre lies within the radius (Euclidean, inclusive): a disk in 2-D.
        case ball
        /// A square or cuboid of ⌊radius⌋ pixels to each side.
        case box
        /// Straight arms of ⌊radius⌋ pixels along the axes (a plus sign, not a diamond).
        case cross
    }

    public var shape: Shape
    /// In pixels every axis counts alike; a metric radius reaches fewer pixels along an axis of coarser spacing.
    public var radius: Length

    public init(_ shape: Shape = .ball, radius: Length = .pixels(1)) {
        self.shape = shape
        self.radius = radius
    }

    /// The element on one grid.
    package struct Resolved: Sendable {
        package let shape: Shape
        /// Pixels reached along x, y, z; 0 along z in a planar grid, never more than the grid's side.
        package let reach: (x: Int, y: Int, z: Int)
        /// The ball's radius and the distance between pixels in its unit.
        package let radius: Double
        package let spacing: SIMD3<Double>
    }

    /// - Throws: `Diagnostic` when the radius is negative or not finite, or metric on a grid of assumed spacing.
    package func resolved(in geometry: Geometry) throws(Diagnostic) -> Resolved {
        guard radius.value >= 0, radius.value.isFinite else {
            throw Diagnostic(.badArgument, "a radius of \(radius) is not possible", remedy: "give 0 or more")
        }
        let metric = radius.unit != .px
        var reach = [0, 0, 0]
        for axis in 0..<geometry.size.dimensions {
            // The small excess makes 0.6 mm reach the third pixel of 0.2 mm, whatever rounding says.
            let pixels = try radius.pixels(along: axis, of: geometry) * (1 + 1e-9)
            reach[axis] = pixels >= Double(geometry.size[axis]) ? geometry.size[axis] : Int(pixels)
        }
        return Resolved(
            shape: shape, reach: (reach[0], reach[1], reach[2]),
            radius: metric ? try radius.millimetres(in: geometry) : radius.value,
            spacing: metric ? geometry.spacing : [1, 1, 1])
    }
}
