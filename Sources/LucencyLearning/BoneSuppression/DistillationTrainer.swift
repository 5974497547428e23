import LucencyFoundation
import LucencyNetworks
import LucencyTensor

/// Trains latent diffusion up a ladder of conditions that grow harder, so that few steps suffice (Noroozi et al. 2024,
/// "You only need one step: fast super-resolution with stable diffusion via scale distillation"). In place of growing
/// magnifications stand films whose bones are attenuated less and less. The first rung learns from the truth; each later
/// one begins with the weights of the one before, which stays as its teacher and sees its own, easier condition.
public struct DistillationTrainer {
    public struct Settings: Codable, Hashable, Sendable {
        /// Of the first rung.
        public var first = DiffusionTrainer.Settings()
        /// Steps of each later rung, as a share of the first's.
        public var share = 0.25
        /// Learning rate of later rungs.
        public var laterRate = 1e-4
        /// See `DiffusionTrainer.Teacher`.
        public var isPlain = false

        public init() {}

        package func problems() -> [Diagnostic] {
            var found = first.problems()
            if !(share > 0 && share <= 100 && laterRate > 0) {
                found.append(
                    Diagnostic(.badArgument, "distillation: share must be in 0...100 and not 0, rates must be positive")
                )
            }
            return found
        }

        /// Of a rung.
        func rung(_ number: Int) -> DiffusionTrainer.Settings {
            guard number > 0 else { return first }
            var settings = first
            settings.steps = max(1, Int((Double(first.steps) * share).rounded()))
            settings.rate = laterRate
            // Another order and other noise than before.
            settings.seed = first.seed &+ UInt64(number)
            return settings
        }

        /// Steps of all rungs together.
        public func steps(rungs: Int) -> Int { (0..<rungs).reduce(0) { $0 + rung($1).steps } }
    }

    public struct Progress {
        /// From 0.
        public let rung: Int
        public let training: DiffusionTrainer.Progress
    }

    public struct Result {
        /// Of the whole model, after the last rung.
        public let parameters: Parameters
        /// Of each rung.
        public let records: [[StepRecord]]
        public let latents: [DiffusionTrainer.ChannelStatistics]
    }

    /// The network that is trained: see `DiffusionTrainer.network`.
    public let network: LatentDiffusion
    public let settings: Settings
    public var recomputation = Recomputation.nothing
    private let rungs: [DiffusionTrainer]
    private let conditions: [[Tensor]]

    /// - Parameters:
    ///   - autoencoder: its weights and states, by their names in a `VectorAutoencoder`.
    ///   - conditions: latent images of each rung's conditions, from the easiest rung to that of the films themselves; of
    ///     each rung as many as there are targets.
    ///   - targets: latent images of soft tissue.
    /// - Throws: `DiagnosticList`, `Diagnostic` with what does not fit.
    public init(
        _ network: LatentDiffusion, autoencoder: [String: Tensor], conditions: [[Tensor]], targets: [Tensor],
        settings: Settings, kernels: Kernels = Kernels(family: .best), pool: ThreadPool = .serial
    ) throws {
        let problems = settings.problems()
        guard problems.isEmpty else { throw DiagnosticList(problems) }
        guard !conditions.isEmpty, conditions.allSatisfy({ $0.count == targets.count }) else {
            throw Diagnostic(
                .shapeMismatch, "each rung of the ladder needs a condition for each of the \(targets.count) targets")
        }
        self.settings = settings
        self.conditions = conditions
        // All rungs have the same targets, so that their latent images are standardized alike.
        let rungs = try conditions.enumerated().map { number, row in
            try DiffusionTrainer(
                network, autoencoder: autoencoder, pairs: zip(row, targets).map { (condition: $0, target: $1) },
                settings: settings.rung(number), kernels: kernels, pool: pool)
        }
        self.rungs = rungs
        self.network = rungs.first?.network ?? network
    }

    /// The film with a share of what bones add to its soft tissue: 0 gives the soft tissue, 1 the film.
    public static func attenuated(_ film: Tensor, softTissue: Tensor, share: Double) -> Tensor {
        film.combined(with: softTissue) { _, c, s in
            share == 1 ? c : Float(Double(s) + share * (Double(c) - Double(s)))
        }
    }

    public var warnings: [Diagnostic] { rungs.first?.warnings ?? [] }

    /// Trains rung after rung.
    /// - Parameters:
    ///   - folder: where checkpoints are kept, one folder for each rung, and looked for at the start; nil keeps none.
    ///   - key: tells this training apart from others in the same folder.
    /// - Returns: nil where it was cancelled.
    public func train(
        folder: String? = nil, key: String = "", isCancelled: () -> Bool = { false },
        report: (Progress) throws -> Void = { _ in }
    ) throws -> Result? {
        var before: DiffusionTrainer.Result?, records: [[StepRecord]] = []
        for (number, rung) in rungs.enumerated() {
            var trainer = rung
            trainer.recomputation = recomputation
            if let before {
                trainer.initial = before.parameters
                trainer.teacher = .init(
                    weights: before.parameters, conditions: conditions[number - 1], isPlain: settings.isPlain)
            }
            // A finished rung is found at its last checkpoint, and gives its weights at once.
            before = try trainer.train(
                folder: folder.map { FileSystem.join($0, "rung\(number)") }, key: key, isCancelled: isCancelled
            ) { try report(Progress(rung: number, training: $0)) }
            guard let before else { return nil }
            records.append(before.records)
        }
        guard let before else { return nil }
        return Result(parameters: before.parameters, records: records, latents: before.latents)
    }
}
