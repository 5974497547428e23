import ArgumentParser
import Lucency

struct ModelImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Turn a checkpoint's weights into a safetensors file.",
        discussion: """
            Examples: lucency model import checkpoint.pt weights.safetensors --prefix-strip module.
                      lucency model import checkpoint.pt weights.safetensors --map names.json

            Reads PyTorch checkpoints (nothing in them is run) and safetensors. The types of numbers stay. The map is a JSON
            object, old name to new name, or null to drop a tensor: {"encoder.*.w": "down.*.weight", "step": null}; a `*` stands
            for any characters. Tensors that the map does not mention keep their names and are reported, as are rules that fit
            none. --prefix-strip comes first.
            """)

    @Argument(help: "PyTorch checkpoint or safetensors.", completion: .file())
    var checkpoint: String

    @Argument(help: "File to write.", completion: .file(extensions: ["safetensors"]))
    var output: String

    @Option(
        help: ArgumentHelp("JSON file of old and new names.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    var map: String?

    @Option(help: ArgumentHelp("Take this off the front of names that begin with it.", valueName: "prefix"))
    var prefixStrip: String?

    @Option(help: ArgumentHelp("Entry of a checkpoint to take, by its dotted path.", valueName: "path"))
    var key: String?

    @Flag(help: "Print what was done as JSON.")
    var json = false

    func run() throws {
        try reporting {
            try OutputFile.check(output, inputs: [checkpoint] + (map.map { [$0] } ?? []))
            let weights = try Weights(path: checkpoint, key: key)
            var tensors = weights.tensors
            for note in weights.notes { Terminal.error(note.description) }
            if let prefixStrip {
                tensors = tensors.map { tensor in
                    let isPrefixed = tensor.name.hasPrefix(prefixStrip) && tensor.name != prefixStrip
                    return isPrefixed ? tensor.renamed(String(tensor.name.dropFirst(prefixStrip.count))) : tensor
                }
                if tensors.map(\.name) == weights.tensors.map(\.name) {
                    warn("no tensor's name begins with '\(prefixStrip)'", at: checkpoint)
                }
            }
            var outcome = NameMap.Outcome(tensors: tensors)
            if let map {
                outcome = try readMap(map).apply(to: tensors)
                for name in outcome.unused { warn("no tensor fits the rule '\(name)'", at: map) }
                for name in outcome.unknown {
                    warn("the map does not mention the tensor '\(name)', which keeps its name", at: checkpoint)
                }
            }
            let renamed: Weights
            do throws(Diagnostic) {
                renamed = try Weights(outcome.tensors, metadata: weights.metadata)
            } catch {
                var error = error
                error.remedy = "give them different names by --map"
                throw error
            }
            try Safetensors.write(renamed, to: output)
            if json {
                let report: JSONValue = [
                    "file": .string(output), "tensors": .array(renamed.tensors.map { .string($0.name) }),
                    "parameters": .integer(renamed.parameterCount), "sha256": .string(try FileSystem.hash(of: output)),
                    "unknown": .array(outcome.unknown.map { .string($0) }),
                    "unused": .array(outcome.unused.map { .string($0) }),
                    "dropped": .array(outcome.dropped.map { .string($0) }),
                    "notes": .array(weights.notes.map { .string($0.message) }),
                ]
                Terminal.out(report.prettyText)
            }
        }
    }

    private func warn(_ message: String, at file: String) {
        Terminal.error(Diagnostic(.unused, message, at: .init(file: file), severity: .warning).description)
    }

    private func readMap(_ path: String) throws -> NameMap {
        let json: JSONValue
        do {
            json = try JSONValue(parsing: try FileSystem.text(path, limit: 64 << 20))
        } catch let error as JSONValue.SyntaxError {
            throw Diagnostic(.badValue, "the name map is not JSON: \(error)", at: .init(file: path))
        }
        do throws(Diagnostic) { return try NameMap(json) } catch { throw error.located(in: path) }
    }
}
