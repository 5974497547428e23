import LucencyFoundation
import LucencyNetworks
import LucencyTensor

/// Trains super-resolution and classification of histology together (SHISRCNet, Xie et al., MICCAI 2023): coarse pictures
/// are super-resolved, the classifier sees the results and the sharp pictures, and the descriptors of both are pulled
/// together.
///
/// Bits depend on the settings, the network, the cases and the kernel family; never on threads or interruptions.
///
/// As in the public code the batch norms of the classifier take the statistics of each view by itself, those of the
/// super-resolved pictures first.
public struct HistologyTrainer {
    /// What training came to.
    public struct Result {
        /// The weights that are kept: of the best validation or of the end.
        public let parameters: Parameters
        public let history: [EpochRecord]
        /// The epoch whose weights are kept.
        public let epoch: Int
        /// Of these weights; nil where nothing was validated.
        public let validation: HistologyScore?
    }

    /// How far it is; for display only.
    public struct Progress: Sendable {
        public let record: EpochRecord
        public let epochs: Int
        public let imagesPerSecond: Double
        public let secondsLeft: Double
    }

    public let network: SHISRCNet
    public let settings: HistologySettings
    public let training: [HistologyCase]
    public let validation: [HistologyCase]
    /// One for each class, or none.
    public let classWeights: [Float]
    private let kernels: Kernels
    private let pool: ThreadPool
    private let batches: HistologyBatches

    /// - Parameters:
    ///   - validation: may be empty; then the last weights are kept.
    /// - Throws: `DiagnosticList` with everything that does not fit.
    public init(
        _ network: SHISRCNet, training: [HistologyCase], validation: [HistologyCase] = [], settings: HistologySettings,
        kernels: Kernels = Kernels(family: .best), pool: ThreadPool = .serial
    ) throws {
        guard !training.isEmpty else { throw Diagnostic(.noItems, "there is no picture to train with") }
        var problems = settings.problems() + network.problems()
        let side = settings.patch, factor = network.factor, multiple = HistologySettings.patchMultiple
        if side % multiple != 0 {
            problems.append(
                Diagnostic(
                    .badArgument, "the patch of \(side) pixels is no multiple of \(multiple)",
                    remedy: "take \((side / multiple + 1) * multiple)"))
        }
        for item in training + validation {
            if item.extents.x < side || item.extents.y < side {
                problems.append(
                    Diagnostic(
                        .sizeMismatch,
                        "'\(item.name)' has \(item.extents.x) × \(item.extents.y) pixels, the patch \(side) × \(side)",
                        remedy: "lower `patch`, or leave the picture out"))
                break
            }
        }
        if let item = (training + validation).first(where: { $0.channels != network.inputChannels }) {
            problems.append(
                Diagnostic(
                    .channelMismatch,
                    "'\(item.name)' has \(item.channels) channel(s), the network takes \(network.inputChannels)"))
        }
        if let item = (training + validation).first(where: { !(0..<network.classes).contains($0.label) }) {
            problems.append(
                Diagnostic(.badLabel, "'\(item.name)' is of class \(item.label), the network has \(network.classes)"))
        }
        do { try HistologyCase.checkPatients(training: training, validation: validation) } catch {
            problems.append(error)
        }
        let form = SampleForm(size: .init(side, side), channels: network.inputChannels)
        do { try settings.augmentation.check(for: form) } catch { problems += error.diagnostics }
        guard problems.isEmpty else { throw DiagnosticList(problems) }
        self.network = network
        self.settings = settings
        self.training = training
        self.validation = validation
        self.kernels = kernels
        self.pool = pool
        batches = HistologyBatches(cases: training, settings: settings, factor: factor)
        classWeights =
            settings.classWeights == .equal
            ? [] : Self.balance(training.map(\.label), classes: network.classes)
    }

    /// n / (classes · n of the class); 1 for a class that does not occur.
    package static func balance(_ labels: [Int], classes: Int) -> [Float] {
        var counts = [Int](repeating: 0, count: classes)
        for label in labels where counts.indices.contains(label) { counts[label] += 1 }
        return counts.map { $0 > 0 ? Float(labels.count) / Float(classes * $0) : 1 }
    }

    /// Epochs that will be trained.
    public var epochs: Int {
        settings.steps.map { ($0 + batches.stepsPerEpoch - 1) / batches.stepsPerEpoch } ?? settings.epochs
    }

    /// Optimiser steps that will be done.
    public var steps: Int { settings.steps ?? settings.epochs * batches.stepsPerEpoch }

    /// The terms of the objective once both parts learn, or only the classifier.
    private var objective: HistologyObjective {
        settings.order == .classifierOnly ? settings.objective.only(superResolution: false) : settings.objective
    }

    /// Steps in which the super-resolution learns alone.
    package var stepsAlone: Int { settings.order == .staged ? Int(Double(steps) * settings.firstStage) : 0 }

    private func step(_ objective: HistologyObjective) throws -> HistologyStep {
        try HistologyStep(
            network, settings: settings, objective: objective, classWeights: classWeights, kernels: kernels)
    }

