import LucencyFoundation
import LucencyImaging
import LucencyNetworks
import LucencyTensor

/// Trains a segmentation network: patches, augmentation, objective, optimiser, validation, checkpoints.
///
/// Bits depend on the settings, the network, the cases and the kernel family; never on threads or interruptions.
public struct SegmentationTrainer {
    /// What training came to.
    public struct Result {
        /// The weights that are kept: of the best validation or of the end.
        public let parameters: Parameters
        public let history: [EpochRecord]
        /// The epoch whose weights are kept.
        public let epoch: Int
        public let validation: ValidationScore?
        /// Labels that the strategy changed.
        public let changedLabels: [ChangedLabels]
    }

    /// How far it is; for display only.
    public struct Progress: Sendable {
        public let record: EpochRecord
        public let epochs: Int
        public let imagesPerSecond: Double
        public let secondsLeft: Double
    }

    /// What an optimiser step took and gave.
    package struct StepReport: Sendable {
        /// From 0.
        package let step: Int
        /// N, C, spatial.
        package let images: Tensor
        /// N, spatial: class numbers, -1 where pixels do not count.
        package let labels: Tensor
        /// Of the weights before the step.
        package let loss: Double
        /// Seconds of the step, without making its batch.
        package let seconds: Double
    }

    /// Sees every step, for who compares training with that of another program.
    package var watch: ((StepReport) throws -> Void)?
    public let network: any Network
    public let settings: TrainingSettings
    public let training: [TrainingCase]
    public let validation: [TrainingCase]
    public let unlabelled: [TrainingCase]
    public let classes: Int
    private let kernels: Kernels
    private let pool: ThreadPool
    private let batches: BatchMaker

    /// - Parameters:
    ///   - network: takes the cases' channels and gives one channel per class.
    ///   - validation: may be empty; then the last weights are kept.
    ///   - unlabelled: images whose labels are all -1, for strategies that learn from them.
    /// - Throws: `DiagnosticList` with everything that does not fit.
    public init(
        _ network: any Network, classes: Int, training: [TrainingCase], validation: [TrainingCase],
        unlabelled: [TrainingCase] = [], settings: TrainingSettings, kernels: Kernels = Kernels(family: .best),
        pool: ThreadPool = .serial
    ) throws {
        var settings = settings
        var problems = settings.problems() + network.problems()
        guard let first = training.first else {
            throw Diagnostic(.noItems, "there is no case to train with")
        }
        if settings.patch.isEmpty {
            let size = first.sample.size
            settings.patch = network.axes == 2 ? [size.x, size.y] : [size.x, size.y, size.z]
        }
        if settings.patch.count != network.axes {
            problems.append(
                Diagnostic(
                    .badArgument,
                    "a network of \(network.axes) dimensions cannot learn from patches of \(settings.patch)"
                ))
        }
        let wanted = settings.patch.reversed().map { $0 }, multiple = network.sizeMultiple
        if wanted.count == multiple.count, !zip(wanted, multiple).allSatisfy({ $0 % $1 == 0 }) {
            settings.patch = zip(settings.patch, multiple.reversed()).map { ($0 + $1 - 1) / $1 * $1 }
        }
        for item in training + validation + unlabelled where item.sample.channels != network.inputChannels {
            problems.append(
                Diagnostic(
                    .channelMismatch,
                    "'\(item.name)' has \(item.sample.channels) channel(s), the network takes \(network.inputChannels)")
            )
            break
        }
        if network.axes == 3, let flat = (training + validation + unlabelled).first(where: { $0.sample.size.isPlanar })
        {
            problems.append(
                Diagnostic(
                    .shapeMismatch, "'\(flat.name)' has a single slice, and patches of three extents need volumes",
                    remedy: "give a patch of two extents"))
        }
        let patch = settings.patch
        var sampler = PatchSampler(
            size: patch.count == 3 ? GridSize(patch[0], patch[1], patch[2]) : GridSize(patch[0], patch[1]))
        sampler.foregroundFraction = settings.foregroundFraction
        do { try settings.augmentation.check(for: sampler.form(of: first)) } catch { problems += error.diagnostics }
        guard problems.isEmpty else { throw DiagnosticList(problems) }
        self.network = network
        self.classes = classes
        self.settings = settings
        self.training = training
        self.validation = validation
        self.unlabelled = unlabelled
        self.kernels = kernels
        self.pool = pool
        batches = BatchMaker(
            cases: training, settings: settings, sampler: sampler, augmentation: settings.augmentation,
            classes: classes)
    }

    /// What a user should know of this training that could not be told before the images were there.
    public var notes: [String] {
        let strategy = settings.strategy
        guard strategy.usesUnlabelled else { return [] }
        guard !unlabelled.isEmpty else {
            return ["no image without labels came: \(strategy.name) is supervised training"]
        }
        return strategy.component.notes(classes: classes, epochs: epochs)
    }

