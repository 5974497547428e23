import ArgumentParser
import Lucency

struct ApplyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Run one stage on files, without a pipeline.",
        discussion: """
            Examples: lucency apply segment.threshold cells.png --output mask.png --with method=otsu
                      lucency apply measure labels=mask.png image=cells.png --output objects.csv
                      lucency apply denoise - --with method=median --output - < noisy.png > clean.png

            Inputs are FILE in the order of the stage's ports, or PORT=FILE; `-` is standard input or output.
            `lucency stages STAGE` shows ports and parameters.
            """)

    @Argument(help: "Stage.")
    var stage: String

    @Argument(help: ArgumentHelp("Inputs: FILE, PORT=FILE or -.", valueName: "in"), completion: .file())
    var inputs: [String] = []

    @Option(
        help: ArgumentHelp(
            "File to write, or -; for stages with several outputs PORT=FILE, repeated.", valueName: "out"),
        completion: .file())
    var output: [String]

    @Option(
        name: .customLong("with"),
        help: ArgumentHelp("A parameter of the stage: --with cutoff='8 px'. May be repeated.", valueName: "key=yaml"))
    var parameters: [String] = []

    @Option(
        name: .customLong("writer"),
        help: ArgumentHelp("An option of the writer: --writer bits=16. May be repeated.", valueName: "key=yaml"))
    var options: [String] = []

    @Option(help: ArgumentHelp("Format on standard output. (default: png; csv for tables)", valueName: "extension"))
    var format: String?

    @Option(help: ArgumentHelp("Seed of random streams.", valueName: "n"))
    var seed: UInt64 = 0

    @Option(help: ArgumentHelp("Threads. (default: one per processor)", valueName: "n"))
    var threads: Int?

    @Option(help: "Family of numeric kernels that networks use; equal families give equal bytes.")
    var kernels: KernelFamily = .best

    @OptionGroup var reading: ReadingArguments

    func validate() throws {
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1") }
        if inputs.count(where: { Self.parts($0).value == "-" || $0 == "-" }) > 1 {
            throw ValidationError("standard input can be read once")
        }
        if format != nil, !output.contains(where: { $0 == "-" || $0.hasSuffix("=-") }) {
            throw ValidationError("--format is for standard output; a file's extension says its format")
        }
        _ = try reading.spacing()
        try kernels.requireAvailable()
    }

    func run() throws {
        try reporting {
            do {
                try perform()
            } catch let diagnostic as Diagnostic {
                throw diagnostic.spellingOptions(["bits", "float", "rescale", "round", "unit", "compression", "tile"]) {
                    name, value in
                    value.map { "--writer \(name)=\($0)" } ?? "--writer \(name)"
                }
            }
        }
    }

    private func perform() throws {
        let single = try SingleStage(try descriptor(), parameters: try Self.given(parameters, "--with"))
        let named = try inputs.map { try input($0, ports: Set(single.descriptor.forms.flatMap(\.inputs).map(\.name))) }
        let binding = try single.binding(named.map(\.port))
        let targets = try targets(binding.outputPorts, inputs: named.map(\.path))

        let scratch =
            named.contains { $0.path == "-" } || targets.contains { $0.path == "-" } ? try ScratchFolder() : nil
        let limits = reading.limit.limits
        let paths = try named.map { $0.path == "-" ? try scratch?.spoolInput(limit: limits.bytes) ?? "-" : $0.path }
        do {
            let files = try headers(paths, binding)
            let pool = ThreadPool(threads: threads ?? Machine.processors)
            let wanted = Set(targets.map { binding.outputPorts[$0.port].name })
            let estimates = try binding.inputs.enumerated().map { port, input -> ValueEstimate? in
                guard let input else { return nil }
                if binding.inputPorts[port].type == ModelFile.portType {
                    return ValueEstimate(known: try ModelFile(path: paths[input]))
                }
                guard let file = files[input] else { return nil }
                let isImage = binding.inputPorts[port].type == Image.portType
                return ValueEstimate(
                    size: file.geometry.size, channels: isImage ? file.header.colorModel.channelCount : 1)
            }
            try MemoryBudget.require(
                single.predictedBytes(
                    binding, CostContext(inputs: estimates, threads: pool.threads, kernels: kernels, wanted: wanted)),
                for: stage,
                remedy: "cut a part out first: `lucency convert IN OUT --region x,y,w,h`")
            let values = try zip(binding.inputPorts, binding.inputs).map { port, input in
                try input.map { try value(of: port, paths[$0], files[$0]) }
            }
            let context = StageContext(
                pool: pool, seed: seed, stage: stage,
                item: named.first.map { $0.path == "-" ? "stdin" : FileSystem.stem(of: FileSystem.name(of: $0.path)) }
                    ?? "",
                sourceGeometry: files.compactMap { $0?.geometry }.first, kernels: kernels, wanted: wanted)
            let results = try single(binding, values, context: context)
            try write(results, targets, scratch)
        } catch let diagnostic as Diagnostic {
            // Nobody knows the spooled file's name.
            var shown = diagnostic.located(in: named.first?.path == "-" ? "standard input" : named.first?.path ?? stage)
            if let place = shown.place, let scratch, place.file == scratch.path + "/input" {
                shown.place?.file = "standard input"
            }
            throw shown
        }
    }

    private func descriptor() throws -> StageDescriptor {
        let catalog = Catalog.standard
        if let descriptor = catalog.stage(stage) { return descriptor }
        let place = Diagnostic.Place(file: stage)
        if catalog.collector(stage) != nil || catalog.source(stage) != nil {
            let what = catalog.source(stage) == nil ? "reads whole streams of items" : "is a source of items"
            throw Diagnostic(
                .unknownStage, "'\(stage)' \(what), so it cannot be applied to single files", at: place,
                remedy: "use it in a pipeline: `lucency run`")
        }
        let names = catalog.stages.map(\.about.id)
        // `thresold` is nearer to the last word of `segment.threshold` than to the whole.
        let last = names.map { (name: $0, word: String($0.split(separator: ".").last ?? "")) }
        let near =
            nearestName(to: stage, in: names)
            ?? nearestName(to: stage, in: last.map(\.word)).flatMap { word in last.first { $0.word == word }?.name }
        throw Diagnostic(
            .unknownStage, "there is no stage '\(stage)'",
            remedy: near.map { "did you mean '\($0)'?" } ?? "`lucency stages` lists them")
    }

    private static func parts(_ text: String) -> (key: String, value: String?) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        return (parts.first ?? "", parts.count == 2 ? parts[1] : nil)
    }

    private static func given(_ texts: [String], _ option: String) throws -> [GivenParameter] {
        try texts.map { text in
            let (key, value) = parts(text)
            guard let value, !key.isEmpty else { throw Diagnostic(.usage, "\(option) \(text): expected KEY=YAML") }
            return try GivenParameter(key, value, option: "\(option) \(key)")
        }
    }

    /// `PORT=FILE` or `FILE`; a name with `=` before which no port stands is a file if it exists or looks like a path.
    private func input(_ text: String, ports: Set<String>) throws -> (port: String?, path: String) {
        let (key, value) = Self.parts(text)
        guard let value, ports.contains(key) || !FileSystem.exists(text) && !key.contains("/") && !key.contains(".")
        else {
            return (nil, text)
        }
        return (key, value)
    }

    private struct Target {
        let port: Int
        let path: String
        let writer: SingleWriter
        let suffix: String
    }

    private func targets(_ ports: [Port], inputs: [String]) throws -> [Target] {
        var targets: [Target] = []
        for text in output {
            let (key, value) = Self.parts(text)
            let index: Int, path: String
            if let value, let found = ports.firstIndex(where: { $0.name == key }) {
                (index, path) = (found, value)
            } else if ports.count == 1 {
                (index, path) = (0, text)
            } else {
                throw Diagnostic(
                    .usage, "--output \(text): \(stage) has \(ports.count) outputs",
                    remedy: "say which: " + ports.map { "--output \($0.name)=FILE" }.joined(separator: " "))
            }
            if targets.contains(where: { $0.port == index || $0.path == path }) {
                throw Diagnostic(.usage, "--output \(text): an output and a file can be named once")
            }
            let type = ports[index].type
            var suffix = FileSystem.fileExtension(of: path)
            if path == "-" {
                suffix =
                    format?.lowercased()
                    ?? (type == Table.portType ? "csv" : type == ModelFile.portType ? "safetensors" : "png")
            } else {
                try OutputFile.check(path, inputs: inputs.filter { $0 != "-" })
            }
            do {
                let writer = try SingleWriter(
                    for: type, extension: suffix, options: try Self.given(options, "--writer"), catalog: .standard)
                targets.append(Target(port: index, path: path, writer: writer, suffix: suffix))
            } catch let list as DiagnosticList {
                throw DiagnosticList(list.diagnostics.map { $0.located(in: path == "-" ? "--format" : path) })
            }
            if path == "-", type != Table.portType, StandardOutput.isTerminal {
                throw Diagnostic(
                    .usage, "standard output is a terminal, and the result is not text", remedy: "redirect it: `> FILE`"
                )
            }
        }
        return targets
    }

    /// The headers of those inputs that are image files.
    private func headers(_ paths: [String], _ binding: SingleStage.Binding) throws -> [InputFile?] {
        var files = [InputFile?](repeating: nil, count: paths.count)
        let spacing = try reading.spacing()
        for (port, input) in zip(binding.inputPorts, binding.inputs) {
            guard let input, port.type == Image.portType || port.type == LabelMap.portType else { continue }
            files[input] = try InputFile(paths[input], assuming: spacing, limits: reading.limit.limits)
        }
        return files
    }

    private func value(of port: Port, _ path: String, _ file: InputFile?) throws -> any PortValue {
        switch port.type {
        case Image.portType: if let file { return try file.image() }
        case LabelMap.portType: if let file { return try file.labels() }
        case ModelFile.portType: return try ModelFile(path: path)
        default: break
        }
        throw Diagnostic(
            .unsupportedFeature,
            "the input '\(port.name)' takes \(port.type.name), which cannot be read from a file here",
            at: .init(file: path), remedy: "run the stage in a pipeline, behind the stage that makes it")
    }

    private func write(_ results: [(any PortValue)?], _ targets: [Target], _ scratch: ScratchFolder?) throws {
        for target in targets {
            guard results.indices.contains(target.port), let result = results[target.port] else { continue }
            guard target.path == "-", let scratch else {
                try target.writer.write(result, to: target.path)
                continue
            }
            let file = "\(scratch.path)/output.\(target.suffix)"
            do {
                try target.writer.write(result, to: file)
            } catch {
                var diagnostic = Diagnostic.wrapping(error, as: .writeFailed)
                if diagnostic.place?.file == file { diagnostic.place?.file = "standard output" }
                throw diagnostic
            }
            try StandardOutput.send(file)
        }
    }
}
