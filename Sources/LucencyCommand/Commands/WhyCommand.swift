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
                var members: [String: JSONValue] = [
                    "item": .string(explanation.item), "source": .string(explanation.source),
                    "changes": .array(explanation.changes.map { .string(text($0)) }),
                ]
                if let value = explanation.onlyFeeds { members["onlyFeeds"] = .string(value) }
                return .object(members)
            }
            Terminal.out(JSONValue.array(list).prettyText)
            return
        }
        for explanation in explanations {
            let isCurrent = explanation.changes.isEmpty
            let finding = isCurrent ? "up to date" : "would be done again"
            let value = explanation.onlyFeeds.map { "only feeds '\($0)', which \(isCurrent ? "is " : "")" }
            Terminal.out("\(explanation.item): \(value ?? "")\(finding)")
            for change in explanation.changes { Terminal.out("    \(text(change))") }
        }
    }

    private func explain() throws -> [Explanation] {
        // Shards keep a record each, and there may be older runs: the last one that was started counts.
        let names = try FileSystem.names(in: output).filter { $0.hasPrefix("run.") && $0.hasSuffix(".json") }
        let records = try names.map { name -> (path: String, record: JSONValue) in
            let path = FileSystem.join(output, name)
            return (path, try JSONValue(parsing: try FileSystem.text(path, limit: 64 << 20)))
        }
        func started(_ record: JSONValue) -> Double { record["time"]?.doubleValue ?? 0 }
        guard let (path, record) = records.max(by: { started($0.record) < started($1.record) }) else {
            throw Diagnostic(
                .missingFile, "there is no run.json", at: .init(file: output),
                remedy: "name a folder that `lucency run` wrote")
        }
        guard let pipeline = record["pipeline"]?.stringValue else {
            throw Diagnostic(.manifestDamaged, "it does not say which pipeline ran", at: .init(file: path))
        }
        let settings = try (record["settings"]?.arrayValue ?? []).compactMap(\.stringValue).map {
            try Setting(parsing: $0)
        }
        let input = record["input"]?.stringValue
        let file = try PipelineFile(
            path: pipeline, catalog: .standard, settings: settings,
            seed: record["seedOption"]?.stringValue.flatMap(UInt64.init), inputFolder: input,
            workingDirectory: record["workingDirectory"]?.stringValue ?? ".")
        guard let plan = file.plan else { throw DiagnosticList(file.diagnostics) }
        var options = RunOptions(output: output)
        options.kernels = record["kernels"]?.stringValue.flatMap(KernelFamily.init) ?? .best
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
