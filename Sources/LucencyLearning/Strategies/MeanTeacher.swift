import LucencyFoundation
import LucencyTensor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Learning to agree with the moving average of oneself: the mean squared difference between the probabilities of student and
/// teacher on images without labels.
///
/// A. Tarvainen, H. Valpola, "Mean teachers are better role models", NIPS 2017, with its ramp exp(-5 (1 - t)²) and its rule
/// that a young teacher follows faster.
public struct MeanTeacher: Strategy {
    public static let name = "mean-teacher"
    package var usesUnlabelled: Bool { weight > 0 }
    package var averagedTeacher: AveragedTeacher? { teacher }

    /// Of the mean over pixels and classes; errors of probabilities are small, so that it is large.
    public var weight = 10.0
    /// The part of the training over which the weight rises, in 0...1.
    public var rampUp = 0.3
    public var teacher = AveragedTeacher()
    /// Whether the student sees strongly augmented copies.
    public var isStrong = true
    public var judged = JudgedNetwork.teacher

    public init() {}

    package func problems(classes: Int?) -> [Diagnostic] {
        problems(weight: weight, numbers: [("rampUp", rampUp, 0...1), ("teacherDecay", teacher.decay, 0...1)])
    }

    package func run(in training: StrategyTraining) throws -> (any StrategyRun)? {
        try UnlabelledRun.of(ConsistencyLesson(self, rampSteps: rampUp * Double(training.steps)), training)
    }

    /// The part of the weight that counts in a step.
    package static func ramp(step: Int, of steps: Double) -> Double {
        guard Double(step) < steps else { return 1 }
        let rest = 1 - Double(step) / steps
        return exp(-5 * rest * rest)
    }
}

/// A mean teacher at work.
private struct ConsistencyLesson: UnlabelledLesson {
    private let settings: MeanTeacher
    private let rampSteps: Double
    private var values: (counted: Value, told: Value)?
    private var facts = EpochMeans()

    init(_ settings: MeanTeacher, rampSteps: Double) { (self.settings, self.rampSteps) = (settings, rampSteps) }

    var name: String { MeanTeacher.name }
    var weight: Double { settings.weight }
    var isStrong: Bool { settings.isStrong }
    var judged: JudgedNetwork { settings.judged }

    func ramp(step: Int) -> Double { MeanTeacher.ramp(step: step, of: rampSteps) }
    func keeping(step: Int) -> Float { settings.teacher.keeping(step: step) }
    var buffers: TeacherBufferForm { settings.teacher.buffers }

    mutating func record(on tape: Tape, logits: Value) throws -> Value {
        let counted = tape.input("unlabelled.counted", try Shape([logits.shape.images] + logits.shape.spatial))
        let told = tape.input("unlabelled.probabilities", logits.shape)
        values = (counted, told)
        return try tape.priorDistance(
            logits, prior: told, labels: counted, form: .squared, isOfProbabilities: true,
            ignoring: ObjectiveInputs.ignored)
    }

    mutating func inputs(step: Int, told: Tensor, counted: Tensor, present: Tensor) throws -> [Value: Tensor] {
        guard let values else { return [:] }
        if let confidence = PseudoLabels(told).meanConfidence(present) { facts.add(["confidence": confidence]) }
        return [values.counted: counted, values.told: told]
    }

    mutating func finishEpoch() -> [String: JSONValue] { facts.finish() }
}
