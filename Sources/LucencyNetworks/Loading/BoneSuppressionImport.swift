import LucencyFoundation

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
