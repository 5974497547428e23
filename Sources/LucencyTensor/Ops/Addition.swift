import LucencyFoundation
import LucencyKernels

/// The sum of two tensors of one shape.
struct Addition: Operation {
    var name: String { "addition" }
    var backwardReads: BackwardReads { .nothing }
    var isCheap: Bool { true }
    var addsGradients: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        guard inputs[0] == inputs[1] else { throw mismatch("the shapes must be equal", inputs[0], inputs[1]) }
        return [inputs[0]]
    }

    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts {
        available.contains(.blocked) ? .blocked : .plain
    }

    private static let chunk = 1 << 15

    func forward(_ context: OperationContext) {
        let count = context.signature.outputLayouts[0].count(context.outputShapes[0])
        let family = context.signature.kernels.code
        let a = SharedPointer(context.inputs[0]), b = SharedPointer(context.inputs[1])
        let y = SharedPointer(context.outputs[0])
        context.parallel((count + Self.chunk - 1) / Self.chunk) { index in
            let first = index * Self.chunk
            lk_add(family, a + first, b + first, y + first, Int64(min(Self.chunk, count - first)))
        }
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0] else { return }
        let count = context.signature.outputLayouts[0].count(context.outputShapes[0])
        let family = context.signature.kernels.code, dy = SharedPointer(gradient)
        for (position, target) in context.inputGradients.enumerated() {
            guard let target else { continue }
            let dx = SharedPointer(target), accumulates = context.accumulates[position]
            context.parallel((count + Self.chunk - 1) / Self.chunk) { index in
                let first = index * Self.chunk, size = min(Self.chunk, count - first)
                if accumulates {
                    lk_add(family, dx + first, dy + first, dx + first, Int64(size))
                } else {
                    (dx + first).update(from: dy + first, count: size)
                }
            }
        }
    }
}
