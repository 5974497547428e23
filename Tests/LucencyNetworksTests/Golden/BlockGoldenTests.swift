import LucencyFoundation
import LucencyNetworks
import LucencyTensor
import Support
import Testing

/// Blocks and small networks computed by PyTorch (see the engine fixtures' README), with all their gradients.
@Suite struct BlockGoldenTests {
    private static func verify(_ name: String, _ run: GoldenRun, ignoring ignored: [String] = []) {
        for (part, error) in run.errors where !ignored.contains(part) {
            #expect(error <= 1e-5, "\(name) \(part)")
        }
        #expect(run.missing == [], "\(name)")
        let worst = run.errors.filter { !ignored.contains($0.key) }.values.max() ?? 0
        print("golden \(name): \(worst)")
    }

    @Test(arguments: ["attention_interleaved", "attention_split_first"], EngineSetting.all)
    func `attention blocks are PyTorch's`(_ name: String, _ setting: EngineSetting) throws {
        let golden = try GoldenRun.fixture(name)
        let block = try AttentionBlock(
            heads: golden.number("heads"), groups: golden.number("groups"),
            layout: name == "attention_interleaved" ? .interleaved : .splitFirst)
        let run = try GoldenRun(golden, setting, inputs: ["x": golden.tensor("in.x")]) { tape, inputs in
            try block(#require(inputs["x"]), Scope(tape))
        }
        Self.verify("\(name) \(setting)", run)
    }

    @Test(arguments: ["same", "widen", "down", "up"], EngineSetting.all)
    func `modulated residual blocks are PyTorch's`(_ kind: String, _ setting: EngineSetting) throws {
        let golden = try GoldenRun.fixture("residual_\(kind)")
        let block = try ModulatedResidual(
            golden.tensor("out").shape[1], groups: golden.number("groups"),
            move: ModulatedResidual.Move(rawValue: kind) ?? .none)
        let inputs = try ["x": golden.tensor("in.x"), "emb": golden.tensor("in.emb")]
        let run = try GoldenRun(golden, setting, inputs: inputs) { tape, inputs in
            try block(#require(inputs["x"]), code: #require(inputs["emb"]), Scope(tape))
        }
        Self.verify("residual_\(kind) \(setting)", run)
    }

    @Test(arguments: EngineSetting.all) func `the miniature noise estimator is PyTorch's`(_ setting: EngineSetting)
        throws
    {
        let golden = try GoldenRun.fixture("mini_noise_estimator")
        var network = NoiseEstimator()
        network.base = try golden.number("base")
        network.multipliers = [1, 2]
        network.blocks = try golden.number("res_blocks")
        network.attentionFactors = try [golden.number("attention_at")]
        network.heads = try golden.number("heads")
        network.groups = try golden.number("groups")
        let times = try golden.tensor("in.t").array.map(Double.init)
        let inputs = try ["x": golden.tensor("in.x"), "time": Tensor.timeEmbedding(times, width: network.base)]
        let run = try GoldenRun(golden, setting, inputs: inputs) { tape, inputs in
            try network(#require(inputs["x"]), time: #require(inputs["time"]), Scope(tape))
        }
        Self.verify("mini_noise_estimator \(setting)", run)
    }

    @Test(arguments: ["batch", "group"], EngineSetting.all)
    func `a small U-Net is PyTorch's, learning and after`(_ kind: String, _ setting: EngineSetting) throws {
        let golden = try GoldenRun.fixture("tiny_unet_\(kind)")
        var network = UNet(inputChannels: 2, classes: 3, channels: [8, 16])
        network.norm = kind == "batch" ? .batch : .group
        network.groups = 4
        let rename = { (name: String) in name.hasPrefix("up1.") ? "up." + name.dropFirst(4) : name }
        let x = try golden.tensor("in.x")
        let run = try GoldenRun(golden, setting, inputs: ["x": x], rename: rename) { tape, inputs in
            let x = try #require(inputs["x"])
            return try #require(network(x, Scope(tape)).first)
        }
        // In exact arithmetic, a bias before a batch norm has no gradient.
        let biases =
            kind == "batch"
            ? ["enc1", "enc2", "dec1"].flatMap { ["grad.\($0).0.bias", "grad.\($0).3.bias"] } : []
        Self.verify("tiny_unet_\(kind) \(setting)", run, ignoring: biases)
        for name in biases {
            let gradient = try run.workspace.gradient(of: String(name.dropFirst(5)))
            #expect(gradient.array.allSatisfy { abs($0) <= 2e-4 }, "\(name)")
        }
        for name in golden.names("buffer_after.") {
            let state = try #require(run.workspace.parameters[name])
            #expect(try state.error(against: golden.tensor("buffer_after." + name)) <= 1e-5, "\(name)")
        }

        // Cross-entropy of the result, and its value at inference with the statistics from before.
        let tape = Tape(.training), input = tape.input("x", x.shape), labels = try golden.tensor("labels")
        let logits = try #require(network(input, Scope(tape)).first)
        let target = tape.input("labels", labels.shape)
        let loss = try tape.crossEntropy(logits, labels: target)
        let plan = try TensorPlan(tape, outputs: [loss], gradientsOf: loss, options: .init(kernels: setting.kernels))
        let pool = ThreadPool(threads: setting.threads)
        let learning = try Workspace(plan, parameters: golden.parameters(tape.parameters, rename: rename), pool: pool)
        try learning.run([input: x, target: labels])
        #expect(try learning.tensor(loss).error(against: golden.tensor("cross_entropy")) <= 1e-5)

        guard let reference = golden.tensors["out_eval"] else { return }
        let inference = Tape(.inference), image = inference.input("x", x.shape)
        let out = try #require(network(image, Scope(inference)).first)
        let workspace = try Workspace(
            TensorPlan(inference, outputs: [out], options: .init(kernels: setting.kernels)),
            parameters: golden.parameters(inference.parameters, rename: rename), pool: pool)
        try workspace.run([image: x])
        let error = try workspace.tensor(out).error(against: reference)
        #expect(error <= 1e-5)
        print("golden tiny_unet_\(kind) out_eval \(setting): \(error)")
    }
}
