import LucencyFoundation
import LucencyNetworks
import LucencyTensor
import Support
import Testing

/// The blocks of SHISRCNet computed by PyTorch (see the fixtures' README): learning, with all gradients and moved statistics,
/// and at inference.
@Suite struct SHISRCNetGoldenTests {
    /// Outputs agree to 1e-5. Gradients that come through a batch norm of two or three numbers lose more digits to
    /// cancellation, in PyTorch as here.
    private static func tolerance(_ part: String) -> Double {
        part == "out" ? 1e-5 : part.hasPrefix("grad.in.") ? 5e-5 : 1e-4
    }

    private static func verify(
        _ name: String, _ setting: EngineSetting, inputs names: [String],
        build: (Tape, [String: Value]) throws -> Value
    ) throws {
        let golden = try GoldenTensors(
            TestFiles.fixture("LucencyNetworksTests", "shisrcnet/\(name).safetensors"))
        let inputs = try Dictionary(uniqueKeysWithValues: names.map { ($0, try golden.tensor("in." + $0)) })
        let run = try GoldenRun(golden, setting, inputs: inputs, build: build)
        #expect(run.missing == [], "\(name)")
        for (part, error) in run.errors {
            // In exact arithmetic, a bias before a batch norm has no gradient.
            let isFutile =
                part.hasSuffix(".0.bias") && golden.tensors["param." + part.dropFirst(5).dropLast(6) + "1.bias"] != nil
                && golden.tensors["param." + part.dropFirst(5).dropLast(6) + "1.weight"]?.shape.rank == 1
            #expect(error <= (isFutile ? 2e-4 : tolerance(part)), "\(name) \(part) \(setting)")
        }
        #expect(try run.wrongStates(tolerance: 1e-5) == [], "\(name) \(setting)")
        let error = try GoldenRun.inferenceError(golden, setting, inputs: inputs, build: build)
        #expect(error <= 1e-5, "\(name) out_eval \(setting)")
        print("golden \(name) \(setting): \(run.errors.values.max() ?? 0), at inference \(error)")
    }

    @Test(arguments: ["multi_feature", "multi_feature_plain_gate"], EngineSetting.all)
    func `multi-feature blocks are PyTorch's, with either gate`(_ name: String, _ setting: EngineSetting) throws {
        let block = MultiFeature(gate: name == "multi_feature" ? .reference : .plain)
        try Self.verify(name, setting, inputs: ["x"]) { tape, inputs in
            try block(#require(inputs["x"]), Scope(tape))
        }
    }

    @Test(arguments: EngineSetting.all)
    func `selective kernel units are PyTorch's`(_ setting: EngineSetting) throws {
        let unit = SelectiveKernelUnit(8, 16, stride: 2, groups: 4, width: 6)
        try Self.verify("selective_kernel_unit", setting, inputs: ["x"]) { tape, inputs in
            try unit(#require(inputs["x"]), Scope(tape))
        }
    }

    @Test(arguments: EngineSetting.all)
    func `the fusion of scales is PyTorch's`(_ setting: EngineSetting) throws {
        try Self.verify("cross_scale", setting, inputs: ["fine", "coarse"]) { tape, inputs in
            try CrossScaleFusion(width: 4)(#require(inputs["fine"]), #require(inputs["coarse"]), Scope(tape))
        }
    }

    @Test(arguments: EngineSetting.all)
    func `a small super-resolver is PyTorch's`(_ setting: EngineSetting) throws {
        var network = SuperResolver(factor: 2, gate: .reference)
        network.features = 8
        network.blocks = 1
        try Self.verify("super_resolution_x2", setting, inputs: ["x"]) { tape, inputs in
            try network(#require(inputs["x"]), Scope(tape))[0]
        }
    }
}
