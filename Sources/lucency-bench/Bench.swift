import ArgumentParser
import Foundation
import Lucency

/// Makes material to measure with, and measures.
@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lucency-bench", abstract: "Measures commands and the engine.",
        subcommands: [
            HugeCommand.self, MemoryCommand.self, EngineCommand.self, EngineOnceCommand.self, DiffusionCommand.self,
            SegmentCommand.self,
            TrainingCommand.self, ObjectivesCommand.self, CalibrationCommand.self, IOCommand.self, FourierCommand.self,
            MorphologyCommand.self, BatchCommand.self,
        ])

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let diagnostic as Diagnostic {
            FileHandle.standardError.write(Data("\(diagnostic)\n".utf8))
            Foundation.exit(1)
        } catch {
            exit(withError: error)
        }
    }
}
