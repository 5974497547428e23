import LucencyFoundation
import LucencyImaging

/// A type that a parameter in YAML can have.
public protocol ParameterValue: Sendable {
    /// What a person would call it: `number`, `length`, `otsu | fixed`.
    static var typeName: String { get }
    /// Its JSON Schema.
    static var schema: JSONValue { get }
    /// Decodes a value, or reports why not and returns nil.
    static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> Self?
    /// The resolved value, for keys and `--json`.
    var canonical: JSONValue { get }
    /// The numbers that a range applies to.
    var magnitudes: [Double] { get }
}

extension ParameterValue {
    public var magnitudes: [Double] { [] }

    static func wrong(_ yaml: LocatedYAML, _ decoding: inout Decoding, remedy: String? = nil) -> Self? {
        decoding.error(.badValue, "expected \(typeName), found \(yaml.shown)", at: yaml.place, remedy: remedy)
        return nil
    }
}

extension Bool: ParameterValue {
    public static var typeName: String { "true or false" }
    public static var schema: JSONValue { ["type": "boolean"] }
    public static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> Bool? {
        switch yaml.plainScalar {
        case "true": true
        case "false": false
        default: wrong(yaml, &decoding)
        }
    }
    public var canonical: JSONValue { .bool(self) }
}

extension Int: ParameterValue {
    public static var typeName: String { "a whole number" }
    public static var schema: JSONValue { ["type": "integer"] }
    public static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> Int? {
        guard let text = yaml.plainScalar, let value = Int(text) else { return wrong(yaml, &decoding) }
        return value
    }
    public var canonical: JSONValue { .integer(self) }
    public var magnitudes: [Double] { [Double(self)] }
}

extension Double: ParameterValue {
    public static var typeName: String { "a number" }
    public static var schema: JSONValue { ["type": "number"] }
    public static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> Double? {
        guard let text = yaml.plainScalar, let value = Double(text), value.isFinite else {
            return wrong(yaml, &decoding)
        }
        return value
    }
    public var canonical: JSONValue { .number(self) }
    public var magnitudes: [Double] { [self] }
}

extension String: ParameterValue {
    public static var typeName: String { "a text" }
    public static var schema: JSONValue { ["type": "string"] }
    public static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> String? {
        guard let text = yaml.scalar, !yaml.isNull else {
            let brace = yaml.entries?.count == 1 && yaml.entries?.first?.value.isNull == true
            return wrong(
                yaml, &decoding, remedy: brace ? "a text that begins with { needs quotes: \"{stem}.png\"" : nil)
        }
        return text
    }
    public var canonical: JSONValue { .string(self) }
}

extension Length: ParameterValue {
    public static var typeName: String { "a length with its unit (px, mm, um, nm)" }
    public static var schema: JSONValue {
        ["type": "string", "pattern": "^[-+]?[0-9.]+(e[-+]?[0-9]+)? *(m|cm|mm|um|µm|nm|px)$"]
    }
    public static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> Length? {
        guard let text = yaml.scalar, !yaml.isNull else { return wrong(yaml, &decoding) }
        do throws(Length.ParsingFailure) {
            return try Length(parsing: text)
        } catch {
            switch error {
            case .noNumber: return wrong(yaml, &decoding)
            case .noUnit:
                decoding.error(
                    .missingUnit, "'\(text)' has no unit", at: yaml.place,
                    remedy: "write `\(text) px` for pixels or `\(text) mm` for millimetres (also um, nm)")
            case .unknownUnit(let unit):
                let near = nearestName(to: unit, in: LengthUnit.allCases.map(\.rawValue))
                decoding.error(
                    .missingUnit, "'\(unit)' is not a unit of length", at: yaml.place,
                    remedy: near.map { "did you mean '\($0)'?" } ?? "units are px, mm, um, nm, cm, m")
            }
            return nil
        }
    }
    public var canonical: JSONValue { .string(description) }
    public var magnitudes: [Double] { [value] }
}

extension Optional: ParameterValue where Wrapped: ParameterValue {
    public static var typeName: String { Wrapped.typeName }
    public static var schema: JSONValue { Wrapped.schema }
    public static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> Wrapped?? {
        if yaml.isNull { return .some(nil) }
        guard let value = Wrapped.decode(yaml, &decoding) else { return .none }
        return .some(value)
    }
    public var canonical: JSONValue { self?.canonical ?? .null }
    public var magnitudes: [Double] { self?.magnitudes ?? [] }
}

extension Array: ParameterValue where Element: ParameterValue {
    public static var typeName: String { "a list of: \(Element.typeName)" }
    public static var schema: JSONValue {
        ["oneOf": [["type": "array", "items": Element.schema], Element.schema]]
    }
    /// A single value counts as a list of one.
    public static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> [Element]? {
        guard let elements = yaml.elements else {
            return Element.decode(yaml, &decoding).map { [$0] }
        }
        var values: [Element] = []
        for element in elements { if let value = Element.decode(element, &decoding) { values.append(value) } }
        return values.count == elements.count ? values : nil
    }
    public var canonical: JSONValue { .array(map(\.canonical)) }
    public var magnitudes: [Double] { flatMap(\.magnitudes) }
}

extension Dictionary: ParameterValue where Key == String, Value: ParameterValue {
    public static var typeName: String { "a mapping from names to: \(Value.typeName)" }
    public static var schema: JSONValue { ["type": "object", "additionalProperties": Value.schema] }
    public static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> [String: Value]? {
        guard let entries = yaml.entries else { return wrong(yaml, &decoding) }
        var values: [String: Value] = [:]
        for entry in entries { if let value = Value.decode(entry.value, &decoding) { values[entry.key] = value } }
        return values.count == entries.count ? values : nil
    }
    public var canonical: JSONValue { .object(mapValues(\.canonical)) }
    public var magnitudes: [Double] { values.flatMap(\.magnitudes) }
}

/// A parameter with a fixed set of names: an enum with `String` raw values.
public protocol ChoiceParameter: ParameterValue, RawRepresentable, CaseIterable where RawValue == String {}

extension ChoiceParameter {
    public static var typeName: String { allCases.map(\.rawValue).joined(separator: " | ") }
    public static var schema: JSONValue { ["enum": .array(allCases.map { .string($0.rawValue) })] }
    public static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> Self? {
        guard let text = yaml.scalar else { return wrong(yaml, &decoding) }
        if let value = Self(rawValue: text) { return value }
        return wrong(
            yaml, &decoding,
            remedy: nearestName(to: text, in: allCases.map(\.rawValue)).map { "did you mean '\($0)'?" })
    }
    public var canonical: JSONValue { .string(rawValue) }
}
