import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import LucencyPipeline
import LucencyReports
import LucencyTensor

extension CollectorDescriptor {
    static let trainSegmenter = segmenter(
        "Trains a network that gives every pixel a class.", TrainSegmenter(), groups: [])

    /// A stage that trains segmentation networks.
    /// - Parameter groups: streams besides those of training and validation.
    static func segmenter(
        _ summary: String, _ prototype: TrainSegmenter, groups: [StreamGroup<TrainSegmenter, TrainingImages>]
    ) -> CollectorDescriptor {
        CollectorDescriptor(
            prototype.id, summary, prototype: prototype, isRandom: true, usesKernels: true,
            groups: [
                StreamGroup<TrainSegmenter, TrainingImages>("training", ports: ["image", "label"]) {
                    (
                        _: TrainSegmenter, state: inout TrainingImages, tag: ItemTag, _: StageContext, image: Image,
                        label: LabelMap
                    ) in
                    state.training.append(try LabelledCase(tag.item, image, label))
                },
                StreamGroup<TrainSegmenter, TrainingImages>(
                    "validation", ports: ["validationImage", "validationLabel"], isOptional: true
                ) {
                    (
                        _: TrainSegmenter, state: inout TrainingImages, tag: ItemTag, _: StageContext, image: Image,
                        label: LabelMap
                    ) in
                    state.validation.append(try LabelledCase(tag.item, image, label))
                },
            ] + groups,
            outputs: ["model", "record", "curves", "corrections", "labels"],
            parameters: TrainSegmenter.parameters, check: { try $0.check() },
            initial: { _ in TrainingImages() },
            merge: { _, total, next in
                total.training += next.training
                total.validation += next.validation
                total.unlabelled += next.unlabelled
            },
            finish: {
                (stage: TrainSegmenter, images: TrainingImages, context: StageContext) throws -> (
                    ModelFile, RecordValue, DrawingValue, PageValue, LabelSetValue
                ) in try stage(images, context)
            })
    }
}

extension ValidationMetric: ChoiceParameter {}

/// An image with its classes.
struct LabelledCase: Sendable {
    let name: String
    let image: Image
    let label: LabelMap

    init(_ name: String, _ image: Image, _ label: LabelMap) throws {
        try image.geometry.requireMatch(label.geometry, "image and label of '\(name)'")
        self.name = name
        self.image = image
        self.label = label
    }
}

/// What a training learns from and is judged by.
struct TrainingImages: Sendable {
    var training: [LabelledCase] = []
    var validation: [LabelledCase] = []
    var unlabelled: [(name: String, image: Image)] = []
}

/// The settings of a trainer as they are written in YAML.
struct TrainSegmenter: Sendable {
    enum Kept: String, ChoiceParameter { case best, last }

    /// What the stage is called.
    var id = "train.segmenter"
    /// Whether it is given images without labels.
    var takesUnlabelled = false
    var network = NetworkChoice.usual
    var objective = [
        ObjectiveChoice(component: CrossEntropyTarget()), ObjectiveChoice(component: DiceTerm()),
    ]
    var strategy = StrategyChoice.usual
    var augmentation: [Augmentation] = []
    var validationFraction = 0.2
    var seed: Int?
    var kept = Kept.best
    var settings = TrainingSettings()
    /// What a network with `auto` leaves open where it is not stated.
    var stated = StatedSettings()
    var spacing: [Length]?

