import LucencyFoundation
import LucencyTensor
import Support
import Testing

/// Σ weights · x with weights that never change: the scalar of whose gradients the fixtures speak.
struct WeightedSum: Operation {
    let weights: Tensor

    var name: String { "weighted-sum" }
    var backwardReads: BackwardReads { .nothing }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        guard inputs[0] == weights.shape else { throw mismatch("the weights fit not", inputs[0], weights.shape) }
        return [.scalar]
    }

    func forward(_ context: OperationContext) {
        let sum = weights.array.enumerated().reduce(0.0) {
            $0 + Double($1.element) * Double(context.inputs[0][$1.offset])
        }
        context.outputs[0].pointee = Float(sum)
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0]?.pointee, let target = context.inputGradients[0] else { return }
        for (index, weight) in weights.array.enumerated() { target[index] = gradient * weight }
    }
}

/// Kernels and threads under which golden numbers must come out.
struct Setting: Sendable, CustomTestStringConvertible {
    let kernels: Kernels
    let threads: Int

    var testDescription: String { "\(kernels.family.rawValue), \(kernels.algorithm.rawValue), \(threads) threads" }

    static let families = KernelFamily.available.flatMap { family in
        [1, 2].map { Setting(kernels: Kernels(family: family), threads: $0) }
    }

    /// With and without Winograd too.
    static let all = KernelFamily.available.flatMap { family in
        Kernels.Algorithm.allCases.flatMap { algorithm in
            [1, 2].map { Setting(kernels: Kernels(family: family, algorithm: algorithm), threads: $0) }
        }
    }
}

/// A network of a fixture: inputs `in.X`, parameters `param.X`, `upstream`, and what must come out.
struct GoldenNetwork {
    let golden: GoldenTensors
    let tape: Tape

    static func fixture(_ name: String) throws -> GoldenTensors {
        try GoldenTensors(TestFiles.fixture("LucencyTensorTests", name + ".safetensors"))
    }

    /// A parameter of the fixture; with ones behind its dimensions up to a rank.
    func parameter(_ name: String, rank: Int = 0, isTrainable: Bool = true) throws -> Value {
        let shape = try (golden.tensors["param." + name] ?? golden.tensor("buffer_before." + name)).shape
        let dimensions = shape.dimensions + Array(repeating: 1, count: max(0, rank - shape.rank))
        return try tape.parameter(name, Shape(dimensions), .constant(0), isTrainable: isTrainable)
    }

    /// A convolution with bias over two dimensions that keeps the size.
    func convolution(_ x: Value, _ name: String) throws -> Value {
        let weights = try parameter(name + ".weight", rank: 4)
        let window = ConvolutionWindow(kernel: [weights.shape[2], weights.shape[3]])
        return try tape.convolution(x, weights: weights, bias: parameter(name + ".bias"), window: window)
    }

    func groupNorm(_ x: Value, _ name: String, activation: Activation = .linear) throws -> Value {
        try tape.groupNormalization(
            x, scale: parameter(name + ".weight"), shift: parameter(name + ".bias"), groups: golden.number("groups"),
            activation: activation)
    }

    /// Runs a network on the fixture's inputs and compares result and all gradients that the fixture has.
    ///
    /// - Parameters:
    ///   - ignored: biases whose gradient is 0 in exact arithmetic; they must only be small.
    ///   - build: makes the network of the inputs, named as in the fixture without `in.`.
    /// - Returns: the workspace, for further questions, and the worst error.
    @discardableResult
    static func check(
        _ fixture: String, _ setting: Setting, inputs: [String: Tensor], ignored: Set<String> = [],
        build: (GoldenNetwork, [String: Value]) throws -> Value
    ) throws -> (workspace: Workspace, error: Double) {
        let golden = try GoldenNetwork.fixture(fixture), tape = Tape(.training)
        let values = inputs.mapValues { tape.input("in", $0.shape) }
        let out = try build(GoldenNetwork(golden: golden, tape: tape), values)
        let loss = try tape.record(WeightedSum(weights: golden.tensor("upstream")), out)
        let plan = try TensorPlan(
            tape, outputs: [out], gradientsOf: loss, inputGradients: Array(values.values),
            options: .init(kernels: setting.kernels))
        let parameters = try golden.parameters(tape)
        let workspace = try Workspace(plan, parameters: parameters, pool: ThreadPool(threads: setting.threads))
        try workspace.run(
            Dictionary(uniqueKeysWithValues: values.compactMap { name, value in inputs[name].map { (value, $0) } }))
        var worst = 0.0
        func compare(_ name: String, _ tensor: Tensor) throws {
            let error = try tensor.error(against: golden.tensor(name))
            worst = max(worst, error)
            #expect(error <= 1e-5, "\(fixture) \(name)")
        }
        try compare("out", workspace.tensor(out))
        for name in golden.names("grad.") {
            if name.hasPrefix("in.") {
                let input = try #require(values[String(name.dropFirst(3))])
                try compare("grad." + name, workspace.gradient(of: input))
            } else if ignored.contains(name) {
                let largest = try workspace.gradient(of: name).array.reduce(0) { max($0, abs($1)) }
                #expect(largest <= 2e-4, "\(fixture) \(name)")
            } else {
                try compare("grad." + name, workspace.gradient(of: name))
            }
        }
        return (workspace, worst)
    }
}

extension GoldenTensors {
    /// The parameters that a tape declared, with the fixture's numbers.
    func parameters(_ tape: Tape) throws -> Parameters {
        let parameters = try Parameters(tape.parameters, seed: 0)
        for declaration in tape.parameters {
            let tensor = try tensors["param." + declaration.name] ?? tensor("buffer_before." + declaration.name)
            try parameters.set(declaration.name, to: tensor.reshaped(declaration.shape.dimensions))
        }
        return parameters
    }
}
