import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import LucencyPipeline
import LucencyTensor

/// The settings of the autoencoder's trainer as they are written in YAML.
private struct TrainVQGAN: Sendable {
    var network = VectorAutoencoder(channels: [16, 32, 64], hidden: 64)
    var discriminator = PatchDiscriminator(base: 16)
    var settings = AutoencoderTrainer.Settings()
    var adversarial = 0.01
    var similarity = 1.0
    var window: [Double]?
    var recompute = Recomputation.nothing
    var seed: Int?

    var trainer: AutoencoderTrainer.Settings {
        var result = settings
        (result.adversarialWeight, result.similarityWeight) = (Float(adversarial), Float(similarity))
        return result
    }

    func callAsFunction(_ cases: [FilmCase], _ context: StageContext) throws -> (ModelFile, RecordValue, Image) {
        var settings = trainer
        settings.seed = seed.map { UInt64(clamping: $0) } ?? context.seed
        let window = try FilmTraining.window(window, cases)
        // Films and soft tissues are learnt alike.
        var images: [Tensor] = []
        for image in cases.flatMap(\.images) { images.append(try window.tensor(image)) }
        let kernels = Kernels(family: context.kernels)
        var trainer = try AutoencoderTrainer(
            network, discriminator: discriminator, images: images, settings: settings, kernels: kernels,
            pool: context.pool)
        trainer.recomputation = recompute
        context.work.report(
            WorkProgress(fraction: 0, message: "\(images.count) images, \(settings.steps) steps"))
        var preview: [Tensor] = []
        let result = try trainer.train(
            folder: context.work.folder,
            key: FilmTraining.key(JSONValue(encoding: settings), JSONValue(encoding: network)),
            isCancelled: context.work.isCancelled
        ) {
            preview = $0.preview
            try FilmTraining.show(preview, context)
            context.work.report(
                FilmTraining.progress($0.record, of: $0.steps, secondsLeft: $0.secondsLeft))
        }
        guard let result else { throw LongWork.Stopped() }
        if preview.isEmpty, let first = images.first { preview = [first.firstPicture] }
        let facts: JSONValue = [
            "method": "train.vqgan", "settings": try JSONValue(encoding: settings),
            "kernels": .string(context.kernels.rawValue), "seed": .string(String(settings.seed)),
            "images": .integer(images.count),
        ]
        let model = try ModelFile(
            network, parameters: result.parameters, preprocessing: window.preprocessing, training: facts)
        return (model, FilmTraining.records(result.records), try FilmTraining.strip(preview))
    }
}

extension CollectorDescriptor {
    static let trainVQGAN = CollectorDescriptor(
        "train.vqgan", "Trains the autoencoder of latent diffusion on films and their soft tissue (ML-VQGAN).",
        prototype: TrainVQGAN(), source: "Sun et al. 2025 (BS-LDM); Esser et al. 2021 (VQGAN)", isRandom: true,
        usesKernels: true,
        groups: [
            StreamGroup<TrainVQGAN, [FilmCase]>("training", ports: ["image", "softTissue"]) {
                (
                    _: TrainVQGAN, state: inout [FilmCase], tag: ItemTag, _: StageContext, image: Image,
                    softTissue: Image?
                ) in state.append(try FilmCase(tag.item, image, softTissue))
            }
        ],
        outputs: ["model", "record", "preview"],
        parameters: [
            Parameter(
                "channels", \.network.channels, in: .within(1...4096),
                help: "Channels after each halving; the published network has 128, 256, 512."),
            Parameter("hidden", \.network.hidden, in: .within(1...4096), help: "Channels inside residual units."),
            Parameter("codes", \.network.codes, in: .within(1...65536), help: "Vectors in the codebook."),
            Parameter("latent", \.network.latent, in: .within(1...64), help: "Channels of the latent image."),
            Parameter(
                "referenceInit", \.network.referenceInit,
                help: "Begin counts of codes at 0 as the published code does, where codes may be lost."),
            Parameter(
                "discriminator", \.discriminator.base, in: .within(1...256),
                help: "Channels of the discriminator's first layer; published: 64."),
            Parameter("steps", \.settings.steps, in: .within(1...100_000_000), help: "Optimiser steps."),
            Parameter("batch", \.settings.batch, in: .within(1...1024), help: "Images in a step."),
            Parameter("rate", \.settings.rate, in: .positive, help: "Learning rate of the autoencoder."),
            Parameter(
                "discriminatorRate", \.settings.discriminatorRate, in: .positive,
                help: "Learning rate of the discriminator."),
            Parameter(
                "adversarial", \.adversarial, in: .within(0...10),
                help: "Weight of the discriminator's verdict; 0 trains without one."),
            Parameter(
                "similarity", \.similarity, in: .within(0...10),
                help: "Weight of 1 - MS-SSIM, which stands in for the perceptual term; needs sides of 176 pixels."),
            Parameter("window", \.window, help: "Intensities that become -1 and 1; left out: the images' range."),
            Parameter(
                "interval", \.settings.interval, in: .within(1...1_000_000),
                help: "Steps from one checkpoint and preview to the next."),
            Parameter(
                "recompute", \.recompute,
                help: "What a step computes twice to take less memory; it changes no bit of the model."),
            Parameter("seed", \.seed, in: .atLeast(0), help: "Seed of weights and order; left out: that of the run."),
        ],
        check: {
            let problems = $0.network.problems() + $0.discriminator.problems() + $0.trainer.problems()
            if !problems.isEmpty { throw DiagnosticList(problems) }
            _ = try FilmTraining.stated($0.window)
        },
        initial: { _ in [] }, merge: { _, total, next in total += next },
        finish: {
            (stage: TrainVQGAN, cases: [FilmCase], context: StageContext) throws -> (ModelFile, RecordValue, Image) in
            try stage(cases, context)
        })
}
