import ArgumentParser
import Lucency

struct PhantomCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "phantom", abstract: "Render test images whose truth is known.",
        discussion: """
            Example: lucency phantom phantoms/organs.yaml --output organs --count 20 --seed 1

            Each product (image, label, posterior, …) gets a folder, each picture a number; parameters/N.json holds all that
            was drawn for it, facts.csv the class and patient of each where there are such. Picture 17 is the same whether 20 or 2000 are rendered. What is there already is skipped.
            """)

    @Argument(help: "Phantom file.", completion: .file(extensions: ["yaml", "yml"]))
    var file: String

    @Option(help: ArgumentHelp("Folder for the pictures.", valueName: "dir"), completion: .directory)
    var output: String?

    @Option(help: ArgumentHelp("How many pictures.", valueName: "n"))
    var count = 10

    @Option(help: ArgumentHelp("Number of the first picture.", valueName: "n"))
    var first = 0

    @Option(help: ArgumentHelp("Pictures of the same seed and number are the same.", valueName: "n"))
    var seed: UInt64 = 0

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Change a value under `with:` by its dotted path.", valueName: "key=yaml"))
    var settings: [String] = []

    @Option(
        help: ArgumentHelp("Only these products, separated by commas. (default: all)", valueName: "names"))
    var products: String?

    @Option(
        help: ArgumentHelp(
            "Format of flat label maps: png holds labels to 65535 and their colours, tiff more.",
            valueName: "format"))
    var labels = LabelFormat.png

    @Flag(help: "List the phantom's products and settings, and render nothing.")
    var list = false

    @Option(help: ArgumentHelp("Pictures in the making at once. (default: one per processor)", valueName: "n"))
    var jobs: Int?

    @Option(help: "How progress is shown on standard error.")
    var progress: ProgressMode = .auto

    @Flag(help: "Render everything again.")
    var fresh = false

    func validate() throws {
        if !list, output == nil { throw ValidationError("phantom needs --output DIR (or --list)") }
        guard 1...1_000_000 ~= count, 0...999_999 ~= first else {
            throw ValidationError("--count takes 1 to 1000000, --first 0 to 999999")
        }
        if let jobs, jobs < 1 { throw ValidationError("--jobs must be at least 1") }
    }

    func run() throws {
        let status = try reporting { try perform() }
        if status != 0 { throw ExitCode(status) }
    }

    private func perform() throws -> Int32 {
        let phantom = try PhantomFile(path: file, settings: settings.map { try Setting(parsing: $0) })
        let names = try productNames(of: phantom)
        if list {
            for product in phantom.world.phantom.products { Terminal.out("\(product.name)\t\(product.summary)") }
            Terminal.out(phantom.canonical.prettyText)
            return 0
        }
        let plan = try plan(rendering: names, of: phantom)
        var options = RunOptions(output: output ?? "")
        options.source = SourceContext(seed: seed)
        options.jobs = jobs ?? Machine.processors
        options.threads = Machine.processors
        options.memory = Machine.memory / 2
        options.fresh = fresh
        options.files = [file]
        options.record = ["phantom": phantom.canonical]
        let runner = Runner(plan, options: options, sink: makeProgressSink(progress, output: options.output))
        Interruption.cancelOnSignal(runner)
        return try runner.run().exitStatus
    }

    private func productNames(of phantom: PhantomFile) throws -> [String] {
        let all = phantom.world.phantom.products.map(\.name)
        guard let products else { return all }
        let names = products.split(separator: ",").map { String($0.filter { $0 != " " }) }
        for name in names where !all.contains(name) {
            throw ValidationError("the phantom has no product '\(name)'; it has: \(all.joined(separator: ", "))")
        }
        return names
    }

    /// Rendering to files is a pipeline of one source: so it resumes, verifies and shows progress as every other does.
    private func plan(rendering names: [String], of phantom: PhantomFile) throws -> Plan {
        let planar = try phantom.world.phantom.geometry.size.isPlanar
        var outputs: [String: JSONValue] = [
            "parameters": ["from": "phantom.parameters", "as": "parameters/{stem}.json"]
        ]
        for product in phantom.world.phantom.products where names.contains(product.name) {
            let (suffix, options) = product.storage(planar: planar, labels: labels)
            outputs[product.name] = [
                "from": .string("phantom.\(product.name)"), "as": .string("\(product.name)/{stem}.\(suffix)"),
                "with": options,
            ]
        }
        var stages: [String: JSONValue] = [:]
        if !phantom.world.phantom.factNames.isEmpty {
            stages["facts"] = ["uses": "gather", "in": "phantom.facts"]
            outputs["facts"] = ["from": "facts", "as": "facts.csv"]
        }
        let source: JSONValue = [
            "uses": "phantom",
            "with": ["world": phantom.canonical, "count": .integer(count), "first": .integer(first)],
        ]
        let pipeline: JSONValue = [
            "lucency": 1, "name": .string(phantom.name),
            "sources": ["phantom": source], "stages": .object(stages), "outputs": .object(outputs),
        ]
        // JSON is YAML.
        let made = try PipelineFile(
            text: pipeline.prettyText, name: file, folder: ".", catalog: .standard, seed: seed)
        guard let plan = made.plan else {
            throw made.diagnostics.first ?? Diagnostic(.stageFailed, "the phantom makes no pipeline")
        }
        return plan
    }
}

/// How flat label maps are stored; volumes are TIFF files in any case.
enum LabelFormat: String, ExpressibleByArgument, CaseIterable { case png, tiff }

extension PhantomProduct {
    /// File extension and writer options.
    fileprivate func storage(planar: Bool, labels: LabelFormat) -> (String, JSONValue) {
        let flat = geometry?.size.isPlanar ?? planar
        switch kind {
        case .image(_, let bits): return (flat ? "png" : "tif", ["bits": .integer(bits)])
        case .floatImage: return ("tif", ["float": true])
        case .labels: return flat && labels == .png ? ("png", ["palette": true]) : ("tif", [:])
        case .probabilities: return ("tif", [:])
        }
    }
}
