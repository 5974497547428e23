import ArgumentParser
import Lucency

struct ModelExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write the weights of a model alone, as plain safetensors.",
        discussion: """
            Example: lucency model export em.safetensors weights.safetensors

            Names, types and numbers stay; network, classes, preprocessing and all other metadata are left out.
            """)

    @Argument(help: "Model file.", completion: .file())
    var model: String

    @Argument(help: "File to write.", completion: .file(extensions: ["safetensors"]))
    var output: String

    func run() throws {
        try reporting {
            try OutputFile.check(output, inputs: [model])
            let weights = try ModelFile(path: model).weights
            try Safetensors.write(try Weights(weights.tensors), to: output)
        }
    }
}
