import LucencyFoundation

/// A tape made ready to run many times at its fixed shapes: operations fused and laid out, gradients scheduled, all memory
/// placed beforehand. A run allocates no tensor memory, and how much a workspace takes is known before it is made.
public final class TensorPlan: Sendable {
    /// What a plan is made for.
    public struct Options: Sendable {
        public var kernels: Kernels
        /// What a plan with gradients computes twice, to take less memory.
        public var recomputation = Recomputation.nothing

        public init(kernels: Kernels, recomputation: Recomputation = .nothing) {
            self.kernels = kernels
            self.recomputation = recomputation
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
        let kept = Set(graph.wanted.values)
        func placed(_ dropped: Set<Int>?) -> Placed {
            let schedule = Schedule(
                graph, kept: kept, loss: loss.flatMap { graph.wanted[$0.id] },
                gradientsOf: Set(inputGradients.compactMap { graph.inputs[$0.id] }), isTraining: isTraining,
                trainable: tape.parameters.map(\.isTrainable), dropped: dropped)
            return Self.place(schedule, inputGradients)
        }
        var best: Placed
        switch isTraining ? options.recomputation : .nothing {
        case .nothing: best = placed(nil)
        case .cheap:
            let cheap = graph.nodes.lazy.filter(\.operation.isCheap).flatMap(\.outputs)
            best = placed(Set(cheap).subtracting(kept))
        case .segments:
            best = placed(nil)
            let segments = Segments(graph, kept: kept)
            for count in segments.counts {
                let other = placed(segments.dropped(segments: count))
                if other.count < best.count { best = other }
            }
        }
        let schedule = best.schedule
        var offsets = best.offsets
        var preparedCount = 0
        for (index, buffer) in schedule.buffers.enumerated() {
            guard case .prepared = buffer.home else { continue }
            offsets[index] = preparedCount
            preparedCount += (buffer.count + 15) / 16 * 16
        }
        self.schedule = schedule
        self.offsets = offsets
        arenaCount = best.count
        self.preparedCount = preparedCount
        declarations = tape.parameters
        inputNames = Dictionary(
            uniqueKeysWithValues: graph.inputs.keys.map { id in
                if case .input(let name) = tape.origins[id] { (id, name) } else { (id, "") }
            })
        hasGradients = isTraining
        changesStates = graph.nodes.contains { $0.operation.changesStates }
    }

    /// A schedule whose buffers have their places in memory of so many floats.
    private struct Placed {
        let schedule: Schedule
        let offsets: [Int]
        let count: Int
    }

    private static func place(_ schedule: Schedule, _ inputGradients: [Value]) -> Placed {
        let graph = schedule.graph
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
        return Placed(schedule: schedule, offsets: offsets, count: count)
    }

    /// Bytes that a workspace takes, without the parameters themselves: intermediate values, packed weights, the working
    /// memory of each thread, and gradients.
    public func bytes(threads: Int) -> Int {
        let gradients = hasGradients ? declarations.reduce(0) { $0 + ($1.isTrainable ? $1.shape.count : 0) } : 0
        return 4 * (arenaCount + preparedCount + schedule.workerScratch * max(1, threads) + gradients)
    }
}
