import LucencyFoundation
import LucencyTensor

/// A residual unit whose 3×3 convolution chooses between dilations (Li et al. 2019).
///
/// 1×1 unit `a`; two grouped 3×3 branches `b.branch.k` with dilation 1 and 2, of which the pooled sum makes a code
/// `b.reduce` and scores `b.expand.k`, mixed by the softmax of the scores; 1×1 convolution and norm `c`; added to the
/// input (through the 1×1 convolution and norm `s` where the channels differ), then ReLU.
public struct SelectiveKernelUnit: Hashable, Sendable {
    /// Channels between the 1×1 convolutions.
    public var middle: Int
    /// Channels of the result.
    public var channels: Int
    public var stride: Int
    /// Groups of the 3×3 convolutions.
    public var groups: Int
    /// Width of the code; nil is max(middle / 16, 32).
    public var width: Int?
    public var groupNormOnVectors: Bool

    public init(
        _ middle: Int, _ channels: Int, stride: Int = 1, groups: Int = 32, width: Int? = nil,
        groupNormOnVectors: Bool = false
    ) {
        self.middle = middle
        self.channels = channels
        self.stride = stride
        self.groups = groups
        self.width = width
        self.groupNormOnVectors = groupNormOnVectors
    }

    /// - Parameter x: N, C, H, W.
    /// - Returns: N, `channels`, and H and W divided by the stride, rounded up.
    /// - Throws: `Diagnostic` naming the shapes that do not fit; a stride needs a change of channels.
    public func callAsFunction(_ x: Value, _ scope: Scope) throws(Diagnostic) -> Value {
        let tape = scope.tape, kernel = scope["b"]
        let narrow = try ConvolutionUnit(middle, kernel: 1)(x, scope["a"])
        var branches: [Value] = []
        for (index, dilation) in [1, 2].enumerated() {
            let unit = ConvolutionUnit(middle, kernel: 3, stride: stride, dilation: dilation, groups: groups)
            branches.append(try unit(narrow, kernel["branch"][index]))
        }
        let pooled = try tape.globalAveragePooling(tape.add(branches[0], branches[1]))
        let width = width ?? max(middle / 16, 32)
        let code = try ConvolutionUnit(vectors: width, hasBias: false, groupNorm: groupNormOnVectors)(
            pooled, kernel["reduce"])
        var scores: [Value] = []
        for index in branches.indices {
            scores.append(try Convolution(middle, kernel: 1, axes: 2)(code, kernel["expand"][index]))
        }
        let wide = try ConvolutionUnit(channels, kernel: 1, activation: .linear)(
            tape.mixture(branches, scores: scores), scope["c"])
        let shortcut =
            x.shape.channels == channels
            ? x : try ConvolutionUnit(channels, kernel: 1, stride: stride, activation: .linear)(x, scope["s"])
        return try tape.relu(tape.add(wide, shortcut))
    }
}
