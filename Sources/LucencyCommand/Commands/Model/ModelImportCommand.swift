import ArgumentParser
import Lucency

struct ModelImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Turn a checkpoint's weights into a safetensors file or a model.",
        discussion: """
            Examples: lucency model import checkpoint.pt weights.safetensors --prefix-strip module.
                      lucency model import checkpoint.pt weights.safetensors --map names.json
                      lucency model import shisrcnet.pth sharpen.lucency --map shisrcnet-upright
                      lucency model import vqgan.pth bones.lucency --map bs-ldm --estimator unet.pth

            Reads PyTorch checkpoints (nothing in them is run) and safetensors. The types of numbers stay. The map is a JSON
            object, old name to new name, or null to drop a tensor: {"encoder.*.w": "down.*.weight", "step": null}; a `*` stands
            for any characters. Tensors that the map does not mention keep their names and are reported, as are rules that fit
            none. --prefix-strip comes first.

            Maps that are built in: nnunet takes nnU-Net v2's names apart from its copies. shisrcnet makes a model of the public
            code's weights, factor and gates by their shapes; as that code feeds it, it wants blue, green, red and rows
            exchanged with columns. shisrcnet-upright turns the weights, so that it wants usual images. bs-ldm makes a model for
            bones.suppress of the autoencoder's checkpoint and, by --estimator, that of the noise estimator.
            """)

    @Argument(help: "PyTorch checkpoint or safetensors.", completion: .file())
    var checkpoint: String

    @Argument(help: "File to write.", completion: .file(extensions: ["safetensors"]))
    var output: String

    @Option(
        help: ArgumentHelp(
            "JSON file of old and new names, or nnunet, shisrcnet, shisrcnet-upright, bs-ldm.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    var map: String?

    @Option(
        help: ArgumentHelp("Checkpoint of the noise estimator, for bs-ldm.", valueName: "file"), completion: .file())
    var estimator: String?

    @Option(help: ArgumentHelp("Take this off the front of names that begin with it.", valueName: "prefix"))
    var prefixStrip: String?

    @Option(help: ArgumentHelp("Entry of a checkpoint to take, by its dotted path.", valueName: "path"))
    var key: String?

    @Flag(help: "Print what was done as JSON.")
    var json = false

    func run() throws {
        try reporting {
            let known: [String: SHISRCNetImport.Orientation] = ["shisrcnet": .stored, "shisrcnet-upright": .upright]
            let isBuiltIn = map == "nnunet" || map == "bs-ldm" || map.flatMap { known[$0] } != nil
            guard (map == "bs-ldm") == (estimator != nil) else {
                throw Diagnostic(
                    .badArgument, "--map bs-ldm and --estimator go together",
                    remedy: "give the autoencoder's checkpoint first, and the noise estimator's by --estimator")
            }
            let others = [isBuiltIn ? nil : map, estimator].compactMap { $0 }
            try OutputFile.check(output, inputs: [checkpoint] + others)
            let (weights, tensors) = try read(checkpoint)
            if let estimator {
                try report(BoneSuppressionImport()(autoencoder: tensors, estimator: read(estimator).tensors))
                return
            }
            if let map, let orientation = known[map] {
                try makeModel(tensors, orientation)
                return
            }
            var outcome = NameMap.Outcome(tensors: tensors)
            if let map {
                outcome = try (map == "nnunet" ? .nnUNet : readMap(map)).apply(to: tensors)
                // A built-in map names what some checkpoints only have.
                for name in isBuiltIn ? [] : outcome.unused { warn("no tensor fits the rule '\(name)'", at: map) }
                for name in isBuiltIn ? [] : outcome.unknown {
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

    /// A checkpoint, and its tensors without the prefix that is to be taken off.
    private func read(_ checkpoint: String) throws -> (weights: Weights, tensors: [StoredTensor]) {
        let weights = try Weights(path: checkpoint, key: key)
        for note in weights.notes { Terminal.error(note.description) }
        guard let prefixStrip else { return (weights, weights.tensors) }
        let tensors = weights.tensors.map { tensor in
            let isPrefixed = tensor.name.hasPrefix(prefixStrip) && tensor.name != prefixStrip
            return isPrefixed ? tensor.renamed(String(tensor.name.dropFirst(prefixStrip.count))) : tensor
        }
        if tensors.map(\.name) == weights.tensors.map(\.name) {
            warn("no tensor's name begins with '\(prefixStrip)'", at: checkpoint)
        }
        return (weights, tensors)
    }

    /// Writes a model of bone suppression.
    private func report(_ model: ModelFile) throws {
        try model.write(to: output)
        guard json else { return }
        let report: JSONValue = [
            "file": .string(output), "network": .string(LatentDiffusion.kind),
            "tensors": .array(model.weights.tensors.map { .string($0.name) }),
            "parameters": .integer(model.weights.parameterCount), "sha256": .string(try FileSystem.hash(of: output)),
        ]
        Terminal.out(report.prettyText)
    }

    /// A model, with what is done to images and the names of classes.
    private func makeModel(_ tensors: [StoredTensor], _ orientation: SHISRCNetImport.Orientation) throws {
        let (model, network): (ModelFile, SHISRCNet)
        do {
            (model, network) = try SHISRCNetImport(orientation)(Weights(tensors))
        } catch let list as DiagnosticList {
            throw DiagnosticList(list.diagnostics.map { $0.located(in: checkpoint) })
        } catch let diagnostic as Diagnostic {
            throw diagnostic.located(in: checkpoint)
        }
        try model.write(to: output)
        guard json else { return }
        let report: JSONValue = [
            "file": .string(output), "network": .string(SHISRCNet.kind), "factor": .integer(network.factor),
            "gate": .string(network.gate.rawValue), "classes": .integer(network.classes),
            "tensors": .array(model.weights.tensors.map { .string($0.name) }),
            "parameters": .integer(model.weights.parameterCount), "sha256": .string(try FileSystem.hash(of: output)),
        ]
        Terminal.out(report.prettyText)
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
