import LucencyFoundation
import LucencyTensor

/// Where a layer records itself: a tape, and the path under which its parameters are named.
///
/// Paths are those of PyTorch's modules, so that `scope["enc1"][0].parameter("weight", …)` is `enc1.0.weight`.
public struct Scope {
    public let tape: Tape
    public let path: String
    /// Whether the layer takes part without learning: no gradients are computed for what it owns.
    public let isFrozen: Bool

    public init(_ tape: Tape, path: String = "", isFrozen: Bool = false) {
        self.tape = tape
        self.path = path
        self.isFrozen = isFrozen
    }

    /// The scope of a layer within this one.
    public subscript(name: String) -> Scope {
        Scope(tape, path: path.isEmpty ? name : path + "." + name, isFrozen: isFrozen)
    }
    /// The same, without learning.
    public var frozen: Scope { Scope(tape, path: path, isFrozen: true) }
    /// The scope of the layer with a number, as in PyTorch's `Sequential` and `ModuleList`.
    public subscript(index: Int) -> Scope { self[String(index)] }

    /// A tensor that the layer owns.
    /// - Throws: `Diagnostic` when the name stands for another shape already.
    public func parameter(
        _ name: String, _ dimensions: [Int], _ initializer: Initializer, isTrainable: Bool = true
    ) throws(Diagnostic) -> Value {
        try tape.parameter(self[name].path, Shape(dimensions), initializer, isTrainable: isTrainable && !isFrozen)
    }
}
