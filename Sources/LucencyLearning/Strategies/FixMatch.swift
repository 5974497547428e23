import LucencyFoundation
import LucencyTensor

/// Learning to say of a strongly augmented image what one is sure of in the image itself.
///
/// K. Sohn et al., "FixMatch", NeurIPS 2020, eq. 4, pixel by pixel: the mean over all pixels, of which the unsure ones cost
/// nothing. Labels are the student's own, with the statistics of batch normalization that have run along; the paper takes
/// those of the batch. For its average of the weights give the training an `averageDecay`.
public struct FixMatch: Strategy {
    public static let name = "fixmatch"
    package var usesUnlabelled: Bool { weight > 0 }
    package var isStrong: Bool { true }

    public var weight = 1.0
    /// τ: how sure a pixel must be.
    public var threshold = 0.95

    public init() {}

    package func problems(classes: Int?) -> [Diagnostic] {
        problems(weight: weight, numbers: [("threshold", threshold, 0...1)])
    }

    package func run(in training: StrategyTraining) throws -> (any StrategyRun)? {
        try UnlabelledRun.of(FixMatchLesson(self), training)
    }
}

/// FixMatch at work.
private struct FixMatchLesson: UnlabelledLesson {
    private let settings: FixMatch
    private var loss = WeightedPseudoLabels()
    private var facts = EpochMeans()

    init(_ settings: FixMatch) { self.settings = settings }

    var name: String { FixMatch.name }
    var weight: Double { settings.weight }
    var isStrong: Bool { true }
    var judged: JudgedNetwork { .student }

    func keeping(step: Int) -> Float { 0 }

    mutating func record(on tape: Tape, logits: Value) throws -> Value { try loss.record(on: tape, logits: logits) }

    mutating func inputs(step: Int, told: Tensor, counted: Tensor, present: Tensor) throws -> [Value: Tensor] {
        let pseudo = PseudoLabels(told)
        let (weights, kept) = WeightedPseudoLabels.weights(
            pseudo, counted: counted, atLeast: Float(settings.threshold))
        if let confidence = pseudo.meanConfidence(present) { facts.add(["confidence": confidence, "kept": kept]) }
        return loss.inputs(labels: pseudo.labels, weights: weights)
    }

    mutating func finishEpoch() -> [String: JSONValue] { facts.finish() }
}
