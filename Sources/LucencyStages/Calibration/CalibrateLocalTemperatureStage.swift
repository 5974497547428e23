import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import LucencyNetworks
import LucencyPipeline
import LucencyReports

private struct CalibrateLocalTemperature: Sendable {
    var settings = LocalTemperatureSample.Settings()
    var region = FittedRegion.all
    var background = 0
    var labels: [Int] = []

    func sample(seed: UInt64) -> LocalTemperatureSample {
        var settings = settings
        settings.region = region.region
        settings.background = Int32(clamping: background)
        settings.labels = labels.map { Int32(clamping: $0) }
        settings.ignoredLabel = LabelMap.ignoreLabel
        settings.seed = seed
        return LocalTemperatureSample(settings)
    }
}

extension LocalTemperatureScaling.Start: ChoiceParameter {}

/// The windows gathered so far; nil before the first case.
private typealias Gathered = LocalTemperatureSample?

extension CollectorDescriptor {
    static let calibrateLocalTemperature = CollectorDescriptor(
        "calibrate.local-temperature",
        "Fits a small network that reads a temperature for each pixel from the logits and the image around it. The answer of "
            + "a pixel never changes.",
        prototype: CalibrateLocalTemperature(), source: "Ding et al., ICCV 2021", isRandom: true,
        groups: [
            StreamGroup<CalibrateLocalTemperature, Gathered>("cases", ports: ["probabilities", "label", "image"]) {
                (
                    stage: CalibrateLocalTemperature, state: inout Gathered, tag: ItemTag, context: StageContext,
                    probabilities: ProbabilityMap, label: LabelMap, image: Image
                ) in
                var sample = state ?? stage.sample(seed: context.seed)
                try sample.add(
                    tag.item, probabilities: probabilities, image: image, reference: label, pool: context.pool)
                state = sample
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
                "window", \.settings.window, in: .within(5...4096),
                help:
                    "Pixels along each side of the part of a case that is kept; memory grows with it. Published: whole "
                    + "images."),
            Parameter(
                "cases", \.settings.cases, in: .within(1...100_000),
                help: "Cases kept, at most, drawn by their names; memory grows with it. Published: all."),
            Parameter(
                "start", \.settings.start,
                help: "The temperature before the fit: two, as the published code has it, or one."),
            Parameter(
                "epochs", \.settings.epochs, in: .within(1...100_000),
                help: "Passes over all windows. Published: 50."),
            Parameter(
                "rate", \.settings.rate, in: .positive,
                help: "Learning rate of Adam, one window a step. Published: 0.0001."),
        ],
        isCommutative: true,
        initial: { _ in nil },
        merge: { _, total, next in
            guard let next else { return }
            var sum = total ?? LocalTemperatureSample(next.settings)
            try sum.merge(next)
            total = sum
        },
        finish: {
            (stage: CalibrateLocalTemperature, state: Gathered, context: StageContext) throws -> (
                ModelFile, RecordValue
            ) in
            let sample = state ?? stage.sample(seed: context.seed), epochs = stage.settings.epochs
            let fitted = try sample.fit(pool: context.pool) { epoch, logLoss in
                context.work.report(
                    WorkProgress(
                        fraction: Double(epoch) / Double(epochs), message: "epoch \(epoch) of \(epochs)",
                        figures: [("log loss", logLoss)]))
                return !context.work.isCancelled()
            }
            if context.work.isCancelled() { throw LongWork.Stopped() }
            return (try ModelFile(fitted: fitted), RecordValue(try JSONValue(encoding: fitted)))
        })
}
