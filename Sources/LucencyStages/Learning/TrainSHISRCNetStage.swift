import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import LucencyPipeline
import LucencyReports
import LucencyTensor

extension CollectorDescriptor {
    static let trainSHISRCNet = CollectorDescriptor(
        "train.shisrcnet",
        "Trains a network that sharpens coarse pictures of tissue and says which class they are of.",
        prototype: TrainSHISRCNet(), source: "Xie et al., MICCAI 2023", isRandom: true, usesKernels: true,
        groups: [
            StreamGroup<TrainSHISRCNet, HistologyPictures>("training", ports: ["image", "facts", "low"]) {
                (
                    stage: TrainSHISRCNet, state: inout HistologyPictures, tag: ItemTag, context: StageContext,
                    image: Image, facts: Table, low: Image?
                ) in
                state.training.append(try stage.picture(tag.item, image, facts, low, context))
            },
            StreamGroup<TrainSHISRCNet, HistologyPictures>(
                "validation", ports: ["validationImage", "validationFacts", "validationLow"], isOptional: true
            ) {
                (
                    stage: TrainSHISRCNet, state: inout HistologyPictures, tag: ItemTag, context: StageContext,
                    image: Image, facts: Table, low: Image?
                ) in
                state.validation.append(try stage.picture(tag.item, image, facts, low, context))
            },
        ],
        outputs: ["model", "record", "curves"], parameters: TrainSHISRCNet.parameters, check: { try $0.check() },
        initial: { _ in HistologyPictures() },
        merge: { _, total, next in
            total.training += next.training
            total.validation += next.validation
        },
        finish: {
            (stage: TrainSHISRCNet, pictures: HistologyPictures, context: StageContext) throws -> (
                ModelFile, RecordValue, DrawingValue
            ) in try stage(pictures, context)
        })
}

extension HistologyObjective.Form: ChoiceParameter {}
extension HistologySettings.Order: ChoiceParameter {}
extension HistologySettings.ClassWeights: ChoiceParameter {}
extension HistologySettings.Metric: ChoiceParameter {}
extension ContrastiveSimilarity: ChoiceParameter {}

/// What a training learns from and is judged by.
struct HistologyPictures: Sendable {
    var training: [HistologyCase] = []
    var validation: [HistologyCase] = []
}

/// The settings of a joint training as they are written in YAML.
struct TrainSHISRCNet: Sendable {
    var network = SHISRCNet()
    var classes = ["benign", "malignant"]
    var classFact = "class"
    var patientFact: String?
    var settings = HistologySettings()
    var augmentation = HistologySettings().augmentation.augmentations
    var validationFraction = 0.2
    var kept = TrainSegmenter.Kept.best
    var seed: Int?

