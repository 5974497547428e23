import LucencyFoundation

/// A unit of length. Millimetres inside; `px` is relative to the grid it is applied to.
public enum LengthUnit: String, CaseIterable, Codable, Hashable, Sendable {
    case m, cm, mm, um, nm, px

    /// Millimetres per unit; nil for pixels.
    public var millimetres: Double? {
        switch self {
        case .m: 1e3
        case .cm: 10
        case .mm: 1
        case .um: 1e-3
        case .nm: 1e-6
        case .px: nil
        }
    }
}

/// A length with its unit, such as `4 nm`, `0.2mm` or `64 px`.
public struct Length: Hashable, Sendable, CustomStringConvertible {
    public let value: Double
    public let unit: LengthUnit

    public init(_ value: Double, _ unit: LengthUnit) {
        self.value = value
        self.unit = unit
    }

    /// `8 px`.
    public static func pixels(_ value: Double) -> Length { Length(value, .px) }
    /// `8 mm`.
    public static func millimetres(_ value: Double) -> Length { Length(value, .mm) }

    /// Why a text is not a length.
    public enum ParsingFailure: Error, Equatable {
        case noNumber
        case noUnit
        case unknownUnit(String)
    }

    /// Reads `64 px`, `0.2mm`, `4 nm`, `1.5 µm`.
    public init(parsing text: String) throws(ParsingFailure) {
        let trimmed = text.filter { $0 != " " }
        let number = trimmed.prefix { $0.isNumber && $0.isASCII || "+-.eE".contains($0) }
        guard let value = Double(number), value.isFinite else { throw .noNumber }
        var name = String(trimmed.dropFirst(number.count))
        guard !name.isEmpty else { throw .noUnit }
        if name == "µm" || name == "μm" { name = "um" }
        if name == "pixel" || name == "pixels" { name = "px" }
        guard let unit = LengthUnit(rawValue: name) else { throw .unknownUnit(name) }
        self.init(value, unit)
    }

    /// `64 px`.
    public var description: String {
        (value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)") + " \(unit.rawValue)"
    }

    /// The length in pixels along one axis (0 x, 1 y, 2 z) of a grid.
    /// - Throws: `Diagnostic` when a metric length meets a grid whose spacing is only assumed.
    public func pixels(along axis: Int, of geometry: Geometry) throws(Diagnostic) -> Double {
        guard let scale = unit.millimetres else { return value }
        try geometry.requireStatedSpacing(for: "a length of \(self)")
        return value * scale / geometry.spacing[axis]
    }

    /// The length in millimetres, taking pixels along the x axis of a grid.
    /// - Throws: `Diagnostic` when pixels meet a grid whose spacing is only assumed.
    public func millimetres(in geometry: Geometry) throws(Diagnostic) -> Double {
        if let scale = unit.millimetres { return value * scale }
        try geometry.requireStatedSpacing(for: "converting \(self) to millimetres")
        return value * geometry.spacing.x
    }
}
