import LucencyKernels

/// Converts between layouts. Inserted by plans where an operation wants the other one.
struct Relayout: Operation {
    let target: Layout

    init(to target: Layout) { self.target = target }

    var name: String { "relayout" }
    var backwardReads: BackwardReads { .nothing }
    var isCheap: Bool { true }

    func outputShapes(_ inputs: [Shape]) -> [Shape] { inputs }

    func forward(_ context: OperationContext) {
        convert(context.inputs[0], context.outputs[0], to: target, context)
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let result = context.inputGradients[0] else { return }
        convert(gradient, result, to: target == .plain ? .blocked : .plain, context)
    }

    private func convert(
        _ source: UnsafePointer<Float>, _ result: UnsafeMutablePointer<Float>, to layout: Layout,
        _ context: OperationContext
    ) {
        let shape = context.inputShapes[0], family = context.signature.kernels.code
        let pieces = BlockedPieces(shape)
        let source = SharedPointer(source), result = SharedPointer(result)
        // One task for each channel block of each image.
        context.parallel(pieces.images * pieces.blocks) { index in
            let image = index / pieces.blocks, block = index % pieces.blocks
            let first = block * Layout.lanes, channels = min(Layout.lanes, pieces.channels - first)
            let plain = (image * pieces.channels + first) * pieces.pixels
            let blocked = index * pieces.pixels * Layout.lanes
            if layout == .blocked {
                lk_to_blocked(family, source + plain, result + blocked, Int64(channels), Int64(pieces.pixels))
            } else {
                lk_to_plain(family, source + blocked, result + plain, Int64(channels), Int64(pieces.pixels))
            }
        }
    }
}
