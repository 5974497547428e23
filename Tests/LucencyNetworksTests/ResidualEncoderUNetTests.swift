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
