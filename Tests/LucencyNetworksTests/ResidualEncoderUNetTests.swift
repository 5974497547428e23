import LucencyFoundation
import LucencyNetworks
import LucencyTensor
import Support
import Testing

@Suite struct ResidualEncoderUNetTests {
    /// Anisotropic kernels and strides, in three dimensions.
    static let tiny: ResidualEncoderUNet = {
        var network = ResidualEncoderUNet(
            inputChannels: 2, classes: 3, channels: [6, 8, 10], kernels: [[1, 3, 3], [3, 3, 3], [3, 3, 3]],
            strides: [[1, 1, 1], [1, 2, 2], [2, 2, 2]], blocks: [1, 2, 1], decoderConvolutions: [1, 2])
        network.deepSupervision = true
        return network
    }()

    @Test func `parameters have the names of nnU-Net's checkpoints`() throws {
        let names = Set(try Self.tiny.declarations().map(\.name))
        for name in [
            "encoder.stem.convs.0.conv.weight", "encoder.stem.convs.0.norm.bias",
            "encoder.stages.0.blocks.0.conv1.conv.weight", "encoder.stages.0.blocks.0.conv2.norm.weight",
            "encoder.stages.1.blocks.0.skip.1.conv.weight", "encoder.stages.1.blocks.0.skip.1.norm.weight",
            "encoder.stages.1.blocks.1.conv2.conv.bias", "decoder.transpconvs.0.weight",
            "decoder.stages.0.convs.0.conv.weight", "decoder.stages.1.convs.1.norm.weight",
            "decoder.seg_layers.0.weight", "decoder.seg_layers.1.bias",
        ] { #expect(names.contains(name), "\(name)") }
        // Neither a projection where channels stay, nor a bias in one.
        #expect(!names.contains { $0.hasPrefix("encoder.stages.0.blocks.0.skip") })
        #expect(!names.contains("encoder.stages.1.blocks.0.skip.1.conv.bias"))
        #expect(!names.contains { $0.contains("running") })
    }

    /// The fixture is a checkpoint of the PyTorch original with its results and some gradients, made in float64 by
    /// dynamic-network-architectures 0.3.1 under torch 2.15: all copies that such a checkpoint holds included.
    @Test func `a checkpoint of the PyTorch original loads by name and gives its results`() throws {
        let url = TestFiles.fixture("LucencyNetworksTests", "residual_encoder_unet.safetensors")
        let golden = try GoldenTensors(url)
        let names = try NameMap(["state.*": "*", "in.*": nil, "out.*": nil, "grad.*": nil])
        let state = try Weights(names.apply(to: Weights(path: url.path).tensors).tensors)
        let parameters = try Self.tiny.parameters(seed: 1)
        #expect(parameters.trainableWeights == 17852)
        #expect(state.tensors.count == 200)
        #expect(throws: DiagnosticList.self) { try parameters.load(state) }
        #expect(try parameters.load(state, names: NameMap.nnUNet).isEmpty)
        let x = try golden.tensor("in.x")
        let tape = Tape(.training), input = tape.input("x", x.shape)
        let outputs = try Self.tiny(input, Scope(tape))
        var loss: Value?
        for output in outputs {
            let last = Float(output.shape.count - 1)
            let weights = try Tensor(
                output.shape, AlignedBuffer((0..<output.shape.count).map { 2 * Float($0) / last - 1 }))
            let part = try tape.record(WeightedSum(weights), output)
            loss = if let sum = loss { try tape.add(sum, part) } else { part }
        }
        let plan = try TensorPlan(
            tape, outputs: outputs, gradientsOf: loss, options: .init(kernels: Kernels(family: .best)))
        let workspace = try Workspace(plan, parameters: parameters, pool: .serial)
        try workspace.run([input: x])
        for (index, output) in outputs.enumerated() {
            try expectClose(workspace.tensor(output), golden.tensor("out.\(index)"))
        }
        let gradients = golden.tensors.filter { $0.key.hasPrefix("grad.") }
        #expect(gradients.count == 5)
        for (name, expected) in gradients {
            try expectClose(workspace.gradient(of: String(name.dropFirst("grad.".count))), expected, tolerance: 2e-5)
        }
        // The same without gradients, where convolutions and activations are fused.
        try expectClose(
            Predictor(Self.tiny, parameters: parameters, edges: .zeros)(x), golden.tensor("out.0"))
    }

    @Test func `the network that nnU-Net plans for medium memory has its number of weights`() throws {
        let network = ResidualEncoderUNet()
        // Counted by dynamic-network-architectures 0.3.1.
        let weights = try network.declarations().reduce(0) { $0 + $1.shape.count }
        #expect(weights == 102_349_770)
    }

    @Test func `results come finest first, and the coarser ones only with deep supervision`() throws {
        let tape = Tape(.inference), x = tape.input("x", try Shape([1, 2, 4, 16, 24]))
        #expect(Self.tiny.sizeMultiple == [2, 4, 4])
        #expect(
            try Self.tiny(x, Scope(tape)).map(\.shape.dimensions) == [[1, 3, 4, 16, 24], [1, 3, 4, 8, 12]])
        var plain = Self.tiny
        plain.deepSupervision = false
        #expect(try plain(x, Scope(tape)).count == 1)
        #expect(try plain.declarations() == Self.tiny.declarations())
    }

    @Test func `gradients agree with differences`() throws {
        var network = Self.tiny
        network.slope = 0.6
        try checkGradients(of: network, shape: try Shape([1, 2, 4, 8, 8]))
    }

    @Test func `settings that contradict each other are reported`() {
        var network = Self.tiny
        network.blocks = [1]
        network.strides[0] = [2, 1, 1]
        network.kernels[1] = [3, 3]
        #expect(network.problems().count == 3)
        network.kernels = []
        #expect(!network.problems().isEmpty)
        #expect(throws: Diagnostic.self) { try network.parameters(seed: 0) }
    }
}
