import LucencyFoundation
import LucencyTensor

extension NameMap {
    /// From the names in checkpoints of BS-LDM's autoencoder (its authors' `vqgan`) to those of `VectorAutoencoder`.
    public static var boneAutoencoder: NameMap {
        get throws(Diagnostic) {
            var rules: [String: JSONValue] = [
                "quantizer.quantizer.embedding.weight": "codebook", "quantizer.quantizer.ema_cluster_size": "sizes",
                "quantizer.quantizer.ema_w": "sums",
            ]
            for part in ["encoder", "decoder"] {
                rules["\(part).blocks.*.conv.*"] = .string("\(part).*.*")
                rules["\(part).blocks.*.conv1.conv.*"] = .string("\(part).*.a.*")
                rules["\(part).blocks.*.conv2.conv.*"] = .string("\(part).*.b.*")
            }
            return try NameMap(.object(rules))
        }
    }

    /// From the names in checkpoints of BS-LDM's noise estimator to those of `NoiseEstimator`.
    public static var boneEstimator: NameMap {
        get throws(Diagnostic) {
            var rules: [String: JSONValue] = [
                "time_embed.0.*": "t1.*", "time_embed.2.*": "t2.*", "input_blocks.0.0.weight": "down.0.0.weight",
                "input_blocks.0.0.bias": "down.0.0.bias", "out.0.*": "on.*", "out.2.*": "oc.*",
            ]
            let layers = [
                "in_layers.0": "n1", "in_layers.2": "c1", "emb_layers.1": "e", "out_layers.0": "n2",
                "out_layers.3": "c2", "skip_connection": "skip", "norm": "n", "qkv": "qkv", "proj_out": "o",
            ]
            for (old, new) in layers {
                rules["input_blocks.*.*.\(old).*"] = .string("down.*.*.\(new).*")
                rules["middle_block.*.\(old).*"] = .string("mid.*.\(new).*")
                rules["output_blocks.*.*.\(old).*"] = .string("up.*.*.\(new).*")
            }
            return try NameMap(.object(rules))
        }
    }

    /// From the names in checkpoints of BS-LDM's discriminator to those of `PatchDiscriminator`.
    public static var boneDiscriminator: NameMap {
        get throws(Diagnostic) {
            try NameMap([
                "initial_conv.conv.*": "0.*", "0.conv.*": "2.*", "0.adn.N.*": "3.*", "1.conv.*": "5.*",
                "1.adn.N.*": "6.*", "2.conv.*": "8.*", "2.adn.N.*": "9.*", "final_conv.conv.*": "11.*",
            ])
        }
    }
}

/// Makes a model of the two checkpoints that the authors of BS-LDM's code have: the autoencoder's and the noise estimator's.
///
/// Nothing is standardized, films are bytes (0 to 255) of the usual polarity, bones white: as that code feeds them.
public struct BoneSuppressionImport: Sendable {
    /// The published network, unless told otherwise.
    public var network = LatentDiffusion()

    public init() {}

    /// - Parameters:
    ///   - autoencoder: weights under the names of the authors' `vqgan`.
    ///   - estimator: weights under the names of their U-Net.
    /// - Throws: `Diagnostic`, `DiagnosticList` for tensors that have no place, are missing, or have another shape.
    public func callAsFunction(autoencoder: [StoredTensor], estimator: [StoredTensor]) throws -> ModelFile {
        var tensors: [StoredTensor] = []
        let parts = try [
            ("autoencoder", NameMap.boneAutoencoder, autoencoder), ("estimator", NameMap.boneEstimator, estimator),
        ]
        for (part, map, stored) in parts {
            let outcome = map.apply(to: stored)
            guard outcome.unknown.isEmpty else {
                throw Diagnostic(
                    .unknownParameter,
                    "the checkpoint of the \(part) has tensors that the published one has not: "
                        + outcome.unknown.prefix(3).joined(separator: ", "),
                    remedy: "say the entry that holds its weights by --key, or take off a prefix by --prefix-strip")
            }
            tensors += outcome.tensors.map { $0.renamed(part + "." + $0.name) }
        }
        let parameters = try Parameters(network.declarations().map(\.unset), seed: 0)
        try parameters.load(Weights(tensors))
        return try ModelFile(
            network, parameters: parameters, preprocessing: FilmWindow(low: 0, high: 255).preprocessing,
            training: ["method": "imported"])
    }
}
