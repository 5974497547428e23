import LucencyFoundation

/// One choice for a parameter that has parameters of its own: `{uses: sauvola, with: {window: 31 px}}`, or just
/// `otsu` where there is nothing to say.
public struct Component<Value: Sendable>: Sendable {
    public let id: String
    public let summary: String
    let descriptions: [ParameterDescription]
    let decode: @Sendable (LocatedYAML?, Diagnostic.Place, inout Decoding) -> Value
    let canonical: @Sendable (Value) -> JSONValue?

    /// - Parameters:
    ///   - prototype: the parameters with their defaults.
    ///   - check: looks for parameters that do not fit together; what it throws is reported where `uses` stands.
    ///   - make: the value from parameters.
    ///   - match: the parameters of a value that this component made, nil for others' values.
    public init<Settings: Sendable>(
        _ id: String, _ summary: String, prototype: Settings, parameters: [Parameter<Settings>],
        check: @escaping @Sendable (Settings) throws -> Void = { _ in },
        make: @escaping @Sendable (Settings) -> Value, match: @escaping @Sendable (Value) -> Settings?
    ) {
        let list = ParameterList(prototype: prototype, parameters: parameters)
        self.id = id
        self.summary = summary
        descriptions = list.descriptions
        decode = { yaml, place, decoding in
            let errors = decoding.errorsMet
            let settings = list.decode(yaml, owner: id, at: place, isComponent: true, &decoding)
            decoding.check(since: errors, at: place) { try check(settings) }
            return make(settings)
        }
        canonical = { match($0).map { list.canonical($0) } }
    }
}

/// A parameter type whose values are made by components from one list.
public protocol ComponentValue: ParameterValue {
    /// What the list is called: `threshold method`, `network`, `objective`.
    static var componentKind: String { get }
    static var components: [Component<Self>] { get }
}

extension ComponentValue {
    public static var typeName: String { components.map(\.id).joined(separator: " | ") }

    public static var schema: JSONValue {
        let forms = components.map { component -> JSONValue in
            var form: [String: JSONValue] = ["uses": ["const": .string(component.id)]]
            form["with"] = objectSchema(component.descriptions)
            return [
                "type": "object", "description": .string(component.summary), "properties": .object(form),
                "required": ["uses"], "additionalProperties": false,
            ]
        }
        return ["oneOf": .array([["enum": .array(components.map { .string($0.id) })]] + forms)]
    }

    public static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> Self? {
        var name = yaml
        var with: LocatedYAML?
        if let entries = yaml.entries {
            guard let uses = yaml["uses"] else {
                decoding.error(
                    .missingKey, "a \(componentKind) needs `uses`", at: yaml.place,
                    remedy: "write `{uses: \(components.first?.id ?? "NAME"), with: {…}}`")
                return nil
            }
            for entry in entries where entry.key != "uses" && entry.key != "with" {
                decoding.error(
                    .unknownKey, "a component has no '\(entry.key)'", at: entry.keyPlace,
                    remedy: "parameters stand under `with:`")
            }
            name = uses
            with = yaml["with"]
        }
        guard let id = name.scalar else { return wrong(yaml, &decoding) }
        guard let component = components.first(where: { $0.id == id }) else {
            let near = nearestName(to: id, in: components.map(\.id))
            decoding.error(
                .unknownComponent, "there is no \(componentKind) '\(id)'", at: name.place,
                remedy: near.map { "did you mean '\($0)'?" } ?? "there are: \(typeName)")
            return nil
        }
        return component.decode(with, name.place, &decoding)
    }

    public var canonical: JSONValue {
        for component in Self.components {
            if let settings = component.canonical(self) { return ["uses": .string(component.id), "with": settings] }
        }
        return .null
    }
}

/// What is listed by `lucency stages` about one kind of component.
public struct ComponentKind: Sendable {
    public struct Entry: Sendable {
        public let id: String
        public let summary: String
        public let parameters: [ParameterDescription]
    }
    public let name: String
    public let entries: [Entry]

    public init<Value: ComponentValue>(_: Value.Type) {
        name = Value.componentKind
        entries = Value.components.map { Entry(id: $0.id, summary: $0.summary, parameters: $0.descriptions) }
    }
}

/// The JSON Schema of a `with:` mapping.
func objectSchema(_ parameters: [ParameterDescription]) -> JSONValue {
    var properties: [String: JSONValue] = [:]
    for parameter in parameters {
        guard case .object(var schema) = parameter.schema else { continue }
        schema["description"] = .string(parameter.help)
        if let value = parameter.defaultValue, value != .null { schema["default"] = value }
        // `$name` stands for a parameter or the current variant anywhere a value may stand.
        properties[parameter.name] = ["anyOf": [.object(schema), ["type": "string", "pattern": "^\\$"]]]
    }
    var result: [String: JSONValue] = [
        "type": "object", "properties": .object(properties), "additionalProperties": false,
    ]
    let required = parameters.filter { $0.defaultValue == nil }.map { JSONValue.string($0.name) }
    if !required.isEmpty { result["required"] = .array(required) }
    return .object(result)
}
