import LucencyFoundation
import LucencyImaging
import LucencyTensor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What has a target of its own.
public enum EarlyLearningScope: String, Codable, Hashable, Sendable, CaseIterable {
    /// Every pixel of a case, or every cell of a coarser grid.
    case pixels
    /// Every case, compared with the mean of its probabilities.
    case image
}

/// Early-learning regularisation against wrong labels: rewards agreement with a moving average of what the network said of
/// the same pixel before, log(1 - Σ_c t_c p_c) ≤ 0, so that early, mostly right, predictions are not given up for wrong
/// labels later. S. Liu et al., "Early-Learning Regularization Prevents Memorization of Noisy Labels", NeurIPS 2020.
///
/// The paper has one target for each image of a classification. Here every pixel has one [ours], on the grid of the labels:
/// flips, quarter turns and crops are undone when a prediction is taken up, and done when a target is looked up. A sample
/// that was turned or scaled reads the targets of the nearest pixels and leaves them as they are. For a whole image there is
/// one, of the mean of its probabilities, which every sample changes.
///
/// Networks trained so tend to be too sure of themselves; calibrate them.
public struct EarlyLearningTerm: ObjectiveTerm {
    public static let name = "elr"

    /// λ; the paper has 1 to 7.
    public var weight = 3.0
    /// β, in 0..<1: how much of a target one step keeps; the paper has 0.7 and 0.9.
    public var momentum: Float = 0.7
    public var scope = EarlyLearningScope.pixels
    /// Pixels between targets along each axis: 4 takes a sixteenth of the room in two dimensions.
    public var every = 1
    /// Steps in which the weight rises by exp(-5 (1 - step / rampSteps)²); 0 begins with all of it.
    public var rampSteps = 0
    /// Decay of a moving average of the weights, in 0..<1, whose predictions make the targets then; nil takes those of the
    /// weights that are learnt. Each step costs a forward pass more.
    public var averageDecay: Float?

    public init() {}
    public init(weight: Double, momentum: Float = 0.7) {
        self.weight = weight
        self.momentum = momentum
    }

    public func problems(classes: Int?) -> [Diagnostic] {
        var problems: [Diagnostic] = []
        if !(momentum >= 0 && momentum < 1) { problems.append(problem("momentum must be in 0..<1, found \(momentum)")) }
        if !(1...1024).contains(every) { problems.append(problem("every must be in 1...1024, found \(every)")) }
        if scope == .image, every != 1 {
            problems.append(problem("an image has one target, and `every` has no meaning then", remedy: "leave it out"))
        }
        if rampSteps < 0 { problems.append(problem("rampSteps must not be negative, found \(rampSteps)")) }
        if let decay = averageDecay, !(decay >= 0 && decay < 1) {
            problems.append(problem("averageDecay must be in 0..<1, found \(decay)"))
        }
        return problems
    }

    /// How much of the weight counts in a step, from 0 on.
    public func ramp(step: Int) -> Double {
        guard step < rampSteps else { return 1 }
        let left = 1 - Double(step) / Double(rampSteps)
        return exp(-5 * left * left)
    }

    static let targets = "elr.targets"
    /// The scalar input with which the weight rises.
    static let ramp = "elr.ramp"
    public var additionalInputs: [String] { [Self.targets] }

    /// What targets are before anything was predicted.
    public func additionalInput(
        _ name: String, of labels: LabelMap, image: AlignedBuffer<Float>?, classes: Int, pool: ThreadPool
    ) throws(Diagnostic) -> AlignedBuffer<Float> {
        AlignedBuffer(repeating: 0, count: classes * labels.size.count)
    }

    public func record(on tape: Tape, logits: Value, inputs: ObjectiveInputs) throws(Diagnostic) -> Value {
        let targets = try inputs.additional(Self.targets)
        // Targets of averaged weights have taken up what these say of the batch already.
        let momentum = averageDecay == nil ? momentum : 1
        let reward: Value
        switch scope {
        case .pixels:
            reward = try tape.earlyLearning(
                logits, targets: targets, labels: inputs.labels, momentum: momentum, ignoring: ObjectiveInputs.ignored)
        case .image:
            let shape = try Shape([logits.shape.images] + logits.shape.spatial.map { _ in 1 })
            let all = tape.constant(Tensor(shape, repeating: 0))
            reward = try tape.earlyLearning(
                tape.globalAveragePooling(tape.softmax(logits)), targets: tape.globalAveragePooling(targets),
                labels: all, momentum: momentum, isOfProbabilities: true)
        }
        guard rampSteps > 0 else { return reward }
        return try tape.multiply(reward, tape.input(Self.ramp, .scalar))
    }
}

extension EarlyLearningTerm: RememberingComponent {
    package func run(in training: StrategyTraining) throws -> (any StrategyRun)? {
        try EarlyLearningRun(self, training)
    }
}
