import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import LucencyPipeline
import LucencyTensor

/// The settings of the noise estimator's trainer as they are written in YAML.
private struct TrainBoneDiffusion: Sendable {
    var estimator = TrainBoneDiffusion.small
    var prediction = DiffusionPrediction.epsilon
    var endsInNoise = false
    var settings = DiffusionTrainer.Settings()
    var averageDecay: Double? = 0.995
    var seed: Int?

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
        network.prediction = prediction
        network.endsInNoise = endsInNoise
        return network
    }

    func callAsFunction(_ pairs: [LatentPair], _ context: StageContext) throws -> (ModelFile, RecordValue) {
        guard let model = pairs.first?.autoencoder else {
            throw Diagnostic(.noItems, "there are no latent images to train with")
        }
        let (autoencoder, weights) = try model.vectorAutoencoder()
        var settings = settings
        settings.seed = seed.map { UInt64(clamping: $0) } ?? context.seed
        settings.averageDecay = averageDecay.map { Float($0) }
        let trainer = try DiffusionTrainer(
            network(autoencoder), autoencoder: weights, pairs: pairs.map(\.tensors), settings: settings,
            kernels: Kernels(family: context.kernels), pool: context.pool)
        let network = trainer.network
        var message = "\(pairs.count) pairs, \(settings.steps) steps"
        for warning in trainer.warnings { message += "; " + warning.message }
        context.work.report(WorkProgress(fraction: 0, message: message))
        let result = try trainer.train(
            folder: context.work.folder,
            key: FilmTraining.key(JSONValue(encoding: settings), JSONValue(encoding: network)),
            isCancelled: context.work.isCancelled
        ) { progress in
            try preview(progress.weights, network, pairs[0], settings.seed, context)
            context.work.report(
                FilmTraining.progress(progress.record, of: progress.steps, secondsLeft: progress.secondsLeft))
        }
        guard let result else { throw LongWork.Stopped() }
        let facts: JSONValue = [
            "method": "train.bone-diffusion", "settings": try JSONValue(encoding: settings),
            "kernels": .string(context.kernels.rawValue), "seed": .string(String(settings.seed)),
            "pairs": .integer(pairs.count), "latents": try JSONValue(encoding: result.latents),
            "autoencoder": model.training ?? .null,
        ]
        let file = try ModelFile(
            network, parameters: result.parameters, preprocessing: model.preprocessing, training: facts)
        return (file, FilmTraining.records(result.records))
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

extension CollectorDescriptor {
    static let trainBoneDiffusion = CollectorDescriptor(
        "train.bone-diffusion", "Trains latent diffusion to draw a film's soft tissue (BS-LDM).",
        prototype: TrainBoneDiffusion(), source: "Sun et al. 2025 (BS-LDM)", isRandom: true, usesKernels: true,
        groups: [
            StreamGroup<TrainBoneDiffusion, [LatentPair]>("training", ports: ["latents"]) {
                (
                    _: TrainBoneDiffusion, state: inout [LatentPair], _: ItemTag, _: StageContext, latents: LatentPair
                ) in state.append(latents)
            }
        ],
        outputs: ["model", "record"],
        parameters: [
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
            Parameter(
                "offset", \.settings.offset, in: .within(0...1), help: "Strength of the offset noise; 0 for none."),
            Parameter(
                "standardizes", \.settings.standardizes,
                help: "Bring channels of latent images to mean 0 and deviation 1; published: false."),
            Parameter("steps", \.settings.steps, in: .within(1...100_000_000), help: "Optimiser steps."),
            Parameter("batch", \.settings.batch, in: .within(1...1024), help: "Pairs in a step."),
            Parameter("rate", \.settings.rate, in: .positive, help: "Highest learning rate."),
            Parameter("schedule", \.settings.schedule, help: "How the learning rate falls."),
            Parameter(
                "averageDecay", \.averageDecay, in: .within(0...0.99999),
                help: "Decay of the moving average of the weights, which is kept."),
            Parameter(
                "interval", \.settings.interval, in: .within(1...1_000_000),
                help: "Steps from one checkpoint and preview to the next."),
            Parameter("seed", \.seed, in: .atLeast(0), help: "Seed of weights and noise; left out: that of the run."),
        ],
        check: {
            let problems = $0.network(VectorAutoencoder()).problems() + $0.settings.problems()
            if !problems.isEmpty { throw DiagnosticList(problems) }
        },
        initial: { _ in [] }, merge: { _, total, next in total += next },
        finish: {
            (stage: TrainBoneDiffusion, pairs: [LatentPair], context: StageContext) throws -> (ModelFile, RecordValue)
            in try stage(pairs, context)
        })
}
