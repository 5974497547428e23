import LucencyFoundation
import LucencyImaging

/// The size of an object: a number of pixels, an area such as `0.5 mm²` (2-D) or a volume such as `20 mm³` (3-D).
public struct ObjectSize: Hashable, Sendable, CustomStringConvertible {
    public let value: Double
    public let unit: LengthUnit
    /// 2 for areas, 3 for volumes; pixels are counted whatever the dimension.
    public let exponent: Int

    private init(value: Double, unit: LengthUnit, exponent: Int) {
        self.value = value
        self.unit = unit
        self.exponent = exponent
    }

    /// A number of pixels (or voxels).
    public static func pixels(_ count: Double) -> ObjectSize { ObjectSize(value: count, unit: .px, exponent: 1) }
    /// An area, for planar grids: `.area(0.5, .mm)` is 0.5 mm². In pixels it is a pixel count.
    public static func area(_ value: Double, _ unit: LengthUnit) -> ObjectSize {
        ObjectSize(value: value, unit: unit, exponent: unit == .px ? 1 : 2)
    }
    /// A volume, for 3-D grids: `.volume(20, .mm)` is 20 mm³. In pixels it is a voxel count.
    public static func volume(_ value: Double, _ unit: LengthUnit) -> ObjectSize {
        ObjectSize(value: value, unit: unit, exponent: unit == .px ? 1 : 3)
    }

    /// Reads `50 px`, `0.5 mm2`, `0.5 mm²`, `20 mm^3`, `4 µm²`.
    /// - Throws: `Length.ParsingFailure`; a length without an exponent (`5 mm`) is an unknown unit.
    public init(parsing text: String) throws(Length.ParsingFailure) {
        var trimmed = text.filter { $0 != " " && $0 != "^" }
        var exponent = 1
        if let last = trimmed.last, "2²3³".contains(last), trimmed.dropLast().last?.isLetter == true {
            exponent = "2²".contains(last) ? 2 : 3
            trimmed.removeLast()
        }
        let length = try Length(parsing: trimmed)
        guard (length.unit == .px) == (exponent == 1) else { throw .unknownUnit("\(length.unit.rawValue)\(exponent)") }
        self.init(value: length.value, unit: length.unit, exponent: exponent)
    }

    /// `50 px`, `0.5 mm²`.
    public var description: String {
        Length(value, unit).description + (exponent == 1 ? "" : exponent == 2 ? "²" : "³")
    }

    /// The size in pixels of a grid.
    /// - Throws: `Diagnostic` when it is negative or not finite, an area meets a volume or the other way round, or a
    ///   metric size meets a grid whose spacing is only assumed.
    public func pixels(of geometry: Geometry) throws(Diagnostic) -> Double {
        guard value >= 0, value.isFinite else {
            throw Diagnostic(.badArgument, "an object size of \(self) is not possible")
        }
        guard let scale = unit.millimetres else { return value }
        guard exponent == geometry.size.dimensions else {
            throw Diagnostic(
                .badArgument,
                "\(self) is \(exponent == 2 ? "an area" : "a volume"), and the image has "
                    + "\(geometry.size.dimensions) dimensions",
                remedy: "give \(exponent == 2 ? "a volume, such as `20 mm³`" : "an area, such as `0.5 mm²`"), or px")
        }
        try geometry.requireStatedSpacing(for: "an object size of \(self)")
        let spacing = geometry.spacing
        let pixel = spacing.x * spacing.y * (exponent == 3 ? spacing.z : 1)
        return value * (exponent == 2 ? scale * scale : scale * scale * scale) / pixel
    }
}
