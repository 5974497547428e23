import LucencyFoundation

/// A parameter type that is a mapping of parameters of its own, always of the same form: `{width: 3 mm, count: 2}`.
/// Where there is a choice of forms, use a `ComponentValue`.
public protocol SettingsValue: ParameterValue {
    /// What the mapping is called in messages: `the acquisition`.
    static var settingsName: String { get }
    /// The parameters with their defaults.
    init()
    static var settings: [Parameter<Self>] { get }
    /// Looks for settings that do not fit together; what it throws is reported at the mapping.
    func checkSettings() throws
}

extension SettingsValue {
    public func checkSettings() throws {}

    private static var list: ParameterList<Self> { ParameterList(prototype: Self(), parameters: settings) }

    public static var typeName: String { "a mapping: " + list.descriptions.map(\.name).joined(separator: ", ") }
    public static var schema: JSONValue { objectSchema(list.descriptions) }

    public static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> Self? {
        let errors = decoding.errorsMet
        let settings = list.decode(yaml, owner: settingsName, at: yaml.place, &decoding)
        decoding.check(since: errors, at: yaml.place) { try settings.checkSettings() }
        return settings
    }

    public var canonical: JSONValue { Self.list.canonical(self) }
}
