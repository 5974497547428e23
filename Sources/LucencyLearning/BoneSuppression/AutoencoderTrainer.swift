import LucencyFoundation
import LucencyNetworks
import LucencyTensor

/// Trains a `VectorAutoencoder` by BS-LDM's hybrid loss, against a `PatchDiscriminator`:
/// mean |x̂ - x| + the quantiser's loss + λs · (1 - MS-SSIM) + λa · the discriminator's verdict.
///
/// The published perceptual term needs the weights of another network; in its place stands 1 - MS-SSIM with weight 1, which
/// the published code holds disabled and its follow-up enables. Bits depend on settings, images and the kernel family; never
/// on threads or interruptions.
public struct AutoencoderTrainer {
    public struct Settings: Codable, Hashable, Sendable {
        public var steps = 3000
        public var batch = 4
        public var rate = 1e-4
        public var discriminatorRate = 5e-4
        /// λa; 0 trains without a discriminator.
        public var adversarialWeight: Float = 0.01
        /// λs; 0 leaves the term out, which images below 176 pixels must.
        public var similarityWeight: Float = 1
        /// Whether codes that nothing hits for 100 steps begin anew as vectors of the current images.
        public var reseeds = true
        /// Steps from one record, checkpoint and preview to the next.
        public var interval = 100
        public var seed: UInt64 = 0

        public init() {}

        package func problems() -> [Diagnostic] {
            var found: [Diagnostic] = []
            func require(_ holds: Bool, _ what: String) {
                if !holds { found.append(Diagnostic(.badArgument, "autoencoder training: \(what)")) }
            }
            require((1...100_000_000).contains(steps), "steps must be in 1...100000000")
            require((1...1024).contains(batch), "batch must be in 1...1024")
            require(rate > 0 && discriminatorRate > 0, "rates must be positive")
            require(adversarialWeight >= 0 && similarityWeight >= 0, "weights must not be negative")
            require(interval >= 1, "interval must be at least 1")
            return found
        }
    }

    /// How far it is, and an image beside what the autoencoder makes of it, [height, width] in -1...1.
    public struct Progress {
        public let record: StepRecord
        public let steps: Int
        public let secondsLeft: Double
        public let preview: [Tensor]
    }

    public let network: VectorAutoencoder
    public let discriminator: PatchDiscriminator
    public let settings: Settings
    /// What a step computes twice to take less memory; it changes no bit of the result.
    public var recomputation = Recomputation.nothing
    private let images: [Tensor]
    private let kernels: Kernels
    private let pool: ThreadPool

    /// - Parameter images: 1, C, height, width, in -1...1, all of one size.
    /// - Throws: `DiagnosticList` with everything that does not fit.
    public init(
        _ network: VectorAutoencoder, discriminator: PatchDiscriminator = PatchDiscriminator(), images: [Tensor],
        settings: Settings, kernels: Kernels = Kernels(family: .best), pool: ThreadPool = .serial
    ) throws {
        var problems = settings.problems() + network.problems() + discriminator.problems()
        guard let first = images.first else { throw Diagnostic(.noItems, "there is no image to train with") }
        if images.contains(where: { $0.shape != first.shape }) {
            problems.append(
                Diagnostic(
                    .sizeMismatch, "the images to train with differ in size", remedy: "bring them to one: `resample`"))
        }
        let shortest = SimilarityScales().shortestSide
        if settings.similarityWeight > 0, first.shape.dimensions.dropFirst(2).contains(where: { $0 < shortest }) {
            problems.append(
                Diagnostic(
                    .badArgument,
                    "1 - MS-SSIM needs sides of at least \(shortest) pixels, the images are \(first.shape)",
                    remedy: "train with larger images, or set `similarity: 0`"))
        }
        guard problems.isEmpty else { throw DiagnosticList(problems) }
        self.network = network
        self.discriminator = discriminator
        self.images = images
        self.settings = settings
        self.kernels = kernels
        self.pool = pool
    }