    /// Epochs that will be trained.
    public var epochs: Int {
        settings.steps.map { ($0 + stepsPerEpoch - 1) / stepsPerEpoch } ?? settings.epochs
    }

    /// A pass over the images with labels, or over those without where these are more and are learnt from.
    private var stepsPerEpoch: Int {
        let others = settings.strategy.usesUnlabelled ? unlabelled.count * settings.patchesPerCase : 0
        return max(batches.stepsPerEpoch, (others + settings.batch - 1) / settings.batch)
    }

    /// Optimiser steps that will be done.
    public var steps: Int { settings.steps ?? settings.epochs * stepsPerEpoch }

    private var spatial: [Int] { settings.patch.reversed() }

    /// The strategy at work, and the parts of the objective that remember something.
    private func makeRuns(_ parameters: Parameters, folder: String?) throws -> [any StrategyRun] {
        let training = StrategyTraining(
            network: network, classes: classes, settings: settings, cases: training, unlabelled: unlabelled,
            sampler: batches.sampler, steps: steps, stepsPerEpoch: stepsPerEpoch, parameters: parameters,
            kernels: kernels, pool: pool, folder: folder)
        let remembering = settings.objective.used.compactMap { $0.component as? any RememberingComponent }
        return try [settings.strategy.component.run(in: training)].compactMap { $0 }
            + remembering.compactMap { try $0.run(in: training) }
    }

    private func makeStep(_ runs: [any StrategyRun]) throws -> TrainingStep {
        try TrainingStep(network, classes: classes, settings: settings, runs: runs, kernels: kernels)
    }

    /// Bytes that training takes, besides the cases: weights, gradients, moments, activations, a teacher.
    public func predictedBytes() throws -> Int {
        let runs = try makeRuns(network.parameters(seed: settings.seed), folder: nil)
        return try makeStep(runs).bytes(threads: pool.threads)
    }

    private var learning: LearningSettings {
        var schedule = settings.schedule
        schedule.rate = settings.rate
        schedule.steps = steps
        return LearningSettings(
            optimizer: settings.optimizer, schedule: schedule, maximumNorm: settings.maximumNorm,
            averageDecay: settings.averageDecay)
    }

    /// Trains.
    /// - Parameters:
    ///   - folder: where checkpoints are kept after each epoch, and looked for at the start; nil keeps none.
    ///   - key: tells this training apart from others in the same folder.
    ///   - isCancelled: looked at after each step.
    ///   - initial: weights to start from instead of random ones, by name.
    /// - Returns: nil where it was cancelled.
    public func train(
        folder: String? = nil, key: String = "", initial: [String: Tensor]? = nil,
        isCancelled: () -> Bool = { false }, report: (Progress) -> Void = { _ in }
    ) throws -> Result? {
        let parameters = try network.parameters(seed: settings.seed)
        if let initial { try parameters.load(initial) }
        let learner = try Learner(
            parameters, settings: learning, seed: settings.seed, family: kernels.family, pool: pool)
        let runs = try makeRuns(parameters, folder: folder)
        for run in runs { try run.begin() }
        let steps = StepPlans(runs, parameters: parameters, pool: pool, make: makeStep)
        var state = TrainingState(key: key)
        var bestWeights: [String: Tensor]?
        if let folder, let found = TrainingState.load(from: folder, key: key) {
            // A state that cannot be read is no reason to fail: training begins anew, with nothing half restored.
            do {
                bestWeights = try found.restore(learner, runs, from: folder)
                state = found
            } catch {
                TrainingState.forget(in: folder)
                return try train(folder: folder, key: key, initial: initial, isCancelled: isCancelled, report: report)
            }
        }
        let teacher = try settings.objective.selfDistillation.map { _ in
            let shape = try Shape([settings.batch, network.inputChannels] + spatial)
            return try Teacher(network, shape: shape, parameters: parameters, kernels: kernels, pool: pool)
        }
        let validating = Validation(cases: validation, tile: spatial, classes: classes)
        let judged = runs.lazy.compactMap(\.judged).first ?? learner.average ?? parameters
        let predictor = try Predictor(network, parameters: judged, pool: pool, kernels: kernels)
        let epochs = epochs
        while state.history.count < epochs, !isExhausted(state) {
            let start = Machine.seconds
            let lesson = lesson(teacher, epoch: state.history.count, parameters)
            let changed = try runs.reduce(training) { try $1.cases($0) }
            guard
                let (record, seconds, images) = try epoch(
                    steps, batches.of(changed), runs, learner, lesson, isCancelled)
            else { return nil }
            var entry = record
            entry.epoch = state.history.count + 1
            for run in runs {
                entry.strategy = try run.finishEpoch(entry.epoch).merging(entry.strategy ?? [:]) { $1 }
            }
            let isLast = entry.epoch == epochs
            var isBest = false
            if !validation.isEmpty, entry.epoch % settings.validationInterval == 0 || isLast {
                let score = try validating(predictor, pool: pool)
                entry.validation = score
                let merit = settings.metric.merit(score)
                isBest = merit > state.best ?? -.infinity
                if isBest {
                    (state.best, state.bestEpoch) = (merit, entry.epoch)
                    bestWeights = judged.tensors
                }
            }
            state.history.append(entry)
            if let folder { try state.save(learner, runs, best: isBest ? bestWeights : nil, to: folder) }
            report(
                Progress(
                    record: entry, epochs: epochs, imagesPerSecond: Double(images) / max(seconds, 1e-9),
                    secondsLeft: (Machine.seconds - start) * Double(epochs - entry.epoch)))
        }
        let kept = try network.parameters(seed: settings.seed)
        let isBestKept = settings.keepsBest && bestWeights != nil
        try kept.load(isBestKept ? bestWeights ?? [:] : judged.tensors)
        let epoch = isBestKept ? state.bestEpoch ?? state.history.count : state.history.count
        return Result(
            parameters: kept, history: state.history, epoch: epoch,
            validation: state.history.indices.contains(epoch - 1) ? state.history[epoch - 1].validation : nil,
            changedLabels: runs.flatMap(\.changedLabels))
    }

