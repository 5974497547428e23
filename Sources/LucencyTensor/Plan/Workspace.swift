import LucencyFoundation

/// The memory in which a plan runs: one run at a time. Several workspaces of one plan may run at once.
public final class Workspace {
    public let plan: TensorPlan
    public let parameters: Parameters
    /// Gradients of the trainable parameters after a run, laid out as `Parameters.trainable`.
    package let gradients: UnsafeMutablePointer<Float>

    private let arena: AlignedBuffer<Float>
    private let gradientBuffer: AlignedBuffer<Float>
    private let workerBuffer: AlignedBuffer<Float>
    /// Parameters in the form that kernels want, and the version of the parameters they are of.
    private let prepared: AlignedBuffer<Float>
    private var preparedVersion = -1
    private let constants: [AlignedBuffer<Float>]
    private let contexts: [OperationContext]
    private let addresses: [UnsafeMutablePointer<Float>]
    private let pool: ThreadPool

    /// Seconds spent in each step, filled while `measuresSteps`.
    package private(set) var stepSeconds: [Double]
    package var measuresSteps = false

    package func resetProfile() { stepSeconds = Array(repeating: 0, count: stepSeconds.count) }

    /// - Parameters:
    ///   - parameters: those that the plan's tape declared; they are read at every run, not copied.
    ///   - memory: the most bytes that the workspace may take; all of the machine's unless said otherwise.
    /// - Throws: `Diagnostic` when a parameter is missing or has another shape, or the memory does not suffice.
    public init(
        _ plan: TensorPlan, parameters: Parameters, pool: ThreadPool, memory: Int = Machine.memory
    ) throws(Diagnostic) {
        let bytes = plan.bytes(threads: pool.threads)
        guard bytes <= memory else {
            throw Diagnostic(
                .tooLarge, "the computation needs \(bytes >> 20) MiB, there are \(memory >> 20)",
                remedy: "take smaller images or batches, or a sliding window of smaller tiles")
        }
        self.plan = plan
        self.parameters = parameters
        self.pool = pool
        arena = AlignedBuffer(repeating: 0, count: plan.arenaCount)
        gradientBuffer = AlignedBuffer(repeating: 0, count: plan.hasGradients ? parameters.trainableCount : 0)
        gradients = gradientBuffer.stableAddress
        workerBuffer = AlignedBuffer(repeating: 0, count: plan.schedule.workerScratch * pool.threads)
        prepared = AlignedBuffer(repeating: 0, count: plan.preparedCount)
        var slots: [Parameters.Slot] = []
        for declaration in plan.declarations {
            guard let slot = parameters.slot(declaration.name), slot.declaration.shape == declaration.shape else {
                throw Diagnostic(
                    .shapeMismatch, "the parameters hold no '\(declaration.name)' of shape \(declaration.shape)")
            }
            slots.append(slot)
        }
        let base = arena.stableAddress, preparedBase = prepared.stableAddress, gradients = self.gradients
        var constants: [AlignedBuffer<Float>] = []
        let schedule = plan.schedule
        addresses = schedule.buffers.enumerated().map { index, buffer in
            switch buffer.home {
            case .arena: return base + plan.offsets[index]
            case .prepared: return preparedBase + plan.offsets[index]
            case .parameter(let number): return parameters.address(slots[number])
            case .gradient(let number): return gradients + slots[number].offset
            case .constant(let tensor):
                constants.append(tensor.buffer)
                return tensor.buffer.stableAddress
            }
        }
        self.constants = constants
        let addresses = self.addresses
        // Stands for operands that a step does not touch.
        let nowhere = base
        let workers = workerBuffer.stableAddress
        contexts = schedule.steps.map { step in
            let signature = schedule.graph.nodes[step.node].signature
            func strides(_ buffers: [Int?], _ shapes: [Shape], _ layouts: [Layout]) -> [Int] {
                // The step that adds gradients has operands of its own; it takes them as they lie.
                zip(buffers, zip(shapes, layouts)).map { buffer, operand in
                    buffer.flatMap { schedule.buffers[$0].part?.stride } ?? operand.1.imageCount(operand.0)
                }
            }
            return OperationContext(
                signature: signature,
                inputs: step.inputs.map { UnsafePointer($0.map { addresses[$0] } ?? nowhere) },
                outputs: step.outputs.map { $0.map { addresses[$0] } ?? nowhere },
                outputGradients: step.outputGradients.map { $0.map { UnsafePointer(addresses[$0]) } },
                inputGradients: step.inputGradients.map { $0.map { addresses[$0] } },
                accumulates: step.accumulates,
                strides: OperationStrides(
                    inputs: strides(step.inputs, signature.inputs, signature.inputLayouts),
                    outputs: strides(step.outputs, signature.outputs, signature.outputLayouts),
                    outputGradients: strides(step.outputGradients, signature.outputs, signature.outputLayouts),
                    inputGradients: strides(step.inputGradients, signature.inputs, signature.inputLayouts)),
                prepared: step.prepared.map { addresses[$0] } ?? nowhere,
                saved: step.saved.map { addresses[$0] } ?? nowhere,
                scratch: step.scratch.map { addresses[$0] } ?? nowhere, isRecomputation: step.phase == .recompute,
                pool: pool, stream: UInt64(step.node), workers: workers, workerStride: schedule.workerScratch)
        }
        stepSeconds = Array(repeating: 0, count: schedule.steps.count)
    }

