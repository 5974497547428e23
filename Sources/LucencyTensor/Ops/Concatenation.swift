import LucencyFoundation

/// Tensors one behind another along the channels.
struct Concatenation: Operation {
    var name: String { "concatenation" }
    var backwardReads: BackwardReads { .nothing }
    var isCheap: Bool { true }
    var addsGradients: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        guard let first = inputs.first, first.rank >= 2 else { throw mismatch("needs tensors with channels") }
        for other in inputs
        where other.rank != first.rank || other.images != first.images || other.spatial != first.spatial {
            throw mismatch("the tensors may differ in channels only", first, other)
        }
        return [try first.with(channels: inputs.reduce(0) { $0 + $1.channels })]
    }

    /// Whole blocks can be moved as they are; otherwise channels change lanes, which only the plain layout makes easy.
    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts {
        inputs.dropLast().allSatisfy { $0.channels % Layout.lanes == 0 } && available.contains(.blocked)
            ? .blocked : .plain
    }

    /// Every image of every input: where it lies in the input and in the result.
    private func parts(_ context: OperationContext) -> [(input: Int, from: Int, to: Int, count: Int)] {
        let layout = context.signature.outputLayouts[0]
        let whole = layout.imageCount(context.outputShapes[0])
        var parts: [(Int, Int, Int, Int)] = [], before = 0
        for (index, shape) in context.inputShapes.enumerated() {
            let count = layout.imageCount(shape)
            for image in 0..<shape.images { parts.append((index, image * count, image * whole + before, count)) }
            before += count
        }
        return parts
    }

    func forward(_ context: OperationContext) {
        let parts = parts(context), y = SharedPointer(context.outputs[0])
        let inputs = context.inputs.map { SharedPointer($0) }
        context.parallel(parts.count) { index in
            let part = parts[index]
            (y + part.to).update(from: inputs[part.input] + part.from, count: part.count)
        }
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0] else { return }
        let parts = parts(context), dy = SharedPointer(gradient)
        let targets = context.inputGradients.map { $0.map { SharedPointer($0) } }
        let accumulates = context.accumulates
        context.parallel(parts.count) { index in
            let part = parts[index]
            guard let target = targets[part.input] else { return }
            let to = target + part.from, from = dy + part.to
            if accumulates[part.input] {
                for element in 0..<part.count { to[element] += from[element] }
            } else {
                to.update(from: from, count: part.count)
            }
        }
    }
}

extension Tape {
    /// Tensors of the same images and pixels, one behind another along the channels.
    /// - Throws: `Diagnostic` naming shapes that differ in more than channels.
    public func concatenation(_ values: [Value]) throws(Diagnostic) -> Value {
        try record(Concatenation(), values)[0]
    }
}
