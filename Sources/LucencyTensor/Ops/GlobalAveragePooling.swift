import LucencyFoundation
import LucencyKernels

/// The mean of each channel of each image, in float64.
struct GlobalAveragePooling: Operation {
    var name: String { "global-average-pooling" }
    var backwardReads: BackwardReads { .nothing }
    var isCheap: Bool { true }
    var addsGradients: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0]
        guard x.rank >= 3 else { throw mismatch("needs N, C and more dimensions", x) }
        return [try Shape([x.images, x.channels] + x.spatial.map { _ in 1 })]
    }

    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts {
        OperationLayouts(inputs: [.blocked], outputs: [.plain])
    }

    func memory(_ signature: OperationSignature) -> OperationMemory {
        let pieces = BlockedPieces(signature.inputs[0])
        return OperationMemory(
            forwardScratch: pieces.sumScratch, backwardScratch: pieces.images * pieces.paddedChannels)
    }

    func forward(_ context: OperationContext) {
        let pieces = BlockedPieces(context.inputShapes[0]), family = context.signature.kernels.code
        let x = SharedPointer(context.inputs[0]), y = context.outputs[0]
        let partials = UnsafeMutableRawPointer(context.scratch)
            .bindMemory(to: Double.self, capacity: pieces.partialCount)
        let totals = pieces.sums(context, partials) { index, sums in
            let piece = pieces.piece(index)
            lk_channel_sums(family, x + piece.offset(pieces.imageStride), Int64(piece.pixels), sums)
        }
        for image in 0..<pieces.images {
            for channel in 0..<pieces.channels {
                let block = image * pieces.blocks + channel / Layout.lanes
                let sum = totals[block * 2 * Layout.lanes + channel % Layout.lanes]
                y[image * pieces.channels + channel] = Float(sum / Double(pieces.pixels))
            }
        }
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let result = context.inputGradients[0] else { return }
        let pieces = BlockedPieces(context.inputShapes[0]), accumulates = context.accumulates[0]
        let lanes = SharedPointer(context.scratch), dx = SharedPointer(result)
        for image in 0..<pieces.images {
            for lane in 0..<pieces.paddedChannels {
                lanes.pointer[image * pieces.paddedChannels + lane] =
                    lane < pieces.channels
                    ? gradient[image * pieces.channels + lane] / Float(pieces.pixels) : 0
            }
        }
        context.parallel(pieces.count) { index in
            let piece = pieces.piece(index)
            let source = lanes + (piece.image * pieces.paddedChannels + piece.block * Layout.lanes)
            var target = dx + piece.offset(pieces.imageStride)
            for _ in 0..<piece.pixels {
                for lane in 0..<Layout.lanes {
                    target[lane] = source[lane] + (accumulates ? target[lane] : 0)
                }
                target += Layout.lanes
            }
        }
    }
}

extension Tape {
    /// The mean of each channel over space.
    /// - Parameter x: N, C, spatial.
    /// - Returns: N, C and extents of 1.
    /// - Throws: `Diagnostic` when there are no spatial dimensions.
    public func globalAveragePooling(_ x: Value) throws(Diagnostic) -> Value {
        try record(GlobalAveragePooling(), x)
    }
}
