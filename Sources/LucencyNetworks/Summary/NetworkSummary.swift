import LucencyFoundation
import LucencyTensor

/// What a network does with an input of a given shape: its layers, and what they cost.
public struct NetworkSummary: Hashable, Sendable {
    /// One recorded operation.
    public struct Layer: Hashable, Sendable {
        /// The path of its parameters, `enc1.0`; empty where it has none.
        public let name: String
        /// `convolution`.
        public let operation: String
        public let output: Shape
        /// Weights that training changes and that no earlier layer uses.
        public let parameters: Int
        /// Floating-point operations, a multiply-add counted as two.
        public let operations: Int
    }

    /// In the order of computation.
    public let layers: [Layer]
    public let input: Shape
    public let outputs: [Shape]
    /// Weights that training changes.
    public let parameters: Int
    public let operations: Int
    /// Bytes that a workspace takes for one input, without the parameters themselves.
    public let inferenceBytes: Int
    /// The same for a training step without its objective: all that the backward pass needs, and the gradients.
    public let trainingBytes: Int

    /// - Parameters:
    ///   - shape: N, C, spatial.
    ///   - threads: each has working memory of its own.
    /// - Throws: `Diagnostic` when the network cannot take the shape.
    public init(
        _ network: some Network, input shape: Shape, kernels: Kernels = Kernels(family: .best), threads: Int = 1
    ) throws(Diagnostic) {
        let tape = Tape(.inference)
        let outputs = try network(tape.input("image", shape), Scope(tape))
        let plan = try TensorPlan(tape, outputs: outputs, options: .init(kernels: kernels))
        var used: Set<Int> = []
        layers = tape.records.map { record in
            var name = "", parameters = 0
            for input in record.inputs {
                guard case .parameter(let index) = tape.origins[input] else { continue }
                let declaration = tape.parameters[index]
                name = declaration.name.split(separator: ".").dropLast().joined(separator: ".")
                if declaration.isTrainable, used.insert(index).inserted { parameters += declaration.shape.count }
            }
            let inputs = record.inputs.map { tape.shapes[$0] }, outputs = record.outputs.map { tape.shapes[$0] }
            return Layer(
                name: name, operation: record.operation.name, output: outputs.first ?? .scalar, parameters: parameters,
                operations: record.operation.floatingPointOperations(inputs, outputs))
        }
        input = shape
        self.outputs = outputs.map(\.shape)
        parameters = tape.parameters.reduce(0) { $0 + ($1.isTrainable ? $1.shape.count : 0) }
        operations = saturatingSum(layers.map(\.operations))
        inferenceBytes = plan.bytes(threads: threads)
        trainingBytes = try Self.trainingBytes(network, shape, kernels, threads)
    }

    private static func trainingBytes(
        _ network: some Network, _ shape: Shape, _ kernels: Kernels, _ threads: Int
    ) throws(Diagnostic) -> Int {
        let tape = Tape(.training)
        let outputs = try network(tape.input("image", shape), Scope(tape))
        // Any scalar that depends on all results starts the backward pass.
        var loss: Value?
        for output in outputs {
            let part = try tape.record(GradientSource(), output)
            loss = if let sum = loss { try tape.add(sum, part) } else { part }
        }
        return try TensorPlan(tape, outputs: [], gradientsOf: loss, options: .init(kernels: kernels))
            .bytes(threads: threads)
    }

    /// A scalar that gives every number of its input a gradient. Only planned, never run.
    private struct GradientSource: LucencyTensor.Operation {
        var name: String { "gradient-source" }
        var backwardReads: BackwardReads { .nothing }
        func outputShapes(_ inputs: [Shape]) -> [Shape] { [.scalar] }
        func forward(_ context: OperationContext) {}
        func backward(_ context: OperationContext) {}
    }
}

extension NetworkSummary: CustomStringConvertible {
    /// A table for people, with totals below.
    public var description: String {
        var rows = [["layer", "operation", "output", "parameters", "MFLOP"]]
        for layer in layers {
            rows.append([
                layer.name, layer.operation, layer.output.description,
                layer.parameters > 0 ? "\(layer.parameters)" : "",
                layer.operations > 0 ? Self.decimal(layer.operations, per: 1_000_000) : "",
            ])
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        var lines = rows.map { row in
            row.enumerated().map { column, cell in
                let filler = String(repeating: " ", count: widths[column] - cell.count)
                return column < 3 ? cell + filler : filler + cell
            }.joined(separator: "  ")
        }
        lines.insert(String(repeating: "-", count: lines[0].count), at: 1)
        lines.append(
            "\(parameters) parameters, \(Self.decimal(operations, per: 1_000_000_000)) GFLOP, "
                + "\(Self.decimal(inferenceBytes, per: 1 << 20)) MiB to run, "
                + "\(Self.decimal(trainingBytes, per: 1 << 20)) MiB to train, for an input of \(input)")
        return lines.joined(separator: "\n")
    }

    /// A quotient with one decimal.
    private static func decimal(_ value: Int, per unit: Int) -> String {
        let tenths = Int((Double(value) / Double(unit) * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
