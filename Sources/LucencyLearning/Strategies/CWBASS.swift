import LucencyFoundation
import LucencyTensor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How trust in pseudo-labels is taken back.
public enum ConfidenceDecayForm: String, Codable, Hashable, Sendable, CaseIterable {
    /// By the decay to the power of the epoch, down to one half [ours].
    case progressive
    /// By the decay itself in every step, as in the authors' program, where it merely weakens one term.
    case constant
}

/// Learning from images without labels: a teacher, the moving average of the student, labels them; each pixel weighs as much
/// as the teacher is sure of it, pixels of which it is not sure enough are left out, and a further term is spent on the
/// boundaries between its classes.
///
/// G. Tarubinga, J. Kalafatovich, S.-W. Lee, "CW-BASS: Confidence-weighted boundary-aware learning for semi-supervised
/// semantic segmentation", IJCNN 2025, in the form of the authors' present program (`psychofict/CW-BASS`), from which the
/// threshold, the frame and strong augmentation differ unless asked for.
public struct CWBASS: Strategy {
    public static let name = "cw-bass"
    package var usesUnlabelled: Bool { weight > 0 }
    package var averagedTeacher: AveragedTeacher? { teacher }

    /// λ: of the term for images without labels.
    public var weight = 1.0
    /// Epochs over which λ rises from 0.
    public var warmUp = 5.0
    /// nil: `floor` for up to four classes, where the published one rejects hardly anything, else `dynamic`.
    public var threshold: ConfidenceThresholdForm?
    /// τ₀ of the threshold.
    public var base = 0.6
    /// β of the threshold.
    public var slope = 0.5
    /// The `fixed` threshold.
    public var level = 0.95
    /// γ: pixels weigh q^γ; 0: all the same.
    public var gamma = 1.0
    /// Of q, from epoch to epoch; 1 takes nothing back.
    public var decay = 1.0
    public var decayForm = ConfidenceDecayForm.progressive
    /// Of the mean cross-entropy at boundaries.
    public var boundaryWeight = 0.5
    public var boundary = LabelBoundaryForm.sobel
    public var frame = LabelBoundaryFrame.replicate
    /// Whether the student sees strongly augmented copies [ours]; teacher and student of the authors' program see the same.
    public var isStrong = true
    public var teacher = AveragedTeacher()
    /// The authors' program takes the student.
    public var judged = JudgedNetwork.teacher

    public init() {}

    package func problems(classes: Int?) -> [Diagnostic] {
        problems(
            weight: weight,
            numbers: [
                ("warmUp", warmUp, 0...1e6), ("base", base, 0...1), ("beta", slope, 0...1000), ("level", level, 0...1),
                ("gamma", gamma, 0...100), ("decay", decay, 0...1), ("boundaryWeight", boundaryWeight, 0...1000),
                ("teacherDecay", teacher.decay, 0...1),
            ])
    }

    package func notes(classes: Int, epochs: Int) -> [String] {
        var notes: [String] = []
        let threshold = threshold(classes: classes)
        if self.threshold == nil, classes > 4, threshold.limit < 0.5 {
            notes.append(
                "the published threshold, the default for \(classes) classes, never exceeds "
                    + "\((threshold.limit * 1000).rounded(.up) / 1000) and rejects hardly any pixel: write `threshold: floor`"
            )
        }
        if warmUp >= Double(epochs) {
            notes.append(
                "`warmUp` takes \(JSONValue.number(warmUp).text) epochs, of which there are \(epochs): the loss of images "
                    + "without labels never counts fully")
        }
        return notes
    }

    package func run(in training: StrategyTraining) throws -> (any StrategyRun)? {
        try UnlabelledRun.of(
            ConfidenceLesson(self, classes: training.classes, stepsPerEpoch: training.stepsPerEpoch), training)
    }

    /// The threshold for so many classes.
    package func threshold(classes: Int) -> ConfidenceThreshold {
        ConfidenceThreshold(threshold ?? (classes <= 4 ? .floor : .dynamic), base: base, slope: slope, level: level)
    }

    /// The part of λ that counts in a step.
    package func ramp(step: Int, stepsPerEpoch: Int) -> Double {
        warmUp > 0 ? min(1, Double(step) / (warmUp * Double(max(1, stepsPerEpoch)))) : 1
    }

