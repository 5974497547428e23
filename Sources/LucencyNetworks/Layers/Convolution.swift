import LucencyFoundation
import LucencyTensor

/// How the weights of convolutions and linear layers begin.
public enum Initialization: String, Codable, Hashable, Sendable, CaseIterable {
    /// PyTorch's default: weights and biases uniform with bound 1 / √fan-in.
    case uniform
    /// He et al. 2015: normal with variance 2 / ((1 + slope²) · fan-in); biases 0.
    case he
    /// Radford et al. 2016, for adversarial training: normal with standard deviation 0.02; biases as `uniform`.
    case adversarial

    func weights(fanIn: Int, slope: Float) -> Initializer {
        switch self {
        case .uniform: .fanIn(fanIn)
        case .he: .he(fanIn: fanIn, slope: slope)
        case .adversarial: .normal(standardDeviation: 0.02)
        }
    }

    func bias(fanIn: Int) -> Initializer { self == .he ? .constant(0) : .fanIn(fanIn) }
}

/// A convolution over 1 to 3 spatial dimensions: N, C, spatial to N, K, spatial. Parameters: `weight` (K, C/groups, kernel)
/// and `bias`.
public struct Convolution: Hashable, Sendable {
    /// K, the channels of the result.
    public var channels: Int
    public var window: ConvolutionWindow
    public var groups: Int
    public var hasBias: Bool
    public var initialization: Initialization
    /// Negative slope of the activation that follows, for `Initialization.he`.
    public var slope: Float
    /// Whether weights and bias begin at 0 instead: for the end of a residual branch, which then begins as the identity.
    public var beginsAtZero = false

    public init(
        _ channels: Int, window: ConvolutionWindow, groups: Int = 1, hasBias: Bool = true,
        initialization: Initialization = .uniform, slope: Float = 0
    ) {
        self.channels = channels
        self.window = window
        self.groups = groups
        self.hasBias = hasBias
        self.initialization = initialization
        self.slope = slope
    }

    /// A convolution with a kernel of equal sides that keeps the size at stride 1.
    public init(_ channels: Int, kernel: Int, axes: Int, stride: Int = 1, hasBias: Bool = true) {
        let window = ConvolutionWindow(kernel: Array(repeating: kernel, count: axes), stride: stride)
        self.init(channels, window: window, hasBias: hasBias)
    }

    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func callAsFunction(_ x: Value, _ scope: Scope) throws(Diagnostic) -> Value {
        let perGroup = x.shape.channels / max(1, groups)
        let fanIn = perGroup * window.kernel.reduce(1, *)
        let weights = try scope.parameter(
            "weight", [channels, perGroup] + window.kernel,
            beginsAtZero ? .constant(0) : initialization.weights(fanIn: fanIn, slope: slope))
        let bias =
            hasBias
            ? try scope.parameter(
                "bias", [channels], beginsAtZero ? .constant(0) : initialization.bias(fanIn: fanIn)) : nil
        return try scope.tape.convolution(x, weights: weights, bias: bias, window: window, groups: groups)
    }
}

/// A transposed convolution over 1 to 3 spatial dimensions. Parameters: `weight` (C, K/groups, kernel) and `bias`.
public struct TransposedConvolution: Hashable, Sendable {
    /// K, the channels of the result.
    public var channels: Int
    public var window: ConvolutionWindow
    public var outputPadding: Int
    public var groups: Int
    public var hasBias: Bool
    public var initialization: Initialization
    /// Negative slope of the activation that follows, for `Initialization.he`.
    public var slope: Float

    public init(
        _ channels: Int, window: ConvolutionWindow, outputPadding: Int = 0, groups: Int = 1, hasBias: Bool = true,
        initialization: Initialization = .uniform, slope: Float = 0
    ) {
        self.channels = channels
        self.window = window
        self.outputPadding = outputPadding
        self.groups = groups
        self.hasBias = hasBias
        self.initialization = initialization
        self.slope = slope
    }

    /// One that enlarges by whole factors: kernel and stride are both `factors`, so that windows do not overlap.
    public init(
        _ channels: Int, enlarging factors: [Int], hasBias: Bool = true, initialization: Initialization = .uniform,
        slope: Float = 0
    ) {
        var window = ConvolutionWindow(kernel: factors, padding: 0)
        window.stride = factors
        self.init(channels, window: window, hasBias: hasBias, initialization: initialization, slope: slope)
    }

    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func callAsFunction(_ x: Value, _ scope: Scope) throws(Diagnostic) -> Value {
        let perGroup = channels / max(1, groups)
        // As PyTorch reckons it, from the second dimension of the weights.
        let fanIn = perGroup * window.kernel.reduce(1, *)
        let weights = try scope.parameter(
            "weight", [x.shape.channels, perGroup] + window.kernel, initialization.weights(fanIn: fanIn, slope: slope))
        let bias = hasBias ? try scope.parameter("bias", [channels], initialization.bias(fanIn: fanIn)) : nil
        return try scope.tape.transposedConvolution(
            x, weights: weights, bias: bias, window: window, outputPadding: outputPadding, groups: groups)
    }
}
