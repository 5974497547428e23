import LucencyFoundation

/// A writer for one kind of value and some file extensions.
public struct WriterDescriptor: Sendable {
    public let type: PortType
    public let fileExtensions: [String]
    public let summary: String
    public let revision: Int
    public let parameters: [ParameterDescription]
    let configure: @Sendable (LocatedYAML?, Diagnostic.Place?, inout Decoding) -> ConfiguredWriter

    /// - Parameter write: writes the value to a path that is renamed to its final name afterwards.
    public init<Value: PortValue, Options: Sendable>(
        _: Value.Type, extensions: [String], _ summary: String, prototype: Options, revision: Int,
        parameters: [Parameter<Options>], write: @escaping @Sendable (Value, String, Options) throws -> Void
    ) {
        let list = ParameterList(prototype: prototype, parameters: parameters)
        type = Value.portType
        fileExtensions = extensions
        self.summary = summary
        self.revision = revision
        self.parameters = list.descriptions
        let owner = "the writer of \(Value.portType.name) as .\(extensions.first ?? "")"
        configure = { yaml, place, decoding in
            let options = list.decode(yaml, owner: owner, at: place, &decoding)
            return ConfiguredWriter(parameters: list.canonical(options), revision: revision) { value, path in
                guard let value = value as? Value else { throw Diagnostic.miswired(owner) }
                try write(value, path, options)
            }
        }
    }
}

/// A writer with its options decoded.
struct ConfiguredWriter: Sendable {
    let parameters: JSONValue
    let revision: Int
    let write: @Sendable (any PortValue, String) throws -> Void
}
