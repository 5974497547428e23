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

    /// The published model.
    public init() {}

    public var axes: Int { 2 }
    public var inputChannels: Int { autoencoder.imageChannels }
    public var sizeMultiple: [Int] {
        let multiple = autoencoder.factor * estimator.sizeMultiple
        return [multiple, multiple]
    }

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
        return autoencoder.problems() + estimator.problems() + check.problems
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

    public func fitted(axes: Int, inputChannels: Int, classes: Int) -> VectorAutoencoder { self }

    /// The image through its codes.
    /// - Throws: `Diagnostic` naming what does not fit.
    public func callAsFunction(_ x: Value, _ scope: Scope) throws(Diagnostic) -> [Value] {
        [try decode(quantise(encode(x, scope), scope).quantised, scope)]
    }
}
