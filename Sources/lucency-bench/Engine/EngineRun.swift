import Lucency

/// Our side of a case: a plan with its workspace and inputs, ready to run.
final class EngineRun {
    private let workspace: Workspace
    private let inputs: [Value: Tensor]
    private let learner: Learner?
    let floatingPointOperations: Int
    /// What the plan takes, known before it runs; weights and the optimiser's moments come on top.
    let bytes: Int

    init(_ item: EngineCase, kernels: Kernels, threads: Int) throws {
        let tape = Tape(item.mode == .training ? .training : .inference)
        var stream = PhiloxStream(seed: 1, stream: "bench")
        let shape = try Shape([item.batch, item.inputs, item.height, item.width])
        let x = tape.input("image", shape)
        var inputs = [x: Tensor.normal(shape, from: &stream)]
        let result = try Self.record(item, x, Scope(tape))
        var loss: Value?
        if item.mode == .training, item.kind == .unet {
            let size = try Shape([item.batch, item.height, item.width])
            let labels = tape.input("labels", size)
            inputs[labels] = try Tensor(
                size.dimensions, (0..<size.count).map { _ in Float(stream.int(in: 0...item.classes - 1)) })
            loss = try tape.crossEntropy(result, labels: labels)
        } else if item.mode == .training {
            // The upstream gradient of a layer is a tensor of numbers, as the peer's is.
            let upstream = tape.constant(Tensor.normal(result.shape, from: &stream))
            loss = try tape.sum(tape.multiply(result, upstream))
        }
        let plan = try TensorPlan(
            tape, outputs: loss == nil ? [result] : [], gradientsOf: loss,
            inputGradients: loss != nil && item.kind != .unet ? [x] : [], options: .init(kernels: kernels))
        let parameters = try Parameters(tape.parameters, seed: 1)
        let pool = ThreadPool(threads: threads)
        workspace = try Workspace(plan, parameters: parameters, pool: pool)
        self.inputs = inputs
        learner =
            loss != nil && item.kind == .unet
            ? try Learner(
                parameters, settings: LearningSettings(optimizer: .adam(), schedule: Schedule(.constant, rate: 1e-3)),
                family: kernels.family, pool: pool) : nil
        floatingPointOperations = plan.floatingPointOperations
        bytes = plan.bytes(threads: threads)
    }

    /// One inference, or one training step.
    func callAsFunction() throws {
        try workspace.run(inputs)
        try learner?.learn(from: workspace)
    }

    /// Milliseconds by operation and direction, largest first.
    func profile() throws -> [(name: String, milliseconds: Double)] {
        workspace.measuresSteps = true
        defer { workspace.measuresSteps = false }
        try self()
        return workspace.profile()
    }

    private static func record(_ item: EngineCase, _ x: Value, _ scope: Scope) throws -> Value {
        switch item.kind {
        case .convolution:
            return try Convolution(item.outputs, kernel: item.kernel, axes: 2, stride: item.stride)(x, scope)
        case .transposed:
            return try TransposedConvolution(
                item.outputs, enlarging: [item.stride, item.stride], initialization: .uniform)(x, scope)
        case .unet:
            let network = UNet(inputChannels: item.inputs, classes: item.classes, channels: item.channels)
            return try network(x, scope)[0]
        case .upscale: return try SuperResolver(factor: item.factor)(x, scope)[0]
        }
    }
}
