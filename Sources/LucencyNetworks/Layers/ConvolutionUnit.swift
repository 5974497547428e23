import LucencyFoundation
import LucencyTensor

/// A convolution, a norm and an activation. Parameters: `0` (convolution) and `1` (norm), as in a PyTorch `Sequential`.
public struct ConvolutionUnit: Hashable, Sendable {
    public var convolution: Convolution
    public var norm: Norm
    public var activation: Activation

    public init(_ convolution: Convolution, norm: Norm = Norm(.batch), activation: Activation = .relu) {
        self.convolution = convolution
        self.norm = norm
        self.activation = activation
    }

    /// In two dimensions, without a bias, and keeping the size at stride 1.
    public init(
        _ channels: Int, kernel: Int, stride: Int = 1, dilation: Int = 1, groups: Int = 1,
        activation: Activation = .relu
    ) {
        let window = ConvolutionWindow(kernel: [kernel, kernel], stride: stride, dilation: dilation)
        self.init(Convolution(channels, window: window, groups: groups, hasBias: false), activation: activation)
    }

    /// One on vectors (1×1 maps, such as pooled channels). A batch of one has no variance there, so that the running
    /// statistics are taken while learning, too.
    /// - Parameter groupNorm: whether groups of channels of each image are normalised instead of the batch: 8 groups, or
    ///   as many as divide the channels into more than single ones.
    public init(vectors channels: Int, hasBias: Bool, groupNorm: Bool = false) {
        var norm = Norm(
            groupNorm ? .group : .batch, groups: [8, 4, 2].first { channels % $0 == 0 && channels > $0 } ?? 1)
        norm.toleratesSingles = true
        self.init(Convolution(channels, kernel: 1, axes: 2, hasBias: hasBias), norm: norm)
    }

    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func callAsFunction(_ x: Value, _ scope: Scope) throws(Diagnostic) -> Value {
        try norm(convolution(x, scope[0]), scope[1], activation: activation)
    }
}
