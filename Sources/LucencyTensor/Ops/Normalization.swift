import LucencyFoundation
import LucencyKernels

/// Brings channels to mean 0 and variance 1, then scales and shifts them: y = activation((x - mean) / √(variance + ε) · scale
/// + shift). The kinds differ in what a mean is taken over.
///
/// Inputs: x; scale and shift, one number per channel; for `batch` also the running mean and variance.
struct Normalization: Operation {
    enum Kind: Hashable, Sendable {
        /// Over the images and pixels of a channel (Ioffe and Szegedy 2015). While learning, statistics are those of the
        /// batch, and the running ones move towards them; else the running ones are used.
        case batch(momentum: Float, usesRunning: Bool)
        /// Over the pixels and channels of a group of channels of one image (Wu and He 2018). One group is layer
        /// normalization, one channel per group instance normalization.
        case group(count: Int)
    }

    let kind: Kind
    let epsilon: Float
    var activation = Activation.linear

    var name: String { "normalization" }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0, 1]) }
    var isCheap: Bool { true }
    var acceptsStrides: Bool { true }

    var changesStates: Bool { ignoresConstants }

    /// Whether it is a fixed scale and shift per channel, which weights can take up.
    var canFold: Bool { if case .batch(_, usesRunning: true) = kind { true } else { false } }

    /// Whether adding a constant to a channel changes nothing, so that a bias before it has no gradient.
    var ignoresConstants: Bool { if case .batch(_, usesRunning: false) = kind { true } else { false } }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0]
        guard x.rank >= 2 else { throw mismatch("needs N, C and more dimensions", x) }
        for parameter in inputs.dropFirst() where parameter.dimensions != [x.channels] {
            throw mismatch("needs one number per channel", x, parameter)
        }
        switch kind {
        case .group(let count):
            guard count >= 1, x.channels % count == 0 else {
                throw mismatch("\(count) groups do not divide the channels", x)
            }
            guard x.count / (x.images * count) > 1 else { throw mismatch("a group has a single number", x) }
        case .batch(_, let usesRunning):
            guard usesRunning || x.images * x.pixels > 1 else {
                throw mismatch("a batch statistic needs more than one number per channel", x)
            }
        }
        return [x]
    }

    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts { .blockedData }

    func absorbing(_ next: any Operation, at position: Int, shapes: FusionShapes) -> (any Operation)? {
        guard activation == .linear, let rectification = next as? Rectification else { return nil }
        var copy = self
        copy.activation = rectification.activation
        return copy
    }

    // MARK: Memory

    /// What `forward` works out for every image and channel, each `stride` floats: mean, 1/√(variance + ε), scale, shift of
    /// the resulting x · scale + shift.
    private struct Statistics {
        let base: UnsafeMutablePointer<Float>
        let stride: Int
        var mean: UnsafeMutablePointer<Float> { base }
        var inverse: UnsafeMutablePointer<Float> { base + stride }
        var scale: UnsafeMutablePointer<Float> { base + 2 * stride }
        var shift: UnsafeMutablePointer<Float> { base + 3 * stride }
    }

    private func stride(_ pieces: BlockedPieces) -> Int { pieces.images * pieces.paddedChannels }

    func memory(_ signature: OperationSignature) -> OperationMemory {
        let pieces = BlockedPieces(signature.inputs[0])
        let statistics = 4 * stride(pieces), sums = pieces.sumScratch
        // While learning, the statistics are kept; otherwise they are working memory in front of the sums.
        return OperationMemory(
            saved: statistics, forwardScratch: statistics + sums, backwardScratch: 3 * stride(pieces) + sums)
    }

    private func statistics(_ context: OperationContext, _ pieces: BlockedPieces) -> Statistics {
        Statistics(base: context.signature.isTraining ? context.saved : context.scratch, stride: stride(pieces))
    }

    /// The domains over which means are taken: images, and channels.
    private func domains(_ shape: Shape) -> [(images: Range<Int>, channels: Range<Int>)] {
        switch kind {
        case .batch: return (0..<shape.channels).map { (0..<shape.images, $0..<$0 + 1) }
        case .group(let count):
            let size = shape.channels / count
            return (0..<shape.images).flatMap { image in
                (0..<count).map { (image..<image + 1, $0 * size..<($0 + 1) * size) }
            }
        }
    }

    // MARK: Forward

    func forward(_ context: OperationContext) {
        let pieces = BlockedPieces(context.inputShapes[0])
        let statistics = statistics(context, pieces)
        if !context.isRecomputation { measure(context, pieces, statistics) }
        let family = context.signature.kernels.code
        let x = SharedPointer(context.inputs[0]), y = SharedPointer(context.outputs[0])
        let scale = SharedPointer(statistics.scale), shift = SharedPointer(statistics.shift)
        let code = activation.code, slope = activation.slope
        let from = context.strides.inputs[0], to = context.strides.outputs[0]
        context.parallel(pieces.count) { index in
            let piece = pieces.piece(index)
            let channel = piece.image * pieces.paddedChannels + piece.block * Layout.lanes
            lk_normalise(
                family, x + piece.offset(from), scale + channel, shift + channel, nil, code, slope,
                y + piece.offset(to), Int64(piece.pixels))
        }
    }

    private func measure(_ context: OperationContext, _ pieces: BlockedPieces, _ statistics: Statistics) {
        let shape = context.inputShapes[0], padded = pieces.paddedChannels
        // Lanes beyond the channels keep scale and shift 0, so that they stay 0.
        statistics.base.update(repeating: 0, count: 4 * statistics.stride)
        let gamma = context.inputs[1], beta = context.inputs[2]
        func set(_ images: Range<Int>, _ channels: Range<Int>, mean: Double, variance: Double) {
            let inverse = 1 / (variance + Double(epsilon)).squareRoot()
            for image in images {
                for channel in channels {
                    let index = image * padded + channel, scale = Double(gamma[channel]) * inverse
                    statistics.mean[index] = Float(mean)
                    statistics.inverse[index] = Float(inverse)
                    statistics.scale[index] = Float(scale)
                    statistics.shift[index] = Float(Double(beta[channel]) - mean * scale)
                }
            }
        }
        if case .batch(_, usesRunning: true) = kind {
            for channel in 0..<shape.channels {
                set(
                    0..<shape.images, channel..<channel + 1, mean: Double(context.inputs[3][channel]),
                    variance: Double(context.inputs[4][channel]))
            }
            return
        }
        let family = context.signature.kernels.code, x = SharedPointer(context.inputs[0])
        let from = context.strides.inputs[0]
        let totals = pieces.sums(context, partials(context.scratch + 4 * statistics.stride, pieces)) { index, sums in
            let piece = pieces.piece(index)
            lk_channel_sums(family, x + piece.offset(from), Int64(piece.pixels), sums)
        }
        for domain in domains(shape) {
            var sum = 0.0, squares = 0.0
            visit(domain, pieces) {
                sum += totals[$0]
                squares += totals[$0 + Layout.lanes]
            }
            let count = Double(domain.images.count * domain.channels.count * shape.pixels)
            let mean = sum / count, variance = max(0, squares / count - mean * mean)
            set(domain.images, domain.channels, mean: mean, variance: variance)
            if case .batch(let momentum, _) = kind {
                // The running variance is the unbiased one.
                let channel = domain.channels.lowerBound, m = Double(momentum)
                let means = UnsafeMutablePointer(mutating: context.inputs[3])
                let variances = UnsafeMutablePointer(mutating: context.inputs[4])
                means[channel] = Float((1 - m) * Double(means[channel]) + m * mean)
                variances[channel] = Float(
                    (1 - m) * Double(variances[channel]) + m * variance * count / (count - 1))
            }
        }
    }

    private func partials(_ scratch: UnsafeMutablePointer<Float>, _ pieces: BlockedPieces) -> UnsafeMutablePointer<
        Double
    > {
        UnsafeMutableRawPointer(scratch).bindMemory(to: Double.self, capacity: pieces.partialCount)
    }

    /// Calls `body` with the place of every first sum of a domain.
    private func visit(
        _ domain: (images: Range<Int>, channels: Range<Int>), _ pieces: BlockedPieces, _ body: (Int) -> Void
    ) {
        for image in domain.images {
            for channel in domain.channels {
                body((image * pieces.blocks + channel / Layout.lanes) * 2 * Layout.lanes + channel % Layout.lanes)
            }
        }
    }

    // MARK: Backward

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0] else { return }
        let shape = context.inputShapes[0], pieces = BlockedPieces(shape), padded = pieces.paddedChannels
        let statistics = statistics(context, pieces), stride = statistics.stride
        let family = context.signature.kernels.code, code = activation.code, slope = activation.slope
        let x = SharedPointer(context.inputs[0]), dy = SharedPointer(gradient)
        let scale = SharedPointer(statistics.scale), shift = SharedPointer(statistics.shift)
        let mean = SharedPointer(statistics.mean)
        let from = context.strides.inputs[0], back = context.strides.outputGradients[0]
        let totals = pieces.sums(context, partials(context.scratch + 3 * stride, pieces)) { index, sums in
            let piece = pieces.piece(index), channel = piece.image * padded + piece.block * Layout.lanes
            lk_normalise_gradient_sums(
                family, x + piece.offset(from), dy + piece.offset(back), scale + channel, shift + channel, nil,
                mean + channel, code, slope, Int64(piece.pixels), sums)
        }
        for channel in 0..<shape.channels {
            var sum = 0.0, moment = 0.0
            for image in 0..<shape.images {
                let index = image * padded + channel
                visit((image..<image + 1, channel..<channel + 1), pieces) {
                    sum += totals[$0]
                    moment += totals[$0 + Layout.lanes] * Double(statistics.inverse[index])
                }
            }
            if let target = context.inputGradients[1] { target[channel] = Float(moment) }
            if let target = context.inputGradients[2] { target[channel] = Float(sum) }
        }
        guard let target = context.inputGradients[0] else { return }
        // dx = a · g + b · (x - mean) + e with g the gradient before the activation.
        let a = context.scratch, b = a + stride, e = b + stride
        a.update(repeating: 0, count: 3 * stride)
        let gamma = context.inputs[1]
        for domain in domains(shape) {
            let count = Double(domain.images.count * domain.channels.count * shape.pixels)
            var sum = 0.0, moment = 0.0
            for image in domain.images {
                for channel in domain.channels {
                    visit((image..<image + 1, channel..<channel + 1), pieces) {
                        sum += totals[$0] * Double(gamma[channel])
                        moment += totals[$0 + Layout.lanes] * Double(gamma[channel])
                    }
                }
            }
            for image in domain.images {
                for channel in domain.channels {
                    let index = image * padded + channel, inverse = Double(statistics.inverse[index])
                    a[index] = Float(Double(gamma[channel]) * inverse)
                    if canFold { continue }
                    b[index] = Float(-inverse * inverse * inverse * moment / count)
                    e[index] = Float(-inverse * sum / count)
                }
            }
        }
        let factors = (SharedPointer(a), SharedPointer(b), SharedPointer(e)), dx = SharedPointer(target)
        let to = context.strides.inputGradients[0]
        context.parallel(pieces.count) { index in
            let piece = pieces.piece(index), channel = piece.image * padded + piece.block * Layout.lanes
            lk_normalise_gradient(
                family, x + piece.offset(from), dy + piece.offset(back), scale + channel, shift + channel, nil,
                mean + channel, factors.0 + channel, factors.1 + channel, factors.2 + channel, code, slope, 0,
                dx + piece.offset(to), nil, Int64(piece.pixels))
        }
    }
}

