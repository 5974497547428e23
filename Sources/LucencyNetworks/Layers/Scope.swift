import LucencyFoundation
import LucencyTensor

/// Where a layer records itself: a tape, and the path under which its parameters are named.
///
/// Paths are those of PyTorch's modules, so that `scope["enc1"][0].parameter("weight", …)` is `enc1.0.weight`.
public struct Scope {
    public let tape: Tape
    public let path: String

    public init(_ tape: Tape, path: String = "") {
        self.tape = tape
        self.path = path
    }

    /// The scope of a layer within this one.
    public subscript(name: String) -> Scope { Scope(tape, path: path.isEmpty ? name : path + "." + name) }
    /// The scope of the layer with a number, as in PyTorch's `Sequential` and `ModuleList`.
    public subscript(index: Int) -> Scope { self[String(index)] }

    /// A tensor that the layer owns.
    /// - Throws: `Diagnostic` when the name stands for another shape already.
    public func parameter(
        _ name: String, _ dimensions: [Int], _ initializer: Initializer, isTrainable: Bool = true
    ) throws(Diagnostic) -> Value {
        try tape.parameter(self[name].path, Shape(dimensions), initializer, isTrainable: isTrainable)
    }
}