    static var parameters: [Parameter<TrainSegmenter>] {
        [
            Parameter("network", \.network, help: "Which network; its channels and classes follow from the data."),
            Parameter("objective", \.objective, help: "One target, and terms that are added to it."),
            Parameter("strategy", \.strategy, help: "How it learns otherwise than from labels as they are."),
            Parameter("optimizer", \.settings.optimizer, help: "How gradients change weights."),
            Parameter("schedule", \.settings.schedule, help: "How the learning rate falls."),
            Parameter("rate", \.settings.rate, in: .positive, help: "Highest learning rate."),
            Parameter(
                "epochs", \.stated.epochs, in: .within(1...1_000_000),
                help: "Passes over the training images; left out: 50, or planned."),
            Parameter(
                "steps", \.stated.steps, in: .within(1...100_000_000),
                help: "Optimiser steps in all; wins over epochs."
            ),
            Parameter(
                "batch", \.stated.batch, in: .within(1...4096), help: "Images in a step; left out: 8, or planned."),
            Parameter(
                "patch", \.stated.patch, in: .within(1...65536),
                help:
                    "Extents in pixels of the patches to learn from, x, y (and z); left out: whole images, or planned."),
            Parameter(
                "patchesPerImage", \.stated.patchesPerCase, in: .within(1...10_000),
                help: "Patches of each image in an epoch; left out: 1, or planned."),
            Parameter(
                "foreground", \.settings.foregroundFraction, in: .within(0...1),
                help: "Part of each batch that is aimed at a foreground class."),
            Parameter("augmentation", \.augmentation, help: "Augmentations, in order."),
            Parameter(
                "spacing", \.spacing, in: .positive,
                help:
                    "Distance between pixels to which images are resampled, x, y (and z); left out: as they are, or planned."
            ),
            Parameter(
                "normalization", \.stated.normalization,
                help: "How intensities come to a common scale; left out: z-score, or planned."),
            Parameter(
                "seed", \.seed, in: .atLeast(0),
                help: "Seed of weights, patches, augmentation and the validation part; left out: that of the run."),
            Parameter(
                "validation", \.validationFraction, in: .within(0...0.9),
                help: "Part of the images to validate with, where no validation source is given; 0: none."),
            Parameter(
                "validateEvery", \.stated.validationInterval, in: .within(1...1_000_000),
                help: "Epochs from one validation to the next; left out: 1, or planned."),
            Parameter(
                "patience", \.settings.patience, in: .within(1...1_000_000),
                help: "Epochs without a better `metric` after which training stops; left out: to the end."),
            Parameter(
                "metric", \.settings.metric,
                help: "What validation is judged by: mean Dice or IoU of the foreground, its lowest Dice, the log loss."
            ),
            Parameter("keep", \.kept, help: "Which weights: of the best validation or the last ones."),
            Parameter(
                "averageDecay", \.settings.averageDecay, in: .within(0...0.99999),
                help: "Decay of a moving average of the weights, which is then kept; left out: none."),
            Parameter(
                "maximumNorm", \.settings.maximumNorm, in: .positive, help: "Longer gradients are shortened to it."),
        ]
    }

    /// Looks for settings that contradict each other, as far as that can be seen without the data.
    /// - Throws: `DiagnosticList` with all of them.
    func check() throws {
        var settings = stated.applied(to: settings)
        settings.objective = Objective(objective.map(\.component))
        settings.strategy = TrainingStrategy(strategy.component)
        var problems = settings.problems()
        let axes = settings.patch.isEmpty ? 2 : settings.patch.count
        problems += network.network.fitted(axes: axes, inputChannels: 1, classes: 2).problems()
        do { _ = try pipeline(likelyNormalization) } catch {
            problems.append(Diagnostic.wrapping(error, as: .badArgument))
        }
        do { _ = try millimetres() } catch { problems.append(error) }
        if settings.strategy.usesUnlabelled, !takesUnlabelled {
            problems.append(
                Diagnostic(
                    .badValue, "the strategy \(settings.strategy.name) has no images without labels to learn from here",
                    remedy: "use `train.semi-supervised` and give them to its input `unlabelled`", severity: .warning))
        }
        if takesUnlabelled { problems += unlabelledWarnings(settings) }
        if !problems.isEmpty { throw DiagnosticList(problems) }
    }

