import LucencyFoundation

/// A parameter type that is a mapping of parameters of its own, always of the same form: `{width: 3 mm, count: 2}`.
/// Where there is a choice of forms, use a `ComponentValue`.
public protocol SettingsValue: ParameterValue {
    /// What the mapping is called in messages: `the acquisition`.
    static var settingsName: String { get }
    /// The parameters with their defaults.
    init()
    static var settings: [Parameter<Self>] { get }
}

extension SettingsValue {
    private static var list: ParameterList<Self> { ParameterList(prototype: Self(), parameters: settings) }

    public static var typeName: String { "a mapping: " + list.descriptions.map(\.name).joined(separator: ", ") }
    public static var schema: JSONValue { objectSchema(list.descriptions) }

    public static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> Self? {
        list.decode(yaml, owner: settingsName, at: yaml.place, &decoding)
    }

    public var canonical: JSONValue { Self.list.canonical(self) }
}
