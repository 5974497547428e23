import LucencyFoundation
import LucencyNetworks
import LucencyTensor

/// Trains the noise estimator of a `LatentDiffusion` whose autoencoder is ready: it learns to find the noise in the
/// latent image of soft tissue, given that of the film (Sun et al. 2025).
///
/// The condition is never scaled, in training as in sampling; the published training code scales it by √ᾱ by mistake. Bits
/// depend on settings, pairs and the kernel family; never on threads or interruptions.
public struct DiffusionTrainer {
    public struct Settings: Codable, Hashable, Sendable {
        public var steps = 10_000
        public var batch = 4
        public var rate = 2e-4
        public var schedule = Schedule(.cosine, rate: 2e-4)
        /// λ of the offset noise; 0 for plain noise.
        public var offset = 0.1
        /// Whether channels of latent images are brought to mean 0 and deviation 1 first, which noise and thresholds suit;
        /// the published method leaves them as the autoencoder has made them.
        public var standardizes = true
        /// Decay of the moving average of the weights, which is what is kept; nil keeps the weights themselves.
        public var averageDecay: Float? = 0.995
        public var maximumNorm: Float? = 1
        public var interval = 200
        public var seed: UInt64 = 0

        public init() {}

        package func problems() -> [Diagnostic] {
            var found: [Diagnostic] = []
            func require(_ holds: Bool, _ what: String) {
                if !holds { found.append(Diagnostic(.badArgument, "diffusion training: \(what)")) }
            }
            require((1...100_000_000).contains(steps), "steps must be in 1...100000000")
            require((1...1024).contains(batch), "batch must be in 1...1024")
            require(rate > 0, "the rate must be positive")
            require(offset >= 0 && offset.isFinite, "offset must not be negative")
            require(interval >= 1, "interval must be at least 1")
            return found
        }
    }

    /// Mean and standard deviation of a channel of the latent images.
    public struct ChannelStatistics: Codable, Hashable, Sendable {
        public let mean: Double
        public let deviation: Double
    }

    public struct Progress {
        public let record: StepRecord
        public let steps: Int
        public let secondsLeft: Double
        /// The weights as they would be kept now.
        public let weights: Parameters
    }

    public struct Result {
        /// Of the whole model.
        public let parameters: Parameters
        public let records: [StepRecord]
        public let latents: [ChannelStatistics]
    }

    /// A network that sees easier conditions, and whose estimates of the image are learnt in place of the truth (Noroozi et
    /// al. 2024, "You only need one step"): they are what can be known at a time, not what chance has drawn.
    public struct Teacher {
        /// `estimator.…`, of the same network.
        public var weights: Parameters
        /// Latent images of its conditions, not standardized, in the order of the pairs.
        public var conditions: [Tensor]
        /// Whether differences of the estimated images count alike at all times. Otherwise they are weighted by how far
        /// the output and that image are apart, at most 5, so that times of little noise are not ignored.
        public var isPlain = false

        public init(weights: Parameters, conditions: [Tensor], isPlain: Bool = false) {
            (self.weights, self.conditions, self.isPlain) = (weights, conditions, isPlain)
        }

        /// The factor on differences of outputs at a time of which ᾱ of the image is left, so that their squares are the
        /// weighted squares of differences of estimated images.
        package func factor(_ prediction: DiffusionPrediction, left: Double) -> Double {
            let gap =
                switch prediction {
                case .velocity: 1 - left
                case .epsilon: (1 - left) / left
                case .sample: 1.0
                }
            return (isPlain ? gap : gap * min(1 / gap, 5)).squareRoot()
        }
    }

    /// The network that is trained: with the statistics of latent images where settings want them.
    public let network: LatentDiffusion
    public let settings: Settings
    /// What a step computes twice to take less memory; it changes no bit of the result.
    public var recomputation = Recomputation.nothing
    public var teacher: Teacher?
    /// Weights to begin with, `estimator.…`; nil begins anew.
    public var initial: Parameters?
    private let autoencoder: Parameters
    private let pairs: [(condition: Tensor, target: Tensor)]
    public let latents: [ChannelStatistics]
    private let kernels: Kernels
    private let pool: ThreadPool

