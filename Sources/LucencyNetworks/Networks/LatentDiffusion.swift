import LucencyFoundation
import LucencyTensor

/// BS-LDM's two networks as one model: an autoencoder, and the network that finds the noise in its latent images, given the
/// latent image of a condition. Parameters: `autoencoder.…` and `estimator.…`.
public struct LatentDiffusion: Network {
    public static let kind = "latent-diffusion"

    public var autoencoder = VectorAutoencoder()
    public var estimator = NoiseEstimator()
    public var schedule = NoiseSchedule.Form.cosine
    /// Times of the diffusion.
    public var times = 1000
    /// Whether nothing of the image is left at the last time; then the network must predict v.
    public var endsInNoise = false
    public var prediction = DiffusionPrediction.epsilon
    /// What is subtracted from each channel of a latent image before noise is added, and what it is divided by then; empty, as
    /// published, for nothing. Thresholds and noise suit latent images of mean 0 and deviation 1.
    public var latentMeans: [Float] = []
    public var latentDeviations: [Float] = []

    /// The published model.
    public init() {}

    public var axes: Int { 2 }
    public var inputChannels: Int { autoencoder.imageChannels }
    public var sizeMultiple: [Int] {
        let multiple = autoencoder.factor * estimator.sizeMultiple
        return [multiple, multiple]
    }

    /// None: its images are drawn by `LatentSampler`.
    public var results: [NetworkResult] { [] }

    public func fitted(axes: Int, inputChannels: Int, classes: Int) -> LatentDiffusion { self }

    public func problems() -> [Diagnostic] {
        var check = SettingCheck(Self.kind)
        check.require(
            estimator.inputChannels == 2 * autoencoder.latent,
            "the estimator takes the latent images of picture and condition: \(2 * autoencoder.latent) channels, "
                + "not \(estimator.inputChannels)")
        check.require(
            estimator.outputChannels >= autoencoder.latent,
            "the estimator must give at least the \(autoencoder.latent) channels of a latent image")
        check.require((1...100_000).contains(times), "times must be in 1...100000, found \(times)")
        check.require(
            !endsInNoise || prediction == .velocity && times > 1,
            "a diffusion that ends in pure noise needs the prediction v")
        check.require(
            latentMeans.count == latentDeviations.count && [0, autoencoder.latent].contains(latentMeans.count),
            "latentMeans and latentDeviations must be empty or have one number for each of the \(autoencoder.latent) "
                + "channels of a latent image")
        check.require(
            latentMeans.allSatisfy(\.isFinite) && latentDeviations.allSatisfy { $0 > 0 && $0.isFinite },
            "latentMeans must be finite and latentDeviations positive")
        return autoencoder.problems() + estimator.problems() + check.problems
    }

    /// Latent images, N, C, height, width, as they are diffused: of mean 0 and deviation 1 where `latentMeans` says so.
    public func standardized(_ latent: Tensor) -> Tensor {
        mapped(latent) { x, mean, deviation in (x - mean) / deviation }
    }

    /// Latent images as the autoencoder knows them, from those that are diffused.
    public func unstandardized(_ latent: Tensor) -> Tensor {
        mapped(latent) { x, mean, deviation in x * deviation + mean }
    }

    private func mapped(_ latent: Tensor, _ change: (Float, Float, Float) -> Float) -> Tensor {
        let channels = latentMeans.count
        guard channels > 0, latent.shape.rank >= 2, latent.shape[1] == channels else { return latent }
        let count = max(1, latent.shape.dimensions.dropFirst(2).reduce(1, *))
        return latent.combined(with: latent) { index, x, _ in
            let channel = index / count % channels
            return change(x, latentMeans[channel], latentDeviations[channel])
        }
    }

    /// The autoencoder's part of the parameters.
    /// - Parameter weights: weights and states by their names in a `VectorAutoencoder`.
    /// - Throws: `Diagnostic` when they are not those of this autoencoder.
    package func autoencoderParameters(_ weights: [String: Tensor]) throws -> Parameters {
        let declarations = try autoencoder.declarations().map {
            ParameterDeclaration(
                name: "autoencoder." + $0.name, shape: $0.shape, initializer: .constant(0), isTrainable: $0.isTrainable)
        }
        let parameters = try Parameters(declarations, seed: 0)
        try parameters.load(Dictionary(uniqueKeysWithValues: weights.map { ("autoencoder." + $0.key, $0.value) }))
        return parameters
    }

    /// The schedule of its noise.
    /// - Throws: `Diagnostic` for settings out of range.
    public func noiseSchedule() throws(Diagnostic) -> NoiseSchedule {
        try NoiseSchedule(schedule, steps: times, endsInNoise: endsInNoise)
    }

    /// One estimate for an image that is its own condition, at the time given as the tape's input `time`: it tells which
    /// parameters there are. Sampling is `LatentSampler`'s.
    /// - Throws: `Diagnostic` naming what does not fit.
    public func callAsFunction(_ x: Value, _ scope: Scope) throws(Diagnostic) -> [Value] {
        try check(x)
        let tape = scope.tape, place = scope["autoencoder"]
        // Standardizing is left to `LatentSampler`: it changes no parameter.
        let z = try autoencoder.quantise(autoencoder.encode(x, place), place).quantised
        let time = tape.input("time", try Shape([x.shape[0], estimator.base]))
        let noise = try estimator(tape.concatenation([z, z]), time: time, scope["estimator"])
        return [try autoencoder.decode(tape.slice(noise, axis: 1, 0..<autoencoder.latent), place)]
    }
}

extension VectorAutoencoder: Network {
    public var axes: Int { 2 }
    public var inputChannels: Int { imageChannels }
    public var sizeMultiple: [Int] { [factor, factor] }

    /// None that a stage gives: the image through its codes is of use to the training of latent diffusion only.
    public var results: [NetworkResult] { [] }

    public func fitted(axes: Int, inputChannels: Int, classes: Int) -> VectorAutoencoder { self }

    /// The image through its codes.
    /// - Throws: `Diagnostic` naming what does not fit.
    public func callAsFunction(_ x: Value, _ scope: Scope) throws(Diagnostic) -> [Value] {
        [try decode(quantise(encode(x, scope), scope).quantised, scope)]
    }
}