    /// Bytes that training takes, besides the cases: weights, gradients, moments, activations.
    public func predictedBytes() throws -> Int {
        let weights = try network.declarations().reduce(0) { $0 + ($1.isTrainable ? $1.shape.count : 0) }
        return try step(objective).plan.bytes(threads: pool.threads)
            + 4 * weights * (2 + settings.optimizer.moments)
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
            parameters, settings: learning, seed: settings.seed, family: kernels.family, pool: pool,
            learns: { settings.order != .classifierOnly || !$0.hasPrefix("sr.") })
        var state = TrainingState(key: key)
        var bestWeights: [String: Tensor]?
        if let folder, let found = TrainingState.load(from: folder, key: key) {
            // A state that cannot be read is no reason to fail: training begins anew, with nothing half restored.
            do {
                bestWeights = try found.restore(learner, [], from: folder)
                state = found
            } catch {
                TrainingState.forget(in: folder)
                return try train(folder: folder, key: key, initial: initial, isCancelled: isCancelled, report: report)
            }
        }
        var lesson: Lesson?
        let validating = try HistologyValidation(
            validation, network, settings: settings, kernels: kernels, pool: pool)
        let judged = learner.average ?? parameters
        var scores: [Int: HistologyScore] = [:]
        let epochs = epochs
        while state.history.count < epochs, !isExhausted(state) {
            let start = Machine.seconds
            guard let (record, seconds, images) = try epoch(&lesson, learner, isCancelled) else { return nil }
            var entry = record
            entry.epoch = state.history.count + 1
            let isLast = entry.epoch == epochs
            var isBest = false
            if !validation.isEmpty, entry.epoch % settings.validationInterval == 0 || isLast {
                let score = try validating(judged, pool: pool)
                entry.scores = score.values
                scores[entry.epoch] = score
                let merit = score.merit(settings.metric, settings.objective)
                isBest = merit > state.best ?? -.infinity
                if isBest {
                    (state.best, state.bestEpoch) = (merit, entry.epoch)
                    bestWeights = judged.tensors
                }
            }
            state.history.append(entry)
            if let folder { try state.save(learner, [], best: isBest ? bestWeights : nil, to: folder) }
            report(
                Progress(
                    record: entry, epochs: epochs, imagesPerSecond: Double(images) / max(seconds, 1e-9),
                    secondsLeft: (Machine.seconds - start) * Double(epochs - entry.epoch)))
        }
        let kept = try network.parameters(seed: settings.seed)
        let isBestKept = settings.keepsBest && bestWeights != nil
        try kept.load(isBestKept ? bestWeights ?? [:] : judged.tensors)
        let epoch = isBestKept ? state.bestEpoch ?? state.history.count : state.history.count
        let validated = state.history.indices.contains(epoch - 1) && state.history[epoch - 1].scores != nil
        return Result(
            parameters: kept, history: state.history, epoch: epoch,
            validation: validated ? try scores[epoch] ?? validating(kept, pool: pool) : nil)
    }

    /// Whether validation has not become better for too long.
    private func isExhausted(_ state: TrainingState) -> Bool {
        // Epochs that were not validated say nothing.
        guard let patience = settings.patience, let best = state.bestEpoch, state.history.last?.scores != nil else {
            return false
        }
        return state.history.count - best >= patience
    }

    /// A step with the memory it runs in.
    private struct Lesson {
        let step: HistologyStep
        let workspace: Workspace
        let isAlone: Bool
    }

    /// The steps of one epoch; nil where it was cancelled.
    private func epoch(
        _ lesson: inout Lesson?, _ learner: Learner, _ isCancelled: () -> Bool
    ) throws -> (EpochRecord, seconds: Double, images: Int)? {
        let start = Machine.seconds
        var record = EpochRecord(epoch: 0, step: 0, rate: 0, loss: 0, parts: [:], gradientNorm: 0, validation: nil)
        var met: [String: (sum: Double, count: Int)] = [:]
        let count = min(batches.stepsPerEpoch, steps - learner.step)
        for _ in 0..<count {
            if isCancelled() { return nil }
            let number = learner.step, isAlone = number < stepsAlone
            if lesson?.isAlone != isAlone {
                // The memory of one stage goes before that of the next is taken.
                lesson = nil
                let step = try step(isAlone ? settings.objective.only(superResolution: true) : objective)
                lesson = Lesson(
                    step: step, workspace: try Workspace(step.plan, parameters: learner.parameters, pool: pool),
                    isAlone: isAlone)
            }
            guard let (step, workspace) = lesson.map({ ($0.step, $0.workspace) }) else { return nil }
            let batch = try batches(step: number, pool: pool)
            try workspace.run(step.inputs(batch), seed: settings.seed, step: UInt64(number))
            let loss = Double(try workspace.tensor(step.loss).scalar)
            guard loss.isFinite else {
                throw Diagnostic(
                    .undefinedResult, "the loss of step \(number) is \(loss)",
                    remedy: "lower the learning rate; is `white` the value of full intensity?")
            }
            let done = try learner.learn(from: workspace)
            record.loss += loss / Double(count)
            record.gradientNorm += done.gradientNorm / Double(count)
            record.rate = done.rate
            for part in step.parts {
                let (sum, number) = met[part.name] ?? (0, 0)
                met[part.name] = (sum + Double(try workspace.tensor(part.value).scalar), number + 1)
            }
        }
        record.parts = met.mapValues { $0.sum / Double($0.count) }
        record.step = learner.step
        return (record, Machine.seconds - start, count * settings.batch)
    }
}