    /// - Parameters:
    ///   - autoencoder: its weights and states, by their names in a `VectorAutoencoder`.
    ///   - pairs: latent images of condition and target, each 1, C, height, width, all of one size.
    /// - Throws: `DiagnosticList` with everything that does not fit.
    public init(
        _ network: LatentDiffusion, autoencoder: [String: Tensor], pairs: [(condition: Tensor, target: Tensor)],
        settings: Settings, kernels: Kernels = Kernels(family: .best), pool: ThreadPool = .serial
    ) throws {
        let problems = settings.problems() + network.problems()
        guard problems.isEmpty else { throw DiagnosticList(problems) }
        guard let first = pairs.first else { throw Diagnostic(.noItems, "there is no pair of images to train with") }
        let shape = first.target.shape, multiple = network.estimator.sizeMultiple
        guard pairs.allSatisfy({ $0.condition.shape == shape && $0.target.shape == shape }), shape.rank == 4,
            shape[0] == 1, shape[1] == network.autoencoder.latent
        else {
            throw Diagnostic(
                .sizeMismatch, "the images to train with differ in size", remedy: "bring them to one: `resample`")
        }
        guard shape.dimensions.suffix(2).allSatisfy({ $0 % multiple == 0 }) else {
            throw Diagnostic(
                .shapeMismatch,
                "the images' extents must be multiples of \(network.sizeMultiple[0]); their latent images are \(shape)",
                remedy: "resample or pad them")
        }
        self.autoencoder = try network.autoencoderParameters(autoencoder)
        self.settings = settings
        self.kernels = kernels
        self.pool = pool
        latents = (0..<network.autoencoder.latent).map { channel in
            let values = pairs.flatMap { pair -> [Double] in
                let count = pair.target.shape.count / pair.target.shape[1]
                return (0..<count).map { Double(pair.target.buffer[channel * count + $0]) }
            }
            let mean = values.reduce(0, +) / Double(values.count)
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
            return ChannelStatistics(mean: mean, deviation: variance.squareRoot())
        }
        guard latents.contains(where: { $0.deviation > 1e-6 }) else {
            throw Diagnostic(
                .undefinedResult,
                "all latent images are alike: the autoencoder tells films and soft tissues apart by nothing",
                remedy: "train it longer, and look at its preview; does its `window` fit the films?")
        }
        var trained = network
        if settings.standardizes {
            trained.latentMeans = latents.map { Float($0.mean) }
            // A channel that is the same everywhere stays 0.
            trained.latentDeviations = latents.map { $0.deviation > 1e-6 ? Float($0.deviation) : 1 }
        }
        self.network = trained
        self.pairs = pairs.map { (trained.standardized($0.condition), trained.standardized($0.target)) }
    }

    /// Channels of latent images that are so narrow or wide that the noise does not fit them.
    public var warnings: [Diagnostic] {
        guard !settings.standardizes else { return [] }
        return latents.enumerated().filter { !(0.3...3).contains($0.element.deviation) }.map { channel, statistics in
            Diagnostic(
                .badValue,
                "channel \(channel) of the latent images has the standard deviation \(statistics.deviation); the noise has 1",
                remedy: "train the autoencoder longer or with other settings", severity: .warning)
        }
    }

