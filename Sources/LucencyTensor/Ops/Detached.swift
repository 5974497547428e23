import LucencyFoundation

/// The same numbers, to which no gradient flows.
struct Detached: Operation {
    var name: String { "detached" }
    var backwardReads: BackwardReads { .nothing }
    var isView: Bool { true }
    var passesGradients: Bool { false }

    func outputShapes(_ inputs: [Shape]) -> [Shape] { inputs }

    // Plans give a view its input's memory.
    func forward(_ context: OperationContext) {}
    func backward(_ context: OperationContext) {}
}

extension Tape {
    /// The same numbers as a constant: what is made of them teaches nothing to what made them.
    public func detached(_ x: Value) throws(Diagnostic) -> Value { try record(Detached(), x) }
}
