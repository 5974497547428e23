import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import LucencyPipeline
import LucencyTensor

/// The settings of the trainers of latent diffusion as they are written in YAML.
struct BoneDiffusionTraining: Sendable {
    var estimator = BoneDiffusionTraining.small
    var noise = NoiseSchedule.Form.cosine
    var prediction = DiffusionPrediction.epsilon
    var endsInNoise = false
    var recompute = Recomputation.nothing
    var settings = DiffusionTrainer.Settings()
    var averageDecay: Double? = 0.995
    var seed: Int?
    /// Of the later rungs; nil trains on the truth alone.
    var distillation: DistillationTrainer.Settings?

    /// Small enough to train on a processor.
    private static var small: NoiseEstimator {
        var estimator = NoiseEstimator()
        (estimator.base, estimator.multipliers, estimator.blocks) = (32, [1, 2, 4], 2)
        (estimator.attentionFactors, estimator.heads, estimator.groups) = ([4], 4, 8)
        return estimator
    }

    func network(_ autoencoder: VectorAutoencoder) -> LatentDiffusion {
        var network = LatentDiffusion()
        network.autoencoder = autoencoder
        network.estimator = estimator
        (network.estimator.inputChannels, network.estimator.outputChannels) = (
            2 * autoencoder.latent, 2 * autoencoder.latent
        )
        network.schedule = noise
        network.prediction = prediction
        network.endsInNoise = endsInNoise
        return network
    }

    func callAsFunction(_ pairs: [LatentPair], _ context: StageContext) throws -> (ModelFile, RecordValue) {
        guard let first = pairs.first else {
            throw Diagnostic(.noItems, "there are no latent images to train with")
        }
        let model = first.autoencoder
        let (autoencoder, weights) = try model.vectorAutoencoder(), network = network(autoencoder)
        var settings = settings
        settings.seed = seed.map { UInt64(clamping: $0) } ?? context.seed
        settings.averageDecay = averageDecay.map { Float($0) }
        let outcome =
            try distillation == nil
            ? straight(network, weights, pairs, settings, context) : ladder(network, weights, pairs, settings, context)
        guard let outcome else { throw LongWork.Stopped() }
        var facts: [String: JSONValue] = [
            "method": "train.bone-diffusion", "settings": try JSONValue(encoding: settings),
            "kernels": .string(context.kernels.rawValue), "seed": .string(String(settings.seed)),
            "pairs": .integer(pairs.count), "latents": try JSONValue(encoding: outcome.latents),
            "autoencoder": model.training ?? .null,
        ]
        if let distillation {
            facts["method"] = "train.bone-distilled"
            facts["ladder"] = .array(first.easier.map { .number($0.share) } + [.number(1)])
            facts["laterSteps"] = .number(distillation.share)
            facts["laterRate"] = .number(distillation.laterRate)
            facts["plain"] = .bool(distillation.isPlain)
        }
        let file = try ModelFile(
            outcome.network, parameters: outcome.parameters, preprocessing: model.preprocessing,
            training: .object(facts))
        return (file, RecordValue(.array(outcome.records)))
    }

    private struct Outcome {
        let network: LatentDiffusion
        let parameters: Parameters
        let records: [JSONValue]
        let latents: [DiffusionTrainer.ChannelStatistics]
    }

    private func announce(_ pairs: Int, _ steps: Int, _ warnings: [Diagnostic], _ context: StageContext) {
        let message = warnings.reduce("\(pairs) pairs, \(steps) steps") { $0 + "; " + $1.message }
        context.work.report(WorkProgress(fraction: 0, message: message))
    }

