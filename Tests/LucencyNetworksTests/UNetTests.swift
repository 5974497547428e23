import LucencyFoundation
import LucencyNetworks
import LucencyTensor
import Support
import Testing

@Suite struct UNetTests {
    @Test func `a U-Net of five levels has the parameters and operations that one counts by hand`() throws {
        let network = UNet(classes: 4, channels: [32, 64, 128, 256, 512])
        let summary = try NetworkSummary(network, input: Shape([1, 1, 512, 512]))
        // Blocks 9c(c' + c) + 6c, transposed convolutions 4c'c + c, head 32·4 + 4.
        #expect(summary.parameters == 7_765_508)
        #expect(try network.parameters(seed: 1).trainableWeights == 7_765_508)
        #expect(abs(Double(summary.operations) / 96.3e9 - 1) < 0.01)
        #expect(summary.outputs.map(\.dimensions) == [[1, 4, 512, 512]])
        #expect(summary.trainingBytes > 2 * summary.inferenceBytes)
        #expect(summary.layers.reduce(0) { $0 + $1.parameters } == summary.parameters)
        let text = summary.description
        #expect(text.contains("enc5.3"))
        #expect(text.contains("7765508 parameters, 96.3 GFLOP"))
    }

    @Test func `parameters are named by level as PyTorch would`() throws {
        var network = UNet(channels: [8, 16])
        #expect(
            try network.declarations().map(\.name).filter { $0.hasSuffix("weight") || $0.hasSuffix("running_var") }
                == [
                    "enc1.0.weight", "enc1.1.weight", "enc1.1.running_var", "enc1.3.weight", "enc1.4.weight",
                    "enc1.4.running_var", "enc2.0.weight", "enc2.1.weight", "enc2.1.running_var", "enc2.3.weight",
                    "enc2.4.weight", "enc2.4.running_var", "up1.weight", "dec1.0.weight", "dec1.1.weight",
                    "dec1.1.running_var", "dec1.3.weight", "dec1.4.weight", "dec1.4.running_var", "head.weight",
                ])
        network.order = .normActivationConvolution
        network.norm = .instance
        let spaced = ["enc1.0.weight", "enc1.0.bias", "enc1.2.weight", "enc1.2.bias"]
        #expect(try network.declarations().map(\.name).prefix(4) == spaced[...])
        network.norm = .none
        network.order = .convolutionNormActivation
        #expect(try network.declarations().map(\.name).prefix(4) == spaced[...])
    }

    @Test func `deep supervision gives results at coarser scales, finest first`() throws {
        var network = UNet(axes: 3, classes: 3, channels: [4, 8, 8, 8])
        network.scales = 3
        let tape = Tape(.training)
        let outputs = try network(tape.input("image", Shape([1, 1, 16, 24, 32])), Scope(tape))
        #expect(
            outputs.map(\.shape.dimensions) == [[1, 3, 16, 24, 32], [1, 3, 8, 12, 16], [1, 3, 4, 6, 8]])
        #expect(tape.parameters.contains { $0.name == "head3.weight" })
    }

    @Test func `a size that does not halve evenly is refused with the size that would do`() throws {
        let network = UNet(channels: [4, 8, 8])
        let tape = Tape(.inference)
        let error = #expect(throws: Diagnostic.self) {
            try network(tape.input("image", Shape([1, 1, 30, 33])), Scope(tape))
        }
        #expect(error?.remedy?.contains("[32, 36]") == true)
    }

    @Test func `settings out of range are all reported`() {
        var network = UNet(axes: 4, classes: 0, channels: [4, -8])
        network.kernel = 2
        network.scales = 5
        #expect(network.problems().count == 5)
        #expect(throws: Diagnostic.self) { try network.parameters(seed: 0) }
    }

    static let variants: [UNet] = {
        var plain = UNet(inputChannels: 2, classes: 3, channels: [6, 10, 12])
        // A smooth bend, so that differences over a small step are not spoiled by kinks.
        plain.slope = 0.6
        var group = plain
        group.norm = .group
        group.groups = 2
        group.order = .normActivationConvolution
        group.isResidual = true
        var instance = plain
        instance.norm = .instance
        instance.scales = 2
        instance.isResidual = true
        var none = plain
        none.norm = .none
        none.order = .activationConvolutionNorm
        var volume = plain
        volume.axes = 3
        volume.channels = [5, 6]
        volume.order = .convolutionActivationNorm
        var linear = plain
        linear.upsampling = .linear
        linear.channels = [6, 8]
        return [plain, group, instance, none, volume, linear]
    }()

    @Test(arguments: variants) func `gradients agree with differences, through every path`(network: UNet) throws {
        let shape = try Shape([2, 2] + Array(repeating: 8, count: network.axes))
        try checkGradients(of: network, shape: shape)
    }

    @Test func `dropout acts while learning, anew at every step, and not otherwise`() throws {
        var network = UNet(channels: [8, 8])
        network.norm = .none
        network.dropout = 0.5
        let parameters = try network.parameters(seed: 1)
        var stream = PhiloxStream(seed: 1)
        let image = Tensor.normal(try Shape([1, 1, 8, 8]), from: &stream)
        let tape = Tape(.training), input = tape.input("image", image.shape)
        let output = try network(input, Scope(tape))[0]
        let plan = try TensorPlan(tape, outputs: [output], options: .init(kernels: Kernels(family: .best)))
        let workspace = try Workspace(plan, parameters: parameters, pool: .serial)
        func result(_ step: UInt64) throws -> Tensor {
            try workspace.run([input: image], seed: 1, step: step)
            return try workspace.tensor(output)
        }
        #expect(try result(0) == result(0))
        #expect(try result(0) != result(1))
        let predictor = try Predictor(network, parameters: parameters)
        #expect(try predictor(image) == predictor(image))
        var plain = network
        plain.dropout = 0
        #expect(try predictor(image) == Predictor(plain, parameters: parameters)(image))
    }

    @Test func `every parameter is initialised by seed and name alone`() throws {
        let small = try UNet(channels: [8, 16]).parameters(seed: 3)
        let large = try UNet(channels: [8, 16, 32]).parameters(seed: 3)
        let other = try UNet(channels: [8, 16]).parameters(seed: 4)
        #expect(small["enc1.3.weight"] == large["enc1.3.weight"])
        #expect(small["enc1.3.weight"] != other["enc1.3.weight"])
        let bound = 1 / Float(8 * 9).squareRoot()
        let weights = try #require(small["enc1.3.weight"]).array
        #expect(weights.allSatisfy { abs($0) <= bound })
        #expect(weights.contains { $0 > 0.9 * bound } && weights.contains { $0 < -0.9 * bound })
    }
}