    // MARK: Running

    /// Computes the plan's outputs and gradients.
    ///
    /// - Parameters:
    ///   - inputs: every input of the tape that the plan reads, with its tensor.
    ///   - seed, step: of the random numbers of dropout; another step draws others.
    /// - Throws: `Diagnostic` when an input is missing or of another shape.
    public func run(_ inputs: [Value: Tensor] = [:], seed: UInt64 = 0, step: UInt64 = 0) throws(Diagnostic) {
        let schedule = plan.schedule
        for (id, lowered) in schedule.graph.inputs {
            let value = Value(id: id, shape: schedule.graph.values[lowered].shape)
            guard let tensor = inputs[value], tensor.shape == value.shape, let buffer = schedule.content[lowered] else {
                throw Diagnostic(
                    .shapeMismatch,
                    "the input '\(plan.inputNames[id] ?? "")' must be a tensor of shape \(value.shape)"
                        + (inputs[value].map { ", found \($0.shape)" } ?? ""))
            }
            tensor.buffer.withUnsafeBufferPointer { source in
                if let base = source.baseAddress { addresses[buffer].update(from: base, count: source.count) }
            }
        }
        let isStale = preparedVersion != parameters.version
        for (index, current) in schedule.steps.enumerated() {
            let context = contexts[index], operation = schedule.graph.nodes[current.node].operation
            context.seed = seed
            context.step = step
            let start = measuresSteps ? Machine.seconds : 0
            switch current.phase {
            case .forward, .recompute:
                if let buffer = current.prepared, isStale || !schedule.buffers[buffer].isKept {
                    operation.prepare(context)
                }
                operation.forward(context)
            case .backward: operation.backward(context)
            case .add: add(current)
            }
            if measuresSteps { stepSeconds[index] += Machine.seconds - start }
        }
        if plan.changesStates { parameters.noteChange() }
        preparedVersion = parameters.version
    }

    private func add(_ step: Schedule.Step) {
        guard let source = step.inputs[0], let target = step.inputGradients[0] else { return }
        let buffer = plan.schedule.buffers[target], images = buffer.part?.images ?? 1
        let count = buffer.count / images, stride = buffer.part?.stride ?? count, chunk = 1 << 15
        let from = SharedPointer(addresses[source]), to = SharedPointer(addresses[target])
        let chunks = (count + chunk - 1) / chunk, accumulates = step.accumulates[0]
        pool.forEach(images * chunks) { number in
            let image = number / chunks, first = number % chunks * chunk, size = min(chunk, count - first)
            let source = from + (image * count + first), target = to + (image * stride + first)
            if accumulates {
                for index in 0..<size { target[index] += source[index] }
            } else {
                target.update(from: source, count: size)
            }
        }
    }

    // MARK: Results

    /// The content of an output of the plan after a run.
    /// - Throws: `Diagnostic` when the plan was not asked for that value.
    public func tensor(_ value: Value) throws(Diagnostic) -> Tensor {
        guard let lowered = plan.schedule.graph.wanted[value.id], let buffer = plan.schedule.content[lowered],
            plan.schedule.graph.values[lowered].shape == value.shape
        else {
            throw Diagnostic(.badArgument, "the plan does not keep that value: name it among its outputs")
        }
        return copy(buffer, value.shape)
    }

    /// The gradient of the loss with respect to an input, after a run.
    /// - Throws: `Diagnostic` when the plan was not asked for it.
    public func gradient(of input: Value) throws(Diagnostic) -> Tensor {
        guard let lowered = plan.schedule.graph.inputs[input.id], let buffer = plan.schedule.gradients[lowered],
            plan.schedule.graph.values[lowered].shape == input.shape
        else {
            throw Diagnostic(.badArgument, "the plan has no gradient for that value: name it among its inputGradients")
        }
        return copy(buffer, input.shape)
    }

    /// The gradient of the loss with respect to a parameter, after a run.
    /// - Throws: `Diagnostic` when there is no such trainable parameter.
    public func gradient(of parameter: String) throws(Diagnostic) -> Tensor {
        guard plan.hasGradients, let slot = parameters.slot(parameter), slot.declaration.isTrainable else {
            throw Diagnostic(.unknownReference, "there is no gradient of a parameter '\(parameter)'")
        }
        let source = UnsafeBufferPointer(start: gradients + slot.offset, count: slot.declaration.shape.count)
        return Tensor(trusted: slot.declaration.shape) { _ = $0.initialize(from: source) }
    }

    private func copy(_ buffer: Int, _ shape: Shape) -> Tensor {
        let source = UnsafeBufferPointer(start: addresses[buffer], count: shape.count)
        return Tensor(trusted: shape) { _ = $0.initialize(from: source) }
    }
}
