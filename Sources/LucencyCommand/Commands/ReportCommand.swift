import ArgumentParser
import Lucency

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Say how far predictions can be believed: one page, from files of any tool.",
        discussion: """
            Example: lucency report --predictions softmax --labels masks --classes classes.txt --output report
                     lucency report --run ce=out/ce --run nacl=out/nacl --labels masks --output report

            A label masks/p1/s3.png is the case p1/s3. Its prediction is p1/s3 with .png, .tif, .npy or .npz, classes as channels,
            pages or an axis (a single plane is the foreground's probability); or a file a class: p1/s3_CLASS.png or
            CLASS/p1/s3.png. Integers of 8 and 16 bits count as shares of their largest value.
            Writes report.html, report.json, tables/*.csv and figures/*.svg. Status 2 says that cases had to be left out.
            For research use; this is not a medical device.
            """)

    @Option(help: ArgumentHelp("Folder of predictions of one run.", valueName: "dir"), completion: .directory)
    var predictions: String?

    @Option(
        name: .customLong("run"),
        help: ArgumentHelp(
            "A run by name, several times to compare; differences are from the first.", valueName: "name=dir"))
    var runs: [String] = []

    @Option(
        help: ArgumentHelp("Folder of reference labels: each file is a case.", valueName: "dir"), completion: .directory
    )
    var labels: String

    @Option(
        help: ArgumentHelp(
            "Classes, background first: a line each, `LABEL NAME` or `NAME`. (default: 0, 1, 2, …)", valueName: "file"),
        completion: .file())
    var classes: String?

    @Option(
        help: ArgumentHelp(
            "Label value of pixels that nobody should judge; may be given several times.", valueName: "n"))
    var ignore: [Int32] = []

    @Option(
        help: ArgumentHelp("Folder of images, shown beside the worst cases.", valueName: "dir"), completion: .directory)
    var images: String?

    @Option(
        help: ArgumentHelp(
            "Pixel spacing of labels that state none: one length, or one each for x, y, z: 0.2mm or 4nm,4nm,50nm.",
            valueName: "length"))
    var spacing: String?

    @Option(help: ArgumentHelp("Width of the band along borders: 2px, 1mm.", valueName: "length"))
    var boundary = "2px"

    @Option(help: ArgumentHelp("Equal-width bins of confidence.", valueName: "n"))
    var bins = 15

    @Option(help: "What headline numbers are about: all, foreground or foreground-union.")
    var region = CalibrationRegion.foregroundUnion

    @Option(
        help: ArgumentHelp("Which axis of arrays counts classes: first or last. (default: by size)", valueName: "axis"))
    var classAxis: PredictionReader.ClassAxis?

    @Option(help: ArgumentHelp("Name of the array in NPZ files.", valueName: "name"))
    var array: String?

    @Flag(help: "Predictions are logits: take the softmax over classes (of a single plane the sigmoid).")
    var logits = false

    @Option(help: ArgumentHelp("Worst cases to show as pictures, of each run.", valueName: "n"))
    var pictures: Int?

    @Option(help: ArgumentHelp("How often cases are drawn for intervals, and signs for tests.", valueName: "n"))
    var resamples = 2000

    @Option(help: ArgumentHelp("Seed of what is drawn.", valueName: "n"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Heading of the page.", valueName: "text"))
    var title = "Calibration report"

    @Option(help: ArgumentHelp("Folder for the report.", valueName: "dir"), completion: .directory)
    var output: String

    @Option(help: ArgumentHelp("Cases measured at once. (default: one per processor)", valueName: "n"))
    var jobs: Int?

    @Flag(help: "Print the report as JSON.")
    var json = false

    @OptionGroup var limit: LimitArguments

    func validate() throws {
        guard (predictions == nil) != runs.isEmpty else {
            throw ValidationError("give --predictions DIR, or --run NAME=DIR once or several times")
        }
        _ = try namedRuns()
        _ = try millimetres()
        guard (try? Length(parsing: boundary)) != nil else {
            throw ValidationError("--boundary: '\(boundary)' is no length with a unit, such as 2px or 1mm")
        }
        guard 1...100 ~= bins else { throw ValidationError("--bins takes 1 to 100") }
        guard 100...1_000_000 ~= resamples else { throw ValidationError("--resamples takes 100 to 1000000") }
        if let pictures, !(0...50 ~= pictures) { throw ValidationError("--pictures takes 0 to 50") }
        if let jobs, jobs < 1 { throw ValidationError("--jobs must be at least 1") }
        guard [.all, .foreground, .foregroundUnion].contains(region) else {
            throw ValidationError("--region takes all, foreground or foreground-union")
        }
    }

    func run() throws {
        let status = try reporting { try perform() }
        if status != 0 { throw ExitCode(status) }
    }

    private func perform() throws -> Int32 {
        if let obstacle = FileSystem.obstacleToWriting(below: output) {
            throw Diagnostic(.unwritable, "nothing can be written there: \(obstacle)", at: .init(file: output))
        }
        Allocator.returnLargeBlocks()
        let listed = try classes.map { try ReferenceClass.list($0) } ?? []
        var references = ReferenceReader()
        references.classes = listed
        references.ignored = Set(ignore)
        references.spacing = try millimetres()
        references.limits = limit.limits
        let cases = try ReportCases(labels: labels, images: images, references: references)
        var reader = PredictionReader()
        reader.classes = listed.map(\.name)
        reader.axis = classAxis
        reader.array = array
        reader.isLogits = logits
        reader.limits = limit.limits
        let named = try namedRuns()
        var settings = CalibrationEvidence.Settings()
        settings.evaluation.bins = bins
        settings.evaluation.ignoredLabel = LabelMap.ignoreLabel
        settings.evaluation.boundary = try Length(parsing: boundary)
        settings.region = region
        settings.pictures = pictures ?? max(2, 6 / named.count)
        settings.seed = seed
        let pool = ThreadPool(threads: jobs ?? Machine.processors)
        var outcomes: [(name: String, outcome: ReportRun.Outcome)] = []
        for run in named {
            let run = ReportRun(name: run.name, folder: run.folder, reader: reader, settings: settings)
            outcomes.append((run.name, try run.evidence(of: cases, pool: pool)))
        }
        let problems = outcomes.flatMap(\.outcome.problems)
        for problem in problems.prefix(20) { Terminal.error("\(problem.run), \(problem.item): \(problem.message)") }
        if problems.count > 20 {
            Terminal.error("… and \(problems.count - 20) more that are left out, listed in the report")
        }
        for (name, outcome) in outcomes where outcome.unlabelled > 0 {
            Terminal.error("\(name): \(outcome.unlabelled) file(s) belong to no label and were not looked at")
        }
        let report = try CalibrationReport(
            title: title, runs: outcomes.map { (name: $0.name, evidence: $0.outcome.evidence) },
            bootstrap: Bootstrap(resamples: resamples, seed: seed), problems: problems,
            provenance: provenance(named, outcomes, listed), pool: pool)
        let shown = try outcomes.flatMap { name, outcome in
            try outcome.evidence.pictures(run: name) { try PNGFormat().bytes(of: $0) }
        }
        try report.write(to: output, pictures: shown)
        if json {
            Terminal.out(try report.json().prettyText)
        } else {
            for (name, sentence) in report.verdicts {
                Terminal.out(named.count > 1 ? "\(name): \(sentence)" : sentence)
            }
            Terminal.out("\(FileSystem.join(output, "report.html"))")
        }
        return problems.isEmpty ? 0 : 2
    }

    private func provenance(
        _ named: [(name: String, folder: String)], _ outcomes: [(name: String, outcome: ReportRun.Outcome)],
        _ listed: [ReferenceClass]
    ) -> [CalibrationReport.Fact] {
        var facts = [CalibrationReport.Fact("Program", "lucency \(lucencyVersion)"), .init("Labels", labels)]
        for run in named { facts.append(.init("Predictions of \(run.name)", run.folder)) }
        for (name, outcome) in outcomes {
            let types = outcome.storage.sorted { $0.key < $1.key }.map { type, step in
                step > 0 ? "\(type), off by up to \(step)" : type
            }
            facts.append(
                .init("Stored numbers of \(name)", types.joined(separator: "; ") + (logits ? " (logits)" : "")))
        }
        for (name, outcome) in outcomes {
            facts.append(.init("SHA-256 of predictions, \(name)", outcome.hash { $0.predictions }))
        }
        if let first = outcomes.first?.outcome { facts.append(.init("SHA-256 of labels", first.hash { [$0.label] })) }
        if let images { facts.append(.init("Images", images)) }
        if !listed.isEmpty {
            facts.append(.init("Classes", listed.map { "\($0.label) \($0.name)" }.joined(separator: ", ")))
        }
        if !ignore.isEmpty { facts.append(.init("Ignored labels", ignore.map(String.init).joined(separator: ", "))) }
        if let spacing { facts.append(.init("Assumed spacing", spacing)) }
        facts.append(
            .init(
                "Temperature", "fitted to at most \(CalibrationEvidence.samplePixels) pixels, drawn by seed \(seed)"))
        return facts
    }

    private func namedRuns() throws -> [(name: String, folder: String)] {
        if let predictions { return [(FileSystem.name(of: predictions), predictions)] }
        let named = try runs.map { text -> (name: String, folder: String) in
            guard let mark = text.firstIndex(of: "="), mark != text.startIndex, text.index(after: mark) != text.endIndex
            else { throw ValidationError("--run takes NAME=DIR, and '\(text)' is not that") }
            return (String(text[..<mark]), String(text[text.index(after: mark)...]))
        }
        guard Set(named.map(\.name)).count == named.count else { throw ValidationError("two runs have the same name") }
        return named
    }

    private func millimetres() throws -> SIMD3<Double>? {
        try spacing.map { try ReadingArguments.spacing($0, option: "--spacing") }
    }
}

extension CalibrationRegion: ExpressibleByArgument {}
extension PredictionReader.ClassAxis: ExpressibleByArgument {}