    /// Trains, or goes on where an interrupted run was.
    func callAsFunction(
        _ cases: TrainingImages, _ context: StageContext
    ) throws -> (ModelFile, RecordValue, DrawingValue, PageValue, LabelSetValue) {
        let classes = try classTable(of: cases.training + cases.validation)
        let seed = self.seed.map { UInt64(clamping: $0) } ?? context.seed
        let (training, validation) = divided(cases, seed: seed)
        var settings = settings
        settings.seed = seed
        settings.objective = Objective(objective.map(\.component))
        settings.strategy = TrainingStrategy(strategy.component)
        settings.keepsBest = kept == .best
        let setup = try setup(
            training, validation, settings, classes: classes.classes.count, unlabelled: cases.unlabelled.count,
            kernels: Kernels(family: context.kernels))
        let (network, preprocessing) = (setup.network, setup.preprocessing)
        settings = setup.settings
        settings.augmentation = try pipeline(preprocessing.channels.first?.normalization ?? .none)
        let isStained = settings.augmentation.augmentations.contains { if case .stain = $0 { true } else { false } }
        func prepared(_ list: [LabelledCase], raw: Bool) throws -> [TrainingCase] {
            let prepare = raw ? preprocessing.withoutNormalization : preprocessing
            return try list.map { item in
                do {
                    return try TrainingCase(
                        name: item.name, image: prepare(item.image, pool: context.pool),
                        labels: prepare.labels(item.label, pool: context.pool))
                } catch {
                    throw Diagnostic.wrapping(error, as: .stageFailed).located(in: item.name)
                }
            }
        }
        // Images of a size share the labels that they have not.
        var ignored: [Int: AlignedBuffer<Int32>] = [:]
        let unlabelled = try cases.unlabelled.map { item in
            let count = item.image.size.count
            let labels = ignored[count] ?? AlignedBuffer(repeating: LabelMap.ignoreLabel, count: count)
            ignored[count] = labels
            return try LabelledCase(item.name, item.image, LabelMap(geometry: item.image.geometry, labels: labels))
        }
        let trainer = try SegmentationTrainer(
            network, classes: classes.classes.count, training: prepared(training, raw: isStained),
            validation: prepared(validation, raw: false), unlabelled: prepared(unlabelled, raw: isStained),
            settings: settings,
            kernels: Kernels(family: context.kernels), pool: context.pool)
        let bytes = try trainer.predictedBytes()
        context.work.report(
            WorkProgress(
                fraction: 0,
                message:
                    "\(training.count) images to train, "
                    + (unlabelled.isEmpty ? "" : "\(unlabelled.count) without labels, ")
                    + "\(validation.count) to validate, \(trainer.epochs) epochs, "
                    + "\(bytes >> 20) MB" + (setup.plan.map { "; planned: \($0.summary)" } ?? "")))
        for note in trainer.notes { context.work.report(WorkProgress(fraction: 0, message: "note: \(note)")) }
        let key = try SHA256.hex(
            of: [JSONValue(encoding: settings).text, type(of: network).kind, JSONValue(encoding: network).text].joined()
        )
        let result = try trainer.train(
            folder: context.work.folder, key: key, isCancelled: context.work.isCancelled
        ) { context.work.report($0.work(classes)) }
        guard let result else { throw LongWork.Stopped() }
        var facts: [String: JSONValue] = [
            "method": .string(id), "settings": try JSONValue(encoding: trainer.settings),
            "patch": .array(trainer.settings.patch.map { .integer($0) }), "seed": .string(String(seed)),
            "kernels": .string(context.kernels.rawValue), "epoch": .integer(result.epoch),
            "epochs": .integer(result.history.count),
            "cases": ["training": .integer(training.count), "validation": .integer(validation.count)],
        ]
        if takesUnlabelled { facts["unlabelled"] = .integer(unlabelled.count) }
        if let stages = context.histories["image"] { facts["stages"] = stages }
        if let score = result.validation { facts["validation"] = score.json }
        if let plan = setup.plan { facts["plan"] = try JSONValue(encoding: plan.decisions) }
        var remembered = preprocessing
        for number in remembered.channels.indices {
            remembered.channels[number].range = Self.range(of: number, in: training)
        }
        let model = try ModelFile(
            network, parameters: result.parameters, preprocessing: remembered, classes: classes,
            training: .object(facts))
        let corrections = LabelCorrections(result: result, trainer: trainer, classes: classes)
        return (
            model, RecordValue(.array(result.history.map(\.json))), DrawingValue(svg: Self.curves(result.history).svg),
            context.wants("corrections") ? try corrections.page(context) : PageValue(html: ""),
            context.wants("labels") ? try corrections.labels() : LabelSetValue(maps: [])
        )
    }

    /// Lowest and highest intensity of a channel.
    private static func range(of channel: Int, in cases: [LabelledCase]) -> [Double]? {
        let range = cases.reduce(into: (Float.infinity, -Float.infinity)) { range, item in
            guard channel < item.image.channels else { return }
            item.image.withChannel(channel) { values in
                for value in values { range = (min(range.0, value), max(range.1, value)) }
            }
        }
        return range.0 <= range.1 ? [Double(range.0), Double(range.1)] : nil
    }

