import LucencyFoundation
import LucencyKernels

/// What lies beyond the edge of an image.
public enum PaddingMode: String, Hashable, Sendable, CaseIterable {
    case zeros
    /// Mirrored without repeating the edge pixel; the padding must be smaller than the image.
    case reflect
    /// The edge pixel goes on.
    case replicate

    var code: lk_pad_mode {
        switch self {
        case .zeros: LK_ZEROS
        case .reflect: LK_REFLECT
        case .replicate: LK_REPLICATE
        }
    }
}

/// How a convolution's kernel moves over 1 to 3 spatial dimensions (outermost first).
public struct ConvolutionWindow: Hashable, Sendable {
    public var kernel: [Int]
    public var stride: [Int]
    public var dilation: [Int]
    public var padding: [Int]
    public var paddingMode: PaddingMode

    /// - Parameter padding: pixels on both sides; nil keeps the size at stride 1 (odd kernels).
    public init(
        kernel: [Int], stride: Int = 1, dilation: Int = 1, padding: Int? = nil, paddingMode: PaddingMode = .zeros
    ) {
        self.kernel = kernel
        self.stride = kernel.map { _ in stride }
        self.dilation = kernel.map { _ in dilation }
        self.padding = kernel.map { padding ?? dilation * ($0 - 1) / 2 }
        self.paddingMode = paddingMode
    }

    /// Output extent along a dimension; below 1 where the kernel does not fit.
    func extent(_ size: Int, _ axis: Int) -> Int {
        let room = size + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1
        return room < 0 ? 0 : room / stride[axis] + 1
    }

    /// The description for the kernels of a convolution from `input` to `output`.
    func description(from input: Shape, to output: Shape, groups: Int) -> lk_conv {
        func three(_ values: [Int], _ filler: Int) -> [Int32] {
            (Array(repeating: filler, count: 3 - values.count) + values).map { Int32(clamping: $0) }
        }
        let size = input.volume
        let k = three(kernel, 1), s = three(stride, 1), d = three(dilation, 1), p = three(padding, 0)
        return lk_conv(
            n: Int32(clamping: input.images), c: Int32(clamping: input.channels), d: Int32(clamping: size.depth),
            h: Int32(clamping: size.height), w: Int32(clamping: size.width), k: Int32(clamping: output.channels),
            kd: k[0], kh: k[1], kw: k[2], sd: s[0], sh: s[1], sw: s[2], dd: d[0], dh: d[1], dw: d[2],
            pd0: p[0], pd1: p[0], ph0: p[1], ph1: p[1], pw0: p[2], pw1: p[2], groups: Int32(clamping: groups),
            pad_mode: Int32(paddingMode.code.rawValue), x_stride: 0, y_stride: 0)
    }

    /// Refuses what the kernels cannot do, such as a depth of more than 64 taps.
    func checkKernels(
        from input: Shape, to output: Shape, groups: Int, _ operation: any Operation
    ) throws(Diagnostic) {
        let description = description(from: input, to: output, groups: groups)
        guard withUnsafePointer(to: description, { lk_conv_valid($0) }) != 0 else {
            throw operation.mismatch("a kernel of \(kernel) is more than the engine can do", input, output)
        }
    }

    /// Refuses what no convolution can do.
    func check(_ shape: Shape, _ operation: any Operation) throws(Diagnostic) {
        let axes = kernel.count
        guard (1...3).contains(axes), shape.rank == axes + 2, stride.count == axes, dilation.count == axes,
            padding.count == axes
        else {
            throw operation.mismatch("a window of \(axes) dimensions needs a tensor of \(axes + 2)", shape)
        }
        let limit = 1 << 20
        guard (kernel + stride + dilation).allSatisfy({ $0 >= 1 && $0 < limit }),
            padding.allSatisfy({ $0 >= 0 && $0 < limit }), shape.dimensions.allSatisfy({ $0 < 1 << 30 })
        else {
            throw operation.mismatch("kernel, stride and dilation must be positive, padding not negative", shape)
        }
        if paddingMode == .reflect, zip(padding, shape.spatial).contains(where: { $0 >= $1 }) {
            throw operation.mismatch("reflected padding of \(padding) must be smaller than the image", shape)
        }
    }
}

