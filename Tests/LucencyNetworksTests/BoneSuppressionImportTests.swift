import Foundation
import LucencyFoundation
import LucencyNetworks
import LucencyTensor
import Support
import Testing

/// The authors' checkpoints of BS-LDM, as far as their names and shapes go.
@Suite struct BoneSuppressionImportTests {
    /// Every name finds its parameter, of the same shape, and no parameter is left without one. Nothing is allocated: the
    /// estimator alone has 1.5 GB.
    private func verify(_ file: String, _ map: NameMap, _ declarations: [ParameterDeclaration]) throws {
        let names = try DiffusionGoldenTests.json("checkpoint-names/" + file).objectValue ?? [:]
        var wanted = Dictionary(uniqueKeysWithValues: declarations.map { ($0.name, $0.shape.dimensions) })
        #expect(!names.isEmpty)
        for (name, shape) in names {
            // A tensor of one number stands for the name.
            let stand = try StoredTensor(name: name, shape: [1], floats: AlignedBuffer(repeating: 0, count: 1))
            let outcome = map.apply(to: [stand])
            #expect(outcome.unknown.isEmpty && outcome.dropped.isEmpty, "\(name)")
            let ours = try #require(outcome.tensors.first?.name)
            if ours.hasSuffix("num_batches_tracked") { continue }
            let found = wanted.removeValue(forKey: ours)
            #expect(found == shape.arrayValue?.compactMap(\.intValue), "\(name) → \(ours)")
        }
        #expect(wanted.isEmpty, "\(wanted.keys.sorted().prefix(5))")
    }

    @Test func `every tensor of the authors' autoencoder has its place`() throws {
        try verify("bs-ldm-vqgan", .boneAutoencoder, VectorAutoencoder().declarations())
    }

    @Test func `every tensor of the authors' discriminator has its place`() throws {
        try verify("bs-ldm-discriminator", .boneDiscriminator, PatchDiscriminator().declarations())
    }

    @Test func `every tensor of the authors' estimator has its place`() throws {
        let all = try LatentDiffusion().declarations().filter { $0.name.hasPrefix("estimator.") }
        try verify(
            "bs-ldm-unet", .boneEstimator,
            all.map {
                ParameterDeclaration(
                    name: String($0.name.dropFirst(10)), shape: $0.shape, initializer: $0.initializer,
                    isTrainable: $0.isTrainable)
            })
    }

    /// The authors' name of a parameter, or nil where it is not in that part.
    private static func published(_ name: String, _ part: String) -> String? {
        guard name.hasPrefix(part + ".") else { return nil }
        var path = name.dropFirst(part.count + 1).split(separator: ".").map(String.init)
        if part == "autoencoder" {
            let states = ["codebook": "embedding.weight", "sizes": "ema_cluster_size", "sums": "ema_w"]
            if let state = states[path[0]] { return "quantizer.quantizer." + state }
            let convolution = ["a": "conv1.conv", "b": "conv2.conv"][path[2]]
            return "\(path[0]).blocks.\(path[1]).\(convolution ?? "conv").\(path[path.count - 1])"
        }
        let ends = ["t1": "time_embed.0", "t2": "time_embed.2", "on": "out.0", "oc": "out.2"]
        if let end = ends[path[0]] { return end + "." + path[1] }
        let layers = [
            "n1": "in_layers.0", "c1": "in_layers.2", "e": "emb_layers.1", "n2": "out_layers.0", "c2": "out_layers.3",
            "skip": "skip_connection", "n": "norm", "qkv": "qkv", "o": "proj_out",
        ]
        path[0] = ["down": "input_blocks", "mid": "middle_block", "up": "output_blocks"][path[0]] ?? path[0]
        return path.map { layers[$0] ?? $0 }.joined(separator: ".")
    }

    @Test func `two checkpoints become one model, and what does not fit is refused`() throws {
        var network = LatentDiffusion()
        network.autoencoder = VectorAutoencoder(channels: [4, 4], hidden: 4)
        (network.estimator.base, network.estimator.multipliers, network.estimator.blocks) = (8, [1, 2], 1)
        (network.estimator.attentionFactors, network.estimator.heads, network.estimator.groups) = ([2], 2, 2)
        let parameters = try Parameters(network.declarations(), seed: 7)
        func stored(_ part: String) throws -> [StoredTensor] {
            try parameters.declarations.compactMap { declaration in
                guard let name = Self.published(declaration.name, part), let tensor = parameters[declaration.name]
                else {
                    return nil
                }
                return try StoredTensor(name: name, shape: declaration.shape.dimensions, floats: tensor.buffer)
            }
        }
        var conversion = BoneSuppressionImport()
        conversion.network = network
        let (autoencoder, estimator) = (try stored("autoencoder"), try stored("estimator"))
        let model = try conversion(autoencoder: autoencoder, estimator: estimator)
        #expect(try LatentSampler(model).parameters.tensors == parameters.tensors)
        #expect(try FilmWindow(of: model) == FilmWindow(low: 0, high: 255))
        #expect(throws: (any Error).self) { try conversion(autoencoder: estimator, estimator: autoencoder) }
        #expect(throws: (any Error).self) { try conversion(autoencoder: autoencoder, estimator: []) }
        #expect(throws: (any Error).self) {
            try BoneSuppressionImport()(autoencoder: autoencoder, estimator: estimator)
        }
    }
}
