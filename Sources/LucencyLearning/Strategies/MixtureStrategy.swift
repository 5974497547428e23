import LucencyFoundation
import LucencyImaging
import LucencyTensor

/// Learning from a few labelled pixels of each image (scribbles, points, boxes, a slice of a volume): the losses of
/// `GaussianMixture` beside the objective, which sees the labelled pixels only. Unlabelled pixels have the label -1.
///
/// After training nothing of it is left in the network.
public struct MixtureStrategy: Strategy {
    package static let name = "agmm"

    /// Which classes an image may show at all.
    public enum ImageClasses: String, Codable, Hashable, Sendable, CaseIterable {
        /// Those that it has labelled pixels of.
        case labelled
        /// All.
        case all
    }

    /// Of the loss for classes that are not in the image, as the paper has it all weights are 1.
    public var absentWeight = 1.0
    /// Of the loss between memberships and probabilities.
    public var mutualWeight = 1.0
    /// Of the loss between labels and memberships.
    public var supervisedWeight = 1.0
    /// Of the loss that holds the classes' means apart.
    public var separationWeight = 1.0
    public var separation = MixtureSeparation.batchMean
    /// Whether each class and image has a variance of its own, as in the paper; the authors' program has it fixed.
    public var adaptsVariance = false
    /// Whether nothing belongs to any class beyond the image [ours]; only features coarser than the image show a difference.
    public var excludesVoid = true
    public var imageClasses = ImageClasses.labelled

    public init() {}

    package func problems(classes: Int?) -> [Diagnostic] {
        let weights = [absentWeight, mutualWeight, supervisedWeight, separationWeight]
        return weights.allSatisfy { $0 >= 0 && $0.isFinite }
            ? [] : [problem("weights must not be negative, found \(weights)", remedy: "give 0 or more")]
    }

    package func run(in training: StrategyTraining) throws -> (any StrategyRun)? {
        try MixtureRun(self, training)
    }
}

/// The mixture at work in one training. It remembers nothing from step to step.
private final class MixtureRun: StrategyRun {
    private let strategy: MixtureStrategy
    private let mixture: GaussianMixture
    private let classes: Int
    /// With a map that tells the image from what lies beyond.
    private let marked: [TrainingCase]
    /// For each case, 1 for the classes that it cannot show.
    private let absent: [String: [Float]]
    private var inputs: (labels: Value, own: GaussianMixture.Inputs)?

    private static let inside = "agmm.inside"

    init(_ strategy: MixtureStrategy, _ training: StrategyTraining) throws {
        self.strategy = strategy
        classes = training.classes
        mixture = GaussianMixture(
            separation: strategy.separation, adaptsVariance: strategy.adaptsVariance,
            excludesVoid: strategy.excludesVoid)
        var absent: [String: [Float]] = [:]
        for item in training.cases {
            let present = Self.labels(item.sample.labels)
            try Self.requireBackground(present, of: item, strategy)
            absent[item.name] = (0..<classes).map { number in
                strategy.imageClasses == .all || present.contains(Int32(clamping: number)) ? 0 : 1
            }
        }
        self.absent = absent
        marked = try training.cases.map { item in
            let sample = item.sample, count = sample.size.count
            let map = SampleMap(name: Self.inside, channels: 1, values: AlignedBuffer(repeating: 1, count: count))
            return TrainingCase(
                try Sample(
                    name: sample.name, form: sample.form, image: sample.image, labels: sample.labels,
                    maps: sample.maps + [map]))
        }
    }

    /// The labels that occur.
    private static func labels(_ labels: AlignedBuffer<Int32>) -> Set<Int32> {
        labels.withUnsafeBufferPointer { labels in
            var found = Set<Int32>(), last: Int32?
            for label in labels where label != last {
                found.insert(label)
                last = label
            }
            return found
        }
    }

    /// - Throws: `Diagnostic` where foreground is labelled, some pixels are not, and no background is.
    private static func requireBackground(
        _ present: Set<Int32>, of item: TrainingCase, _ strategy: MixtureStrategy
    ) throws {
        guard present.contains(LabelMap.ignoreLabel), present.contains(where: { $0 > 0 }), !present.contains(0) else {
            return
        }
        throw strategy.problem(
            "'\(item.name)' has labelled foreground and no labelled background, so that all of it would become foreground",
            remedy: "mark some background too, such as a scribble or a few points of class 0, and leave the rest -1")
    }

    func record(_ scene: StepScene) throws -> [ObjectiveValues.Part] {
        guard let features = scene.features else {
            throw strategy.problem(
                "this network does not tell what its classifier reads", remedy: "take unet or residual-unet")
        }
        guard let logits = scene.outputs.first, let objective = scene.inputs.first else { return [] }
        let own = try mixture.inputs(on: scene.tape, logits: logits.shape)
        inputs = (objective.labels, own)
        let values = try mixture.record(on: scene.tape, logits: logits, features: features, inputs: own)
        return [
            .init(name: "agmm.absent", weight: strategy.absentWeight, value: values.absent),
            .init(name: "agmm.mutual", weight: strategy.mutualWeight, value: values.mutual),
            .init(name: "agmm.supervised", weight: strategy.supervisedWeight, value: values.supervised),
            .init(name: "agmm.separation", weight: strategy.separationWeight, value: values.separation),
        ]
    }

    func cases(_ original: [TrainingCase]) -> [TrainingCase] { marked }

    func inputs(step: Int, batch: BatchMaker.Batch, tensors: [Value: Tensor]) throws -> [Value: Tensor] {
        guard let inputs, let labels = tensors[inputs.labels] else { return [:] }
        let inside = Tensor(trusted: inputs.own.inside.shape) { out in
            out.initialize(repeating: 1)
            for (image, maps) in batch.maps.enumerated() {
                guard let map = maps.first(where: { $0.name == Self.inside }) else { continue }
                let first = image * map.values.count
                for index in 0..<map.values.count where map.values[index] < 0.5 { out[first + index] = 0 }
            }
        }
        let absent = batch.names.flatMap { self.absent[$0] ?? Array(repeating: 0, count: classes) }
        return [
            inputs.own.labelled: GaussianMixture.labelled(labels, classes: classes), inputs.own.inside: inside,
            inputs.own.absent: try Tensor(inputs.own.absent.shape, AlignedBuffer(absent)),
        ]
    }
}