/// y[k] = Σ over c and taps of w[k, c, tap] · x[c, position + tap], plus a bias.
///
/// Inputs: x N,C,…; weights K,C/groups,taps; then, where present, a bias K; scale, shift, running mean and variance of a
/// batch norm to fold in (inference); a residual to add. The activation comes last.
struct Convolution: Operation {
    var window: ConvolutionWindow
    var groups = 1
    var hasBias = false
    /// Set where a norm that takes constants away follows: the gradient of a bias is then exactly 0.
    var biasIsFutile = false
    /// ε of a folded batch norm.
    var foldedEpsilon: Float?
    var hasResidual = false
    var activation = Activation.linear

    var name: String { "convolution" }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0, 1]) }
    var addsGradients: Bool { true }
    var acceptsStrides: Bool { !hasResidual }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0], weights = inputs[1]
        try window.check(x, self)
        guard groups >= 1, x.channels % groups == 0, weights.rank == x.rank, weights[0] % groups == 0,
            weights[1] == x.channels / groups, weights.spatial == window.kernel
        else {
            throw mismatch("the weights do not fit \(groups) group(s) and the kernel \(window.kernel)", x, weights)
        }
        if hasBias, inputs[2].dimensions != [weights[0]] {
            throw mismatch("a bias needs one number per output channel", weights, inputs[2])
        }
        let spatial = x.spatial.enumerated().map { window.extent($1, $0) }
        guard spatial.allSatisfy({ $0 > 0 }) else {
            throw mismatch("the kernel \(window.kernel) is larger than the padded image", x)
        }
        let result = try Shape([x.images, weights[0]] + spatial)
        try window.checkKernels(from: x, to: result, groups: groups, self)
        return [result]
    }

    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts {
        var layouts: [Layout] = inputs.map { _ in .plain }
        layouts[0] = .blocked
        if hasResidual { layouts[inputs.count - 1] = .blocked }
        return OperationLayouts(inputs: layouts, outputs: [.blocked])
    }

    func floatingPointOperations(_ inputs: [Shape], _ outputs: [Shape]) -> Int {
        saturatingProduct(2, outputs[0].count, inputs[1].count / inputs[1][0])
    }

    // MARK: Fusion

    func absorbing(_ next: any Operation, at position: Int, shapes: FusionShapes) -> (any Operation)? {
        guard activation == .linear else { return nil }
        var copy = self
        switch next {
        case let norm as Normalization where position == 0 && norm.canFold && foldedEpsilon == nil && !hasResidual:
            copy.foldedEpsilon = norm.epsilon
            copy.activation = norm.activation
        case let rectification as Rectification:
            copy.activation = rectification.activation
        case is Addition where !hasResidual && shapes.nextInputs.allSatisfy({ $0 == shapes.result }):
            copy.hasResidual = true
        default: return nil
        }
        return copy
    }

    func specialised(for reader: any Operation) -> any Operation {
        guard hasBias, let norm = reader as? Normalization, norm.ignoresConstants else { return self }
        var copy = self
        copy.biasIsFutile = true
        return copy
    }

    // MARK: Running

    private func pass(_ pass: lk_pass, _ signature: OperationSignature) -> ConvolutionPass {
        ConvolutionPass(
            window.description(from: signature.inputs[0], to: signature.outputs[0], groups: groups), pass,
            signature.kernels)
    }

    private func paddedChannels(_ shape: Shape) -> Int { BlockedPieces(shape).paddedChannels }

    func memory(_ signature: OperationSignature) -> OperationMemory {
        let forward = pass(LK_FORWARD, signature).sizes
        var memory = OperationMemory(
            prepared: Int(forward.packed) + (foldedEpsilon == nil ? 0 : paddedChannels(signature.outputs[0])),
            forwardScratch: Int(forward.shared), workerScratch: Int(forward.worker))
        if foldedEpsilon != nil { memory.forwardScratch = max(memory.forwardScratch, signature.inputs[1].count) }
        guard signature.isTraining else { return memory }
        let input = pass(LK_INPUT_GRADIENT, signature).sizes, weights = pass(LK_WEIGHT_GRADIENT, signature).sizes
        memory.backwardScratch = max(
            Int(input.packed + input.shared), Int(weights.shared),
            hasBias && !biasIsFutile ? BlockedPieces(signature.outputs[0]).sumScratch : 0)
        memory.workerScratch = max(memory.workerScratch, Int(input.worker), Int(weights.worker))
        return memory
    }

    /// A bias is read in passing, unless a norm is folded into it; so is a residual.
    func preparesInput(_ position: Int) -> Bool {
        let last = 2 + (hasBias ? 1 : 0) + (foldedEpsilon == nil ? 0 : 4)
        return position == 1 || foldedEpsilon != nil && position > 1 && position < last
    }

    func prepare(_ context: OperationContext) {
        let forward = pass(LK_FORWARD, context.signature)
        var weights = context.inputs[1]
        if let epsilon = foldedEpsilon {
            // y = (w·x + b - mean) · scale / √(variance + ε) + shift is a convolution with other weights and bias.
            let shape = context.inputShapes[1], first = hasBias ? 3 : 2
            let channels = shape[0], perChannel = shape.count / channels
            let bias = context.prepared + Int(forward.sizes.packed)
            bias.update(repeating: 0, count: paddedChannels(context.outputShapes[0]))
            for channel in 0..<channels {
                let factor =
                    context.inputs[first][channel] / (context.inputs[first + 3][channel] + epsilon).squareRoot()
                let old = hasBias ? context.inputs[2][channel] : 0
                bias[channel] = (old - context.inputs[first + 2][channel]) * factor + context.inputs[first + 1][channel]
                let source = weights + channel * perChannel, target = context.scratch + channel * perChannel
                for index in 0..<perChannel { target[index] = source[index] * factor }
            }
            weights = UnsafePointer(context.scratch)
        }
        forward.pack(weights, context.prepared, context)
    }

    func forward(_ context: OperationContext) {
        let forward = pass(LK_FORWARD, context.signature)
        var data = lk_conv_data()
        data.input = context.inputs[0]
        data.packed = UnsafePointer(context.prepared)
        data.output = context.outputs[0]
        if foldedEpsilon != nil {
            data.bias = UnsafePointer(context.prepared + Int(forward.sizes.packed))
        } else if hasBias {
            data.bias = context.inputs[2]
        }
        if hasResidual { data.residual = context.inputs[context.inputs.count - 1] }
        data.activation = Int32(activation.code.rawValue)
        data.slope = activation.slope
        data.shared = context.scratch
        forward.run(
            data, xStride: context.strides.inputs[0], yStride: context.strides.outputs[0], context)
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0] else { return }
        if let target = context.inputGradients[0] {
            let pass = pass(LK_INPUT_GRADIENT, context.signature)
            pass.pack(context.inputs[1], context.scratch, context)
            var data = lk_conv_data()
            data.input = gradient
            data.packed = UnsafePointer(context.scratch)
            data.output = target
            data.accumulate = context.accumulates[0] ? 1 : 0
            data.shared = context.scratch + Int(pass.sizes.packed)
            pass.run(
                data, xStride: context.strides.inputGradients[0], yStride: context.strides.outputGradients[0], context)
        }
        if let target = context.inputGradients[1] {
            let pass = pass(LK_WEIGHT_GRADIENT, context.signature)
            var data = lk_conv_data()
            data.input = context.inputs[0]
            data.output_gradient = gradient
            data.output = target
            data.accumulate = context.accumulates[1] ? 1 : 0
            data.shared = context.scratch
            pass.run(data, xStride: context.strides.inputs[0], yStride: context.strides.outputGradients[0], context)
        }
        if hasBias, let target = context.inputGradients[2] {
            if biasIsFutile {
                if !context.accumulates[2] { target.update(repeating: 0, count: context.inputShapes[2].count) }
                return
            }
            BlockedPieces(context.outputShapes[0]).addChannelSums(
                of: gradient, stride: context.strides.outputGradients[0], to: target,
                accumulates: context.accumulates[2], context, scratch: context.scratch)
        }
    }
}