    /// The tapes of a step, and what is read from them.
    private struct Step {
        let image: Value, z: Value, quantization: Quantization, result: Value
        let losses: [(name: String, value: Value)]
        let generator: TensorPlan
        let real: Value, made: Value, verdict: Value
        let judge: TensorPlan?
        let declarations: [ParameterDeclaration]
    }

    private func makeStep() throws -> Step {
        let shape = try Shape([settings.batch] + images[0].shape.dimensions.dropFirst())
        let tape = Tape(.training), scope = Scope(tape), x = tape.input("image", shape)
        let z = try network.encode(x, scope), q = try network.quantise(z, scope)
        let result = try network.decode(q.quantised, scope)
        var losses = [("l1", try tape.meanAbsoluteError(result, x)), ("quantiser", q.commitmentLoss)]
        var total = try tape.add(losses[0].1, q.commitmentLoss)
        if settings.similarityWeight > 0 {
            let similarity = try tape.multiScaleSimilarity(
                tape.scale(result, by: 0.5, plus: 0.5), tape.scale(x, by: 0.5, plus: 0.5))
            let loss = try tape.scale(similarity, by: -1, plus: 1)
            losses.append(("dissimilarity", loss))
            total = try tape.add(total, tape.scale(loss, by: settings.similarityWeight))
        }
        // The discriminator judges without learning here; its own step follows.
        let weight = settings.adversarialWeight
        if weight > 0 {
            let loss = try tape.leastSquares(discriminator(result, scope["discriminator"].frozen), target: 1)
            losses.append(("adversarial", loss))
            total = try tape.add(total, tape.scale(loss, by: weight))
        }
        losses.append(("loss", total))
        losses.append(("perplexity", q.perplexity))
        let generator = try TensorPlan(
            tape, outputs: losses.map(\.1) + [z, result, q.counts, q.sums], gradientsOf: total,
            options: .init(kernels: kernels, recomputation: recomputation))
        let own = Tape(.training), real = own.input("real", shape), made = own.input("made", shape)
        let place = Scope(own, path: "discriminator")
        let verdict = try own.scale(
            own.add(
                own.leastSquares(discriminator(made, place), target: 0),
                own.leastSquares(discriminator(real, place), target: 1)), by: 0.5)
        let judge =
            weight > 0
            ? try TensorPlan(
                own, outputs: [verdict], gradientsOf: own.scale(verdict, by: weight),
                options: .init(kernels: kernels, recomputation: recomputation))
            : nil
        let ours = tape.parameters.filter { !$0.name.hasPrefix("discriminator.") }
        return Step(
            image: x, z: z, quantization: q, result: result, losses: losses, generator: generator, real: real,
            made: made, verdict: verdict, judge: judge, declarations: ours + (judge == nil ? [] : own.parameters))
    }

