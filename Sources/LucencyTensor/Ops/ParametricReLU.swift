import LucencyFoundation
import LucencyKernels

/// x where positive, slope · x elsewhere, with a learned slope for each channel or for all (He et al. 2015).
///
/// Inputs: x N,C,…; slopes, C or 1.
struct ParametricReLU: Operation {
    var name: String { "parametric-relu" }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0, 1]) }
    var isCheap: Bool { true }
    var addsGradients: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0], slopes = inputs[1]
        guard x.rank >= 2 else { throw mismatch("needs N, C and more dimensions", x) }
        guard slopes.rank == 1, slopes[0] == 1 || slopes[0] == x.channels else {
            throw mismatch("needs one slope, or one for each channel", x, slopes)
        }
        return [x]
    }

    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts { .blockedData }

    func memory(_ signature: OperationSignature) -> OperationMemory {
        let pieces = BlockedPieces(signature.inputs[0])
        return OperationMemory(
            forwardScratch: pieces.paddedChannels, backwardScratch: pieces.paddedChannels + pieces.sumScratch)
    }

    /// The slope of every lane.
    private func slopes(_ context: OperationContext, _ pieces: BlockedPieces) -> SharedPointer<Float> {
        let count = context.inputShapes[1].count
        for lane in 0..<pieces.paddedChannels {
            context.scratch[lane] = lane < pieces.channels ? context.inputs[1][count == 1 ? 0 : lane] : 0
        }
        return SharedPointer(context.scratch)
    }

    func forward(_ context: OperationContext) {
        let pieces = BlockedPieces(context.inputShapes[0]), family = context.signature.kernels.code
        let slopes = slopes(context, pieces)
        let x = SharedPointer(context.inputs[0]), y = SharedPointer(context.outputs[0])
        context.parallel(pieces.count) { index in
            let piece = pieces.piece(index)
            lk_prelu(
                family, x + piece.offset(pieces.imageStride), slopes + piece.block * Layout.lanes,
                y + piece.offset(pieces.imageStride), Int64(piece.pixels))
        }
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0] else { return }
        let pieces = BlockedPieces(context.inputShapes[0]), family = context.signature.kernels.code
        let slopes = slopes(context, pieces)
        let x = SharedPointer(context.inputs[0]), dy = SharedPointer(gradient)
        if let target = context.inputGradients[1] {
            let partials = UnsafeMutableRawPointer(context.scratch + pieces.paddedChannels)
                .bindMemory(to: Double.self, capacity: pieces.partialCount)
            let totals = pieces.sums(context, partials) { index, sums in
                let piece = pieces.piece(index)
                lk_prelu_sums(
                    family, x + piece.offset(pieces.imageStride), dy + piece.offset(pieces.imageStride),
                    Int64(piece.pixels), sums)
            }
            let count = context.inputShapes[1].count
            var sums = [Double](repeating: 0, count: count)
            for channel in 0..<pieces.channels {
                for image in 0..<pieces.images {
                    let block = image * pieces.blocks + channel / Layout.lanes
                    sums[count == 1 ? 0 : channel] += totals[block * 2 * Layout.lanes + channel % Layout.lanes]
                }
            }
            for (index, sum) in sums.enumerated() {
                target[index] = Float(sum) + (context.accumulates[1] ? target[index] : 0)
            }
        }
        guard let target = context.inputGradients[0] else { return }
        let dx = SharedPointer(target), accumulates: Int32 = context.accumulates[0] ? 1 : 0
        context.parallel(pieces.count) { index in
            let piece = pieces.piece(index)
            lk_prelu_gradient(
                family, x + piece.offset(pieces.imageStride), dy + piece.offset(pieces.imageStride),
                slopes + piece.block * Layout.lanes, dx + piece.offset(pieces.imageStride),
                Int64(piece.pixels), accumulates)
        }
    }
}

extension Tape {
    /// x where positive, slope · x elsewhere.
    /// - Parameters:
    ///   - x: N, C and more dimensions.
    ///   - slopes: one learned number for each channel, or a single one.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func parametricReLU(_ x: Value, slopes: Value) throws(Diagnostic) -> Value {
        try record(ParametricReLU(), x, slopes)
    }
}
