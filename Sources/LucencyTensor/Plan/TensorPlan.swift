import LucencyFoundation

/// A tape made ready to run many times at its fixed shapes: operations fused and laid out, gradients scheduled, all memory
/// placed beforehand. A run allocates no tensor memory, and how much a workspace takes is known before it is made.
public final class TensorPlan: Sendable {
    /// What a plan is made for.
    public struct Options: Sendable {
        public var kernels: Kernels
        /// Drop results that are cheap to compute (norms, activations, concatenations) after the forward pass, and compute
        /// them again for the backward pass: less memory for some time.
        public var recomputesCheapResults = false

        public init(kernels: Kernels) {
            self.kernels = kernels
        }
    }

    let schedule: Schedule
    let offsets: [Int]
    /// Floats: intermediate values, and parameters in the form that kernels want.
    let arenaCount: Int
    let preparedCount: Int
    let declarations: [ParameterDeclaration]
    let inputNames: [Int: String]
    public let hasGradients: Bool
    /// Whether a run changes states of the network.
    let changesStates: Bool

    /// - Parameters:
    ///   - outputs: values that will be read after a run.
    ///   - loss: a scalar whose gradients with respect to all trainable parameters are wanted.
    ///   - inputGradients: inputs of the tape for which the gradient is wanted too.
    /// - Throws: `Diagnostic` when the loss is no scalar.
    public init(
        _ tape: Tape, outputs: [Value], gradientsOf loss: Value? = nil, inputGradients: [Value] = [], options: Options
    ) throws(Diagnostic) {
        if let loss, loss.shape.count != 1 {
            throw Diagnostic(.shapeMismatch, "gradients need a scalar loss, this one has the shape \(loss.shape)")
        }
        for value in outputs + inputGradients + (loss.map { [$0] } ?? [])
        where value.id >= tape.shapes.count || tape.shapes[value.id] != value.shape {
            throw Diagnostic(.badArgument, "a value of shape \(value.shape) belongs to another tape")
        }
        let isTraining = loss != nil
        let wanted = outputs.map(\.id) + (loss.map { [$0.id] } ?? [])
        let graph = try LoweredGraph(tape, wanted: wanted, isTraining: isTraining, kernels: options.kernels)
        let schedule = Schedule(
            graph, kept: Set(graph.wanted.values), loss: loss.flatMap { graph.wanted[$0.id] },
            gradientsOf: Set(inputGradients.compactMap { graph.inputs[$0.id] }), isTraining: isTraining,
            trainable: tape.parameters.map(\.isTrainable), dropsCheap: isTraining && options.recomputesCheapResults)
        var lives = [(count: Int, first: Int, last: Int)?](repeating: nil, count: schedule.buffers.count)
        func touch(_ buffer: Int, _ step: Int) {
            if let part = schedule.buffers[buffer].part { return touch(part.whole, step) }
            guard case .arena = schedule.buffers[buffer].home else { return }
            let life = lives[buffer] ?? (schedule.buffers[buffer].count, step, step)
            lives[buffer] = (life.count, min(life.first, step), max(life.last, step))
        }
        for (number, step) in schedule.steps.enumerated() { for buffer in step.buffers { touch(buffer, number) } }
        // Inputs are written before the first step; what is wanted lives until the next run.
        for id in graph.inputs.values { if let buffer = schedule.content[id] { touch(buffer, -1) } }
        for id in graph.wanted.values {
            if let buffer = schedule.content[id] { touch(buffer, schedule.steps.count) }
        }
        for value in inputGradients {
            if let id = graph.inputs[value.id], let buffer = schedule.gradients[id] {
                touch(buffer, schedule.steps.count)
            }
        }
        var (offsets, count) = Arena.place(lives)
        for (index, buffer) in schedule.buffers.enumerated() {
            if let part = buffer.part { offsets[index] = offsets[part.whole] + part.offset }
        }
        var preparedCount = 0
        for (index, buffer) in schedule.buffers.enumerated() {
            guard case .prepared = buffer.home else { continue }
            offsets[index] = preparedCount
            preparedCount += (buffer.count + 15) / 16 * 16
        }
        self.schedule = schedule
        self.offsets = offsets
        arenaCount = count
        self.preparedCount = preparedCount
        declarations = tape.parameters
        inputNames = Dictionary(
            uniqueKeysWithValues: graph.inputs.keys.map { id in
                if case .input(let name) = tape.origins[id] { (id, name) } else { (id, "") }
            })
        hasGradients = isTraining
        changesStates = graph.nodes.contains { $0.operation.changesStates }
    }

    /// Bytes that a workspace takes, without the parameters themselves: intermediate values, packed weights, the working
    /// memory of each thread, and gradients.
    public func bytes(threads: Int) -> Int {
        let gradients = hasGradients ? declarations.reduce(0) { $0 + ($1.isTrainable ? $1.shape.count : 0) } : 0
        return 4 * (arenaCount + preparedCount + schedule.workerScratch * max(1, threads) + gradients)
    }
}
