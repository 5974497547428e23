import LucencyFoundation
import LucencyTensor

/// Attention between all sites of an image, added to it: x + o(attention(qkv(norm(x)))). Parameters: `n` (group norm), `qkv`
/// and `o`, convolutions over the sites in a row (weights C, C, 1).
public struct AttentionBlock: Hashable, Sendable {
    /// A divisor of the channels.
    public var heads: Int
    /// Groups of the norm.
    public var groups: Int
    public var layout: AttentionLayout
    /// Whether the block begins as the identity, with a last convolution of zeros.
    public var beginsAsIdentity: Bool

    public init(
        heads: Int, groups: Int, layout: AttentionLayout = .interleaved, beginsAsIdentity: Bool = true
    ) {
        self.heads = heads
        self.groups = groups
        self.layout = layout
        self.beginsAsIdentity = beginsAsIdentity
    }

    /// - Parameter x: N, C, spatial.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func callAsFunction(_ x: Value, _ scope: Scope) throws(Diagnostic) -> Value {
        let channels = x.shape.channels, tape = scope.tape
        let normal = try Norm(.group, groups: groups)(x, scope["n"])
        let row = try tape.reshape(normal, [x.shape.images, channels, x.shape.pixels])
        let qkv = try Convolution(3 * channels, kernel: 1, axes: 1)(row, scope["qkv"])
        let mixed = try tape.attention(qkv, heads: heads, layout: layout)
        var last = Convolution(channels, kernel: 1, axes: 1)
        last.beginsAtZero = beginsAsIdentity
        return try tape.add(x, tape.reshape(last(mixed, scope["o"]), x.shape.dimensions))
    }
}
