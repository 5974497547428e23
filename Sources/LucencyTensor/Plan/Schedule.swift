import LucencyFoundation

/// The steps of a plan and the memory they touch: forward in order, then backward in reverse. Every buffer has a number
/// here; where it lies is decided by `Arena` when all steps are known.
struct Schedule {
    enum Home {
        case arena
        case parameter(Int)
        /// The gradient of a parameter.
        case gradient(Int)
        case constant(Tensor)
        /// Prepared once for all runs.
        case prepared
    }

    struct Buffer {
        let count: Int
        let home: Home
        /// The buffer of a concatenation that this one is a part of: where its first image begins, how far it is to the
        /// next, and how many there are.
        var part: (whole: Int, offset: Int, stride: Int, images: Int)?
        /// Whether its content stays from run to run.
        var isKept: Bool { if case .prepared = home { true } else { false } }
    }

    enum Phase { case forward, backward, recompute, add }

    struct Step {
        let phase: Phase
        let node: Int
        var inputs: [Int?] = []
        var outputs: [Int?] = []
        var outputGradients: [Int?] = []
        var inputGradients: [Int?] = []
        var accumulates: [Bool] = []
        var prepared: Int?
        var saved: Int?
        var scratch: Int?

        var buffers: [Int] {
            (inputs + outputs + outputGradients + inputGradients + [prepared, saved, scratch]).compactMap { $0 }
        }
    }

    let graph: LoweredGraph
    private(set) var buffers: [Buffer] = []
    private(set) var steps: [Step] = []
    /// Where the content of each value lies after the forward pass.
    private(set) var content: [Int?]
    private(set) var gradients: [Int?]
    /// Floats of working memory of each worker.
    private(set) var workerScratch = 0

    private let isTraining: Bool
    /// Values that are not the same in every run with the same parameters.
    private var isVariable: [Bool]
    private var memories: [OperationMemory] = []
    private var saved: [Int?]
    private var prepared: [Int?]
    private var dropped: Set<Int> = []
    /// Values that are written straight into a concatenation, with the node of that, and where in its result.
    private var parts: [Int: (node: Int, offset: Int)] = [:]

    /// - Parameters:
    ///   - kept: lowered values that are read after the run.
    ///   - loss: the lowered scalar whose gradients are wanted, or nil.
    ///   - gradientsOf: lowered inputs whose gradient is wanted besides the parameters'.
    ///   - dropped: values that the backward pass computes again; nil for a step that keeps all.
    init(
        _ graph: LoweredGraph, kept: Set<Int>, loss: Int?, gradientsOf: Set<Int>, isTraining: Bool,
        trainable: [Bool], dropped: Set<Int>?
    ) {
        self.graph = graph
        self.isTraining = isTraining
        content = Array(repeating: nil, count: graph.values.count)
        isVariable = Array(repeating: false, count: graph.values.count)
        gradients = content
        saved = Array(repeating: nil, count: graph.nodes.count)
        prepared = saved
        memories = graph.nodes.map { $0.operation.memory($0.signature) }
        self.dropped = dropped ?? []
        for (id, value) in graph.values.enumerated() {
            let count = value.layout.count(value.shape)
            switch value.origin {
            case .input:
                content[id] = buffer(count)
                isVariable[id] = true
            case .parameter(let index): content[id] = buffer(count, .parameter(index))
            case .constant(let tensor): content[id] = buffer(count, .constant(tensor))
            case .result: break
            }
        }
        // Dropping and making again is simpler with results that own their memory.
        if dropped == nil { findParts(kept) }
        for index in graph.nodes.indices { scheduleForward(index) }
        guard let loss else { return }
        gradients[loss] = buffer(1, .constant(Tensor(1)))
        let wants = valuesWithGradient(gradientsOf, trainable)
        for index in graph.nodes.indices.reversed() { scheduleBackward(index, wants) }
    }

    private mutating func buffer(_ count: Int, _ home: Home = .arena) -> Int {
        buffers.append(Buffer(count: count, home: home))
        return buffers.count - 1
    }

