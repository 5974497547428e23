import Foundation
import LucencyFoundation
import LucencyNetworks
import LucencyTensor
import Support
import Testing

@Suite struct LoadingTests {
    let network = UNet(channels: [8, 16])

    @Test func `weights go out and come back by name`() throws {
        let source = try network.parameters(seed: 1), target = try network.parameters(seed: 2)
        #expect(source.tensors != target.tensors)
        #expect(try target.load(source.tensors).isEmpty)
        #expect(source.tensors == target.tensors)
    }

    @Test func `all that does not fit is reported at once, and nothing changes`() throws {
        let parameters = try network.parameters(seed: 1)
        var tensors = try network.parameters(seed: 2).tensors
        tensors["enc1.0.weight"] = nil
        tensors["head.bias"] = Tensor(try Shape([3]), repeating: 0)
        tensors["extra.weight"] = Tensor(1)
        tensors["enc1.1.num_batches_tracked"] = Tensor(7)
        let before = parameters.tensors
        let error = #expect(throws: DiagnosticList.self) { try parameters.load(tensors) }
        #expect(error?.diagnostics.map(\.code) == [.unknownReference, .shapeMismatch, .missingKey])
        #expect(parameters.tensors == before)
        tensors["head.bias"] = Tensor(try Shape([2]), repeating: 0.5)
        #expect(throws: DiagnosticList.self) { try parameters.load(tensors, strictness: .allowsUnexpected) }
        let warnings = try parameters.load(tensors, strictness: .allowsMissing)
        #expect(warnings.map(\.severity) == [.warning, .warning])
        #expect(parameters["head.bias"]?.array == [0.5, 0.5])
        #expect(parameters["enc1.0.weight"] == before["enc1.0.weight"])
    }

    @Test func `two tensors for one parameter are refused`() throws {
        let parameters = try network.parameters(seed: 1)
        var tensors = try parameters.weights.tensors
        tensors.append(try #require(tensors.first { $0.name == "head.bias" }).renamed("module.head.bias"))
        let error = #expect(throws: DiagnosticList.self) {
            try parameters.load(Weights(tensors), names: NameMap(["module.*": "*"]))
        }
        #expect(error?.diagnostics.map(\.code) == [.duplicateName])
    }

    @Test func `numbers that are not finite are refused, and nothing changes`() throws {
        let parameters = try network.parameters(seed: 1), other = try network.parameters(seed: 2)
        try other.set("head.bias", to: Tensor([2], [0, .nan]))
        let before = parameters.tensors, weights = try other.weights
        #expect(throws: DiagnosticList.self) { try parameters.load(weights) }
        #expect(parameters.tensors == before)
    }

    @Test func `weights written under PyTorch's names load again from the file`() throws {
        let parameters = try network.parameters(seed: 1), other = try network.parameters(seed: 2)
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "weights.safetensors").path
            try Safetensors.write(parameters.weights, to: path)
            #expect(try other.load(Weights(path: path)).isEmpty)
        }
        #expect(other.tensors == parameters.tensors)
    }

    @Test(arguments: ["batch", "group"])
    func `a PyTorch state dictionary loads by name and gives what PyTorch gave`(norm: String) throws {
        guard let shared = TestFiles.shared else {
            print("skipped: no shared folder beside the checkout")
            return
        }
        let url = shared.appending(path: "golden/blocks/tiny_unet_\(norm).safetensors")
        let golden = try GoldenTensors(url)
        var network = UNet(inputChannels: 2, classes: 3, channels: [8, 16])
        network.norm = norm == "batch" ? .batch : .group
        network.groups = 4
        let parameters = try network.parameters(seed: 1)
        let isState = { (name: String) in name.hasPrefix("param.") || name.hasPrefix("buffer_before.") }
        let weights = try Weights(Weights(path: url.path).tensors.filter { isState($0.name) })
        let names: JSONValue = ["param.up.*": "up1.*", "param.*": "*", "buffer_before.*": "*"]
        #expect(try parameters.load(weights, names: NameMap(names)).isEmpty)
        let x = try golden.tensor("in.x")
        if norm == "batch" {
            // Statistics before training.
            let predictor = try Predictor(network, parameters: parameters)
            try expectClose(predictor(x), golden.tensor("out_eval"))
        }
        let tape = Tape(.training)
        let input = tape.input("x", x.shape)
        let output = try network(input, Scope(tape))[0]
        let loss = try tape.record(WeightedSum(golden.tensor("upstream")), output)
        let plan = try TensorPlan(
            tape, outputs: [output], gradientsOf: loss, inputGradients: [input],
            options: .init(kernels: Kernels(family: .best)))
        let workspace = try Workspace(plan, parameters: parameters, pool: .serial)
        try workspace.run([input: x])
        try expectClose(workspace.tensor(output), golden.tensor("out"))
        try expectClose(workspace.gradient(of: input), golden.tensor("grad.in.x"))
        for declaration in parameters.declarations {
            let name = declaration.name.replacingOccurrences(of: "up1.", with: "up.")
            guard declaration.isTrainable else {
                try expectClose(try #require(parameters[declaration.name]), golden.tensor("buffer_after.\(name)"))
                continue
            }
            // A bias in front of a batch norm changes nothing: its gradient is rounding only.
            let isIdle = norm == "batch" && name.hasSuffix("bias") && (name.contains(".0.") || name.contains(".3."))
            try expectClose(
                workspace.gradient(of: declaration.name), golden.tensor("grad.\(name)"),
                tolerance: isIdle ? 2e-4 : 2e-5)
        }
    }
}

func expectClose(
    _ found: Tensor, _ expected: Tensor, tolerance: Float = 1e-5, location: SourceLocation = #_sourceLocation
) throws {
    #expect(found.shape == expected.shape, sourceLocation: location)
    let scale = max(1, expected.array.map(abs).max() ?? 0)
    let error = zip(found.array, expected.array).map { abs($0 - $1) }.max() ?? .infinity
    #expect(error <= tolerance * scale, sourceLocation: location)
}
