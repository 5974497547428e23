import LucencyFoundation
import LucencyKernels

/// Sets numbers to 0 with a probability, and enlarges the others so that the mean stays (Srivastava et al. 2014).
///
/// What is dropped follows from the run's seed and step, the operation's place in the plan, and the number's place in the
/// tensor; `backward` works it out again.
struct Dropout: Operation {
    let probability: Float
    /// Whether whole channels are dropped (Tompson et al. 2015).
    let dropsChannels: Bool

    var name: String { dropsChannels ? "channel-dropout" : "dropout" }
    var backwardReads: BackwardReads { .nothing }
    var isCheap: Bool { true }
    var addsGradients: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        if dropsChannels, inputs[0].rank < 3 { throw mismatch("needs N, C and more dimensions", inputs[0]) }
        return inputs
    }

    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts {
        OperationLayouts(inputs: available, outputs: available)
    }

    func memory(_ signature: OperationSignature) -> OperationMemory {
        guard dropsChannels else { return OperationMemory() }
        let pieces = BlockedPieces(signature.inputs[0]), count = pieces.images * pieces.paddedChannels
        return OperationMemory(forwardScratch: count, backwardScratch: count)
    }

    func forward(_ context: OperationContext) {
        drop(context.inputs[0], context.outputs[0], accumulates: false, context)
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let result = context.inputGradients[0] else { return }
        drop(gradient, result, accumulates: context.accumulates[0], context)
    }

    private func drop(
        _ source: UnsafePointer<Float>, _ result: UnsafeMutablePointer<Float>, accumulates: Bool,
        _ context: OperationContext
    ) {
        let family = context.signature.kernels.code, adds: Int32 = accumulates ? 1 : 0
        // The probability is below 1, so this is below 2³².
        let threshold = UInt32(min(Double(UInt32.max), (Double(probability) * 0x1p32).rounded()))
        let scale = 1 / (1 - probability), seed = context.seed, step = context.step
        let stream = UInt32(truncatingIfNeeded: context.stream) & 0x3F_FFFF
        let x = SharedPointer(source), y = SharedPointer(result)
        guard dropsChannels else {
            context.chunks(context.outputCount) { first, count in
                lk_dropout(
                    family, x + first, y + first, Int64(count), Int64(first), threshold, scale, seed, stream, step, adds
                )
            }
            return
        }
        let shape = context.inputShapes[0], pieces = BlockedPieces(shape)
        let factors = context.scratch
        let count = pieces.images * pieces.paddedChannels
        factors.update(repeating: 1, count: count)
        lk_dropout(family, factors, factors, Int64(count), 0, threshold, scale, seed, stream, step, 0)
        let shared = SharedPointer(factors)
        if context.signature.inputLayouts[0] == .blocked {
            context.parallel(pieces.count) { index in
                let piece = pieces.piece(index)
                let lanes = shared + (piece.image * pieces.paddedChannels + piece.block * Layout.lanes)
                var from = x + piece.offset(pieces.imageStride), to = y + piece.offset(pieces.imageStride)
                for _ in 0..<piece.pixels {
                    for lane in 0..<Layout.lanes { to[lane] = from[lane] * lanes[lane] + (accumulates ? to[lane] : 0) }
                    from += Layout.lanes
                    to += Layout.lanes
                }
            }
        } else {
            context.parallel(pieces.images * pieces.channels) { row in
                let lane = row / pieces.channels * pieces.paddedChannels + row % pieces.channels
                let first = row * pieces.pixels
                lk_scale(family, (shared + lane).pointee, x + first, y + first, Int64(pieces.pixels), adds)
            }
        }
    }
}

extension Tape {
    /// Sets numbers to 0 with a probability and multiplies the others by 1 / (1 - probability), while the tape records
    /// training; does nothing otherwise.
    /// - Throws: `Diagnostic` when the probability is not in 0..<1.
    public func dropout(_ x: Value, probability: Float) throws(Diagnostic) -> Value {
        try dropout(x, probability, channels: false)
    }

    /// As `dropout`, for whole channels.
    /// - Parameter x: N, C, spatial.
    /// - Throws: `Diagnostic` when the probability is not in 0..<1, or there are no spatial dimensions.
    public func channelDropout(_ x: Value, probability: Float) throws(Diagnostic) -> Value {
        try dropout(x, probability, channels: true)
    }

    private func dropout(_ x: Value, _ probability: Float, channels: Bool) throws(Diagnostic) -> Value {
        guard probability >= 0, probability < 1 else {
            throw Diagnostic(.badArgument, "dropout: the probability \(probability) is not in 0..<1")
        }
        guard mode == .training, probability > 0 else { return x }
        return try record(Dropout(probability: probability, dropsChannels: channels), x)
    }
}
