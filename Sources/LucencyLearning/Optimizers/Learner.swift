import LucencyFoundation
import LucencyTensor

/// How weights are learnt: everything about a step that is not the network, the objective or the data.
public struct LearningSettings: Codable, Hashable, Sendable {
    public var optimizer: Optimizer
    public var schedule: Schedule
    /// Gradients whose Euclidean norm over all parameters is larger are shortened to it; nil leaves them.
    public var maximumNorm: Float?
    /// How much of the moving average of the weights a step keeps, in 0..<1; nil keeps no average. Early steps keep less,
    /// (1 + t) / (10 + t), so that the initial weights are soon forgotten.
    public var averageDecay: Float?

    public init(
        optimizer: Optimizer, schedule: Schedule, maximumNorm: Float? = nil, averageDecay: Float? = nil
    ) {
        self.optimizer = optimizer
        self.schedule = schedule
        self.maximumNorm = maximumNorm
        self.averageDecay = averageDecay
    }
}

/// Weights that are being learnt, with all that a step changes besides them: the optimiser's moments, the moving average,
/// and the number of steps. Bits depend on the kernel family, never on the number of threads.
public final class Learner {
    public let parameters: Parameters
    public let settings: LearningSettings
    /// Where random numbers of training derive from; kept here so that a checkpoint holds it.
    public package(set) var seed: UInt64
    /// Steps done.
    public package(set) var step = 0
    /// The moving average of the weights, with the states of the network as they are; nil where none is kept.
    public let average: Parameters?
    /// The optimiser's numbers, each laid out as `Parameters.trainable`: velocity, or first and second moments.
    package let moments: [AlignedBuffer<Float>]

    private let updates: WeightUpdates
    /// Runs of weights with and without decay.
    private let decaying: [WeightUpdates.Run]
    private let spared: [WeightUpdates.Run]

    /// - Parameter learns: whether the parameter of a name is learnt; others keep their values, without decay too.
    /// - Throws: `Diagnostic` when settings are out of range.
    public init(
        _ parameters: Parameters, settings: LearningSettings, seed: UInt64 = 0, family: KernelFamily = .best,
        pool: ThreadPool = .serial, learns: (String) -> Bool = { _ in true }
    ) throws(Diagnostic) {
        try settings.check()
        self.parameters = parameters
        self.settings = settings
        self.seed = seed
        updates = WeightUpdates(family, pool: pool)
        moments = (0..<settings.optimizer.moments).map { _ in
            AlignedBuffer(repeating: 0, count: parameters.trainableCount)
        }
        average = settings.averageDecay == nil ? nil : try parameters.copy()
        decaying = parameters.runs { (!settings.optimizer.sparesVectors || $0.shape.rank > 1) && learns($0.name) }
        spared = parameters.runs { settings.optimizer.sparesVectors && $0.shape.rank <= 1 && learns($0.name) }
    }

    /// What a step did.
    public struct Step: Hashable, Sendable {
        public let rate: Double
        /// Euclidean norm of the gradients of all parameters, before clipping.
        public let gradientNorm: Double
    }

    /// Changes the weights by the gradients that a workspace holds after its run.
    /// - Throws: `Diagnostic` when the workspace has no gradients for these parameters, or they are not finite; nothing is
    ///   changed then.
    @discardableResult
    public func learn(from workspace: Workspace) throws(Diagnostic) -> Step {
        guard workspace.parameters === parameters, workspace.plan.hasGradients else {
            throw Diagnostic(.badArgument, "the workspace holds no gradients of the parameters that are learnt")
        }
        let count = parameters.trainableCount, gradients = workspace.gradients
        let norm = updates.sumOfSquares(gradients, count: count).squareRoot()
        guard norm.isFinite else {
            throw Diagnostic(
                .undefinedResult, "the gradients of step \(step) are not finite",
                remedy: "lower the learning rate, or set a maximum norm of the gradients")
        }
        if let limit = settings.maximumNorm, norm > Double(limit) {
            updates.scale(gradients, count: count, by: Float(Double(limit) / norm))
        }
        let rate = settings.schedule.rate(at: step)
        step += 1
        for run in decaying { update(run, rate: Float(rate), decay: settings.optimizer.decay, gradients) }
        for run in spared { update(run, rate: Float(rate), decay: 0, gradients) }
        parameters.noteChange()
        if let average, let decay = settings.averageDecay {
            let keep = min(decay, Float(1 + step) / Float(10 + step))
            updates.average(parameters.trainable, into: average.trainable, count: count, keep: keep)
            average.states.update(from: parameters.states, count: parameters.stateCount)
            average.noteChange()
        }
        return Step(rate: rate, gradientNorm: norm)
    }

    private func update(
        _ run: WeightUpdates.Run, rate: Float, decay: Float, _ gradients: UnsafeMutablePointer<Float>
    ) {
        let optimizer = settings.optimizer
        switch optimizer.method {
        case .sgd:
            updates.descent(
                rate: rate, momentum: optimizer.momentum, decay: decay, isNesterov: optimizer.isNesterov, run,
                weights: parameters.trainable, gradients: gradients, velocity: moments.first?.stableAddress)
        case .adam, .adamW:
            let adam = WeightUpdates.Adam(
                rate: rate, beta1: optimizer.beta1, beta2: optimizer.beta2, epsilon: optimizer.epsilon, decay: decay,
                step: step, isDecoupled: optimizer.method == .adamW)
            updates.adam(
                adam, run, weights: parameters.trainable, gradients: gradients, first: moments[0].stableAddress,
                second: moments[1].stableAddress)
        }
    }
}

extension LearningSettings {
    func check() throws(Diagnostic) {
        func require(_ holds: Bool, _ what: String) throws(Diagnostic) {
            if !holds { throw Diagnostic(.badArgument, "learning: \(what)") }
        }
        let fractions = [optimizer.momentum, optimizer.beta1, optimizer.beta2, averageDecay ?? 0]
        try require(
            fractions.allSatisfy { $0 >= 0 && $0 < 1 }, "momentum, beta1, beta2 and averageDecay must be in 0..<1")
        try require(optimizer.epsilon > 0 && optimizer.epsilon.isFinite, "epsilon must be positive")
        try require(optimizer.decay >= 0 && optimizer.decay.isFinite, "decay must not be negative")
        try require(!optimizer.isNesterov || optimizer.momentum > 0, "Nesterov's form needs a momentum")
        try require(schedule.rate >= 0 && schedule.rate.isFinite, "the rate must not be negative")
        try require(schedule.warmUp >= 0 && schedule.steps >= 0, "steps and warmUp must not be negative")
        try require(maximumNorm ?? 1 > 0, "maximumNorm must be positive")
    }
}

extension Parameters {
    /// The trainable parameters that fit, as runs of the flat buffer; neighbours are joined.
    func runs(_ fits: (ParameterDeclaration) -> Bool) -> [WeightUpdates.Run] {
        var runs: [WeightUpdates.Run] = []
        for slot in slots where slot.declaration.isTrainable && fits(slot.declaration) {
            let count = (slot.declaration.shape.count + 15) / 16 * 16
            if let last = runs.last, last.offset + last.count == slot.offset {
                runs[runs.count - 1] = WeightUpdates.Run(offset: last.offset, count: last.count + count)
            } else {
                runs.append(WeightUpdates.Run(offset: slot.offset, count: count))
            }
        }
        return runs
    }
}
