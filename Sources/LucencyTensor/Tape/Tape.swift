import LucencyFoundation

/// A flat record of the operations that lead from inputs and parameters to results. Nothing is computed while recording;
/// shapes are checked at once, so that an error names the line of the network that made it. A `TensorPlan` runs it.
public final class Tape {
    /// What a network does differently while it learns: batch statistics, dropout.
    public enum Mode: Sendable { case training, inference }

    package struct Record {
        package let operation: any Operation
        package let inputs: [Int]
        package let outputs: [Int]
    }

    package enum Origin {
        case input(String)
        case parameter(Int)
        case constant(Tensor)
        case result(record: Int)
    }

    public let mode: Mode
    package private(set) var records: [Record] = []
    package private(set) var shapes: [Shape] = []
    package private(set) var origins: [Origin] = []
    /// Parameters in the order in which they were first used.
    public private(set) var parameters: [ParameterDeclaration] = []
    private var parameterValues: [String: Value] = [:]

    public init(_ mode: Mode) {
        self.mode = mode
    }

    private func add(_ shape: Shape, _ origin: Origin) -> Value {
        shapes.append(shape)
        origins.append(origin)
        return Value(id: shapes.count - 1, shape: shape)
    }

    /// A tensor that is given anew for every run.
    public func input(_ name: String, _ shape: Shape) -> Value { add(shape, .input(name)) }

    /// The inputs of a name, in the order in which they were declared.
    package func inputs(_ name: String) -> [Value] {
        origins.indices.compactMap { id in
            guard case .input(name) = origins[id] else { return nil }
            return Value(id: id, shape: shapes[id])
        }
    }

    /// A tensor that never changes.
    public func constant(_ tensor: Tensor) -> Value { add(tensor.shape, .constant(tensor)) }

    /// A tensor that the network owns. The same name gives the same value, so that layers can share weights.
    /// - Throws: `Diagnostic` when the name stands for another shape.
    public func parameter(
        _ name: String, _ shape: Shape, _ initializer: Initializer, isTrainable: Bool = true
    ) throws(Diagnostic) -> Value {
        if let known = parameterValues[name] {
            guard known.shape == shape else {
                throw Diagnostic(.shapeMismatch, "the parameter '\(name)' is \(known.shape), not \(shape)")
            }
            return known
        }
        parameters.append(
            ParameterDeclaration(name: name, shape: shape, initializer: initializer, isTrainable: isTrainable))
        let value = add(shape, .parameter(parameters.count - 1))
        parameterValues[name] = value
        return value
    }

    /// Appends an operation.
    /// - Throws: `Diagnostic` when shapes do not fit, or a value is of another tape.
    package func record(_ operation: any Operation, _ inputs: [Value]) throws(Diagnostic) -> [Value] {
        for input in inputs {
            guard input.id < shapes.count, shapes[input.id] == input.shape else {
                throw Diagnostic(.badArgument, "\(operation.name): an input belongs to another tape")
            }
        }
        let results = try operation.outputShapes(inputs.map(\.shape))
        let outputs = results.map { add($0, .result(record: records.count)) }
        records.append(Record(operation: operation, inputs: inputs.map(\.id), outputs: outputs.map(\.id)))
        return outputs
    }

    /// Appends an operation with one result.
    package func record(_ operation: any Operation, _ inputs: Value...) throws(Diagnostic) -> Value {
        let outputs = try record(operation, inputs)
        guard let output = outputs.first else {
            throw Diagnostic(.badArgument, "\(operation.name) has no result")
        }
        return output
    }
}
