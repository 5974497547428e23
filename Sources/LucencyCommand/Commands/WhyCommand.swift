import ArgumentParser
import Lucency

struct WhyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why", abstract: "Say which part of an item's key changed, so that a run would do it again.",
        discussion: """
            Example: lucency why results slice17

            Compares what the last run recorded with the pipeline, inputs and options of that run as they are now.
            """)

    @Argument(help: "Folder that `lucency run` wrote.", completion: .directory)
    var output: String

    @Argument(help: "Item: relative name, stem or file name.")
    var item: String

    @Flag(help: "Print the changes as JSON.")
    var json = false

    func run() throws {
        let explanations = try reporting { try explain() }
        if json {
            let list = explanations.map { explanation -> JSONValue in
                [
                    "item": .string(explanation.item), "source": .string(explanation.source),
                    "changes": .array(explanation.changes.map { .string(text($0)) }),
                ]
            }
            Terminal.out(JSONValue.array(list).prettyText)
            return
        }
        for explanation in explanations {
            Terminal.out(
                explanation.changes.isEmpty
                    ? "\(explanation.item): up to date" : "\(explanation.item): would be done again")
            for change in explanation.changes { Terminal.out("    \(text(change))") }
        }
    }

    private func explain() throws -> [Explanation] {
        // Shards keep a record each; all of them name the same pipeline and input.
        let records = try FileSystem.names(in: output).filter { $0.hasPrefix("run.") && $0.hasSuffix(".json") }
        guard let name = records.first(where: { $0 == "run.json" }) ?? records.first else {
            throw Diagnostic(
                .missingFile, "there is no run.json", at: .init(file: output),
                remedy: "name a folder that `lucency run` wrote")
        }
        let path = FileSystem.join(output, name)
        let record = try JSONValue(parsing: try FileSystem.text(path, limit: 64 << 20))
        guard let pipeline = record["pipeline"]?.stringValue else {
            throw Diagnostic(.manifestDamaged, "it does not say which pipeline ran", at: .init(file: path))
        }
        let settings = try (record["settings"]?.arrayValue ?? []).compactMap(\.stringValue).map {
            try Setting(parsing: $0)
        }
        let input = record["input"]?.stringValue
        let file = try PipelineFile(
            path: pipeline, catalog: .standard, settings: settings,
            seed: record["seedOption"]?.stringValue.flatMap(UInt64.init), inputFolder: input)
        guard let plan = file.plan else { throw DiagnosticList(file.diagnostics) }
        var options = RunOptions(output: output)
        options.kernels = record["kernels"]?.stringValue.flatMap(KernelFamily.init) ?? .standard
        options.source.inputFolder = input
        let spacing = (record["assumedSpacing"]?.arrayValue ?? []).compactMap(\.doubleValue)
        if spacing.count == 3 { options.source.assumedSpacing = SIMD3(spacing[0], spacing[1], spacing[2]) }
        return try Runner(plan, options: options) { _ in }.explain(item)
    }

    private func text(_ change: Explanation.Change) -> String {
        switch change {
        case .added(let part): "new: \(part)"
        case .removed(let part): "gone: \(part)"
        case .changed(let part): "changed: \(part)"
        case .failedBefore(let diagnostic): "it failed before\(diagnostic.map { ": \($0.message)" } ?? "")"
        case .outputMissing(let path): "the output \(path) is missing"
        case .outputChanged(let path): "the output \(path) was changed by someone else"
        case .neverDone: "it was never done"
        }
    }
}
