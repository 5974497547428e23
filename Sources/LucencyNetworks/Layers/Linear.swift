import LucencyFoundation
import LucencyTensor

/// A fully connected layer over the last dimension. Parameters: `weight` (out, in) and `bias`, as PyTorch begins them.
public struct Linear: Hashable, Sendable {
    /// Numbers that come out for each row.
    public var width: Int

    public init(_ width: Int) { self.width = width }

    /// - Parameter x: [..., in].
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func callAsFunction(_ x: Value, _ scope: Scope) throws(Diagnostic) -> Value {
        let depth = x.shape.dimensions.last ?? 1
        let weights = try scope.parameter("weight", [width, depth], .fanIn(depth))
        return try scope.tape.linear(x, weights: weights, bias: scope.parameter("bias", [width], .fanIn(depth)))
    }
}
