import LucencyFoundation
import LucencyTensor

/// The U-Net with a residual encoder that nnU-Net v2 plans (Isensee et al. 2024, "nnU-Net revisited"): a stem, stages of
/// residual blocks in the manner of ResNet-D (He et al. 2019) that begin with a strided convolution, and a plain decoder
/// with transposed convolutions. Kernels and strides may differ between axes, for anisotropic voxels.
///
/// Parameter names are those of its PyTorch original, so that its checkpoints load by name (`NameMap.nnUNet` leaves out the
/// copies that they hold).
public struct ResidualEncoderUNet: Network {
    public static let kind = "residual-encoder-unet"

    public var inputChannels = 1
    /// Channels of the result.
    public var classes = 2
    /// Channels of each stage; their number is the number of stages.
    public var channels = [32, 64, 128, 256, 320, 320]
    /// Kernel of each stage, one side per axis, odd.
    public var kernels = Array(repeating: [3, 3, 3], count: 6)
    /// Stride with which each stage begins, per axis; the first is 1.
    public var strides = [[1, 1, 1]] + Array(repeating: [2, 2, 2], count: 5)
    /// Residual blocks of each encoder stage.
    public var blocks = [1, 3, 4, 6, 6, 6]
    /// Convolutions of each decoder stage, coarsest first.
    public var decoderConvolutions = [1, 1, 1, 1, 1]
    /// Whether convolutions before norms have a bias, as nnU-Net's have.
    public var hasBias = true
    public var norm = Norm.Kind.instance
    /// Slope of the activation for negative numbers.
    public var slope: Float = 0.01
    /// Results also from coarser decoder stages, finest first. All have parameters either way, as in the original.
    public var deepSupervision = false

    public init() {}

    /// - Parameters: see the properties.
    public init(
        inputChannels: Int, classes: Int, channels: [Int], kernels: [[Int]], strides: [[Int]], blocks: [Int],
        decoderConvolutions: [Int]
    ) {
        self.inputChannels = inputChannels
        self.classes = classes
        self.channels = channels
        self.kernels = kernels
        self.strides = strides
        self.blocks = blocks
        self.decoderConvolutions = decoderConvolutions
    }

    public var axes: Int { kernels.first?.count ?? 0 }

    public var sizeMultiple: [Int] {
        (0..<min(3, axes)).map { axis in
            strides.prefix(12).reduce(1) { axis < $1.count ? $0 * max(1, min(4, $1[axis])) : $0 }
        }
    }

    /// Kernels and strides of axes that there are no more are dropped.
    public func fitted(axes: Int, inputChannels: Int, classes: Int) -> ResidualEncoderUNet {
        var copy = self
        (copy.inputChannels, copy.classes) = (inputChannels, classes)
        copy.kernels = kernels.map { Array($0.prefix(axes)) }
        copy.strides = strides.map { Array($0.prefix(axes)) }
        return copy
    }

    public func problems() -> [Diagnostic] {
        var check = SettingCheck(Self.kind)
        let stages = channels.count
        check.require((2...10).contains(stages), "there must be 2 to 10 stages, found \(stages)")
        check.require((2...3).contains(axes), "kernels must have 2 or 3 sides, found \(axes)")
        check.require((1...1 << 12).contains(inputChannels), "inputChannels must be in 1...4096")
        check.require((1...1 << 12).contains(classes), "classes must be in 1...4096")
        check.require(
            channels.allSatisfy { (1...1 << 13).contains($0) }, "channels must be in 1...8192, found \(channels)")
        check.require(
            kernels.count == stages && strides.count == stages && blocks.count == stages
                && decoderConvolutions.count == stages - 1,
            "\(stages) stages need as many kernels, strides and blocks, and \(stages - 1) decoderConvolutions")
        check.require(
            kernels.allSatisfy { $0.count == axes && $0.allSatisfy { (1...31).contains($0) && $0 % 2 == 1 } },
            "kernels must have \(axes) odd sides below 32")
        check.require(
            strides.allSatisfy { $0.count == axes && $0.allSatisfy { (1...4).contains($0) } },
            "strides must have \(axes) numbers in 1...4, found \(strides)")
        check.require(
            strides.first?.allSatisfy { $0 == 1 } ?? false, "the first stride must be 1, found \(strides.prefix(1))")
        check.require(
            (blocks + decoderConvolutions).allSatisfy { (1...64).contains($0) },
            "blocks and decoderConvolutions must be in 1...64")
        check.require(norm != .group, "norm must be instance, batch or none")
        check.require(slope >= 0 && slope < 1, "slope must be in 0..<1, found \(slope)")
        return check.problems
    }

