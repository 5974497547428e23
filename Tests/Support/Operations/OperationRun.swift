import LucencyFoundation
import LucencyTensor

/// What the engine makes of a case.
public struct OperationRun: Sendable {
    /// How a case is put on a tape.
    public struct Setting: Hashable, Sendable, CustomStringConvertible {
        public var family: KernelFamily
        public var threads = 1
        /// Whether operands come, and results go, in blocks of channels; their unused lanes are then checked to be 0.
        public var isBlocked = false
        /// Whether another operation reads the operands too, so that gradients are added.
        public var accumulates = false
        public var recomputation = Recomputation.nothing

        public init(_ family: KernelFamily) { self.family = family }

        public var description: String {
            "\(family.rawValue), \(threads) thread(s)" + (isBlocked ? ", blocked" : "")
                + (accumulates ? ", accumulating" : "")
                + (recomputation == .nothing ? "" : ", recomputing \(recomputation.rawValue)")
        }
    }

    public let output: Tensor
    /// Of the sum of upstream · output, for each input; nil where there is none.
    public let gradients: [Tensor?]

    /// What the other reader of an operand adds to its gradient.
    public static let extraSlope: Float = 0.5

    /// The gradient with respect to the output: fixed random numbers.
    public static func upstream(_ name: String, _ shape: Shape) -> Tensor {
        var stream = PhiloxStream(seed: 2, stream: name)
        return .uniform(shape, in: -1...1, from: &stream)
    }

    /// - Parameter wrongFactor: a factor on the loss, to see that comparisons notice.
    public init(_ item: OperationCase, _ setting: Setting, wrongFactor: Float = 1) throws(Diagnostic) {
        let tensors = try item.tensors()
        let tape = Tape(item.mode)
        var values: [Value] = [], given: [Value: Tensor] = [:]
        for (position, input) in item.inputs.enumerated() {
            let shape = tensors[position].shape
            switch input.role {
            case .data, .fixed:
                let value = tape.input("x\(position)", shape)
                values.append(value)
                given[value] = tensors[position]
            case .parameter, .state:
                let isTrainable = if case .parameter = input.role { true } else { false }
                values.append(
                    try tape.parameter("w\(position)", shape, .constant(0), isTrainable: isTrainable))
            }
        }
        var operands = values
        if setting.isBlocked {
            for (position, input) in item.inputs.enumerated() where input.shape.count > 2 {
                if case .data = input.role { operands[position] = try tape.record(BlockedIdentity(), values[position]) }
            }
        }
        var result = try item.build(tape, operands)
        if setting.isBlocked, result.shape.rank > 2 { result = try tape.record(BlockedIdentity(), result) }
        let upstream = tape.constant(Self.upstream(item.name, result.shape))
        var loss = try tape.sum(tape.record(Product(), result, upstream))
        if wrongFactor != 1 { loss = try tape.scale(loss, by: wrongFactor) }
        let differentiable = item.inputs.indices.filter {
            switch item.inputs[$0].role {
            case .data, .parameter: true
            case .fixed, .state: false
            }
        }
        if setting.accumulates {
            for position in differentiable {
                let other = try tape.sum(tape.scale(operands[position], by: Self.extraSlope))
                loss = try tape.add(tape.reshape(loss, [1]), tape.reshape(other, [1]))
            }
        }
        var options = TensorPlan.Options(kernels: Kernels(family: setting.family, algorithm: item.algorithm))
        options.recomputation = setting.recomputation
        let plan = try TensorPlan(
            tape, outputs: [result], gradientsOf: loss, inputGradients: values, options: options)
        let parameters = try Parameters(tape.parameters, seed: 0)
        for (position, input) in item.inputs.enumerated() {
            switch input.role {
            case .parameter, .state: try parameters.set("w\(position)", to: tensors[position])
            case .data, .fixed: break
            }
        }
        let workspace = try Workspace(plan, parameters: parameters, pool: ThreadPool(threads: setting.threads))
        // Twice, so that nothing depends on memory being fresh; running statistics do not touch the result.
        try workspace.run(given, seed: 3, step: 4)
        try workspace.run(given, seed: 3, step: 4)
        output = try workspace.tensor(result)
        var gradients: [Tensor?] = item.inputs.map { _ in nil }
        for position in differentiable {
            if case .parameter = item.inputs[position].role {
                gradients[position] = try workspace.gradient(of: "w\(position)")
            } else {
                gradients[position] = try workspace.gradient(of: values[position])
            }
        }
        self.gradients = gradients
    }
}

/// Element by element, without any operation under test.
private struct Product: Operation {
    var name: String { "product" }
    func outputShapes(_ inputs: [Shape]) -> [Shape] { [inputs[0]] }
    func forward(_ context: OperationContext) {
        for index in 0..<context.outputShapes[0].count {
            context.outputs[0][index] = context.inputs[0][index] * context.inputs[1][index]
        }
    }
    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0] else { return }
        for (position, target) in context.inputGradients.enumerated() {
            guard let target else { continue }
            for index in 0..<context.outputShapes[0].count {
                target[index] = gradient[index] * context.inputs[1 - position][index]
            }
        }
    }
}

/// Copies a tensor in blocks of channels; a number in an unused lane becomes NaN in the result.
private struct BlockedIdentity: Operation {
    var name: String { "blocked-identity" }
    var backwardReads: BackwardReads { .nothing }
    func outputShapes(_ inputs: [Shape]) -> [Shape] { inputs }
    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts { .blocked }
    func forward(_ context: OperationContext) {
        copy(context.inputs[0], context.outputs[0], context.inputShapes[0])
    }
    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let target = context.inputGradients[0] else { return }
        copy(gradient, target, context.inputShapes[0])
    }
    private func copy(_ source: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>, _ shape: Shape) {
        let count = Layout.blocked.count(shape), blocks = (shape.channels + 15) / 16
        target.update(from: source, count: count)
        for index in 0..<count where index / 16 / shape.pixels % blocks * 16 + index % 16 >= shape.channels {
            if source[index] != 0 { target[0] = .nan }
        }
    }
}