extension Tape {
    /// Batch normalization, with an activation in the same pass. The running mean and variance are states of the network.
    ///
    /// While the tape records training, the batch's statistics normalise (biased variance) and move the running ones
    /// (unbiased variance): new = (1 - momentum) · old + momentum · batch.
    /// - Parameter keepsStatistics: while learning, too, the running statistics normalise and stay as they are.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func batchNormalization(
        _ x: Value, scale: Value, shift: Value, runningMean: Value, runningVariance: Value, epsilon: Float = 1e-5,
        momentum: Float = 0.1, activation: Activation = .linear, keepsStatistics: Bool = false
    ) throws(Diagnostic) -> Value {
        let kind = Normalization.Kind.batch(
            momentum: momentum, usesRunning: keepsStatistics || mode == .inference)
        let operation = Normalization(kind: kind, epsilon: epsilon, activation: activation)
        return try record(operation, x, scale, shift, runningMean, runningVariance)
    }

    /// Group normalization, with an activation in the same pass; one group for layer normalization over C and space, C
    /// groups for instance normalization.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func groupNormalization(
        _ x: Value, scale: Value, shift: Value, groups: Int, epsilon: Float = 1e-5, activation: Activation = .linear
    ) throws(Diagnostic) -> Value {
        try record(
            Normalization(kind: .group(count: groups), epsilon: epsilon, activation: activation), x, scale, shift)
    }
}