/// One pass of a convolution by one algorithm.
struct ConvolutionPass: Sendable {
    let convolution: lk_conv
    let pass: lk_pass
    let algorithm: lk_algorithm
    let sizes: lk_conv_sizes_t

    init(_ convolution: lk_conv, _ pass: lk_pass, _ kernels: Kernels) {
        self.convolution = convolution
        self.pass = pass
        algorithm = withUnsafePointer(to: convolution) { convolution in
            let wanted: lk_algorithm
            switch kernels.algorithm {
            case .automatic: return lk_conv_choose(convolution, pass)
            case .direct: wanted = LK_DIRECT
            case .winograd2: wanted = LK_WINOGRAD2
            case .winograd4: wanted = LK_WINOGRAD4
            }
            return lk_conv_supports(convolution, pass, wanted) != 0 ? wanted : LK_DIRECT
        }
        let algorithm = self.algorithm
        sizes = withUnsafePointer(to: convolution) { lk_conv_sizes($0, pass, algorithm) }
    }

    func pack(
        _ weights: UnsafePointer<Float>, _ packed: UnsafeMutablePointer<Float>, _ context: OperationContext
    ) {
        let weights = SharedPointer(weights), packed = SharedPointer(packed)
        context.parallel(Int(sizes.pack_chunks)) { chunk in
            withUnsafePointer(to: convolution) {
                lk_conv_pack($0, pass, algorithm, Int32(chunk), weights.pointer, packed.pointer)
            }
        }
    }

