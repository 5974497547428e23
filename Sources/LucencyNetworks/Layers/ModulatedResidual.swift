import LucencyFoundation
import LucencyTensor

/// The residual block of diffusion networks, whose second norm a code (of the time, say) scales and shifts (Dhariwal and
/// Nichol 2021, "adaptive group normalization").
///
/// Norm `n1`, SiLU, resampling, 3×3 convolution `c1`; norm `n2` · (1 + s) + b with s and b (in this order) from the linear
/// layer `e` of SiLU(code); SiLU, dropout, 3×3 convolution `c2`; added to the resampled input, which goes through a 1×1
/// convolution `skip` where the channels differ.
public struct ModulatedResidual: Hashable, Sendable {
    /// What happens to the size.
    public enum Move: String, Codable, Hashable, Sendable, CaseIterable {
        case none
        /// Half: the mean of 2×2 pixels.
        case down
        /// Twice: each pixel repeated.
        case up
    }

    /// Channels of the result.
    public var channels: Int
    /// Groups of the norms.
    public var groups: Int
    public var move: Move
    /// Probability with which a number is dropped while learning.
    public var dropout: Float
    /// Whether the block begins as the identity (but for resampling), with a last convolution of zeros.
    public var beginsAsIdentity: Bool

    public init(
        _ channels: Int, groups: Int, move: Move = .none, dropout: Float = 0, beginsAsIdentity: Bool = true
    ) {
        self.channels = channels
        self.groups = groups
        self.move = move
        self.dropout = dropout
        self.beginsAsIdentity = beginsAsIdentity
    }

    /// - Parameters:
    ///   - x: N, C, spatial. - code: N, width.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func callAsFunction(_ x: Value, code: Value, _ scope: Scope) throws(Diagnostic) -> Value {
        let tape = scope.tape, axes = x.shape.rank - 2, norm = Norm(.group, groups: groups)
        var h = try resampled(tape.silu(norm(x, scope["n1"])), tape)
        h = try Convolution(channels, kernel: 3, axes: axes)(h, scope["c1"])
        let factors = try tape.split(
            Linear(2 * channels)(tape.silu(code), scope["e"]), axis: 1, [channels, channels])
        h = try tape.channelScaling(
            norm(h, scope["n2"]), scale: tape.scale(factors[0], by: 1, plus: 1), shift: factors[1])
        h = try tape.silu(h)
        if dropout > 0 { h = try tape.dropout(h, probability: dropout) }
        var last = Convolution(channels, kernel: 3, axes: axes)
        last.beginsAtZero = beginsAsIdentity
        h = try last(h, scope["c2"])
        var skip = try resampled(x, tape)
        if x.shape.channels != channels { skip = try Convolution(channels, kernel: 1, axes: axes)(skip, scope["skip"]) }
        return try tape.add(skip, h)
    }

    private func resampled(_ x: Value, _ tape: Tape) throws(Diagnostic) -> Value {
        switch move {
        case .none: x
        case .down: try tape.averagePooling(x, kernel: x.shape.spatial.map { _ in 2 })
        case .up: try tape.resize(x, by: 2, .nearest)
        }
    }
}