    private func straight(
        _ network: LatentDiffusion, _ weights: [String: Tensor], _ pairs: [LatentPair],
        _ settings: DiffusionTrainer.Settings, _ context: StageContext
    ) throws -> Outcome? {
        var trainer = try DiffusionTrainer(
            network, autoencoder: weights, pairs: pairs.map(\.tensors), settings: settings,
            kernels: Kernels(family: context.kernels), pool: context.pool)
        trainer.recomputation = recompute
        let network = trainer.network
        announce(pairs.count, settings.steps, trainer.warnings, context)
        let result = try trainer.train(
            folder: context.work.folder,
            key: FilmTraining.key(JSONValue(encoding: settings), JSONValue(encoding: network)),
            isCancelled: context.work.isCancelled
        ) { progress in
            try preview(progress.weights, network, pairs[0], settings.seed, context)
            context.work.report(
                FilmTraining.progress(progress.record, of: progress.steps, secondsLeft: progress.secondsLeft))
        }
        return result.map {
            Outcome(
                network: network, parameters: $0.parameters, records: $0.records.map(\.json), latents: $0.latents)
        }
    }

    private func ladder(
        _ network: LatentDiffusion, _ weights: [String: Tensor], _ pairs: [LatentPair],
        _ settings: DiffusionTrainer.Settings, _ context: StageContext
    ) throws -> Outcome? {
        var all = distillation ?? DistillationTrainer.Settings()
        all.first = settings
        let shares = pairs[0].easier.map(\.share)
        guard !shares.isEmpty, pairs.allSatisfy({ $0.easier.map(\.share) == shares }) else {
            throw Diagnostic(
                .missingKey, "the latent images have no easier conditions to climb from",
                remedy: "let `bones.encode` make some: `with: {ladder: [0.25, 0.5]}`")
        }
        let rungs = shares.indices.map { rung in pairs.map { $0.easier[rung].latent } } + [pairs.map(\.condition)]
        var trainer = try DistillationTrainer(
            network, autoencoder: weights, conditions: rungs, targets: pairs.map(\.target), settings: all,
            kernels: Kernels(family: context.kernels), pool: context.pool)
        trainer.recomputation = recompute
        let network = trainer.network
        let steps = all.steps(rungs: rungs.count)
        announce(pairs.count, steps, trainer.warnings, context)
        let result = try trainer.train(
            folder: context.work.folder,
            key: FilmTraining.key(
                JSONValue(encoding: all), JSONValue(encoding: network), .array(shares.map { .number($0) })),
            isCancelled: context.work.isCancelled
        ) { progress in
            try preview(progress.training.weights, network, pairs[0], settings.seed, context)
            let report = FilmTraining.progress(
                progress.training.record, of: progress.training.steps, secondsLeft: progress.training.secondsLeft)
            let done = all.steps(rungs: progress.rung) + progress.training.record.step
            context.work.report(
                WorkProgress(
                    fraction: Double(done) / Double(max(1, steps)),
                    message: "rung \(progress.rung + 1) of \(rungs.count), " + report.message, figures: report.figures))
        }
        return result.map { result in
            let records = result.records.enumerated().flatMap { rung, records in
                records.map { JSONValue.object(($0.json.objectValue ?? [:]).merging(["rung": .integer(rung)]) { $1 }) }
            }
            return Outcome(
                network: network, parameters: result.parameters, records: records, latents: result.latents)
        }
    }

    /// A film through its codes, what ten steps make of it, and its soft tissue through its codes.
    private func preview(
        _ weights: Parameters, _ network: LatentDiffusion, _ pair: LatentPair, _ seed: UInt64, _ context: StageContext
    ) throws {
        guard context.work.folder != nil else { return }
        let sampler = try LatentSampler(
            network, parameters: weights, kernels: Kernels(family: context.kernels), pool: context.pool)
        let film = try sampler.decoded(network.standardized(pair.condition))
        var steps = DiffusionSampler()
        steps.steps = min(10, network.times)
        let answer = try sampler(film.limited, steps, seed: seed)
        let truth = try sampler.decoded(network.standardized(pair.target))
        try FilmTraining.show([film.firstPicture, answer, truth.firstPicture], context)
    }
}

