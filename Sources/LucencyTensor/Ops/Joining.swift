import LucencyFoundation

/// Tensors one behind another along a dimension that is not the channels (for which there is `Concatenation`).
struct Joining: Operation {
    let axis: Int

    var name: String { "concatenation" }
    var backwardReads: BackwardReads { .nothing }
    var isCheap: Bool { true }
    var addsGradients: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        guard let first = inputs.first, axis >= 0, axis < first.rank else {
            throw mismatch("needs tensors with a dimension \(axis)")
        }
        var dimensions = first.dimensions
        for other in inputs.dropFirst() {
            guard other.rank == first.rank,
                other.dimensions.indices.allSatisfy({ $0 == axis || other[$0] == first[$0] })
            else { throw mismatch("the tensors may differ in dimension \(axis) only", first, other) }
            dimensions[axis] += other[axis]
        }
        return [try Shape(dimensions)]
    }

    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts {
        axis != 1 && available.allSatisfy { $0 == .blocked } ? .blocked : .plain
    }

    /// Calls `body` for every run of an input: the input, where the run lies in it and in the result, and its elements.
    private func runs(
        _ context: OperationContext, _ body: @Sendable (_ input: Int, _ from: Int, _ to: Int, _ count: Int) -> Void
    ) {
        let layout = context.signature.outputLayouts[0]
        let whole = AxisView(layout.dimensions(context.outputShapes[0]), axis)
        let extents = context.inputShapes.map { $0[axis] }
        context.parallel(whole.outer) { outer in
            var before = 0
            for (input, extent) in extents.enumerated() {
                let count = extent * whole.inner
                body(input, outer * count, (outer * whole.extent + before) * whole.inner, count)
                before += extent
            }
        }
    }

    func forward(_ context: OperationContext) {
        let inputs = context.inputs.map { SharedPointer($0) }, y = SharedPointer(context.outputs[0])
        runs(context) { input, from, to, count in (y + to).update(from: inputs[input] + from, count: count) }
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0] else { return }
        let targets = context.inputGradients.map { $0.map { SharedPointer($0) } }, dy = SharedPointer(gradient)
        let accumulates = context.accumulates
        runs(context) { input, from, to, count in
            guard let shared = targets[input] else { return }
            let source = dy + to, target = shared + from
            if accumulates[input] {
                for index in 0..<count { target[index] += source[index] }
            } else {
                target.update(from: source, count: count)
            }
        }
    }
}
