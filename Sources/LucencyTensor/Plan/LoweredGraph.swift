import LucencyFoundation

/// What a tape becomes before it is scheduled: only what the wanted values need, neighbours fused (in inference), every
/// operand in the layout that its operation wants.
struct LoweredGraph {
    enum Origin {
        case input(tapeValue: Int)
        case parameter(Int)
        case constant(Tensor)
        case result(node: Int)
    }

    struct Value {
        let shape: Shape
        let layout: Layout
        let origin: Origin
    }

    struct Node {
        let operation: any Operation
        let inputs: [Int]
        var outputs: [Int]
        let signature: OperationSignature
    }

    private(set) var values: [Value] = []
    private(set) var nodes: [Node] = []
    /// The lowered value, in plain layout, of each wanted value of the tape.
    private(set) var wanted: [Int: Int] = [:]
    /// The lowered value of each input of the tape that something reads.
    private(set) var inputs: [Int: Int] = [:]

    private let kernels: Kernels
    private let isTraining: Bool
    /// For each value of the tape, the lowered ones by layout.
    private var versions: [Int: [Layout: Int]] = [:]

    /// - Parameter wanted: values of the tape that someone will read.
    /// - Throws: `Diagnostic` when a record reads what a later one makes, which is a defect of the tape.
    init(_ tape: Tape, wanted: [Int], isTraining: Bool, kernels: Kernels) throws(Diagnostic) {
        self.kernels = kernels
        self.isTraining = isTraining
        var records = Self.needed(tape.records, for: wanted)
        records =
            isTraining
            ? Self.specialised(records, wanted: Set(wanted))
            : Self.fused(records, wanted: Set(wanted), shapes: tape.shapes)
        for record in records { try lower(record, tape) }
        for id in wanted { self.wanted[id] = try version(of: id, as: .plain, tape) }
    }

    // MARK: Records

    private static func needed(_ records: [Tape.Record], for wanted: [Int]) -> [Tape.Record] {
        var needed = Set(wanted)
        var kept: [Tape.Record] = []
        for record in records.reversed() where record.outputs.contains(where: needed.contains) {
            needed.formUnion(record.inputs)
            kept.append(record)
        }
        return kept.reversed()
    }

    /// Tells operations with a single reader who that is.
    private static func specialised(_ records: [Tape.Record], wanted: Set<Int>) -> [Tape.Record] {
        var readers: [Int: [Int]] = [:]
        for (index, record) in records.enumerated() {
            for input in record.inputs { readers[input, default: []].append(index) }
        }
        return records.map { record in
            guard record.outputs.count == 1, !wanted.contains(record.outputs[0]),
                let reader = readers[record.outputs[0]], reader.count == 1
            else { return record }
            return Tape.Record(
                operation: record.operation.specialised(for: records[reader[0]].operation), inputs: record.inputs,
                outputs: record.outputs)
        }
    }

    /// Puts an operation into the one before it where that one can do both in one pass. The fused record stands where the
    /// later one stood, so that all operands exist.
    private static func fused(_ records: [Tape.Record], wanted: Set<Int>, shapes: [Shape]) -> [Tape.Record] {
        var readers: [Int: Int] = [:]
        for record in records { for input in record.inputs { readers[input, default: 0] += 1 } }
        var result: [Tape.Record?] = []
        var producer: [Int: Int] = [:]
        for record in records {
            var record = record
            for position in record.inputs.indices {
                let value = record.inputs[position]
                guard readers[value] == 1, !wanted.contains(value), let index = producer[value],
                    let earlier = result[index], earlier.outputs.count == 1
                else { continue }
                let around = FusionShapes(
                    inputs: earlier.inputs.map { shapes[$0] }, result: shapes[value],
                    nextInputs: record.inputs.map { shapes[$0] })
                guard
                    let both = earlier.operation.absorbing(record.operation, at: position, shapes: around)
                else { continue }
                var others = record.inputs
                others.remove(at: position)
                record = Tape.Record(operation: both, inputs: earlier.inputs + others, outputs: record.outputs)
                result[index] = nil
                break
            }
            for output in record.outputs { producer[output] = result.count }
            result.append(record)
        }
        return result.compactMap { $0 }
    }

    // MARK: Layouts

    private mutating func lower(_ record: Tape.Record, _ tape: Tape) throws(Diagnostic) {
        let available = record.inputs.map { versions[$0]?[.blocked] == nil ? Layout.plain : .blocked }
        let inputShapes = record.inputs.map { tape.shapes[$0] }
        let outputShapes = record.outputs.map { tape.shapes[$0] }
        let layouts = record.operation.layouts(inputShapes, available: available)
        var inputs: [Int] = []
        for (index, id) in record.inputs.enumerated() {
            inputs.append(try version(of: id, as: layouts.input(index), tape))
        }
        let signature = OperationSignature(
            inputs: inputShapes, outputs: outputShapes, inputLayouts: inputs.map { values[$0].layout },
            outputLayouts: record.outputs.indices.map { layouts.output($0) }, isTraining: isTraining, kernels: kernels)
        let outputs = zip(record.outputs, signature.outputLayouts).map { id, layout in
            add(Value(shape: tape.shapes[id], layout: layout, origin: .result(node: nodes.count)), id)
        }
        nodes.append(
            Node(operation: record.operation, inputs: inputs, outputs: outputs, signature: signature))
    }

    private mutating func add(_ value: Value, _ tapeValue: Int) -> Int {
        values.append(value)
        versions[tapeValue, default: [:]][value.layout] = values.count - 1
        return values.count - 1
    }

    /// The lowered value in a layout; made by a conversion where it exists only in the other.
    private mutating func version(of id: Int, as layout: Layout, _ tape: Tape) throws(Diagnostic) -> Int {
        if let known = versions[id]?[layout] { return known }
        let other: Layout = layout == .plain ? .blocked : .plain
        let source: Int
        if let known = versions[id]?[other] {
            source = known
        } else {
            // Not made by a record: it comes in from outside, plain.
            switch tape.origins[id] {
            case .input:
                source = add(Value(shape: tape.shapes[id], layout: .plain, origin: .input(tapeValue: id)), id)
                inputs[id] = source
            case .parameter(let index):
                source = add(Value(shape: tape.shapes[id], layout: .plain, origin: .parameter(index)), id)
            case .constant(let tensor):
                source = add(Value(shape: tape.shapes[id], layout: .plain, origin: .constant(tensor)), id)
            case .result(let record):
                // Records are lowered in order, so their results exist; this keeps a wrong order from going unnoticed.
                throw Diagnostic(.stageFailed, "record \(record) is read before it is made (a defect in lucency)")
            }
            if layout == .plain { return source }
        }
        let shape = tape.shapes[id]
        let signature = OperationSignature(
            inputs: [shape], outputs: [shape], inputLayouts: [other], outputLayouts: [layout], isTraining: isTraining,
            kernels: kernels)
        let result = add(Value(shape: shape, layout: layout, origin: .result(node: nodes.count)), id)
        nodes.append(Node(operation: Relayout(to: layout), inputs: [source], outputs: [result], signature: signature))
        return result
    }
}
