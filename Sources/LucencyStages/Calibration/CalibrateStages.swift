import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import LucencyNetworks
import LucencyPipeline
import LucencyReports

/// The settings that all fits share.
private struct CalibrateSettings: Sendable {
    var region = FittedRegion.all
    var background = 0
    var labels: [Int] = []
    var pixels = 2048
    var bins = 15
    var search = TemperatureScaling.Search.optimum

    func sample(seed: UInt64) -> RecalibrationSample {
        var settings = RecalibrationSample.Settings()
        settings.region = region.region
        settings.background = Int32(clamping: background)
        settings.labels = labels.map { Int32(clamping: $0) }
        settings.ignoredLabel = LabelMap.ignoreLabel
        settings.pixelsPerCase = pixels
        settings.bins = bins
        settings.seed = seed
        return RecalibrationSample(settings)
    }
}

/// Which pixels something is fitted to or promised for.
enum FittedRegion: String, ChoiceParameter {
    case all, foreground
    case foregroundUnion = "foreground-union"

    var region: CalibrationRegion { CalibrationRegion(rawValue: rawValue) ?? .all }
}

extension TemperatureScaling.Search: ChoiceParameter {}

/// The pixels gathered so far; nil before the first case.
private typealias Gathered = RecalibrationSample?

extension CollectorDescriptor {
    static let calibrateTemperature = calibrate(
        "temperature", "Fits one temperature that divides all logits. The answer of a pixel never changes.",
        source: "Guo et al. 2017",
        more: [
            Parameter(
                "search", \.search,
                help:
                    "The optimum, or the best of 0.1, 0.2 … 10 by log loss or ECE (the published code of MbLS and NACL)."
            )
        ]
    ) { .temperature($0.search) }

    static let calibrateVector = calibrate(
        "vector", "Fits a scale and a shift for each class's log-probability. Answers may change.",
        source: "Guo et al. 2017"
    ) { _ in .vector }

    static let calibratePlatt = calibrate(
        "platt", "Fits a sigmoid to the score of not being background. Answers may change.", source: "Platt 1999"
    ) { _ in .platt }

    static let calibrateHistogramBinning = calibrate(
        "histogram-binning", "Replaces each class's probability by the share observed in its bin. Answers may change.",
        source: "Zadrozny and Elkan 2001", more: [bins]
    ) { _ in .histogramBinning }

    static let calibrateIsotonic = calibrate(
        "isotonic", "Fits a rising function to each class's probability. Answers may change.",
        source: "Zadrozny and Elkan 2002"
    ) { _ in .isotonic }

    private static let bins = Parameter<CalibrateSettings>(
        "bins", \.bins, in: .within(1...100), help: "Bins of probability.")

    private static func calibrate(
        _ name: String, _ summary: String, source: String, more: [Parameter<CalibrateSettings>] = [],
        choice: @escaping @Sendable (CalibrateSettings) -> RecalibrationChoice
    ) -> CollectorDescriptor {
        CollectorDescriptor(
            "calibrate." + name, summary, prototype: CalibrateSettings(), source: source, isRandom: true,
            groups: [
                StreamGroup<CalibrateSettings, Gathered>("cases", ports: ["probabilities", "label"]) {
                    (
                        stage: CalibrateSettings, state: inout Gathered, tag: ItemTag, context: StageContext,
                        probabilities: ProbabilityMap, label: LabelMap
                    ) in
                    var sample = stage.sample(seed: context.seed)
                    try sample.add(tag.item, probabilities: probabilities, reference: label, pool: context.pool)
                    try merge(&state, sample)
                }
            ],
            outputs: ["model", "record"],
            parameters: [
                Parameter(
                    "region", \.region,
                    help: "The pixels to fit to: all, the labels' foreground, or that of labels and predictions."),
                Parameter("background", \.background, help: "The label of background."),
                Parameter(
                    "labels", \.labels,
                    help: "The label of each class; left out: as the labels are named, or 0, 1, 2, … in order."),
                Parameter(
                    "pixels", \.pixels, in: .within(1...1_000_000),
                    help: "Pixels kept of each case, drawn evenly over it."),
            ] + more,
            isCommutative: true,
            coding: StateCoding(
                encode: { state in try state.map { try JSONValue(encoding: $0) } ?? .null },
                decode: { json in json == .null ? nil : try json.decoded(as: RecalibrationSample.self) }),
            initial: { _ in nil },
            merge: { _, total, next in if let next { try merge(&total, next) } },
            finish: {
                (stage: CalibrateSettings, state: Gathered, context: StageContext) throws -> (ModelFile, RecordValue) in
                let sample = state ?? stage.sample(seed: context.seed)
                let fitted = try sample.fit(choice(stage), pool: context.pool)
                return (try ModelFile(fitted: fitted), RecordValue(try JSONValue(encoding: fitted)))
            })
    }

    private static func merge(_ total: inout Gathered, _ next: RecalibrationSample) throws {
        var sum = total ?? RecalibrationSample(next.settings)
        try sum.merge(next)
        total = sum
    }
}

private struct CalibrateApply: Sendable {}

extension StageDescriptor {
    static let calibrateApply = StageDescriptor(
        "calibrate.apply",
        "Makes probabilities of pixels, or of images' classes, better calibrated, by what was fitted to held-out images.",
        prototype: CalibrateApply(),
        forms: [
            StageForm(inputs: ["probabilities", "model", "image"], outputs: ["probabilities"]) { _, context in
                { (probabilities: ProbabilityMap, model: ModelFile, image: Image?) throws -> ProbabilityMap in
                    let recalibration: Recalibration = try model.fitted()
                    return try recalibration(probabilities, image: image, pool: context.pool)
                }
            },
            StageForm(inputs: ["classes", "model"], outputs: ["table"]) { _, _ in
                { (classes: Table, model: ModelFile) throws -> Table in
                    try classes.recalibrated(by: model.fitted())
                }
            },
        ])
}
