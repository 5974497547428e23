import LucencyFoundation
import LucencyKernels

/// The adjoint of a convolution: spreads each pixel of x over a window of y. Weights are C, K/groups, taps, as in PyTorch.
struct TransposedConvolution: Operation {
    var window: ConvolutionWindow
    /// Added to the far side of the output, to tell sizes apart that the convolution would shrink to the same.
    var outputPadding: [Int]
    var groups = 1
    var hasBias = false

    var name: String { "transposed-convolution" }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0, 1]) }
    var addsGradients: Bool { true }
    var acceptsStrides: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0], weights = inputs[1]
        try window.check(x, self)
        guard window.paddingMode == .zeros else { throw mismatch("the padding must be zeros", x) }
        guard groups >= 1, x.channels % groups == 0, weights.rank == x.rank, weights[0] == x.channels,
            weights.spatial == window.kernel
        else {
            throw mismatch("the weights do not fit \(groups) group(s) and the kernel \(window.kernel)", x, weights)
        }
        if hasBias, inputs[2].dimensions != [weights[1] * groups] {
            throw mismatch("a bias needs one number per output channel", weights, inputs[2])
        }
        guard outputPadding.count == window.kernel.count,
            zip(outputPadding, window.stride).allSatisfy({ $0 >= 0 && $0 < $1 })
        else { throw mismatch("the output padding must be smaller than the stride", x) }
        let spatial = x.spatial.enumerated().map { axis, size in
            (size - 1) * window.stride[axis] - 2 * window.padding[axis]
                + window.dilation[axis] * (window.kernel[axis] - 1) + outputPadding[axis] + 1
        }
        let result = try Shape([x.images, weights[1] * groups] + spatial)
        try window.checkKernels(from: result, to: x, groups: groups, self)
        return [result]
    }

    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts { .blockedData }

    func floatingPointOperations(_ inputs: [Shape], _ outputs: [Shape]) -> Int {
        saturatingProduct(2, inputs[0].count, inputs[1].count / inputs[1][0])
    }

    /// The convolution of which this is the adjoint leads from y to x.
    private func pass(_ pass: lk_pass, _ signature: OperationSignature) -> ConvolutionPass {
        ConvolutionPass(
            window.description(from: signature.outputs[0], to: signature.inputs[0], groups: groups), pass,
            signature.kernels)
    }

    func memory(_ signature: OperationSignature) -> OperationMemory {
        let forward = pass(LK_INPUT_GRADIENT, signature).sizes
        var memory = OperationMemory(
            prepared: Int(forward.packed), forwardScratch: Int(forward.shared), workerScratch: Int(forward.worker))
        guard signature.isTraining else { return memory }
        let input = pass(LK_FORWARD, signature).sizes, weights = pass(LK_WEIGHT_GRADIENT, signature).sizes
        memory.backwardScratch = max(
            Int(input.packed + input.shared), Int(weights.shared),
            hasBias ? BlockedPieces(signature.outputs[0]).sumScratch : 0)
        memory.workerScratch = max(memory.workerScratch, Int(input.worker), Int(weights.worker))
        return memory
    }

    func prepare(_ context: OperationContext) {
        pass(LK_INPUT_GRADIENT, context.signature).pack(context.inputs[1], context.prepared, context)
    }

    func forward(_ context: OperationContext) {
        var data = lk_conv_data()
        data.input = context.inputs[0]
        data.packed = UnsafePointer(context.prepared)
        data.output = context.outputs[0]
        if hasBias { data.bias = context.inputs[2] }
        data.shared = context.scratch
        // x of the convolution is this one's result.
        pass(LK_INPUT_GRADIENT, context.signature).run(
            data, xStride: context.strides.outputs[0], yStride: context.strides.inputs[0], context)
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0] else { return }
        if let target = context.inputGradients[0] {
            let pass = pass(LK_FORWARD, context.signature)
            pass.pack(context.inputs[1], context.scratch, context)
            var data = lk_conv_data()
            data.input = gradient
            data.packed = UnsafePointer(context.scratch)
            data.output = target
            data.accumulate = context.accumulates[0] ? 1 : 0
            data.shared = context.scratch + Int(pass.sizes.packed)
            pass.run(
                data, xStride: context.strides.outputGradients[0], yStride: context.strides.inputGradients[0], context)
        }
        if let target = context.inputGradients[1] {
            var data = lk_conv_data()
            data.input = gradient
            data.output_gradient = context.inputs[0]
            data.output = target
            data.accumulate = context.accumulates[1] ? 1 : 0
            data.shared = context.scratch
            pass(LK_WEIGHT_GRADIENT, context.signature).run(
                data, xStride: context.strides.outputGradients[0], yStride: context.strides.inputs[0], context)
        }
        if hasBias, let target = context.inputGradients[2] {
            BlockedPieces(context.outputShapes[0]).addChannelSums(
                of: gradient, stride: context.strides.outputGradients[0], to: target,
                accumulates: context.accumulates[2], context, scratch: context.scratch)
        }
    }
}

extension Tape {
    /// A transposed convolution over 1 to 3 spatial dimensions.
    ///
    /// - Parameters:
    ///   - x: N, C, spatial.
    ///   - weights: C, K/groups, kernel.
    ///   - bias: K numbers, or nil.
    ///   - window: its padding shrinks the output; nil padding is 0 here only if the kernel is 1 or even.
    /// - Returns: N, K, spatial.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func transposedConvolution(
        _ x: Value, weights: Value, bias: Value? = nil, window: ConvolutionWindow, outputPadding: Int = 0,
        groups: Int = 1
    ) throws(Diagnostic) -> Value {
        let operation = TransposedConvolution(
            window: window, outputPadding: window.kernel.map { _ in outputPadding }, groups: groups,
            hasBias: bias != nil)
        return try record(operation, [x, weights] + (bias.map { [$0] } ?? []))[0]
    }
}