    /// Whether validation has not become better for too long.
    private func isExhausted(_ state: TrainingState) -> Bool {
        // Epochs that were not validated say nothing.
        guard let patience = settings.patience, let best = state.bestEpoch, state.history.last?.validation != nil else {
            return false
        }
        return state.history.count - best >= patience
    }

    /// Who teaches in an epoch, and its part in the targets.
    private typealias Lesson = (teacher: Teacher, part: Float)

    /// What the objective wants of a teacher in an epoch; nothing in the first one, as there is none to look back at. An
    /// epoch always begins with the weights that the one before ended with, so that nothing more has to be kept for
    /// training that goes on.
    private func lesson(_ teacher: Teacher?, epoch: Int, _ learnt: Parameters) -> Lesson? {
        guard let teacher, epoch > 0, let target = settings.objective.selfDistillation else { return nil }
        teacher.follow(learnt)
        return (teacher, target.alpha(epoch: epoch, of: epochs))
    }

    /// The steps of one epoch; nil where it was cancelled.
    private func epoch(
        _ plans: StepPlans, _ batches: BatchMaker, _ runs: [any StrategyRun], _ learner: Learner, _ lesson: Lesson?,
        _ isCancelled: () -> Bool
    ) throws -> (EpochRecord, seconds: Double, images: Int)? {
        let start = Machine.seconds
        var record = EpochRecord(
            epoch: 0, step: 0, rate: 0, loss: 0, parts: [:], gradientNorm: 0, validation: nil)
        let count = min(stepsPerEpoch, steps - learner.step)
        for _ in 0..<count {
            if isCancelled() { return nil }
            let number = learner.step
            let (step, workspace, active) = try plans(number)
            let batch = try batches(step: number, pool: pool)
            var inputs: [Value: Tensor] = [step.images: batch.images]
            let told = try lesson.map { try $0.teacher(batch.images) }
            for (objective, factors) in zip(step.inputs, step.factors) {
                var tensors = try objective.tensors(batches.samples(batch, factors: factors))
                if let lesson, let told {
                    try objective.teach(&tensors, probabilities: Subsampling(factors)(told), part: lesson.part)
                }
                inputs.merge(tensors) { $1 }
            }
            for run in active {
                inputs.merge(try run.inputs(step: number, batch: batch, tensors: inputs)) { $1 }
            }
            let begin = Machine.seconds
            try workspace.run(inputs, seed: settings.seed, step: UInt64(number))
            let loss = Double(try workspace.tensor(step.loss).scalar)
            guard loss.isFinite else {
                throw Diagnostic(
                    .undefinedResult, "the loss of step \(number) is \(loss)",
                    remedy: "lower the learning rate; are the images normalised?")
            }
            let done = try learner.learn(from: workspace)
            for run in runs { try run.finishStep(number, workspace) }
            if let watch, let labels = step.inputs.first.flatMap({ inputs[$0.labels] }) {
                try watch(
                    StepReport(
                        step: number, images: batch.images, labels: labels, loss: loss,
                        seconds: Machine.seconds - begin))
            }
            record.loss += loss / Double(count)
            record.gradientNorm += done.gradientNorm / Double(count)
            record.rate = done.rate
            for name in runs.compactMap({ $0.idleTerms(step: number) }).joined() {
                record.parts[name, default: 0] += 0
            }
            for part in step.parts {
                record.parts[part.name, default: 0] += Double(try workspace.tensor(part.value).scalar) / Double(count)
            }
        }
        record.step = learner.step
        return (record, Machine.seconds - start, count * settings.batch)
    }
}
