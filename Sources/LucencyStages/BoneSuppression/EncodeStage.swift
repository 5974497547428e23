import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import LucencyPipeline
import LucencyTensor

/// The latent images of a film and its soft tissue, with the autoencoder that made them.
struct LatentPair: PortValue, PortInput {
    static var portType: PortType { PortType("latents") }

    let condition: Tensor
    let target: Tensor
    let autoencoder: ModelFile
    /// Of films in which a share of the bones' shadow stays, from the least share up.
    var easier: [(share: Double, latent: Tensor)] = []

    var tensors: (condition: Tensor, target: Tensor) { (condition, target) }
}

extension ModelFile {
    /// The autoencoder that the file holds, with its weights and states.
    /// - Throws: `Diagnostic`, `DiagnosticList` for another model.
    func vectorAutoencoder() throws -> (network: VectorAutoencoder, weights: [String: Tensor]) {
        guard let network, network.kind == VectorAutoencoder.kind,
            let built = try NetworkRegistry.network(network.kind, network.configuration) as? VectorAutoencoder
        else {
            throw Diagnostic(
                .badValue, "the model is no autoencoder", remedy: "give one that `train.vqgan` made")
        }
        var tensors: [String: Tensor] = [:]
        for stored in weights.tensors { tensors[stored.name] = try Tensor(Shape(stored.shape), stored.floats()) }
        return (built, tensors)
    }
}

private struct EncodeFilms: Sendable {
    var ladder: [Double] = []
    var window: [Double]?
}

extension StageDescriptor {
    static let bonesEncode = StageDescriptor(
        "bones.encode", "Latent images of a film and its soft tissue, for `train.bone-diffusion`.",
        prototype: EncodeFilms(), source: "Sun et al. 2025 (BS-LDM)", usesKernels: true,
        inputs: ["image", "softTissue", "model"], outputs: ["latents"],
        parameters: [
            Parameter(
                "ladder", \.ladder, in: .within(0...1),
                help: "Shares of the bones' shadow in easier films, for `train.bone-distilled`, such as 0.25, 0.5."),
            Parameter(
                "window", \.window,
                help: "Intensities of films that are the ends of the model's window; left out: its own."),
        ],
        check: { _ = try FilmTraining.stated($0.window) }
    ) { stage, context in
        { (image: Image, softTissue: Image, model: ModelFile) throws -> LatentPair in
            try image.geometry.requireMatch(softTissue.geometry, "film and soft tissue")
            let (autoencoder, weights) = try model.vectorAutoencoder()
            let window = try FilmTraining.stated(stage.window) ?? FilmWindow(of: model)
            var network = LatentDiffusion()
            network.autoencoder = autoencoder
            (network.estimator.inputChannels, network.estimator.outputChannels) = (
                2 * autoencoder.latent, 2 * autoencoder.latent
            )
            let sampler = try LatentSampler(
                network, parameters: network.autoencoderParameters(weights), kernels: Kernels(family: context.kernels),
                pool: context.pool)
            let film = try window.tensor(image), target = try window.tensor(softTissue)
            let easier = try Set(stage.ladder).sorted().map { share in
                (share, try sampler.encoded(DistillationTrainer.attenuated(film, softTissue: target, share: share)))
            }
            return try LatentPair(
                condition: sampler.encoded(film), target: sampler.encoded(target), autoencoder: model, easier: easier)
        }
    }
}
