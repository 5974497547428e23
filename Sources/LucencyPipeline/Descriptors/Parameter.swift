import LucencyFoundation

/// The values a number may take.
public struct ValueRange: Hashable, Sendable, CustomStringConvertible {
    var lower = -Double.infinity
    var upper = Double.infinity
    var lowerIsOpen = false

    public static let positive = ValueRange(lower: 0, lowerIsOpen: true)
    /// Greater than one limit, and at most the other.
    public static func above(_ lower: Double, upTo upper: Double) -> ValueRange {
        ValueRange(lower: lower, upper: upper, lowerIsOpen: true)
    }
    public static func atLeast(_ lower: Double) -> ValueRange { ValueRange(lower: lower) }
    public static func within(_ range: ClosedRange<Double>) -> ValueRange {
        ValueRange(lower: range.lowerBound, upper: range.upperBound)
    }

    func contains(_ value: Double) -> Bool { value <= upper && (lowerIsOpen ? value > lower : value >= lower) }

    public var description: String {
        func text(_ value: Double) -> String { JSONValue.number(value).text }
        if lowerIsOpen { return "above \(text(lower))" + (upper.isFinite ? " and at most \(text(upper))" : "") }
        if upper == .infinity { return "at least \(text(lower))" }
        return "between \(text(lower)) and \(text(upper))"
    }

    var schema: [String: JSONValue] {
        var schema: [String: JSONValue] = [:]
        if lower.isFinite { schema[lowerIsOpen ? "exclusiveMinimum" : "minimum"] = .number(lower) }
        if upper.isFinite { schema["maximum"] = .number(upper) }
        return schema
    }
}

/// What is known about a parameter without a value at hand: for help, `--json`, the schema and the docs.
public struct ParameterDescription: Hashable, Sendable {
    public let name: String
    public let type: String
    /// nil where the parameter must be given.
    public let defaultValue: JSONValue?
    public let range: String?
    public let help: String
    public let schema: JSONValue
}

/// A parameter of `Root`, declared once: name, where it is stored, what it may be, one line of help. Its default is the
/// prototype's.
public struct Parameter<Root: Sendable>: Sendable {
    let name: String
    let isRequired: Bool
    let describe: @Sendable (Root) -> ParameterDescription
    let set: @Sendable (inout Root, LocatedYAML, inout Decoding) -> Void
    let canonical: @Sendable (Root) -> JSONValue

    /// - Parameters:
    ///   - path: where the value lives.
    ///   - range: limits for numbers, lengths and lists of them.
    ///   - required: there is no sensible default; leaving it out is an error.
    public init<Value: ParameterValue>(
        _ name: String, _ path: any WritableKeyPath<Root, Value> & Sendable, in range: ValueRange? = nil,
        required: Bool = false, help: String
    ) {
        self.name = name
        isRequired = required
        describe = { prototype in
            var schema = Value.schema
            if let range, case .object(var members) = schema,
                members["type"] == "number" || members["type"] == "integer"
            {
                members.merge(range.schema) { $1 }
                schema = .object(members)
            }
            return ParameterDescription(
                name: name, type: Value.typeName, defaultValue: required ? nil : prototype[keyPath: path].canonical,
                range: range?.description, help: help, schema: schema)
        }
        set = { root, yaml, decoding in
            guard let value = Value.decode(yaml, &decoding) else { return }
            if let range, let outside = value.magnitudes.first(where: { !range.contains($0) }) {
                decoding.error(
                    .badValue, "'\(name)' must be \(range), found \(JSONValue.number(outside).text)", at: yaml.place)
                return
            }
            root[keyPath: path] = value
        }
        canonical = { $0[keyPath: path].canonical }
    }
}

/// Fills a prototype from a `with:` mapping; shared by stages, collectors, sources, writers and components.
struct ParameterList<Root: Sendable>: Sendable {
    let prototype: Root
    let parameters: [Parameter<Root>]

    var descriptions: [ParameterDescription] { parameters.map { $0.describe(prototype) } }

    func canonical(_ root: Root) -> JSONValue {
        .object(Dictionary(parameters.map { ($0.name, $0.canonical(root)) }, uniquingKeysWith: { $1 }))
    }

    /// - Parameters:
    ///   - owner: for messages, such as `segment.threshold`.
    ///   - place: where to complain about what is missing.
    ///   - isComponent: the owner is chosen by `{uses: …, with: …}`, which is shown where a parameter is missing.
    func decode(
        _ yaml: LocatedYAML?, owner: String, at place: Diagnostic.Place?, isComponent: Bool = false,
        _ decoding: inout Decoding
    ) -> Root {
        var root = prototype
        var entries: [LocatedYAML.Entry] = []
        if let yaml, !yaml.isNull {
            if let given = yaml.entries {
                entries = given
            } else {
                decoding.error(
                    .wrongKind, "expected a mapping of parameters, found \(yaml.shown)", at: yaml.place,
                    remedy: "write `with: {name: value}`")
            }
        }
        for entry in entries {
            guard let parameter = parameters.first(where: { $0.name == entry.key }) else {
                let names = parameters.map(\.name)
                let near = nearestName(to: entry.key, in: names)
                decoding.error(
                    .unknownParameter, "\(owner) has no parameter '\(entry.key)'", at: entry.keyPlace,
                    remedy: near.map { "did you mean '\($0)'?" }
                        ?? (names.isEmpty ? "it has none" : "it has: \(names.joined(separator: ", "))"))
                continue
            }
            parameter.set(&root, entry.value, &decoding)
        }
        let required = parameters.filter(\.isRequired).map { "\($0.name): …" }.joined(separator: ", ")
        let form = isComponent ? "write `{uses: \(owner), with: {\(required)}}`" : nil
        for parameter in parameters where parameter.isRequired {
            if !entries.contains(where: { $0.key == parameter.name }) {
                decoding.error(
                    .missingKey, "\(owner) needs the parameter '\(parameter.name)'", at: place, remedy: form)
            }
        }
        return root
    }
}
