import LucencyFoundation
import LucencyPipeline

/// Facts about an item as JSON, such as the parameters that a phantom drew.
struct RecordValue: PortValue, PortInput {
    let json: JSONValue

    init(_ json: JSONValue) { self.json = json }

    static var portType: PortType { PortType("record") }
}

extension WriterDescriptor {
    private struct NoOptions: Sendable {}

    static let recordJSON = WriterDescriptor(
        RecordValue.self, extensions: ["json"], "Facts as JSON.", prototype: NoOptions(), revision: 1, parameters: []
    ) { record, path, _ in try FileSystem.write(record.json.prettyText + "\n", to: path) }
}
