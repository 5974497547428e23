import LucencyFoundation
import LucencyNetworks
import LucencyTensor

/// Trains a network to turn one image into another directly: mean |x + f(x) - y| + λs · (1 - MS-SSIM). Bits depend on
/// settings, pairs and the kernel family; never on threads or interruptions.
public struct RegressionTrainer {
    public struct Settings: Codable, Hashable, Sendable {
        public var steps = 2000
        public var batch = 4
        public var rate = 1e-3
        /// λs; 0 leaves the term out.
        public var similarityWeight: Float = 0.2
        public var interval = 100
        public var seed: UInt64 = 0

        public init() {}
    }

    public struct Progress {
        public let record: StepRecord
        public let steps: Int
        public let secondsLeft: Double
        /// An image, the answer and what it should be, [height, width] in -1...1.
        public let preview: [Tensor]
    }

    public let network: any Network
    public let settings: Settings
    /// What a step computes twice to take less memory; it changes no bit of the result.
    public var recomputation = Recomputation.nothing
    private let pairs: [(condition: Tensor, target: Tensor)]
    private let kernels: Kernels
    private let pool: ThreadPool

    /// - Parameter pairs: image and target, each 1, 1, height, width, in -1...1, all of one size.
    /// - Throws: `Diagnostic` for what does not fit.
    public init(
        _ network: any Network, pairs: [(condition: Tensor, target: Tensor)], settings: Settings,
        kernels: Kernels = Kernels(family: .best), pool: ThreadPool = .serial
    ) throws {
        guard let first = pairs.first else { throw Diagnostic(.noItems, "there is no pair of images to train with") }
        guard pairs.allSatisfy({ $0.condition.shape == first.condition.shape && $0.target.shape == first.target.shape })
        else {
            throw Diagnostic(
                .sizeMismatch, "the images to train with differ in size", remedy: "bring them to one: `resample`")
        }
        guard settings.steps >= 1, settings.batch >= 1, settings.interval >= 1, settings.rate > 0 else {
            throw Diagnostic(.badArgument, "regression: steps, batch, interval and rate must be positive")
        }
        self.network = network
        self.pairs = pairs
        self.settings = settings
        self.kernels = kernels
        self.pool = pool
    }

    /// Trains.
    /// - Returns: the average of the last weights and the records; nil where it was cancelled.
    public func train(
        folder: String? = nil, key: String = "", isCancelled: () -> Bool = { false },
        report: (Progress) throws -> Void = { _ in }
    ) throws -> (parameters: Parameters, records: [StepRecord])? {
        let shape = try Shape([settings.batch] + pairs[0].condition.shape.dimensions.dropFirst())
        let tape = Tape(.training), x = tape.input("image", shape), y = tape.input("target", shape)
        guard let change = try network(x, Scope(tape)).first else {
            throw Diagnostic(.badArgument, "the network has no result")
        }
        let result = try tape.add(x, change)
        let l1 = try tape.meanAbsoluteError(result, y)
        var total = l1
        if settings.similarityWeight > 0 {
            let similarity = try tape.multiScaleSimilarity(
                tape.scale(result, by: 0.5, plus: 0.5), tape.scale(y, by: 0.5, plus: 0.5))
            let loss = try tape.scale(similarity, by: -settings.similarityWeight, plus: settings.similarityWeight)
            total = try tape.add(total, loss)
        }
        let plan = try TensorPlan(
            tape, outputs: [total, l1, result], gradientsOf: total,
            options: .init(kernels: kernels, recomputation: recomputation))
        let parameters = try network.parameters(seed: settings.seed)
        let schedule = Schedule(.cosine, rate: settings.rate, steps: settings.steps)
        let learner = try Learner(
            parameters,
            settings: LearningSettings(
                optimizer: .adamW(decay: 1e-4), schedule: schedule, maximumNorm: 1, averageDecay: 0.99),
            seed: settings.seed, family: kernels.family, pool: pool)
        var loop = StepLoop(
            [learner], steps: settings.steps, interval: settings.interval, folder: folder, key: key)
        let workspace = try Workspace(plan, parameters: parameters, pool: pool)
        while !loop.isDone {
            if isCancelled() { return nil }
            let number = loop.step
            let chosen = (0..<settings.batch).map {
                pairs[
                    shuffledItem(
                        at: number * settings.batch + $0, of: pairs.count, seed: settings.seed,
                        stream: "regression.order")]
            }
            let images = try Tensor.joined(chosen.map(\.condition)), targets = try Tensor.joined(chosen.map(\.target))
            try workspace.run([x: images, y: targets], seed: settings.seed, step: UInt64(number))
            let stop = try loop.add([
                "loss": Double(workspace.tensor(total).scalar), "l1": Double(workspace.tensor(l1).scalar),
                "gradientNorm": learner.learn(from: workspace).gradientNorm,
            ])
            guard let stop else { continue }
            try report(
                Progress(
                    record: stop.record, steps: settings.steps, secondsLeft: stop.secondsLeft,
                    preview: [
                        images.firstPicture, try workspace.tensor(result).firstPicture, targets.firstPicture,
                    ]))
        }
        return (learner.average ?? parameters, loop.records)
    }
}
