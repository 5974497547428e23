import LucencyFoundation
import LucencyNetworks
import LucencyTensor
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
        let text = network.configuration.text
        #expect(try NetworkRegistry.network(JSONValue(parsing: text)) as? UNet == network)
        let residual = ResidualEncoderUNet()
        #expect(try NetworkRegistry.network(residual.configuration) as? ResidualEncoderUNet == residual)
        // What is left out takes the default.
        let short: JSONValue = ["kind": "unet", "classes": 7]
        #expect(try (NetworkRegistry.network(short) as? UNet)?.classes == 7)
        func problem(_ settings: JSONValue) -> DiagnosticCode? {
            do {
                _ = try NetworkRegistry.network(settings)
                return nil
            } catch { return error.diagnostics.first?.code }
        }
        #expect(problem(["kind": "vnet"]) == .unknownComponent)
        #expect(problem(["classes": 2]) == .missingKey)
        #expect(problem(["kind": "unet", "clases": 2]) == .unknownParameter)
        #expect(problem(["kind": "unet", "classes": "two"]) == .badValue)
        #expect(problem(["kind": "unet", "norm": "layer"]) == .badValue)
        #expect(problem(["kind": "unet", "classes": -2]) == .badArgument)
        #expect(problem(["kind": "unet", "channels": .array(Array(repeating: 8, count: 60))]) == .badArgument)
    }
}
