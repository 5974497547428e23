import LucencyFoundation
import LucencyKernels

/// The maximum of windows of 2 pixels in each of 2 or 3 dimensions, moved by 2. An odd last row or column is left out.
struct MaxPooling: Operation {
    var name: String { "max-pooling" }
    var isCheap: Bool { true }
    var addsGradients: Bool { true }
    var acceptsStrides: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0]
        guard x.rank == 4 || x.rank == 5, x.spatial.allSatisfy({ $0 >= 2 }) else {
            throw mismatch("needs 2 or 3 spatial dimensions of at least 2", x)
        }
        return [try Shape([x.images, x.channels] + x.spatial.map { $0 / 2 })]
    }

    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts { .blocked }

    /// Rows (of the result) in a task.
    private static let rows = 16

    private struct Work {
        let depth: Int32, size: (depth: Int, height: Int, width: Int)
        let slabs: Int, blocks: Int, rows: Int, source: Int, target: Int

        init(_ x: Shape, _ y: Shape) {
            depth = x.rank == 5 ? 2 : 1
            size = x.volume
            blocks = (x.channels + Layout.lanes - 1) / Layout.lanes
            slabs = x.images * blocks
            rows = y.volume.depth * y.volume.height
            source = x.pixels * Layout.lanes
            target = y.pixels * Layout.lanes
        }

        var tasksPerSlab: Int { (rows + MaxPooling.rows - 1) / MaxPooling.rows }

        func task(_ index: Int) -> (image: Int, block: Int, begin: Int32, end: Int32) {
            let begin = index % tasksPerSlab * MaxPooling.rows, slab = index / tasksPerSlab
            return (slab / blocks, slab % blocks, Int32(begin), Int32(min(begin + MaxPooling.rows, rows)))
        }
    }

    func forward(_ context: OperationContext) {
        let work = Work(context.inputShapes[0], context.outputShapes[0]), family = context.signature.kernels.code
        let x = SharedPointer(context.inputs[0]), y = SharedPointer(context.outputs[0])
        let strides = context.strides
        context.parallel(work.slabs * work.tasksPerSlab) { index in
            let task = work.task(index)
            lk_max_pool(
                family, x + (task.image * strides.inputs[0] + task.block * work.source),
                y + (task.image * strides.outputs[0] + task.block * work.target), work.depth, Int32(work.size.depth),
                Int32(work.size.height), Int32(work.size.width), task.begin, task.end)
        }
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let result = context.inputGradients[0] else { return }
        let work = Work(context.inputShapes[0], context.outputShapes[0]), family = context.signature.kernels.code
        let x = SharedPointer(context.inputs[0]), y = SharedPointer(context.outputs[0])
        let dy = SharedPointer(gradient), dx = SharedPointer(result)
        let accumulates: Int32 = context.accumulates[0] ? 1 : 0
        let strides = context.strides
        context.parallel(work.slabs * work.tasksPerSlab) { index in
            let task = work.task(index), source = task.block * work.source, target = task.block * work.target
            lk_max_pool_gradient(
                family, x + (task.image * strides.inputs[0] + source), y + (task.image * strides.outputs[0] + target),
                dy + (task.image * strides.outputGradients[0] + target),
                dx + (task.image * strides.inputGradients[0] + source), work.depth, Int32(work.size.depth),
                Int32(work.size.height), Int32(work.size.width), task.begin, task.end, accumulates)
        }
    }
}

extension Tape {
    /// The maximum of windows of 2 pixels in each spatial dimension (2 or 3), moved by 2.
    /// - Throws: `Diagnostic` when a spatial dimension is below 2.
    public func maxPooling(_ x: Value) throws(Diagnostic) -> Value { try record(MaxPooling(), x) }
}
