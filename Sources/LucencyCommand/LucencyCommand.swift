import ArgumentParser
import Lucency

@main
struct LucencyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lucency",
        abstract: "Segments folders of medical images through a declarative pipeline, and says how sure it is.",
        discussion: """
            Example: lucency run pipelines/em-membranes.yaml --input images --output results
            """,
        version: "lucency \(lucencyVersion)",
        subcommands: [
            RunCommand.self, PhantomCommand.self, CheckCommand.self, GraphCommand.self, StagesCommand.self,
            SchemaCommand.self,
            WhyCommand.self, VerifyCommand.self, InspectCommand.self, ConvertCommand.self, ApplyCommand.self,
            CompareCommand.self, UpscaleCommand.self, ReportCommand.self, ModelCommand.self, DoctorCommand.self,
        ])
}
