import ArgumentParser
import Lucency

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a pipeline on its sources.",
        discussion: """
            Example: lucency run pipelines/em-membranes.yaml --input images --output results

            What is up to date is skipped; a run that was stopped goes on where it was.
            Exit status: 0 all done, 1 the run could not be done, 2 some items failed, 64 wrong usage.
            """)

    @OptionGroup var pipeline: PipelineArguments

    @Option(help: ArgumentHelp("Folder for results.", valueName: "dir"), completion: .directory)
    var output: String?

    @Option(help: ArgumentHelp("Items in flight at once. (default: one per processor)", valueName: "n"))
    var jobs: Int?

    @Option(help: ArgumentHelp("Threads in all. (default: one per processor)", valueName: "n"))
    var threads: Int?

    @Option(help: ArgumentHelp("Memory for items in flight. (default: half of the machine's)", valueName: "size"))
    var memory: ByteSize?

    @Option(help: "Family of numeric kernels that networks use; equal families give equal bytes.")
    var kernels: KernelFamily = .best

    @Flag(help: "Do everything again; with --shard, the items of this shard.")
    var fresh = false

    @Flag(help: "Keep partial states after success.")
    var keep = false

    @Option(help: ArgumentHelp("Do only part I of N of the items: 1/4.", valueName: "i/n"))
    var shard: String?

    @Option(help: "How progress is shown on standard error.")
    var progress: ProgressMode = .auto

    @Flag(help: "Print items, outputs and predicted peak memory, and do nothing.")
    var dryRun = false

    func validate() throws {
        if !dryRun, output == nil { throw ValidationError("run needs --output DIR (or --dry-run)") }
        if let jobs, jobs < 1 { throw ValidationError("--jobs must be at least 1") }
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1") }
        if let shard, Shard(parsing: shard) == nil {
            throw ValidationError("--shard takes I/N with 1 ≤ I ≤ N, such as 2/8")
        }
        try kernels.requireAvailable()
    }

    func run() throws {
        let status = try reporting { try perform() }
        if status != 0 { throw ExitCode(status) }
    }

    private func perform() throws -> Int32 {
        let file = try pipeline.load()
        for diagnostic in file.diagnostics where diagnostic.severity > .note { Terminal.error(diagnostic.description) }
        guard let plan = file.plan else { return 1 }
        let options = try options(plan, file)
        if plan.needsInput, pipeline.input == nil {
            throw Diagnostic(
                .missingFile, "the pipeline reads the folder given by --input, and there is none",
                at: .init(file: pipeline.file),
                remedy: "add `--input DIR`")
        }
        if dryRun {
            let runner = Runner(plan, options: options) {
                if case .notice(let notice) = $0 { Terminal.error(notice.description) }
            }
            DryRunReport.print(try runner.dryRun())
            return 0
        }
        let runner = Runner(plan, options: options, sink: makeProgressSink(progress, output: options.output))
        Interruption.cancelOnSignal(runner)
        return try runner.run().exitStatus
    }

    private func options(_ plan: Plan, _ file: PipelineFile) throws -> RunOptions {
        var options = RunOptions(output: output ?? "")
        options.source = try pipeline.reading.context(input: pipeline.input, seed: plan.seed)
        options.jobs = jobs ?? Machine.processors
        options.threads = threads ?? Machine.processors
        options.memory = memory?.bytes ?? Machine.memory / 2
        options.kernels = kernels
        options.fresh = fresh
        options.keep = keep
        options.shard = shard.flatMap(Shard.init)
        options.files = [pipeline.file]
        options.record = [
            // Relative paths start from the folder of this name, also where it is a link.
            "pipeline": .string(FileSystem.absolute(pipeline.file)),
            "workingDirectory": .string(FileSystem.resolved(".") ?? "."),
            "pipelineSha256": .string(file.hash),
            "settings": .array(pipeline.settings.map { .string($0) }),
        ]
        if let input = pipeline.input { options.record["input"] = .string(FileSystem.resolved(input) ?? input) }
        if let seed = pipeline.seed { options.record["seedOption"] = .string(String(seed)) }
        if let spacing = pipeline.reading.assumeSpacing { options.record["assumeSpacing"] = .string(spacing) }
        return options
    }
}
