import LucencyCalibration
import LucencyFormats
import LucencyFoundation
import LucencyImaging
import LucencyPipeline
import LucencyReports

/// The cases of each combination of gathered variants, by the combination's text: a run of the report.
private typealias Gathered = [String: CalibrationEvidence]

private struct ReportCalibration: Sendable {
    var settings = CalibrationEvidence.Settings()
    var region = HeadlineRegion.foregroundUnion
    var resamples = 2000
    var title = "Calibration report"

    enum HeadlineRegion: String, ChoiceParameter {
        case all, foreground
        case foregroundUnion = "foreground-union"
    }

    /// - Parameter seed: of the run, so that what is drawn depends on nothing else.
    func settings(seed: UInt64) -> CalibrationEvidence.Settings {
        var settings = settings
        settings.evaluation.ignoredLabel = LabelMap.ignoreLabel
        settings.region = CalibrationRegion(rawValue: region.rawValue) ?? .foregroundUnion
        settings.seed = seed
        return settings
    }

    func report(_ gathered: Gathered, _ context: StageContext) throws -> (CalibrationReport, [CasePicture]) {
        let runs = gathered.sorted { $0.key < $1.key }.map { (name: $0.key, evidence: $0.value) }
        let report = try CalibrationReport(
            title: title, runs: runs, bootstrap: Bootstrap(resamples: resamples, seed: context.seed),
            provenance: [
                .init("Program", "lucency \(lucencyVersion)"), .init("Stage", context.stage),
                .init("Seed", "\(context.seed)"),
                .init("Temperature", "fitted to at most \(CalibrationEvidence.samplePixels) pixels"),
            ], pool: context.pool)
        let pictures = try runs.flatMap { name, evidence in
            try evidence.pictures(run: name) { try PNGFormat().bytes(of: $0) }
        }
        return (report, pictures)
    }
}

extension CollectorDescriptor {
    static let reportCalibration = CollectorDescriptor(
        "report.calibration",
        "A page on how far probabilities can be believed: verdict, reliability, classes, borders, worst cases, temperature.",
        prototype: ReportCalibration(), isRandom: true,
        groups: [
            StreamGroup<ReportCalibration, Gathered>(
                "cases", ports: ["probabilities", "label", "image", "posterior", "clean"]
            ) {
                (
                    stage: ReportCalibration, state: inout Gathered, tag: ItemTag, context: StageContext,
                    probabilities: ProbabilityMap, label: LabelMap, image: Image?, posterior: ProbabilityMap?,
                    clean: ProbabilityMap?
                ) in
                let run = tag.variants.sorted { $0.key < $1.key }.map(\.value).joined(separator: ", ")
                let settings = stage.settings(seed: context.seed)
                try state[run.isEmpty ? "predictions" : run, default: CalibrationEvidence(settings)].add(
                    CalibrationEvidence.Case(
                        tag.item, probabilities: probabilities, reference: label, image: image, posterior: posterior,
                        clean: clean, settings: settings, pool: context.pool))
            }
        ],
        outputs: ["page", "record", "summary", "cases", "classes", "regions", "reliability", "diagrams"],
        parameters: [
            Parameter("title", \.title, help: "Heading of the page."),
            Parameter("region", \.region, help: "What headline numbers are about."),
            Parameter(
                "bins", \.settings.evaluation.bins, in: .within(1...100), help: "Equal-width bins of confidence."),
            Parameter(
                "boundary", \.settings.evaluation.boundary, in: .atLeast(0),
                help: "Width of the band along borders: whole pixels, or a length such as 2 mm."),
            Parameter(
                "pictures", \.settings.pictures, in: .within(0...50), help: "Worst cases of each run shown as pictures."
            ),
            Parameter(
                "resamples", \.resamples, in: .within(100...1_000_000),
                help: "How often cases are drawn for intervals, and signs for tests between runs."),
        ],
        isCommutative: true,
        initial: { _ in [:] },
        merge: { _, total, next in
            for (run, evidence) in next {
                try total[run, default: CalibrationEvidence(evidence.settings)].merge(evidence)
            }
        },
        finish: {
            (stage: ReportCalibration, gathered: Gathered, context: StageContext) throws -> (
                PageValue, RecordValue, Table, Table, Table, Table, Table, DrawingValue
            ) in
            let (report, pictures) = try stage.report(gathered, context)
            let tables = Dictionary(uniqueKeysWithValues: try report.tables().map { ($0.name, $0.table) })
            func table(_ name: String) throws -> Table { try tables[name] ?? Table(columns: []) }
            return (
                PageValue(html: report.page(pictures: pictures)), RecordValue(try report.json()), try table("summary"),
                try table("cases"), try table("classes"), try table("regions"), try table("reliability"),
                DrawingValue(svg: report.reliabilityOfRuns.svg)
            )
        })
}
