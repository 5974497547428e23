import LucencyFoundation
import LucencyPipeline

/// A model file that was opened: a safetensors file whose header was checked.
public struct ModelFile: PortValue, PortInput {
    public static var portType: PortType { PortType("model") }

    public let path: String
    /// The header's `__metadata__`.
    public let metadata: [String: String]
    /// Names of the tensors.
    public let tensors: [String]

    /// Headers larger than this are refused.
    static let maximumHeaderBytes = 16 << 20

    /// Opens a file and checks its header: length, JSON, and that every tensor lies within the file.
    /// - Throws: `Diagnostic` naming the file and what is wrong with it.
    public init(path: String) throws(Diagnostic) {
        func damaged(_ reason: String) -> Diagnostic {
            Diagnostic(
                .damagedFile, "not a model file: \(reason)", at: .init(file: path),
                remedy: "model files are safetensors files written by lucency")
        }
        guard let size = FileSystem.size(of: path), FileSystem.isFile(path) else {
            throw Diagnostic(.missingFile, "there is no such model file", at: .init(file: path))
        }
        var head: [UInt8] = []
        var wanted = 8
        try FileSystem.read(path, pieceBytes: 1 << 16) { piece in
            head.append(contentsOf: piece)
            if wanted == 8, head.count >= 8 {
                let length = head.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                wanted = length <= UInt64(Self.maximumHeaderBytes) ? 8 + Int(length) : -1
            }
            return head.count < wanted
        }
        guard wanted > 8 else { throw damaged(wanted < 0 ? "its header is too long" : "it is too short") }
        guard head.count >= wanted, let text = String(validating: head[8..<wanted], as: UTF8.self),
            let json = try? JSONValue(parsing: text), let members = json.objectValue
        else { throw damaged("its header is not JSON") }
        var tensors: [String] = []
        for (name, tensor) in members where name != "__metadata__" {
            let offsets = (tensor["data_offsets"]?.arrayValue ?? []).compactMap(\.intValue)
            guard offsets.count == 2, offsets[0] >= 0, offsets[0] <= offsets[1], offsets[1] <= size - wanted else {
                throw damaged("the tensor '\(name)' lies outside the file")
            }
            tensors.append(name)
        }
        self.path = path
        self.tensors = tensors.sorted()
        metadata = (members["__metadata__"]?.objectValue ?? [:]).compactMapValues(\.stringValue)
    }
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
