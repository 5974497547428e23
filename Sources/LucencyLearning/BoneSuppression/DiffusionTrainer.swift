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

    /// The network that is trained: with the statistics of latent images where settings want them.
    public let network: LatentDiffusion
    public let settings: Settings
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
        let declarations = try network.autoencoder.declarations().map {
            ParameterDeclaration(
                name: "autoencoder." + $0.name, shape: $0.shape, initializer: .constant(0), isTrainable: $0.isTrainable)
        }
        let weights = try Parameters(declarations, seed: 0)
        try weights.load(
            Dictionary(uniqueKeysWithValues: autoencoder.map { ("autoencoder." + $0.key, $0.value) }))
        self.autoencoder = weights
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
        let loss = try tape.meanSquaredError(tape.slice(output, axis: 1, 0..<latent[1]), wanted)
        let plan = try TensorPlan(tape, outputs: [loss], gradientsOf: loss, options: .init(kernels: kernels))
        let parameters = try Parameters(tape.parameters, seed: settings.seed)
        var schedule = settings.schedule
        (schedule.rate, schedule.steps) = (settings.rate, settings.steps)
        let learner = try Learner(
            parameters,
            settings: LearningSettings(
                optimizer: .adamW(decay: 0.01), schedule: schedule, maximumNorm: settings.maximumNorm,
                averageDecay: settings.averageDecay),
            seed: settings.seed, family: kernels.family, pool: pool)
        var state = StepState.restored([learner], from: folder, key: key) ?? StepState(key: key)
        let workspace = try Workspace(plan, parameters: parameters, pool: pool)
        let noise = try network.noiseSchedule()
        var means = FigureMeans(), start = Machine.seconds
        while learner.step < settings.steps {
            if isCancelled() { return nil }
            let number = learner.step
            let chosen = (0..<batch).map {
                pairs[
                    shuffledItem(
                        at: number * batch + $0, of: pairs.count, seed: settings.seed, stream: "diffusion.order")]
            }
            var random = PhiloxStream(seed: settings.seed, stream: "diffusion.noise", index: number)
            let times = chosen.map { _ in random.int(in: 0...(noise.steps - 1)) }
            let target = try Tensor.joined(chosen.map(\.target))
            let drawn = try OffsetNoise(strength: settings.offset).draw(target.shape, from: &random)
            let noised = try noise.noised(target, noise: drawn, times: times)
            let goal: Tensor =
                switch network.prediction {
                case .epsilon: drawn
                case .sample: target
                case .velocity: try noise.velocity(target, noise: drawn, times: times)
                }
            // Behind each noisy latent image its condition, unscaled.
            let rows = try (0..<batch).flatMap { index in
                [try noised.image(index), chosen[index].condition]
            }
            try workspace.run(
                [
                    x: Tensor.joined(rows).reshaped(x.shape.dimensions), wanted: goal,
                    code: Tensor.timeEmbedding(times.map(Double.init), width: network.estimator.base),
                ], seed: settings.seed, step: UInt64(number))
            let done = Double(try workspace.tensor(loss).scalar)
            means.add(["loss": done, "gradientNorm": try learner.learn(from: workspace).gradientNorm])
            guard learner.step % settings.interval == 0 || learner.step == settings.steps else { continue }
            let begun = state.records.last?.step ?? 0
            state.records.append(means.taken(step: learner.step))
            if let folder { try state.save([learner], to: folder) }
            let perStep = (Machine.seconds - start) / Double(max(1, learner.step - begun))
            try report(
                Progress(
                    record: state.records[state.records.count - 1], steps: settings.steps,
                    secondsLeft: perStep * Double(settings.steps - learner.step),
                    weights: whole(learner.average ?? parameters)))
            start = Machine.seconds
        }
        return Result(
            parameters: try whole(learner.average ?? parameters), records: state.records, latents: latents)
    }

    /// Autoencoder and estimator together.
    private func whole(_ estimator: Parameters) throws -> Parameters {
        let all = try Parameters(network.declarations().map(\.unset), seed: 0)
        try all.load(autoencoder.tensors.merging(estimator.tensors) { $1 })
        return all
    }
}

extension Tensor {
    /// One image of a batch, as a batch of one.
    package func image(_ index: Int) throws(Diagnostic) -> Tensor {
        let rest = Array(shape.dimensions.dropFirst()), count = rest.reduce(1, *)
        guard index >= 0, index < shape[0] else { throw Diagnostic(.badArgument, "there is no image \(index)") }
        return Tensor(trusted: try Shape([1] + rest)) { target in
            buffer.withUnsafeBufferPointer { _ = target.initialize(from: $0[index * count..<(index + 1) * count]) }
        }
    }
}