    private var activation: Activation { slope == 0 ? .relu : .leakyReLU(slope: slope) }

    /// A convolution `conv`, a norm `norm`, and where wanted the activation.
    private func unit(
        _ x: Value, _ channels: Int, kernel: [Int], stride: [Int]? = nil, isActive: Bool = true, hasBias: Bool,
        _ scope: Scope
    ) throws(Diagnostic) -> Value {
        var window = ConvolutionWindow(kernel: kernel)
        window.padding = kernel.map { ($0 - 1) / 2 }
        if let stride { window.stride = stride }
        let convolution = Convolution(
            channels, window: window, hasBias: hasBias, initialization: .he, slope: slope)
        let y = try convolution(x, scope["conv"])
        return try Norm(norm)(y, scope["norm"], activation: isActive ? activation : .linear)
    }

    private func residualBlock(
        _ x: Value, _ channels: Int, kernel: [Int], stride: [Int], _ scope: Scope
    ) throws(Diagnostic) -> Value {
        let first = try unit(x, channels, kernel: kernel, stride: stride, hasBias: hasBias, scope["conv1"])
        let second = try unit(first, channels, kernel: kernel, isActive: false, hasBias: hasBias, scope["conv2"])
        var skip = x
        let isStrided = stride.contains { $0 != 1 }
        if isStrided { skip = try scope.tape.averagePooling(skip, kernel: stride) }
        if x.shape.channels != channels {
            skip = try unit(
                skip, channels, kernel: kernel.map { _ in 1 }, isActive: false, hasBias: false,
                scope["skip"][isStrided ? 1 : 0])
        }
        return try activation(scope.tape.add(second, skip), scope)
    }

    public func callAsFunction(_ x: Value, _ scope: Scope) throws(Diagnostic) -> [Value] {
        try withFeatures(x, scope).results
    }

    public func withFeatures(_ x: Value, _ scope: Scope) throws(Diagnostic) -> (results: [Value], features: Value?) {
        try check(x)
        let encoder = scope["encoder"], decoder = scope["decoder"]
        var x = try unit(
            x, channels[0], kernel: kernels[0], hasBias: hasBias, encoder["stem"]["convs"][0])
        var stages: [Value] = []
        for (stage, channels) in channels.enumerated() {
            for block in 0..<blocks[stage] {
                let stride = block == 0 ? strides[stage] : kernels[stage].map { _ in 1 }
                x = try residualBlock(
                    x, channels, kernel: kernels[stage], stride: stride, encoder["stages"][stage]["blocks"][block])
            }
            stages.append(x)
        }
        var results: [Value] = []
        for (step, stage) in (1..<channels.count).reversed().enumerated() {
            let width = channels[stage - 1]
            let up = try TransposedConvolution(
                width, enlarging: strides[stage], hasBias: hasBias, initialization: .he, slope: slope)(
                    x, decoder["transpconvs"][step])
            x = try scope.tape.concatenation([up, stages[stage - 1]])
            for index in 0..<decoderConvolutions[step] {
                x = try unit(
                    x, width, kernel: kernels[stage - 1], hasBias: hasBias, decoder["stages"][step]["convs"][index])
            }
            let head = Convolution(classes, window: ConvolutionWindow(kernel: kernels[0].map { _ in 1 }))
            // Recorded also where it is not wanted, so that the parameters exist; a plan leaves it out.
            results.append(try head(x, decoder["seg_layers"][step]))
        }
        results.reverse()
        return (deepSupervision ? results : Array(results.prefix(1)), x)
    }
}
