import ArgumentParser
import Lucency

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a pipeline and report everything that is wrong with it.",
        discussion: """
            Example: lucency check pipelines/em-membranes.yaml

            Exit status: 0 sound, 1 not.
            """)

    @OptionGroup var pipeline: PipelineArguments

    @Option(
        help: ArgumentHelp("Also check that results could be written there.", valueName: "dir"), completion: .directory)
    var output: String?

    @Flag(help: "Print the diagnostics as JSON.")
    var json = false

    func run() throws {
        let isSound = try reporting { try perform() }
        if !isSound { throw ExitCode(1) }
    }

    private func perform() throws -> Bool {
        var diagnostics: [Diagnostic]
        var needsInput = false
        do {
            let file = try pipeline.load()
            diagnostics = file.diagnostics
            needsInput = file.plan?.needsInput ?? false
        } catch let diagnostic as Diagnostic where diagnostic.code != .usage {
            diagnostics = [diagnostic]
        }
        if needsInput, pipeline.input == nil {
            diagnostics.append(
                Diagnostic(
                    .missingFile, "the images come from the folder given by --input", at: .init(file: pipeline.file),
                    severity: .note))
        }
        if let output, let obstacle = FileSystem.obstacleToWriting(below: output) {
            diagnostics.append(
                Diagnostic(.unwritable, "nothing can be written there: \(obstacle)", at: .init(file: output)))
        }
        let errors = diagnostics.count { $0.severity == .error }
        if json {
            Terminal.out(JSONValue.array(diagnostics.map(\.json)).prettyText)
        } else {
            for diagnostic in diagnostics { Terminal.error(diagnostic.description) }
            if errors == 0 { Terminal.out("\(pipeline.file): sound") }
        }
        return errors == 0
    }
}
