import LucencyFoundation
import LucencyPipeline

/// Facts about an item as JSON, such as the parameters that a phantom drew.
struct RecordValue: PortValue, PortInput {
    let json: JSONValue
    /// How it looks as YAML.
    let yaml: YAMLText

    init(_ json: JSONValue, yaml: YAMLText = YAMLText()) {
        self.json = json
        self.yaml = yaml
    }

    static var portType: PortType { PortType("record") }
}

extension WriterDescriptor {
    fileprivate struct NoOptions: Sendable {}

    static let recordJSON = WriterDescriptor(
        RecordValue.self, extensions: ["json"], "Facts as JSON.", prototype: NoOptions(), revision: 1, parameters: []
    ) { record, path, _ in try FileSystem.write(record.json.prettyText + "\n", to: path) }

    static let recordYAML = WriterDescriptor(
        RecordValue.self, extensions: ["yaml", "yml"], "Facts as YAML.", prototype: NoOptions(), revision: 1,
        parameters: []
    ) { record, path, _ in try FileSystem.write(record.yaml(record.json), to: path) }

    static let recordLines = WriterDescriptor(
        RecordValue.self, extensions: ["jsonl"], "Facts as JSON, one line for each entry of a list.",
        prototype: NoOptions(), revision: 1, parameters: []
    ) { record, path, _ in
        let lines = record.json.arrayValue ?? [record.json]
        try FileSystem.write(lines.map { $0.text + "\n" }.joined(), to: path)
    }

    static let drawingSVG = WriterDescriptor(
        DrawingValue.self, extensions: ["svg"], "A drawing as SVG.", prototype: NoOptions(), revision: 2,
        parameters: []
    ) { drawing, path, _ in try FileSystem.write(drawing.svg, to: path) }
}

/// A page for people, in one file.
struct PageValue: PortValue, PortInput {
    let html: String

    static var portType: PortType { PortType("page") }
}

extension WriterDescriptor {
    static let pageHTML = WriterDescriptor(
        PageValue.self, extensions: ["html"], "A page of one self-contained HTML file.", prototype: NoOptions(),
        revision: 1, parameters: []
    ) { page, path, _ in try FileSystem.write(page.html, to: path) }
}

/// A drawing, such as the curves of a training.
struct DrawingValue: PortValue, PortInput {
    let svg: String

    static var portType: PortType { PortType("drawing") }
}
