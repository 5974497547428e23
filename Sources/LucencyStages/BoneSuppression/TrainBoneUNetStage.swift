import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import LucencyPipeline
import LucencyTensor

private struct TrainBoneUNet: Sendable {
    var channels = [16, 32, 64, 128]
    var settings = RegressionTrainer.Settings()
    var similarity = 0.2
    var window: [Double]?
    var recompute = Recomputation.nothing
    var seed: Int?

    var network: UNet { UNet(inputChannels: 1, classes: 1, channels: channels) }

    func callAsFunction(_ cases: [FilmCase], _ context: StageContext) throws -> (ModelFile, RecordValue, Image) {
        var settings = settings
        settings.seed = seed.map { UInt64(clamping: $0) } ?? context.seed
        settings.similarityWeight = Float(similarity)
        let window = try FilmTraining.window(window, cases)
        var pairs: [(condition: Tensor, target: Tensor)] = []
        for item in cases {
            guard let softTissue = item.softTissue else { continue }
            pairs.append((try window.tensor(item.film), try window.tensor(softTissue)))
        }
        var trainer = try RegressionTrainer(
            network, pairs: pairs, settings: settings, kernels: Kernels(family: context.kernels), pool: context.pool)
        trainer.recomputation = recompute
        var preview: [Tensor] = []
        if let first = pairs.first { preview = [first.condition.firstPicture, first.target.firstPicture] }
        let result = try trainer.train(
            folder: context.work.folder,
            key: FilmTraining.key(JSONValue(encoding: settings), JSONValue(encoding: network)),
            isCancelled: context.work.isCancelled
        ) {
            preview = $0.preview
            try FilmTraining.show(preview, context)
            context.work.report(FilmTraining.progress($0.record, of: $0.steps, secondsLeft: $0.secondsLeft))
        }
        guard let result else { throw LongWork.Stopped() }
        let facts: JSONValue = [
            "method": "train.bone-unet", "target": .string(BoneRegressor.target),
            "settings": try JSONValue(encoding: settings),
            "kernels": .string(context.kernels.rawValue), "seed": .string(String(settings.seed)),
            "pairs": .integer(pairs.count),
        ]
        let model = try ModelFile(
            network, parameters: result.parameters, preprocessing: window.preprocessing, training: facts)
        return (model, FilmTraining.records(result.records), try FilmTraining.strip(preview))
    }
}

extension CollectorDescriptor {
    static let trainBoneUNet = CollectorDescriptor(
        "train.bone-unet", "Trains a U-Net to turn films into their soft tissue directly.",
        prototype: TrainBoneUNet(), isRandom: true, usesKernels: true,
        groups: [
            StreamGroup<TrainBoneUNet, [FilmCase]>("training", ports: ["image", "softTissue"]) {
                (
                    _: TrainBoneUNet, state: inout [FilmCase], tag: ItemTag, _: StageContext, image: Image,
                    softTissue: Image
                ) in state.append(try FilmCase(tag.item, image, softTissue))
            }
        ],
        outputs: ["model", "record", "preview"],
        parameters: [
            Parameter("channels", \.channels, in: .within(1...4096), help: "Channels of each level."),
            Parameter("steps", \.settings.steps, in: .within(1...100_000_000), help: "Optimiser steps."),
            Parameter("batch", \.settings.batch, in: .within(1...1024), help: "Pairs in a step."),
            Parameter("rate", \.settings.rate, in: .positive, help: "Highest learning rate."),
            Parameter(
                "similarity", \.similarity, in: .within(0...10),
                help: "Weight of 1 - MS-SSIM beside the mean absolute error; needs sides of 176 pixels."),
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
            let problems = $0.network.problems()
            if !problems.isEmpty { throw DiagnosticList(problems) }
            _ = try FilmTraining.stated($0.window)
        },
        initial: { _ in [] }, merge: { _, total, next in total += next },
        finish: {
            (stage: TrainBoneUNet, cases: [FilmCase], context: StageContext) throws -> (ModelFile, RecordValue, Image)
            in try stage(cases, context)
        })
}
