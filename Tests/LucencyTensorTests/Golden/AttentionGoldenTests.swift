import LucencyTensor
import Support
import Testing

extension GoldenNetwork {
    /// x + o(attention(qkv(norm(x)))), with 1×1 convolutions.
    func attentionBlock(_ x: Value, _ name: String = "", layout: AttentionLayout) throws -> Value {
        let qkv = try convolution(groupNorm(x, name + "n"), name + "qkv")
        let mixed = try tape.attention(qkv, heads: golden.number("heads"), layout: layout)
        return try tape.add(x, convolution(mixed, name + "o"))
    }
}

/// Blocks computed by PyTorch (see the fixtures' README), with all gradients.
@Suite struct AttentionGoldenTests {
    @Test(arguments: Setting.families) func `attention blocks of both layouts are PyTorch's`(_ setting: Setting) throws
    {
        for (fixture, layout) in [
            ("attention_interleaved", AttentionLayout.interleaved), ("attention_split_first", .splitFirst),
        ] {
            let x = try GoldenNetwork.fixture(fixture).tensor("in.x")
            let result = try GoldenNetwork.check(fixture, setting, inputs: ["x": x]) { network, inputs in
                try network.attentionBlock(#require(inputs["x"]), layout: layout)
            }
            print("golden \(fixture) \(setting.testDescription): \(result.error)")
        }
    }
}