    private mutating func scratch(_ count: Int) -> Int? { count > 0 ? buffer(count) : nil }

    private func count(_ value: Int) -> Int { graph.values[value].layout.count(graph.values[value].shape) }

    // MARK: Concatenations

    /// Finds the concatenations whose operands can be written in place: each made and read only by operations that accept
    /// strides, the concatenation being the last reader, so that its gradient is the first part of theirs.
    private mutating func findParts(_ kept: Set<Int>) {
        var readers: [Int: [Int]] = [:]
        for (index, node) in graph.nodes.enumerated() {
            for input in node.inputs { readers[input, default: []].append(index) }
        }
        func canBePart(_ value: Int, of index: Int) -> Bool {
            guard case .result(let maker) = graph.values[value].origin, !kept.contains(value),
                graph.nodes[maker].operation.acceptsStrides, let all = readers[value], all.last == index
            else { return false }
            return all.dropLast().allSatisfy { $0 != index && graph.nodes[$0].operation.acceptsStrides }
        }
        for (index, node) in graph.nodes.enumerated() {
            guard node.operation is Concatenation, node.signature.outputLayouts[0] == .blocked,
                node.inputs.allSatisfy({ canBePart($0, of: index) })
            else { continue }
            var offset = 0
            for input in node.inputs {
                parts[input] = (index, offset)
                offset += Layout.blocked.imageCount(graph.values[input].shape)
            }
        }
    }

    /// Whether a node's operands were written into its result already.
    private func isConcatenatedInPlace(_ index: Int) -> Bool {
        graph.nodes[index].inputs.contains { parts[$0]?.node == index }
    }

    /// The part of a concatenation's buffer that belongs to one of its operands.
    private mutating func part(_ value: Int, of whole: Int, _ node: Int, _ offset: Int) -> Int {
        let stride = Layout.blocked.imageCount(graph.values[graph.nodes[node].outputs[0]].shape)
        buffers.append(
            Buffer(count: count(value), home: .arena, part: (whole, offset, stride, graph.values[value].shape.images)))
        return buffers.count - 1
    }

    // MARK: Forward

    private mutating func newContent(of value: Int) -> Int {
        guard let place = parts[value] else { return buffer(count(value)) }
        let result = graph.nodes[place.node].outputs[0]
        let whole = content[result] ?? buffer(count(result))
        content[result] = whole
        return part(value, of: whole, place.node, place.offset)
    }

    private mutating func scheduleForward(_ index: Int) {
        let node = graph.nodes[index], memory = memories[index]
        if node.inputs.contains(where: { isVariable[$0] }) { for output in node.outputs { isVariable[output] = true } }
        if node.operation.isView {
            // The same bytes under another shape.
            content[node.outputs[0]] = content[node.inputs[0]]
            if dropped.contains(node.inputs[0]) { dropped.insert(node.outputs[0]) }
            return
        }
        if isConcatenatedInPlace(index) { return }
        for output in node.outputs { content[output] = newContent(of: output) }
        if memory.saved > 0, isTraining { saved[index] = buffer(memory.saved) }
        if memory.prepared > 0 {
            let varies = node.inputs.enumerated().contains { isVariable[$1] && node.operation.preparesInput($0) }
            prepared[index] = buffer(memory.prepared, isTraining || varies ? .arena : .prepared)
        }
        // Whole cache lines, so that each worker's memory is aligned.
        workerScratch = max(workerScratch, (memory.workerScratch + 15) / 16 * 16)
        steps.append(
            Step(
                phase: .forward, node: index, inputs: node.inputs.map { content[$0] },
                outputs: node.outputs.map { content[$0] }, prepared: prepared[index], saved: saved[index],
                scratch: scratch(memory.forwardScratch)))
    }

    // MARK: Backward