    static var parameters: [Parameter<TrainSHISRCNet>] {
        [
            Parameter("factor", \.network.factor, in: .within(2...8), help: "Times by which sides grow: 2, 4 or 8."),
            Parameter(
                "skip", \.network.skip,
                help: "What super-resolution is counted from: zero, as published, or bicubic interpolation."),
            Parameter(
                "gate", \.network.gate,
                help: "Gates of the multi-feature blocks: plain as the figure has them, or those that the code runs."),
            Parameter(
                "features", \.network.features, in: .within(1...4096), help: "Channels within the super-resolution."),
            Parameter(
                "blocks", \.network.blocks, in: .within(1...64), help: "Multi-feature blocks of the super-resolution."),
            Parameter(
                "classes", \.classes,
                help: "Names of the classes, in the order of the probabilities; the fact `class` of an item is one."),
            Parameter("classFact", \.classFact, help: "The fact that names an item's class."),
            Parameter(
                "patientFact", \.patientFact,
                help:
                    "The fact that says who an item is of, so that a patient is on one side only; left out: `patient` "
                    + "where there is such a fact."),
            Parameter(
                "white", \.settings.white, in: .positive,
                help: "The level of full intensity, which becomes 1: 255 of bytes."),
            Parameter(
                "superResolution", \.settings.objective.superResolution, in: .within(0...1000),
                help: "Weight of the mean distance between super-resolved and sharp pictures."),
            Parameter(
                "classification", \.settings.objective.classification, in: .within(0...1000),
                help: "Weight of the focal loss, half of it for super-resolved and half for sharp pictures."),
            Parameter(
                "contrast", \.settings.objective.contrast, in: .within(0...1000),
                help: "Weight of NT-Xent between the descriptors of super-resolved and sharp pictures."),
            Parameter(
                "gamma", \.settings.objective.gamma, in: .within(0...100),
                help: "How little the focal loss cares of easy pictures."),
            Parameter(
                "temperature", \.settings.objective.temperature, in: .positive, help: "Temperature of NT-Xent."),
            Parameter(
                "similarity", \.settings.objective.similarity,
                help: "How alike descriptors are: by their directions, or inner products."),
            Parameter(
                "form", \.settings.objective.form,
                help: "The intended objective, or what the public script computes, defects and all."),
            Parameter(
                "order", \.settings.order,
                help:
                    "Both parts from the first step, super-resolution alone first, or the classifier alone on pictures "
                    + "that are enlarged as the network begins."),
            Parameter(
                "firstStage", \.settings.firstStage, in: .within(0...0.99),
                help: "Part of the steps in which `staged` trains super-resolution alone."),
            Parameter(
                "classWeights", \.settings.classWeights,
                help: "Every picture counts alike, or those of rare classes more."),
            Parameter("optimizer", \.settings.optimizer, help: "How gradients change weights."),
            Parameter("schedule", \.settings.schedule, help: "How the learning rate falls."),
            Parameter("rate", \.settings.rate, in: .positive, help: "Highest learning rate."),
            Parameter(
                "epochs", \.settings.epochs, in: .within(1...1_000_000), help: "Passes over the training pictures."),
            Parameter(
                "steps", \.settings.steps, in: .within(1...100_000_000),
                help: "Optimiser steps in all; wins over epochs."),
            Parameter("batch", \.settings.batch, in: .within(1...1024), help: "Pictures in a step."),
            Parameter(
                "patch", \.settings.patch, in: .within(64...16384),
                help: "Side in pixels of the sharp patches to learn from, a multiple of 64."),
            Parameter(
                "patchesPerImage", \.settings.patchesPerCase, in: .within(1...10_000),
                help: "Patches of each picture in an epoch."),
            Parameter("augmentation", \.augmentation, help: "flip, rot90 and stain, in order."),
            Parameter(
                "validation", \.validationFraction, in: .within(0...0.9),
                help:
                    "Part of the pictures to validate with, whole patients, where no validation source is given; 0: none."
            ),
            Parameter(
                "validateEvery", \.settings.validationInterval, in: .within(1...1_000_000),
                help: "Epochs from one validation to the next."),
            Parameter(
                "patience", \.settings.patience, in: .within(1...1_000_000),
                help: "Epochs without a better `metric` after which training stops; left out: to the end."),
            Parameter(
                "metric", \.settings.metric,
                help:
                    "What validation is judged by: the objective, PSNR, accuracy or log loss of super-resolved pictures."
            ),
            Parameter("keep", \.kept, help: "Which weights: of the best validation or the last ones."),
            Parameter(
                "averageDecay", \.settings.averageDecay, in: .within(0...0.99999),
                help: "Decay of a moving average of the weights, which is then kept; left out: none."),
            Parameter(
                "maximumNorm", \.settings.maximumNorm, in: .positive, help: "Longer gradients are shortened to it."),
            Parameter(
                "seed", \.seed, in: .atLeast(0),
                help: "Seed of weights, patches, augmentation and the validation part; left out: that of the run."),
        ]
    }

    private var resolved: HistologySettings {
        var settings = settings
        settings.keepsBest = kept == .best
        // Stains need the level of an empty pixel, which is stated once.
        settings.augmentation = AugmentationPipeline(
            augmentation.map { step in
                guard case .stain(var jitter) = step else { return step }
                jitter.white = settings.white
                return .stain(jitter)
            })
        return settings
    }

    /// Looks for settings that contradict each other.
    /// - Throws: `DiagnosticList` with all of them.
    func check() throws {
        var network = network
        network.classes = classes.count
        var problems = resolved.problems() + network.problems()
        if classes.count < 2 || Set(classes).count != classes.count {
            problems.append(
                Diagnostic(.badValue, "`classes` must be two or more different names, found \(classes)"))
        }
        if settings.patch % 64 != 0 {
            problems.append(
                Diagnostic(
                    .badValue, "a patch of \(settings.patch) pixels is no multiple of 64",
                    remedy: "take \((settings.patch / 64 + 1) * 64)"))
        }
        if !problems.isEmpty { throw DiagnosticList(problems) }
    }

    /// An item with its class and patient.
    func picture(
        _ name: String, _ image: Image, _ facts: Table, _ low: Image?, _ context: StageContext
    ) throws -> HistologyCase {
        let fact = try facts.fact(classFact)
        guard let label = classes.firstIndex(of: fact) else {
            throw Diagnostic(
                .badLabel, "'\(name)' is of the class '\(fact)', which `classes` does not name",
                remedy: "they are \(classes.joined(separator: ", "))")
        }
        for picture in [image, low].compactMap({ $0 }) { try checkWhite(name, picture) }
        return try HistologyCase(
            name: name, sharp: image, coarse: low, factor: network.factor, label: label,
            patient: patientFact.map { try facts.fact($0) } ?? facts.fact(ifThere: "patient"), pool: context.pool)
    }

    /// `white` of another depth than the pictures' would make them black or burnt out without a word.
    private func checkWhite(_ name: String, _ picture: Image) throws(Diagnostic) {
        let white = settings.white
        let highest = picture.pixels.withUnsafeBufferPointer { Double($0.max() ?? 0) }
        let range = picture.origin?.stored.integerRange
        if highest > white {
            throw Diagnostic(
                .badValue, "'\(name)' has intensities up to \(highest), above `white`, which is \(white)",
                remedy: range.map { "state `white: \($0.upperBound)`" } ?? "state their full intensity as `white`")
        }
        if let range, white > Double(range.upperBound) {
            throw Diagnostic(
                .badValue, "'\(name)' is stored with values up to \(range.upperBound), and `white` is \(white)",
                remedy: "state `white: \(range.upperBound)`")
        }
    }