    /// The augmentations; a stain jitter needs the original scale, so that normalization comes after it.
    private func pipeline(_ normalization: Preprocessing.Normalization) throws -> AugmentationPipeline {
        guard let index = augmentation.lastIndex(where: { if case .stain = $0 { true } else { false } }) else {
            return AugmentationPipeline(augmentation)
        }
        guard case .window(let low, let high) = normalization, low < high else {
            throw Diagnostic(
                .badArgument, "the augmentation `stain` needs colours on their own scale",
                remedy: "write `normalization: {uses: window, with: {low: 0, high: 255}}`")
        }
        var steps = augmentation
        let normalize = ChannelNormalization(
            means: Array(repeating: low, count: 3), deviations: Array(repeating: high - low, count: 3))
        steps.insert(.normalize(normalize), at: index + 1)
        return AugmentationPipeline(steps)
    }

    /// Cases to train and to validate with.
    private func divided(
        _ cases: TrainingImages, seed: UInt64
    ) -> (training: [LabelledCase], validation: [LabelledCase]) {
        guard cases.validation.isEmpty, validationFraction > 0, cases.training.count > 1 else {
            return (cases.training, cases.validation)
        }
        let count = min(
            cases.training.count - 1, max(1, Int((Double(cases.training.count) * validationFraction).rounded())))
        let ranked = cases.training.map { item -> (rank: UInt64, name: String) in
            var random = PhiloxStream(seed: seed, stream: "validation \(item.name)")
            return (random.next(), item.name)
        }
        let chosen = Set(ranked.sorted { ($0.rank, $0.name) < ($1.rank, $1.name) }.prefix(count).map(\.name))
        return (
            cases.training.filter { !chosen.contains($0.name) }, cases.training.filter { chosen.contains($0.name) }
        )
    }

    /// The classes that the labels name, or as many as the highest label says.
    private func classTable(of cases: [LabelledCase]) throws -> ClassTable {
        var highest: Int32 = 1
        for item in cases {
            for label in item.label.presentLabels() where label != LabelMap.ignoreLabel {
                guard (0...255).contains(label) else {
                    throw Diagnostic(
                        .badLabel, "the label \(label) of '\(item.name)' is no class number of 0...255",
                        remedy: "say what stored values mean: `classes: {background: 0, cell: 255}` on the source")
                }
                highest = max(highest, label)
            }
        }
        let table = cases.first?.label.table ?? [:]
        highest = max(highest, table.keys.max() ?? 0)
        guard highest <= 255 else { throw Diagnostic(.badLabel, "there are more than 256 classes") }
        return ClassTable(
            (0...highest).map { number in
                let known = table[number], name = known?.name ?? ""
                let fallback = number == 0 ? "background" : "class \(number)"
                return ClassTable.Entry(
                    name: name.isEmpty ? fallback : name, value: number,
                    color: known?.color.map { [$0.x, $0.y, $0.z] })
            })
    }

    private static func curves(_ history: [EpochRecord]) -> LineChart {
        var chart = LineChart(title: "Training", xLabel: "epoch")
        chart.lines.append(
            LineChart.Line("loss", points: history.map { (Double($0.epoch), $0.loss) }))
        for name in (history.first?.parts.keys.sorted() ?? []) where (history.first?.parts.count ?? 0) > 1 {
            chart.lines.append(
                LineChart.Line(name, points: history.map { (Double($0.epoch), $0.parts[name] ?? .nan) }))
        }
        let scores = history.compactMap { entry in entry.validation.map { (Double(entry.epoch), $0.dice) } }
        if !scores.isEmpty { chart.lines.append(LineChart.Line("validation Dice", points: scores)) }
        return chart
    }
}

extension SegmentationTrainer.Progress {
    fileprivate func work(_ classes: ClassTable) -> WorkProgress {
        var figures = [(name: "loss", value: record.loss)]
        if let score = record.validation { figures.append(("Dice", score.dice)) }
        figures.append(("images/s", imagesPerSecond))
        figures.append(("s left", secondsLeft.rounded()))
        return WorkProgress(
            fraction: Double(record.epoch) / Double(max(1, epochs)), message: "epoch \(record.epoch) of \(epochs)",
            figures: figures)
    }
}
