import Lucency

/// Latent diffusion of ours as films meet it, in its parts.
final class DiffusionRun {
    enum Part: String, CaseIterable { case encode, step, decode }

    let network: LatentDiffusion
    let parameters: Parameters
    private let sampler: LatentSampler
    private var estimate: (shape: Shape, call: LatentSampler.Estimate)?

    /// Random weights, none of them zeros.
    init(_ network: LatentDiffusion, kernels: Kernels, threads: Int) throws {
        self.network = network
        parameters = try Parameters(network.declarations(), seed: 1)
        var random = PhiloxStream(seed: 1, stream: "bench")
        for entry in parameters.declarations where entry.shape.rank > 1 {
            guard let slot = parameters.slot(entry.name), case .constant(0) = entry.initializer, entry.isTrainable
            else { continue }
            for index in 0..<entry.shape.count {
                parameters.address(slot)[index] = Float(random.normal(standardDeviation: 0.02))
            }
        }
        parameters.noteChange()
        sampler = try LatentSampler(
            network, parameters: parameters, kernels: kernels, pool: ThreadPool(threads: threads))
    }

    /// The tensors that a part takes, for an image of a side: two for a step, one otherwise.
    func inputs(_ part: Part, side: Int) throws -> [Tensor] {
        var random = PhiloxStream(seed: 2, stream: part.rawValue)
        let small = side / network.autoencoder.factor,
            latent = try Shape([1, network.autoencoder.latent, small, small])
        switch part {
        case .encode:
            return [Tensor.uniform(try Shape([1, network.inputChannels, side, side]), in: -1...1, from: &random)]
        case .decode: return [Tensor.normal(latent, from: &random)]
        case .step: return [Tensor.normal(latent, from: &random), Tensor.normal(latent, from: &random)]
        }
    }

    func callAsFunction(_ part: Part, _ inputs: [Tensor], time: Int = 999) throws -> Tensor {
        switch part {
        case .encode: return try sampler.encoded(inputs[0])
        case .decode: return try sampler.decoded(inputs[0])
        case .step:
            let made = try estimator(inputs[0].shape)
            return try made(inputs[0], condition: inputs[1], times: [time])
        }
    }

    /// Made at the first step of a size, as in sampling.
    private func estimator(_ shape: Shape) throws -> LatentSampler.Estimate {
        if let estimate, estimate.shape == shape { return estimate.call }
        let made = try sampler.estimate(for: shape)
        estimate = (shape, made)
        return made
    }

    /// Lets go of what was made for steps.
    func rest() { estimate = nil }

    var stepOperations: Int { estimate?.call.floatingPointOperations ?? 0 }

    func profile(_ inputs: [Tensor]) throws -> [(name: String, milliseconds: Double)] {
        let made = try estimator(inputs[0].shape)
        return try made.profile { _ = try made(inputs[0], condition: inputs[1], times: [999]) }
    }
}