    /// Values on a way from a trainable parameter, or a wanted input, to a result.
    private func valuesWithGradient(_ wanted: Set<Int>, _ trainable: [Bool]) -> [Bool] {
        var wants = graph.values.enumerated().map { id, value in
            if case .parameter(let index) = value.origin { trainable[index] } else { wanted.contains(id) }
        }
        for node in graph.nodes where node.operation.passesGradients && node.inputs.contains(where: { wants[$0] }) {
            for output in node.outputs { wants[output] = true }
        }
        return wants
    }

    private mutating func scheduleBackward(_ index: Int, _ wants: [Bool]) {
        let node = graph.nodes[index]
        guard node.operation.passesGradients, node.outputs.contains(where: { gradients[$0] != nil }),
            node.inputs.contains(where: { wants[$0] })
        else { return }
        if node.operation.isView {
            if let gradient = gradients[node.outputs[0]] { receive(gradient, for: node.inputs[0], index) }
            return
        }
        if isConcatenatedInPlace(index), let whole = gradients[node.outputs[0]] {
            for input in node.inputs where wants[input] {
                if let place = parts[input] { gradients[input] = part(input, of: whole, index, place.offset) }
            }
            return
        }
        let reads = node.operation.backwardReads
        let inputs = node.inputs.enumerated().map { reads.readsInput($0) ? fetch($1) : nil }
        let outputs = node.outputs.enumerated().map { reads.readsOutput($0) ? fetch($1) : nil }
        var step = Step(
            phase: .backward, node: index, inputs: inputs, outputs: outputs,
            outputGradients: node.outputs.map { gradients[$0] }, saved: saved[index],
            scratch: scratch(memories[index].backwardScratch))
        var additions: [(value: Int, gradient: Int)] = []
        for (position, input) in node.inputs.enumerated() {
            guard wants[input] else {
                step.inputGradients.append(nil)
                step.accumulates.append(false)
                continue
            }
            let isFirst = node.inputs.firstIndex(of: input) == position
            if gradients[input] == nil {
                gradients[input] = newGradient(of: input)
                step.inputGradients.append(gradients[input])
                step.accumulates.append(false)
            } else if node.operation.addsGradients, isFirst {
                step.inputGradients.append(gradients[input])
                step.accumulates.append(true)
            } else {
                let part = buffer(count(input))
                step.inputGradients.append(part)
                step.accumulates.append(false)
                additions.append((input, part))
            }
        }
        steps.append(step)
        for addition in additions { receive(addition.gradient, for: addition.value, index) }
    }

    private mutating func newGradient(of value: Int) -> Int {
        if case .parameter(let index) = graph.values[value].origin { return buffer(count(value), .gradient(index)) }
        return buffer(count(value))
    }

    /// Lets a finished part of a gradient flow to a value.
    private mutating func receive(_ part: Int, for value: Int, _ node: Int) {
        if let sum = gradients[value] {
            steps.append(
                Step(phase: .add, node: node, inputs: [part], inputGradients: [sum], accumulates: [true]))
        } else if case .parameter = graph.values[value].origin {
            let sum = newGradient(of: value)
            gradients[value] = sum
            steps.append(
                Step(phase: .add, node: node, inputs: [part], inputGradients: [sum], accumulates: [false]))
        } else {
            gradients[value] = part
        }
    }

    /// The content of a value for a backward step; computed again if it was dropped.
    private mutating func fetch(_ value: Int) -> Int? {
        guard dropped.contains(value), case .result(let index) = graph.values[value].origin else {
            return content[value]
        }
        let node = graph.nodes[index]
        if node.operation.isView {
            let source = fetch(node.inputs[0])
            content[value] = source
            dropped.remove(value)
            return source
        }
        let inputs = node.inputs.map { fetch($0) }
        let outputs = node.outputs.map { buffer(count($0)) }
        for (output, made) in zip(node.outputs, outputs) {
            content[output] = made
            dropped.remove(output)
        }
        var again: Int?
        if memories[index].prepared > 0 { again = buffer(memories[index].prepared) }
        steps.append(
            Step(
                phase: .recompute, node: index, inputs: inputs, outputs: outputs, prepared: again, saved: saved[index],
                scratch: scratch(memories[index].forwardScratch)))
        return content[value]
    }
}