extension LatentSampler {
    fileprivate func callAsFunction(_ film: Tensor, _ steps: DiffusionSampler, seed: UInt64) throws -> Tensor {
        try self(film, samples: 1, steps, seed: seed).mean.firstPicture
    }
}

extension Tensor {
    fileprivate var limited: Tensor { combined(with: self) { _, x, _ in min(max(x, -1), 1) } }
}

extension DiffusionPrediction: ChoiceParameter {}
extension AttentionLayout: ChoiceParameter {}

extension NoiseSchedule.Form: ChoiceParameter {}
extension Recomputation: ChoiceParameter {}

extension BoneDiffusionTraining {
    /// The parameters that all its stages have.
    static var parameters: [Parameter<BoneDiffusionTraining>] {
        [
            Parameter(
                "base", \.estimator.base, in: .within(2...4096),
                help: "Channels of the estimator's first level; published: 128."),
            Parameter(
                "multipliers", \.estimator.multipliers, in: .within(1...64),
                help: "Channels of each level in units of base; published: 1, 1, 2, 2, 4, 4."),
            Parameter(
                "blocks", \.estimator.blocks, in: .within(1...64), help: "Residual blocks of a level; published: 8."),
            Parameter(
                "attention", \.estimator.attentionFactors, in: .within(1...1024),
                help: "Factors of reduction at which attention stands; published: 8, 16, 32."),
            Parameter("heads", \.estimator.heads, in: .within(1...64), help: "Heads of attention; published: 8."),
            Parameter("groups", \.estimator.groups, in: .within(1...256), help: "Groups of norms; published: 32."),
            Parameter("layout", \.estimator.attentionLayout, help: "How heads share the channels of attention."),
            Parameter("prediction", \.prediction, help: "What the estimator gives: the noise, v, or the image."),
            Parameter(
                "endsInNoise", \.endsInNoise, help: "Leave nothing of the image at the last time; needs prediction v."),
            Parameter("noise", \.noise, help: "How the share of noise grows with time; its ends are the usual ones."),
            Parameter(
                "offset", \.settings.offset, in: .within(0...1), help: "Strength of the offset noise; 0 for none."),
            Parameter(
                "standardizes", \.settings.standardizes,
                help: "Bring channels of latent images to mean 0 and deviation 1; published: false."),
            Parameter("steps", \.settings.steps, in: .within(1...100_000_000), help: "Optimiser steps."),
            Parameter("batch", \.settings.batch, in: .within(1...1024), help: "Pairs in a step."),
            Parameter("rate", \.settings.rate, in: .positive, help: "Highest learning rate."),
            Parameter("schedule", \.settings.schedule, help: "How the learning rate falls; published: by steps."),
            Parameter(
                "maximumNorm", \.settings.maximumNorm, in: .positive,
                help: "Longer gradients are shortened to it; published: none, for which a large number does."),
            Parameter(
                "averageDecay", \.averageDecay, in: .within(0...0.99999),
                help: "Decay of the moving average of the weights, which is kept."),
            Parameter(
                "interval", \.settings.interval, in: .within(1...1_000_000),
                help: "Steps from one checkpoint and preview to the next."),
            Parameter("seed", \.seed, in: .atLeast(0), help: "Seed of weights and noise; left out: that of the run."),
            Parameter(
                "recompute", \.recompute,
                help: "What a step computes twice to take less memory; it changes no bit of the model."),
        ]
    }

    static var group: StreamGroup<BoneDiffusionTraining, [LatentPair]> {
        StreamGroup("training", ports: ["latents"]) {
            (_: BoneDiffusionTraining, state: inout [LatentPair], _: ItemTag, _: StageContext, latents: LatentPair) in
            state.append(latents)
        }
    }

    func check() throws {
        let problems =
            network(VectorAutoencoder()).problems() + settings.problems() + (distillation?.problems() ?? [])
        if !problems.isEmpty { throw DiagnosticList(problems) }
    }
}