    /// Trains, or goes on where an interrupted run was.
    func callAsFunction(
        _ pictures: HistologyPictures, _ context: StageContext
    ) throws -> (ModelFile, RecordValue, DrawingValue) {
        let seed = self.seed.map { UInt64(clamping: $0) } ?? context.seed
        var settings = resolved
        settings.seed = seed
        var network = network
        network.classes = classes.count
        network.inputChannels = pictures.training.first?.channels ?? 3
        var (training, validation) = (pictures.training, pictures.validation)
        if validation.isEmpty {
            (training, validation) = HistologyCase.divided(training, validation: validationFraction, seed: seed)
            if validation.isEmpty, validationFraction > 0, !training.isEmpty {
                throw Diagnostic(
                    .noItems, "all pictures are of one patient, so that none can be kept for validation",
                    remedy: "add patients, or state `validation: 0` and train without one")
            }
        }
        let kernels = Kernels(family: context.kernels)
        let trainer = try HistologyTrainer(
            network, training: training, validation: validation, settings: settings, kernels: kernels,
            pool: context.pool)
        context.work.report(
            WorkProgress(
                fraction: 0,
                message:
                    "\(training.count) pictures to train, \(validation.count) to validate, \(trainer.epochs) epochs, "
                    + "\(trainer.steps) steps, \(try trainer.predictedBytes() >> 20) MB"))
        let key = try SHA256.hex(
            of: [JSONValue(encoding: settings).text, SHISRCNet.kind, JSONValue(encoding: network).text].joined())
        let result = try trainer.train(folder: context.work.folder, key: key, isCancelled: context.work.isCancelled) {
            context.work.report($0.work)
        }
        guard let result else { throw LongWork.Stopped() }
        func patients(_ cases: [HistologyCase]) -> JSONValue {
            .integer(Set(cases.compactMap(\.patient)).count)
        }
        var facts: [String: JSONValue] = [
            "method": "train.shisrcnet", "settings": try JSONValue(encoding: settings), "seed": .string(String(seed)),
            "kernels": .string(context.kernels.rawValue), "epoch": .integer(result.epoch),
            "epochs": .integer(result.history.count),
            "cases": ["training": .integer(training.count), "validation": .integer(validation.count)],
            "patients": ["training": patients(training), "validation": patients(validation)],
        ]
        if let stages = context.histories["image"] { facts["stages"] = stages }
        if let score = result.validation { facts["validation"] = .object(score.values.mapValues { .number($0) }) }
        let names =
            network.inputChannels == 3 ? ["red", "green", "blue"] : (1...network.inputChannels).map { "channel \($0)" }
        let model = try ModelFile(
            network, parameters: result.parameters,
            preprocessing: Preprocessing(
                channels: names.map { .init(name: $0, normalization: .window(low: 0, high: settings.white)) }),
            classes: ClassTable(classes.enumerated().map { .init(name: $1, value: Int32($0)) }),
            training: .object(facts))
        return (
            model, RecordValue(.array(result.history.map(\.json))), DrawingValue(svg: Self.curves(result.history).svg)
        )
    }

    /// Loss and its parts, and what validation says: how much better than bicubic interpolation, in dB, and accuracy.
    private static func curves(_ history: [EpochRecord]) -> LineChart {
        var chart = LineChart(title: "Training", xLabel: "epoch")
        chart.lines.append(LineChart.Line("loss", points: history.map { (Double($0.epoch), $0.loss) }))
        for name in Set(history.flatMap(\.parts.keys)).sorted() {
            chart.lines.append(
                LineChart.Line(
                    name, points: history.compactMap { entry in entry.parts[name].map { (Double(entry.epoch), $0) } }))
        }
        let scored = history.compactMap { entry in entry.scores.map { (Double(entry.epoch), $0) } }
        guard !scored.isEmpty else { return chart }
        chart.lines.append(
            LineChart.Line(
                "dB above bicubic", points: scored.map { ($0, ($1["psnr"] ?? .nan) - ($1["bicubicPSNR"] ?? .nan)) }))
        chart.lines.append(LineChart.Line("accuracy", points: scored.map { ($0, $1["accuracy"] ?? .nan) }))
        return chart
    }
}

extension HistologyTrainer.Progress {
    fileprivate var work: WorkProgress {
        var figures = [(name: "loss", value: record.loss)]
        if let scores = record.scores {
            figures += [
                ("PSNR", scores["psnr"] ?? .nan), ("bicubic", scores["bicubicPSNR"] ?? .nan),
                ("accuracy", scores["accuracy"] ?? .nan),
            ]
        }
        figures += [("images/s", imagesPerSecond), ("s left", secondsLeft.rounded())]
        return WorkProgress(
            fraction: Double(record.epoch) / Double(max(1, epochs)), message: "epoch \(record.epoch) of \(epochs)",
            figures: figures)
    }
}

extension MultiFeature.Gate: ChoiceParameter {}
extension SuperResolver.Skip: ChoiceParameter {}
