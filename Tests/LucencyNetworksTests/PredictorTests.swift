import LucencyFoundation
import LucencyNetworks
import LucencyTensor
import Support
import Testing

@Suite struct PredictorTests {
    @Test func `an image of any size is padded, predicted and cropped`() throws {
        let network = UNet(classes: 3, channels: [8, 8, 8])
        let predictor = try Predictor(network, parameters: network.parameters(seed: 1), edges: .zeros)
        var stream = PhiloxStream(seed: 2)
        let image = Tensor.uniform(try Shape([2, 1, 13, 30]), from: &stream)
        let result = try predictor(image)
        #expect(result.shape.dimensions == [2, 3, 13, 30])
        // The same by hand: one row before and two behind, one column on both sides.
        var padded = [Float](repeating: 0, count: 2 * 16 * 32)
        for n in 0..<2 {
            for y in 0..<13 {
                for x in 0..<30 { padded[(n * 16 + y + 1) * 32 + x + 1] = image.array[(n * 13 + y) * 30 + x] }
            }
        }
        let whole = try predictor(Tensor([2, 1, 16, 32], padded)).array
        for plane in 0..<6 {
            for y in 0..<13 {
                for x in 0..<30 {
                    #expect(result.array[(plane * 13 + y) * 30 + x] == whole[(plane * 16 + y + 1) * 32 + x + 1])
                }
            }
        }
    }

    @Test func `plans of many sizes come and go without a trace`() throws {
        let network = UNet(channels: [4, 4])
        let predictor = try Predictor(network, parameters: network.parameters(seed: 1))
        var stream = PhiloxStream(seed: 2)
        let image = Tensor.uniform(try Shape([1, 1, 20, 20]), from: &stream)
        let first = try predictor(image)
        for size in 4..<12 { _ = try predictor(Tensor(try Shape([1, 1, size, 2 * size]), repeating: 1)) }
        #expect(try predictor(image) == first)
        #expect(try predictor.bytes(image.shape) > 4 * 400)
    }

    @Test func `weights that change are seen by the next prediction`() throws {
        let network = UNet(channels: [4, 4])
        let parameters = try network.parameters(seed: 1)
        let predictor = try Predictor(network, parameters: parameters)
        let image = Tensor(try Shape([1, 1, 8, 8]), repeating: 1)
        let before = try predictor(image)
        try parameters.set("head.bias", to: Tensor([2], [100, 200]))
        let after = try predictor(image)
        #expect(after.array[0] - before.array[0] > 90)
    }

    @Test func `parameters of another network are refused`() throws {
        let parameters = try UNet(channels: [4, 4]).parameters(seed: 1)
        #expect(throws: Diagnostic.self) { try Predictor(UNet(channels: [4, 8]), parameters: parameters) }
        let predictor = try Predictor(UNet(channels: [4, 4]), parameters: parameters)
        #expect(throws: Diagnostic.self) { try predictor(Tensor(try Shape([1, 2, 8, 8]), repeating: 1)) }
        #expect(throws: Diagnostic.self) { try predictor(Tensor(try Shape([1, 1, 8]), repeating: 1)) }
    }

    @Test func `settings survive the way through JSON, and what is wrong with them is said`() throws {
        var network = UNet(classes: 5, channels: [8, 16, 24])
        network.norm = .group
        network.slope = 0.01
        #expect(try NetworkRegistry.network("unet", JSONValue(encoding: network)) as? UNet == network)
        let residual = ResidualEncoderUNet()
        let found = try NetworkRegistry.network("residual-encoder-unet", JSONValue(encoding: residual))
        #expect(found as? ResidualEncoderUNet == residual)
        // What is left out takes the default.
        #expect(try (NetworkRegistry.network("unet", ["classes": 7]) as? UNet)?.classes == 7)
        func problem(_ settings: JSONValue, kind: String = "unet") -> DiagnosticCode? {
            do {
                _ = try NetworkRegistry.network(kind, settings)
                return nil
            } catch { return error.diagnostics.first?.code }
        }
        #expect(problem([:], kind: "vnet") == .unknownComponent)
        #expect(problem([1, 2]) == .wrongKind)
        #expect(problem(["clases": 2]) == .unknownParameter)
        #expect(problem(["classes": "two"]) == .wrongKind)
        #expect(problem(["norm": "layer"]) == .badValue)
        #expect(problem(["classes": -2]) == .badArgument)
        #expect(problem(["channels": .array(Array(repeating: 8, count: 60))]) == .badArgument)
    }

    @Test func `a model file opens without anything else and predicts the same`() throws {
        var network = UNet(classes: 3, channels: [8, 16])
        network.norm = .instance
        let parameters = try network.parameters(seed: 5)
        var stream = PhiloxStream(seed: 2)
        let image = Tensor.uniform(try Shape([1, 1, 15, 22]), from: &stream)
        let expected = try Predictor(network, parameters: parameters)(image)
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "model.lucency").path
            try ModelFile(network, parameters: parameters).write(to: path)
            let predictor = try ModelFile(path: path).predictor()
            #expect(predictor.network as? UNet == network)
            #expect(try predictor(image) == expected)
            // Weights of another network are refused, naming the file.
            let other = try UNet(classes: 3, channels: [8, 8]).parameters(seed: 1)
            try ModelFile(network, parameters: other).write(to: path)
            let error = #expect(throws: DiagnosticList.self) { try ModelFile(path: path).predictor() }
            #expect((error?.diagnostics.count ?? 0) > 5)
            #expect(error?.diagnostics.allSatisfy { $0.place?.file == path } == true)
            try Safetensors.write(parameters.weights, to: path)
            #expect(throws: DiagnosticList.self) { try ModelFile(path: path).predictor() }
        }
    }
}