/// Compares the gradient along a random direction with a central difference, parameter by parameter.
func checkGradients(of network: some Network, shape: Shape, tolerance: Double = 0.02) throws {
    let tape = Tape(.training)
    let input = tape.input("image", shape)
    let outputs = try network(input, Scope(tape))
    var stream = PhiloxStream(seed: 5, stream: "gradients")
    let weights = outputs.map { Tensor.normal($0.shape, from: &stream) }
    var loss: Value?
    for (output, weights) in zip(outputs, weights) {
        let part = try tape.record(WeightedSum(weights), output)
        loss = if let sum = loss { try tape.add(sum, part) } else { part }
    }
    let plan = try TensorPlan(
        tape, outputs: outputs, gradientsOf: loss, inputGradients: [input],
        options: .init(kernels: Kernels(family: .best, algorithm: .direct)))
    let parameters = try Parameters(tape.parameters, seed: 7)
    let workspace = try Workspace(plan, parameters: parameters, pool: .serial)
    let image = Tensor.normal(shape, from: &stream)
    func value(_ image: Tensor) throws -> Double {
        try workspace.run([input: image])
        return try zip(outputs, weights).reduce(0) { sum, pair in
            let result = try workspace.tensor(pair.0)
            return zip(result.array, pair.1.array).reduce(sum) { $0 + Double($1.0) * Double($1.1) }
        }
    }
    let scale = try abs(value(image)) + 1
    func compare(_ name: String, _ gradient: Tensor, _ shifted: (Tensor, Float) throws -> Double) throws {
        var direction = Tensor.normal(gradient.shape, from: &stream)
        let length = direction.array.reduce(0) { $0 + $1 * $1 }.squareRoot()
        direction = try Tensor(gradient.shape, AlignedBuffer(direction.array.map { $0 / length }))
        let expected = zip(gradient.array, direction.array).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        let norm = gradient.array.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        // Long steps cross kinks of activations and maxima, short ones drown in rounding: one of them must do.
        let differences = try [0.01, 0.003, 0.001, 0.0003].map { (step: Float) in
            try (shifted(direction, step) - shifted(direction, -step)) / Double(2 * step)
        }
        #expect(
            differences.contains { abs($0 - expected) <= tolerance * norm + 2e-4 * scale },
            "\(name): \(differences) and \(expected)")
    }
    let gradients = try parameters.declarations.filter(\.isTrainable).map {
        ($0.name, try workspace.gradient(of: $0.name))
    }
    let imageGradient = try workspace.gradient(of: input)
    #expect(gradients.contains { $0.1.array.contains { $0 != 0 } })
    for (name, gradient) in gradients {
        let values = try #require(parameters[name])
        try compare(name, gradient) { direction, step in
            let moved = zip(values.array, direction.array).map { $0 + step * $1 }
            try parameters.set(name, to: Tensor(values.shape, AlignedBuffer(moved)))
            defer { try? parameters.set(name, to: values) }
            return try value(image)
        }
    }
    try compare("image", imageGradient) { direction, step in
        try value(Tensor(shape, AlignedBuffer(zip(image.array, direction.array).map { $0 + step * $1 })))
    }
}
