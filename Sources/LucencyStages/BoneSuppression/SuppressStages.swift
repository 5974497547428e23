import Foundation
import LucencyFoundation
import LucencyImaging
import LucencyNetworks
import LucencyPipeline
import LucencyTensor

/// `BoneSuppressor` as it is written in YAML.
private struct SuppressBones: Sendable {
    var algorithm = BoneSuppressor()
    var intercept = 1.4
    var slope = 0.003
    var window: [Double]?
    var isLimited = true

    func configured() throws(Diagnostic) -> BoneSuppressor {
        var result = algorithm
        result.window = try FilmTraining.stated(window)
        result.sampler.limit = isLimited ? .adaptive(intercept: intercept, slope: slope) : .none
        return result
    }
}

private struct BonesUNet: Sendable {
    var algorithm = BoneRegressor()
    var window: [Double]?
}

private let windowHelp =
    "Intensities of films that are the ends of the model's window, such as [0, 255]; left out: its own."

/// Dual-energy subtraction as it is written in YAML.
private struct SubtractBones: Sendable {
    var weight = 0.55
    var isLogarithmic = false

    /// The high-energy film less a part of the low-energy one, in logarithms: soft tissue where the part is that of bone.
    func callAsFunction(_ low: Image, _ high: Image) throws -> Image {
        try low.geometry.requireMatch(high.geometry, "the two exposures")
        guard low.channels == 1, high.channels == 1 else {
            throw Diagnostic(.channelMismatch, "dual-energy subtraction takes gray images", remedy: "use `gray` first")
        }
        let (w, plain) = (weight, isLogarithmic)
        var blank: Int?
        let pixels = low.pixels.withUnsafeBufferPointer { a in
            high.pixels.withUnsafeBufferPointer { b in
                AlignedBuffer<Float>(count: a.count) { target in
                    for index in a.indices {
                        let l = Double(a[index]), h = Double(b[index])
                        if !plain, l <= 0 || h <= 0 { blank = index }
                        let value = plain ? h - w * l : log(h) - w * log(l)
                        target.initializeElement(at: index, to: Float(value))
                    }
                }
            }
        }
        if let blank {
            throw Diagnostic(
                .badValue, "pixel \(blank) of an exposure is not positive, and has no logarithm",
                remedy: "give intensities above 0, or `logarithmic: true` for images that are logarithms already")
        }
        return try Image(geometry: high.geometry, pixels: pixels)
    }
}

extension StageDescriptor {
    static let bonesSuppress = StageDescriptor(
        "bones.suppress", "Suppresses bones in chest films by latent diffusion, and says where it is unsure.",
        prototype: SuppressBones(), source: "Sun et al. 2025 (BS-LDM)", isRandom: true, usesKernels: true,
        inputs: ["image", "model"], outputs: ["softTissue", "bone", "uncertainty"],
        parameters: [
            Parameter(
                "samples", \.algorithm.samples, in: .within(1...64),
                help:
                    "Answers that are drawn; their mean counts, their spread is the uncertainty, which 1 does not know (0)."
            ),
            Parameter("steps", \.algorithm.sampler.steps, in: .within(1...1000), help: "Steps of an answer."),
            Parameter("sampler", \.algorithm.sampler.method, help: "How steps are made; published: ddpm, 1000 steps."),
            Parameter("spacing", \.algorithm.sampler.spacing, help: "How the times of steps are spread."),
            Parameter("eta", \.algorithm.sampler.eta, in: .within(0...1), help: "Noise of ddim's steps."),
            Parameter(
                "intercept", \.intercept, in: .within(0.1...100),
                help: "Largest magnitude of the estimated latent image in the first step."),
            Parameter(
                "slope", \.slope, in: .within(0...1), help: "How much it grows with each thousandth of the way."),
            Parameter(
                "consistent", \.algorithm.sampler.recomputesNoise,
                help: "Let ddim take the noise that goes with the clamped estimate, rather than the network's."),
            Parameter("limited", \.isLimited, help: "Keep the estimated latent image within `intercept` and `slope`."),
            Parameter(
                "detail", \.algorithm.keepsDetail,
                help:
                    "Take from the film what the network takes from its own picture of the film, so that detail stays."),
            Parameter("window", \.window, help: windowHelp),
        ],
        check: { _ = try FilmTraining.stated($0.window) },
        cost: { _, known in
            let image = known.main
            // A few times the image in float for each channel of the finest level.
            return StageCost(outputs: [image, image, image], scratchBytes: 4 * 160 * image.size.count)
        }
    ) { stage, context in
        { (image: Image, model: ModelFile) throws -> (Image, Image, Image) in
            let result = try stage.configured()(
                image, model, seed: context.seed, stream: context.stage + "/" + context.item, kernels: context.kernels,
                pool: context.pool)
            return (result.softTissue, result.bone, result.uncertainty)
        }
    }

    static let bonesUNet = StageDescriptor(
        "bones.unet", "Suppresses bones in chest films by a U-Net in one pass.", prototype: BonesUNet(),
        usesKernels: true, inputs: ["image", "model"], outputs: ["softTissue", "bone", "uncertainty"],
        parameters: [Parameter("window", \.window, help: windowHelp)],
        check: { _ = try FilmTraining.stated($0.window) },
        cost: { _, known in
            let image = known.main
            return StageCost(outputs: [image, image, image], scratchBytes: 600 * image.size.count)
        }
    ) { stage, context in
        { (image: Image, model: ModelFile) throws -> (Image, Image, Image) in
            var regressor = stage.algorithm
            regressor.window = try FilmTraining.stated(stage.window)
            let result = try regressor(image, model, kernels: context.kernels, pool: context.pool)
            return (result.softTissue, result.bone, result.uncertainty)
        }
    }

    static let bonesSubtract = StageDescriptor(
        "bones.subtract",
        "Soft tissue from two exposures of different energies, by weighted subtraction of logarithms.",
        prototype: SubtractBones(), source: "Brody et al. 1981; Vock and Szucs-Farkas 2009",
        inputs: ["low", "high"], outputs: ["softTissue"],
        parameters: [
            Parameter(
                "weight", \.weight, in: .within(0...2),
                help: "Of the low-energy logarithm: bone's attenuation at the high over that at the low energy."),
            Parameter("logarithmic", \.isLogarithmic, help: "Whether the images are logarithms already."),
        ]
    ) { stage, _ in
        { (low: Image, high: Image) throws -> Image in try stage(low, high) }
    }
}

extension DiffusionSampler.Method: ChoiceParameter {}
extension NoiseSchedule.Spacing: ChoiceParameter {}
