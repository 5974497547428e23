import ArgumentParser
import Lucency

struct ModelInspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Say what a model or weights file holds.",
        discussion: """
            Examples: lucency model inspect em.safetensors
                      lucency model inspect checkpoint.pt --key ema --json

            Reads safetensors and PyTorch checkpoints (.pt, .pth, .bin), of which nothing is run. --json prints an object: file,
            format, sha256 of the file, parameters (their number), tensors (name, dtype, shape), metadata, notes; for models of
            lucency also kind, network, preprocessing, classes, training. Exit status: 1 when the file could not be read.
            """)

    @Argument(help: "Model or weights.", completion: .file())
    var file: String

    @Flag(help: "Print the facts as JSON.")
    var json = false

    @Option(help: ArgumentHelp("Entry of a checkpoint to look at, by its dotted path.", valueName: "path"))
    var key: String?

    func run() throws {
        try reporting {
            let model = try ModelInspection(file, key: key)
            Terminal.out(json ? try model.json().prettyText : model.text)
        }
    }
}
