import LucencyFoundation
import LucencyNetworks
import LucencyPipeline

extension ModelFile: PortValue, PortInput {
    /// The type of ports that take or give a trained or fitted model.
    public static var portType: PortType { PortType("model") }
    public var trainingHistory: JSONValue? { training?["stages"] }
}

private struct LoadModel: Sendable {
    var file = FilePath(path: "")
}

extension StageDescriptor {
    static let loadModel = StageDescriptor(
        "load.model", "Reads a trained or fitted model from a file.", prototype: LoadModel(), inputs: [],
        outputs: ["model"],
        parameters: [Parameter("file", \.file, required: true, help: "A model file, relative to the pipeline file.")],
        files: { $0.file.path.isEmpty ? [] : [$0.file.path] }
    ) { stage, _ in
        { () throws -> ModelFile in try ModelFile(path: stage.file.path) }
    }
}
