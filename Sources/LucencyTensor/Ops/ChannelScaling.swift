import LucencyFoundation
import LucencyKernels

/// y = x · scale + shift with one scale and shift for each channel, or each channel of each image: squeeze and excitation
/// (Hu et al. 2018), feature-wise modulation (Perez et al. 2018), noise levels.
///
/// Inputs: x N,C,spatial; then, where present, scale and shift, each N,C or 1,C (or C) with extents of 1 behind.
struct ChannelScaling: Operation {
    let hasScale: Bool
    let hasShift: Bool

    var name: String { "channel-scaling" }
    var backwardReads: BackwardReads { hasScale ? BackwardReads(inputs: [0, 1]) : .nothing }
    var isCheap: Bool { true }
    var addsGradients: Bool { true }

    /// Whether factors hold one number per channel of x; if they are as large as x, there is nothing to repeat.
    static func fits(_ factors: Shape, _ x: Shape) -> Bool {
        guard x.rank >= 3, factors.rank == x.rank || factors.rank == x.rank - 1, x.pixels > 1 else { return false }
        let all = Array(repeating: 1, count: x.rank - factors.rank) + factors.dimensions
        return (all[0] == 1 || all[0] == x.images) && all[1] == x.channels && all[2...].allSatisfy { $0 == 1 }
    }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0]
        for factors in inputs.dropFirst() {
            let perChannel = factors.count == x.channels && factors.dimensions.max() == x.channels
            let perImage =
                factors.rank >= 2 && factors.dimensions.prefix(2) == [x.images, x.channels]
                && factors.pixels == 1
            guard x.rank >= 3, perChannel || perImage else {
                throw mismatch("needs one number per channel, or per image and channel", x, factors)
            }
        }
        return [x]
    }

    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts {
        available[0] == .blocked || inputs[0].pixels == 1 ? .blockedData : .plain
    }

    // MARK: Factors

    /// Every lane's scale and shift (or zeros), each `stride` floats.
    private func stride(_ shape: Shape) -> Int {
        let pieces = BlockedPieces(shape)
        return pieces.images * pieces.paddedChannels
    }

    func memory(_ signature: OperationSignature) -> OperationMemory {
        let shape = signature.inputs[0], stride = stride(shape)
        let sums = max(BlockedPieces(shape).sumScratch, 4 * shape.images * shape.channels)
        return OperationMemory(forwardScratch: 2 * stride, backwardScratch: 2 * stride + sums)
    }

    private func spread(
        _ context: OperationContext, _ input: Int?, _ filler: Float, to target: UnsafeMutablePointer<Float>
    ) {
        let pieces = BlockedPieces(context.inputShapes[0])
        target.update(repeating: 0, count: stride(context.inputShapes[0]))
        for image in 0..<pieces.images {
            for channel in 0..<pieces.channels {
                let here = image * pieces.paddedChannels + channel
                guard let input else {
                    target[here] = filler
                    continue
                }
                let isShared = context.inputShapes[input].count == pieces.channels
                target[here] = context.inputs[input][isShared ? channel : image * pieces.channels + channel]
            }
        }
    }

    private var scaleInput: Int? { hasScale ? 1 : nil }
    private var shiftInput: Int? { hasShift ? (hasScale ? 2 : 1) : nil }

    // MARK: Running

    func forward(_ context: OperationContext) {
        let shape = context.inputShapes[0], stride = stride(shape), pieces = BlockedPieces(shape)
        spread(context, scaleInput, 1, to: context.scratch)
        spread(context, shiftInput, 0, to: context.scratch + stride)
        let scale = SharedPointer(context.scratch), shift = SharedPointer(context.scratch + stride)
        let family = context.signature.kernels.code
        let x = SharedPointer(context.inputs[0]), y = SharedPointer(context.outputs[0])
        if context.signature.inputLayouts[0] == .blocked {
            context.parallel(pieces.count) { index in
                let piece = pieces.piece(index), lane = piece.image * pieces.paddedChannels + piece.block * Layout.lanes
                lk_normalise(
                    family, x + piece.offset(pieces.imageStride), scale + lane, shift + lane, nil, LK_LINEAR, 0,
                    y + piece.offset(pieces.imageStride),
                    Int64(piece.pixels))
            }
            return
        }
        let rows = StridedLoop([shape.count / shape.pixels, shape.pixels], arrays: [[shape.count / shape.pixels, 1]])
        context.chunks(shape.count) { first, count in
            rows.rows(from: first, count: count) { position, _, _, size in
                let lane = Self.lane(position / shape.pixels, pieces)
                lk_apply(
                    family, LK_AFFINE, x + position, y + position, Int64(size), (scale + lane).pointee,
                    (shift + lane).pointee)
            }
        }
    }

    /// Where the factors of a plain row (image and channel) stand.
    private static func lane(_ row: Int, _ pieces: BlockedPieces) -> Int {
        row / pieces.channels * pieces.paddedChannels + row % pieces.channels
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0] else { return }
        let shape = context.inputShapes[0], stride = stride(shape), pieces = BlockedPieces(shape)
        let family = context.signature.kernels.code, scratch = context.scratch
        spread(context, scaleInput, 1, to: scratch)
        // The second array stands for mean and shift, and for the terms of dx that a norm would have.
        (scratch + stride).update(repeating: 0, count: stride)
        let scale = SharedPointer(scratch), zero = SharedPointer(scratch + stride)
        let x = hasScale ? SharedPointer(context.inputs[0]) : SharedPointer(gradient), dy = SharedPointer(gradient)
        let isBlocked = context.signature.inputLayouts[0] == .blocked
        if context.inputGradients.dropFirst().contains(where: { $0 != nil }) {
            let sums = UnsafeMutableRawPointer(scratch + 2 * stride)
                .bindMemory(to: Double.self, capacity: 2 * shape.images * shape.channels)
            if isBlocked {
                let totals = pieces.sums(context, sums) { index, sums in
                    let piece = pieces.piece(index)
                    let lane = piece.image * pieces.paddedChannels + piece.block * Layout.lanes
                    lk_normalise_gradient_sums(
                        family, x + piece.offset(pieces.imageStride), dy + piece.offset(pieces.imageStride),
                        scale + lane, zero + lane, nil, zero + lane,
                        LK_LINEAR, 0, Int64(piece.pixels), sums)
                }
                store(context) { row in
                    let image = row / pieces.channels, channel = row % pieces.channels
                    let at =
                        (image * pieces.blocks + channel / Layout.lanes) * 2 * Layout.lanes + channel % Layout.lanes
                    return (totals[at], totals[at + Layout.lanes])
                }
            } else {
                let shared = SharedPointer(sums), pixels = shape.pixels
                context.parallel(shape.images * shape.channels) { row in
                    let x = x + row * pixels, dy = dy + row * pixels
                    var sum = 0.0, moment = 0.0
                    for index in 0..<pixels {
                        let g = Double(dy[index])
                        sum += g
                        moment += g * Double(x[index])
                    }
                    (shared + 2 * row)[0] = sum
                    (shared + 2 * row)[1] = moment
                }
                store(context) { (sums[2 * $0], sums[2 * $0 + 1]) }
            }
        }
        guard let target = context.inputGradients[0] else { return }
        let dx = SharedPointer(target), accumulates: Int32 = context.accumulates[0] ? 1 : 0
        if isBlocked {
            context.parallel(pieces.count) { index in
                let piece = pieces.piece(index), lane = piece.image * pieces.paddedChannels + piece.block * Layout.lanes
                lk_normalise_gradient(
                    family, x + piece.offset(pieces.imageStride), dy + piece.offset(pieces.imageStride), scale + lane,
                    zero + lane, nil, zero + lane,
                    scale + lane, zero + lane, zero + lane, LK_LINEAR, 0, accumulates,
                    dx + piece.offset(pieces.imageStride), nil,
                    Int64(piece.pixels))
            }
            return
        }
        let rows = StridedLoop([shape.count / shape.pixels, shape.pixels], arrays: [[shape.count / shape.pixels, 1]])
        context.chunks(shape.count) { first, count in
            rows.rows(from: first, count: count) { position, _, _, size in
                let lane = Self.lane(position / shape.pixels, pieces)
                lk_scale(family, (scale + lane).pointee, dy + position, dx + position, Int64(size), accumulates)
            }
        }
    }

    /// Adds up the sums of dy and dy · x of each image and channel as the factors' shapes want them.
    private func store(_ context: OperationContext, _ sums: (_ row: Int) -> (sum: Double, moment: Double)) {
        let shape = context.inputShapes[0], channels = shape.channels
        for (input, isScale) in [(scaleInput, true), (shiftInput, false)] {
            guard let input, let target = context.inputGradients[input] else { continue }
            let isShared = context.inputShapes[input].count == channels
            for index in 0..<context.inputShapes[input].count {
                var total = 0.0
                for image in isShared ? 0..<shape.images : 0..<1 {
                    let sums = sums(image * channels + index)
                    total += isScale ? sums.moment : sums.sum
                }
                target[index] = Float(total) + (context.accumulates[input] ? target[index] : 0)
            }
        }
    }
}

extension Tape {
    /// x · scale + shift with one number of each for every channel, or for every channel of every image.
    ///
    /// - Parameters:
    ///   - x: N, C, spatial.
    ///   - scale, shift: C, or N, C, with extents of 1 behind; nil for 1 and 0.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func channelScaling(_ x: Value, scale: Value? = nil, shift: Value? = nil) throws(Diagnostic) -> Value {
        let operation = ChannelScaling(hasScale: scale != nil, hasShift: shift != nil)
        return try record(operation, [x] + [scale, shift].compactMap { $0 })[0]
    }
}
