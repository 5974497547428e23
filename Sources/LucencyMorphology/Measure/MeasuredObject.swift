import LucencyFoundation
import LucencyImaging

/// What is known about one object of a label map. Lengths in pixels count every axis alike; millimetres are nil where
/// the spacing is only assumed.
public struct MeasuredObject: Hashable, Sendable {
    /// Intensities within an object.
    public struct Intensity: Hashable, Sendable {
        public var mean: Double
        /// Population standard deviation (divided by n).
        public var standardDeviation: Double
        public var min: Double
        public var max: Double
    }

    /// Measures of the plane, nil in 3-D.
    public struct Shape: Hashable, Sendable {
        /// Length of the outline in pixels, from 4-connected border pixels weighted by their neighbours: K. Benkrid and
        /// D. Crookes, "Design and FPGA implementation of a perimeter estimator" (2000).
        public var perimeter: Double
        /// Axes of the ellipse with the same second moments, in pixels: 4 √λ.
        public var majorAxis: Double
        public var minorAxis: Double
        /// The same in millimetres, from moments in millimetres.
        public var majorAxisMillimetres: Double?
        public var minorAxisMillimetres: Double?
        /// 0 for a circle, towards 1 for a line.
        public var eccentricity: Double
        /// Angle in radians, −π/2...π/2, from the y axis (rows, downwards) to the major axis, counter-clockwise.
        public var orientation: Double
    }

    public var label: Int32
    /// The label's name in the table.
    public var name: String?
    public var pixelCount: Int
    /// mm², in 2-D.
    public var area: Double?
    /// mm³, in 3-D.
    public var volume: Double?
    /// Mean pixel index along x, y, z.
    public var centroid: SIMD3<Double>
    /// The same place in the world: LPS, millimetres.
    public var centroidWorld: SIMD3<Double>?
    public var box: Region
    /// Diameter of the circle (2-D) or ball (3-D) of the same number of pixels, in pixels.
    public var equivalentDiameter: Double
    /// The same, of the same area or volume, in millimetres.
    public var equivalentDiameterMillimetres: Double?
    public var shape: Shape?
    /// Whether a pixel lies at the image's edge, so that the object may go on outside.
    public var touchesEdge: Bool
    public var intensity: Intensity?

    /// Names with units, and values, in a fixed order that depends only on the dimension and on whether intensities
    /// were measured: a row of a table. Missing values are null.
    public var fields: [(name: String, value: JSONValue)] {
        func number(_ value: Double?) -> JSONValue { value.map(JSONValue.number) ?? .null }
        var fields: [(name: String, value: JSONValue)] = [
            ("label", .integer(Int(label))), ("class", name.map(JSONValue.string) ?? .null),
            ("pixels", .integer(pixelCount)),
        ]
        fields += shape == nil ? [("volume_mm3", number(volume))] : [("area_mm2", number(area))]
        let axes = ["x", "y", "z"].prefix(shape == nil ? 3 : 2)
        for (axis, name) in axes.enumerated() { fields.append(("centroid_\(name)_px", .number(centroid[axis]))) }
        for (axis, name) in ["x", "y", "z"].enumerated() {
            fields.append(("centroid_\(name)_mm", number(centroidWorld?[axis])))
        }
        let starts = [box.x, box.y, box.z]
        for (axis, name) in axes.enumerated() { fields.append(("box_\(name)_px", .integer(starts[axis]))) }
        for (axis, name) in axes.enumerated() { fields.append(("box_size_\(name)_px", .integer(box.size[axis]))) }
        fields.append(("equivalent_diameter_px", .number(equivalentDiameter)))
        fields.append(("equivalent_diameter_mm", number(equivalentDiameterMillimetres)))
        if let shape {
            fields += [
                ("perimeter_px", .number(shape.perimeter)), ("major_axis_px", .number(shape.majorAxis)),
                ("minor_axis_px", .number(shape.minorAxis)), ("major_axis_mm", number(shape.majorAxisMillimetres)),
                ("minor_axis_mm", number(shape.minorAxisMillimetres)), ("eccentricity", .number(shape.eccentricity)),
                ("orientation_rad", .number(shape.orientation)),
            ]
        }
        fields.append(("touches_edge", .bool(touchesEdge)))
        if let intensity {
            fields += [
                ("intensity_mean", .number(intensity.mean)), ("intensity_sd", .number(intensity.standardDeviation)),
                ("intensity_min", .number(intensity.min)), ("intensity_max", .number(intensity.max)),
            ]
        }
        return fields
    }
}