    /// Trains.
    /// - Parameters:
    ///   - folder: where checkpoints are kept, and looked for at the start; nil keeps none.
    ///   - key: tells this training apart from others in the same folder.
    /// - Returns: nil where it was cancelled.
    public func train(
        folder: String? = nil, key: String = "", isCancelled: () -> Bool = { false },
        report: (Progress) throws -> Void = { _ in }
    ) throws -> Result? {
        let latent = pairs[0].target.shape, batch = settings.batch
        let tape = Tape(.training), one = Array(latent.dimensions.dropFirst(2))
        let x = tape.input("x", try Shape([batch, 2 * latent[1]] + one))
        let wanted = tape.input("wanted", try Shape([batch, latent[1]] + one))
        let code = tape.input("time", try Shape([batch, network.estimator.base]))
        let output = try network.estimator(x, time: code, Scope(tape, path: "estimator"))
        var answer = try tape.slice(output, axis: 1, 0..<latent[1])
        let factor = teacher == nil ? nil : tape.input("factor", wanted.shape)
        if let factor { answer = try tape.multiply(answer, factor) }
        let loss = try tape.meanSquaredError(answer, wanted)
        let plan = try TensorPlan(
            tape, outputs: [loss], gradientsOf: loss, options: .init(kernels: kernels, recomputation: recomputation))
        let parameters = try Parameters(tape.parameters, seed: settings.seed)
        if let initial { try parameters.load(initial.tensors.filter { $0.key.hasPrefix("estimator.") }) }
        let judge = try teacher.map { teacher in
            guard teacher.conditions.count == pairs.count, teacher.conditions.allSatisfy({ $0.shape == latent }) else {
                throw Diagnostic(.shapeMismatch, "the teacher's conditions are not those of the pairs")
            }
            return try LatentSampler(network, parameters: teacher.weights, kernels: kernels, pool: pool)
                .estimate(for: wanted.shape)
        }
        var schedule = settings.schedule
        (schedule.rate, schedule.steps) = (settings.rate, settings.steps)
        let learner = try Learner(
            parameters,
            settings: LearningSettings(
                optimizer: .adamW(decay: 0.01), schedule: schedule, maximumNorm: settings.maximumNorm,
                averageDecay: settings.averageDecay),
            seed: settings.seed, family: kernels.family, pool: pool)
        var loop = StepLoop(
            [learner], steps: settings.steps, interval: settings.interval, folder: folder, key: key)
        let workspace = try Workspace(plan, parameters: parameters, pool: pool)
        let noise = try network.noiseSchedule()
        while !loop.isDone {
            if isCancelled() { return nil }
            let number = loop.step
            let places = (0..<batch).map {
                shuffledItem(at: number * batch + $0, of: pairs.count, seed: settings.seed, stream: "diffusion.order")
            }
            let chosen = places.map { pairs[$0] }
            var random = PhiloxStream(seed: settings.seed, stream: "diffusion.noise", index: number)
            let times = chosen.map { _ in random.int(in: 0...(noise.steps - 1)) }
            let target = try Tensor.joined(chosen.map(\.target))
            let drawn = try OffsetNoise(strength: settings.offset).draw(target.shape, from: &random)
            let noised = try noise.noised(target, noise: drawn, times: times)
            var goal: Tensor, inputs: [Value: Tensor] = [:]
            switch network.prediction {
            case .epsilon: goal = drawn
            case .sample: goal = target
            case .velocity: goal = try noise.velocity(target, noise: drawn, times: times)
            }
            if let teacher, let judge, let factor {
                // Both see the same noisy image; only the condition is easier.
                let easier = try Tensor.joined(places.map { network.standardized(teacher.conditions[$0]) })
                let factors = times.map { Float(teacher.factor(network.prediction, left: noise.left(at: $0))) }
                let count = target.shape.count / batch
                inputs[factor] = target.combined(with: target) { index, _, _ in factors[index / count] }
                goal = try judge(noised, condition: easier, times: times)
                    .combined(with: goal) { index, x, _ in x * factors[index / count] }
            }
            // Behind each noisy latent image its condition, unscaled.
            inputs[x] = try Tensor.stacked(noised, Tensor.joined(chosen.map(\.condition)))
            inputs[wanted] = goal
            inputs[code] = try Tensor.timeEmbedding(times.map(Double.init), width: network.estimator.base)
            try workspace.run(inputs, seed: settings.seed, step: UInt64(number))
            let stop = try loop.add([
                "loss": Double(workspace.tensor(loss).scalar),
                "gradientNorm": learner.learn(from: workspace).gradientNorm,
            ])
            guard let stop else { continue }
            try report(
                Progress(
                    record: stop.record, steps: settings.steps, secondsLeft: stop.secondsLeft,
                    weights: whole(learner.average ?? parameters)))
        }
        return Result(
            parameters: try whole(learner.average ?? parameters), records: loop.records, latents: latents)
    }

    /// Autoencoder and estimator together.
    private func whole(_ estimator: Parameters) throws -> Parameters {
        let all = try Parameters(network.declarations().map(\.unset), seed: 0)
        try all.load(autoencoder.tensors.merging(estimator.tensors) { $1 })
        return all
    }
}
