import ArgumentParser

struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Look at model files; bring weights in and out.",
        discussion: """
            Examples: lucency model inspect em.safetensors
                      lucency model import checkpoint.pt weights.safetensors
                      lucency model export em.safetensors weights.safetensors
            """,
        subcommands: [ModelInspectCommand.self, ModelImportCommand.self, ModelExportCommand.self])
}
