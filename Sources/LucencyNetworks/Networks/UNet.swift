import LucencyFoundation
import LucencyTensor

/// The U-Net (Ronneberger et al. 2015; Çiçek et al. 2016 in three dimensions), with padding that keeps sizes.
///
/// Level 1 has full resolution, each further one half of it (2×2 or 2×2×2 max pooling). Parameters are named by level:
/// `enc1.0.weight`, `enc1.1.weight` … (numbered as in `ConvolutionStack`), `up1` leads from level 2 to level 1 and
/// `dec1` follows it on `enc1` and `up1` concatenated in that order, `head` gives the classes. Deep supervision adds
/// `head2`, `head3` … on the coarser decoder levels.
///
/// Extents must be multiples of 2^(levels - 1); others are an error here, and are padded and cropped by `Predictor`.
public struct UNet: Network {
    public static let kind = "unet"

    /// How a level is brought to the resolution of the one above.
    public enum Upsampling: String, Codable, Hashable, Sendable, CaseIterable {
        /// A transposed convolution with kernel and stride 2.
        case transposed
        /// A 1×1 convolution to the channels of the level above, then linear interpolation (the two commute, and this way
        /// round the convolution costs a quarter).
        case linear
    }

    /// Spatial dimensions: 2 or 3.
    public var axes = 2
    public var inputChannels = 1
    /// Channels of the result.
    public var classes = 2
    /// Channels of each level; their number is the number of levels.
    public var channels = [32, 64, 128, 256]
    /// Convolutions in each block.
    public var convolutions = 2
    /// Side of the convolutions' kernels, odd.
    public var kernel = 3
    public var order = LayerOrder.convolutionNormActivation
    public var norm = Norm.Kind.batch
    /// Groups of channels, where `norm` is `group`.
    public var groups = 8
    /// Slope of the activation for negative numbers: 0 is ReLU, more is LeakyReLU.
    public var slope: Float = 0
    public var isResidual = false
    public var upsampling = Upsampling.transposed
    /// Results also from coarser decoder levels: this many, finest first; 1 is none but the usual one.
    public var scales = 1
    /// Probability with which a number at the end of each block is dropped while learning.
    public var dropout: Float = 0
    public var initialization = Initialization.uniform

    public init() {}

    /// A U-Net with the given channels of its levels.
    public init(axes: Int = 2, inputChannels: Int = 1, classes: Int = 2, channels: [Int]) {
        self.axes = axes
        self.inputChannels = inputChannels
        self.classes = classes
        self.channels = channels
    }

    public var sizeMultiple: [Int] {
        Array(repeating: 1 << min(16, max(0, channels.count - 1)), count: max(0, min(3, axes)))
    }

    public func fitted(axes: Int, inputChannels: Int, classes: Int) -> UNet {
        var copy = self
        (copy.axes, copy.inputChannels, copy.classes) = (axes, inputChannels, classes)
        return copy
    }

    public func problems() -> [Diagnostic] {
        var check = SettingCheck(Self.kind)
        check.require((2...3).contains(axes), "axes must be 2 or 3, found \(axes)")
        check.require((1...1 << 12).contains(inputChannels), "inputChannels must be in 1...4096")
        check.require((1...1 << 12).contains(classes), "classes must be in 1...4096")
        check.require((1...10).contains(channels.count), "there must be 1 to 10 levels, found \(channels.count)")
        check.require(
            channels.allSatisfy { (1...1 << 13).contains($0) }, "channels must be in 1...8192, found \(channels)")
        check.require((1...16).contains(convolutions), "convolutions must be in 1...16, found \(convolutions)")
        check.require((1...31).contains(kernel) && kernel % 2 == 1, "kernel must be odd and below 32, found \(kernel)")
        check.require(slope >= 0 && slope < 1, "slope must be in 0..<1, found \(slope)")
        check.require(dropout >= 0 && dropout < 1, "dropout must be in 0..<1, found \(dropout)")
        check.require(
            scales >= 1 && scales <= max(1, channels.count - 1),
            "scales must be in 1...\(max(1, channels.count - 1)), found \(scales)")
        if norm == .group {
            check.require(
                groups >= 1 && channels.allSatisfy { $0 % max(1, groups) == 0 },
                "\(groups) groups do not divide the channels \(channels)")
            check.require(
                order != .normActivationConvolution || inputChannels % max(1, groups) == 0,
                "\(groups) groups do not divide the \(inputChannels) input channel(s) that come first in \(order.rawValue)"
            )
        }
        return check.problems
    }

    private var activation: Activation { slope == 0 ? .relu : .leakyReLU(slope: slope) }

    private func block(_ x: Value, _ channels: Int, _ scope: Scope) throws(Diagnostic) -> Value {
        var convolution = Convolution(channels, kernel: kernel, axes: axes)
        convolution.initialization = initialization
        convolution.slope = slope
        let stack = ConvolutionStack(
            convolution, count: convolutions, norm: Norm(norm, groups: groups), activation: activation, order: order,
            isResidual: isResidual)
        return try scope.tape.dropout(stack(x, scope), probability: dropout)
    }

    private func enlarge(_ x: Value, _ channels: Int, _ scope: Scope) throws(Diagnostic) -> Value {
        switch upsampling {
        case .transposed:
            let factors = Array(repeating: 2, count: axes)
            return try TransposedConvolution(channels, enlarging: factors, initialization: initialization)(x, scope)
        case .linear:
            let narrow = try Convolution(channels, kernel: 1, axes: axes)(x, scope)
            return try scope.tape.resize(narrow, by: 2, .linear())
        }
    }

    public func callAsFunction(_ x: Value, _ scope: Scope) throws(Diagnostic) -> [Value] {
        try withFeatures(x, scope).results
    }

    public func withFeatures(_ x: Value, _ scope: Scope) throws(Diagnostic) -> (results: [Value], features: Value?) {
        try check(x)
        var x = x, levels: [Value] = []
        for (level, channels) in channels.enumerated() {
            if level > 0 { x = try scope.tape.maxPooling(x) }
            x = try block(x, channels, scope["enc\(level + 1)"])
            levels.append(x)
        }
        var results: [Value] = []
        for level in (1..<channels.count).reversed() {
            let up = try enlarge(x, channels[level - 1], scope["up\(level)"])
            x = try block(
                scope.tape.concatenation([levels[level - 1], up]), channels[level - 1], scope["dec\(level)"])
            if level > 1, level <= scales { results.append(try head(x, scope["head\(level)"])) }
        }
        results.append(try head(x, scope["head"]))
        return (results.reversed(), x)
    }

    private func head(_ x: Value, _ scope: Scope) throws(Diagnostic) -> Value {
        try Convolution(classes, kernel: 1, axes: axes)(x, scope)
    }
}