    /// What training came to.
    public struct Result {
        public let parameters: Parameters
        public let records: [StepRecord]
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
        let step = try makeStep()
        let parameters = try Parameters(step.declarations, seed: settings.seed)
        try parameters.load(network.parameters(seed: settings.seed).tensors, strictness: .allowsMissing)
        try PatchDiscriminator.begin(parameters, prefix: "discriminator.", seed: settings.seed)
        // Neither learner has gradients for the other's weights, and Adam without decay leaves such as they are.
        func learner(_ rate: Double) throws -> Learner {
            try Learner(
                parameters, settings: LearningSettings(optimizer: .adam(), schedule: Schedule(.constant, rate: rate)),
                seed: settings.seed, family: kernels.family, pool: pool)
        }
        let learners = try [learner(settings.rate)] + (step.judge == nil ? [] : [learner(settings.discriminatorRate)])
        var loop = StepLoop(learners, steps: settings.steps, interval: settings.interval, folder: folder, key: key)
        let workspace = try Workspace(step.generator, parameters: parameters, pool: pool)
        let judging = try step.judge.map { try Workspace($0, parameters: parameters, pool: pool) }
        while !loop.isDone {
            if isCancelled() { return nil }
            let number = loop.step
            let batch = try Tensor.joined(
                (0..<settings.batch).map { position in
                    images[
                        shuffledItem(
                            at: number * settings.batch + position, of: images.count, seed: settings.seed,
                            stream: "autoencoder.order")]
                })
            try workspace.run([step.image: batch], seed: settings.seed, step: UInt64(number))
            var figures: [String: Double] = [:]
            for (name, value) in step.losses { figures[name] = Double(try workspace.tensor(value).scalar) }
            let made = try workspace.tensor(step.result)
            figures["gradientNorm"] = try learners[0].learn(from: workspace).gradientNorm
            try follow(step, workspace, parameters, number)
            if let judging {
                try judging.run([step.real: batch, step.made: made], seed: settings.seed, step: UInt64(number))
                figures["discriminator"] = Double(try judging.tensor(step.verdict).scalar)
                try learners[1].learn(from: judging)
            }
            guard let stop = try loop.add(figures) else { continue }
            try report(
                Progress(
                    record: stop.record, steps: settings.steps, secondsLeft: stop.secondsLeft,
                    preview: [batch.firstPicture, made.firstPicture]))
        }
        let kept = try Parameters(network.declarations(), seed: 0)
        try kept.load(parameters.tensors.filter { !$0.key.hasPrefix("discriminator.") })
        return Result(parameters: kept, records: loop.records)
    }

    /// Moves the codes after the batch, and begins lost ones anew.
    private func follow(_ step: Step, _ workspace: Workspace, _ parameters: Parameters, _ number: Int) throws {
        guard var codebook = parameters["codebook"], let sizes = parameters["sizes"], let sums = parameters["sums"]
        else { return }
        var state = CodebookAverage.State(sizes: sizes, sums: sums)
        try CodebookAverage(decay: network.decay).update(
            codebook: &codebook, state: &state, counts: workspace.tensor(step.quantization.counts),
            sums: workspace.tensor(step.quantization.sums))
        if settings.reseeds, !network.referenceInit {
            // A hit lifts a count far above 0.001, and without one it shrinks by the decay: so small a count has been below
            // 0.001 for 100 steps, and nothing more has to be remembered.
            var limit: Float = 1e-3
            for _ in 0..<100 { limit *= network.decay }
            let lost = state.sizes.array.indices.filter { state.sizes.array[$0] <= limit }
            if !lost.isEmpty {
                let z = try workspace.tensor(step.z).array, shape = step.z.shape
                let (width, sites) = (shape[1], shape[2] * shape[3])
                var rows = codebook.array, counts = state.sizes.array, totals = state.sums.array
                var random = PhiloxStream(seed: settings.seed, stream: "autoencoder.codes", index: number)
                for code in lost {
                    let image = random.int(in: 0...(shape[0] - 1)), site = random.int(in: 0...(sites - 1))
                    for channel in 0..<width {
                        let value = z[(image * width + channel) * sites + site]
                        rows[code * width + channel] = value
                        totals[code * width + channel] = value
                    }
                    counts[code] = 1
                }
                codebook = try Tensor(codebook.shape.dimensions, rows)
                state.sizes = try Tensor(sizes.shape.dimensions, counts)
                state.sums = try Tensor(sums.shape.dimensions, totals)
            }
        }
        try parameters.set("codebook", to: codebook)
        try parameters.set("sizes", to: state.sizes)
        try parameters.set("sums", to: state.sums)
    }
}

extension Tensor {
    /// The first channel of the first image, [height, width].
    package var firstPicture: Tensor {
        let spatial = Array(shape.dimensions.suffix(2)), count = spatial.reduce(1, *)
        return Tensor(trusted: Shape(trusted: spatial)) { target in
            buffer.withUnsafeBufferPointer { _ = target.initialize(from: $0[0..<count]) }
        }
    }
}