    /// - Parameters:
    ///   - xStride, yStride: floats between images of the convolution's x (or its gradient) and y (or its gradient).
    func run(_ data: lk_conv_data, xStride: Int, yStride: Int, _ context: OperationContext) {
        var convolution = self.convolution
        convolution.x_stride = Int64(xStride)
        convolution.y_stride = Int64(yStride)
        let family = context.signature.kernels.code
        let chunks = [sizes.chunks.0, sizes.chunks.1, sizes.chunks.2, sizes.chunks.3]
        nonisolated(unsafe) let data = data
        let description = convolution
        for phase in 0..<Int(sizes.phases) {
            context.parallelWithScratch(Int(chunks[phase])) { chunk, scratch in
                withUnsafePointer(to: description) { convolution in
                    withUnsafePointer(to: data) {
                        lk_conv_run(convolution, pass, algorithm, family, Int32(phase), Int32(chunk), $0, scratch)
                    }
                }
            }
        }
    }
}

extension Tape {
    /// A convolution over 1 to 3 spatial dimensions.
    ///
    /// - Parameters:
    ///   - x: N, C, spatial.
    ///   - weights: K, C/groups, kernel.
    ///   - bias: K numbers, or nil.
    ///   - groups: divides C and K; C for a depthwise convolution.
    /// - Returns: N, K, spatial.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func convolution(
        _ x: Value, weights: Value, bias: Value? = nil, window: ConvolutionWindow, groups: Int = 1
    ) throws(Diagnostic) -> Value {
        try convolution(x, weights: weights, bias: bias, window: window, groups: groups, method: .automatic)
    }

    /// As above, by a method of choice; one that cannot do this convolution gives way to the direct one.
    package func convolution(
        _ x: Value, weights: Value, bias: Value?, window: ConvolutionWindow, groups: Int, method: ConvolutionMethod
    ) throws(Diagnostic) -> Value {
        let operation = Convolution(window: window, groups: groups, hasBias: bias != nil)
        let inputs = [x, weights] + (bias.map { [$0] } ?? [])
        let y = try operation.outputShapes(inputs.map(\.shape))[0]
        let isFourier =
            switch method {
            case .automatic: FourierConvolution.pays(operation, x.shape, y)
            case .direct: false
            case .fourier: true
            }
        if isFourier, FourierConvolution.supports(window) {
            return try record(FourierConvolution(operation, x.shape, y), inputs)[0]
        }
        return try record(operation, inputs)[0]
    }
}