    /// The factor of q in an epoch, counted from 0.
    package func trust(epoch: Int) -> Double {
        decayForm == .constant ? decay : max(0.5, pow(decay, Double(epoch)))
    }

    /// What each pixel weighs in the sum of cross-entropies: q^γ / |V| for all that are kept, and more at boundaries.
    package struct Weights: Sendable {
        /// N, spatial.
        package let tensor: Tensor
        /// Pixels that count, those that are sure enough, and those of them that lie at boundaries.
        package let counted: Int
        package let kept: Int
        package let atBoundaries: Int
    }

    /// - Parameters:
    ///   - counted: N, spatial; below 0 where pixels do not count.
    ///   - threshold: τ; pixels must be surer.
    ///   - trust: the factor of q.
    package func weights(_ pseudo: PseudoLabels, counted: Tensor, threshold: Double, trust: Double = 1) -> Weights {
        let edges = boundaryWeight > 0 ? LabelBoundary(boundary, frame: frame)(pseudo.labels).buffer : nil
        let confidence = pseudo.confidence.buffer, counts = counted.buffer
        var pixels = 0, kept = 0, atBoundaries = 0
        var isKept = [Bool](repeating: false, count: confidence.count)
        for index in 0..<confidence.count where counts[index] >= 0 {
            pixels += 1
            guard Double(confidence[index]) > threshold else { continue }
            isKept[index] = true
            kept += 1
            if let edges, edges[index] > 0 { atBoundaries += 1 }
        }
        let share = 1 / Double(max(1, kept)), edgeShare = boundaryWeight / Double(max(1, atBoundaries))
        let tensor = Tensor(trusted: pseudo.labels.shape) { out in
            for index in 0..<out.count {
                guard isKept[index] else {
                    out[index] = 0
                    continue
                }
                let sureness = pow(Double(confidence[index]) * trust, gamma) * share
                out[index] = Float(sureness + (edges.map { $0[index] > 0 } == true ? edgeShare : 0))
            }
        }
        return Weights(tensor: tensor, counted: pixels, kept: kept, atBoundaries: atBoundaries)
    }
}

/// CW-BASS at work.
private struct ConfidenceLesson: UnlabelledLesson {
    private let settings: CWBASS
    private let stepsPerEpoch: Int
    private var threshold: ConfidenceThreshold
    private var loss = WeightedPseudoLabels()
    private var facts = EpochMeans()

    init(_ settings: CWBASS, classes: Int, stepsPerEpoch: Int) {
        (self.settings, self.stepsPerEpoch) = (settings, stepsPerEpoch)
        threshold = settings.threshold(classes: classes)
    }

    var name: String { CWBASS.name }
    var weight: Double { settings.weight }
    var isStrong: Bool { settings.isStrong }
    var judged: JudgedNetwork { settings.judged }
    var memory: Double? {
        get { threshold.average }
        set { threshold.average = newValue ?? threshold.average }
    }

    func ramp(step: Int) -> Double { settings.ramp(step: step, stepsPerEpoch: stepsPerEpoch) }
    func keeping(step: Int) -> Float { settings.teacher.keeping(step: step) }
    var buffers: TeacherBufferForm { settings.teacher.buffers }

    mutating func record(on tape: Tape, logits: Value) throws -> Value { try loss.record(on: tape, logits: logits) }

    mutating func inputs(step: Int, told: Tensor, counted: Tensor, present: Tensor) throws -> [Value: Tensor] {
        let pseudo = PseudoLabels(told), confidence = pseudo.meanConfidence(present)
        // A batch without a pixel says nothing of how sure the teacher is, and nothing is kept of it.
        let level = confidence.map { threshold.next($0) } ?? 1
        let weights = settings.weights(
            pseudo, counted: counted, threshold: level, trust: settings.trust(epoch: step / max(1, stepsPerEpoch)))
        guard let confidence else { return loss.inputs(labels: pseudo.labels, weights: weights.tensor) }
        facts.add([
            "confidence": confidence, "threshold": level,
            "kept": Double(weights.kept) / Double(max(1, weights.counted)),
            "boundary": Double(weights.atBoundaries) / Double(max(1, weights.kept)),
        ])
        return loss.inputs(labels: pseudo.labels, weights: weights.tensor)
    }

    mutating func finishEpoch() -> [String: JSONValue] { facts.finish() }
}
