import LucencyFoundation
import LucencyTensor

/// Learning from one's own word: after a part of the training the network labels the images without labels once and for all,
/// and goes on learning from both. All pixels count, however unsure.
///
/// D.-H. Lee, "Pseudo-label", ICML 2013 Workshops, with a teacher that stands still; the student goes on from it instead of
/// beginning anew [ours].
public struct SelfTraining: Strategy {
    public static let name = "self-training"
    package var usesUnlabelled: Bool { weight > 0 }

    public var weight = 1.0
    /// The part of the training after which the teacher stands still and is learnt from, between 0 and 1.
    public var start = 0.5
    /// Whether the student sees strongly augmented copies.
    public var isStrong = false

    public init() {}

    package func problems(classes: Int?) -> [Diagnostic] {
        problems(weight: weight, numbers: [("start", start, 0.01...0.99)])
    }

    package func run(in training: StrategyTraining) throws -> (any StrategyRun)? {
        try UnlabelledRun.of(
            FrozenLesson(settings: self, first: max(1, Int((start * Double(training.steps)).rounded()))), training)
    }
}

/// Self-training at work.
private struct FrozenLesson: UnlabelledLesson {
    let settings: SelfTraining
    /// The first step in which the teacher is believed.
    let first: Int
    private var loss = WeightedPseudoLabels()
    private var facts = EpochMeans()

    init(settings: SelfTraining, first: Int) { (self.settings, self.first) = (settings, first) }

    var name: String { SelfTraining.name }
    var weight: Double { settings.weight }
    var isStrong: Bool { settings.isStrong }
    var judged: JudgedNetwork { .student }

    func keeping(step: Int) -> Float { step < first ? 0 : 1 }
    func isIdle(step: Int) -> Bool { step < first }

    mutating func record(on tape: Tape, logits: Value) throws -> Value { try loss.record(on: tape, logits: logits) }

    mutating func inputs(step: Int, told: Tensor, counted: Tensor, present: Tensor) throws -> [Value: Tensor] {
        let pseudo = PseudoLabels(told)
        if let confidence = pseudo.meanConfidence(present) { facts.add(["confidence": confidence]) }
        let (weights, _) = WeightedPseudoLabels.weights(pseudo, counted: counted, atLeast: 0)
        return loss.inputs(labels: pseudo.labels, weights: weights)
    }

    mutating func finishEpoch() -> [String: JSONValue] { facts.finish() }
}
