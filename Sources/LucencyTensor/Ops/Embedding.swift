import LucencyFoundation

/// Rows of a table by their numbers.
///
/// Inputs: indices [...], whole numbers held as floats; table [K, D].
struct Embedding: Operation {
    var name: String { "embedding" }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0]) }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        guard inputs[1].rank == 2 else { throw mismatch("needs a table [rows, width]", inputs[1]) }
        return [try Shape(inputs[0].dimensions + [inputs[1][1]])]
    }

    /// The row that a number means; nil for what is no row.
    private static func row(_ number: Float, of rows: Int) -> Int? {
        guard number >= 0, number < Float(rows), number == number.rounded(.down) else { return nil }
        let row = Int(number)
        return row < rows ? row : nil
    }

    func forward(_ context: OperationContext) {
        let rows = context.inputShapes[1][0], width = context.inputShapes[1][1]
        let table = context.inputs[1], y = context.outputs[0]
        for position in 0..<context.inputShapes[0].count {
            let to = y + position * width
            if let row = Self.row(context.inputs[0][position], of: rows) {
                to.update(from: table + row * width, count: width)
            } else {
                to.update(repeating: .nan, count: width)
            }
        }
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0] else { return }
        // Whole numbers have no gradient.
        if let target = context.inputGradients[0] {
            target.update(repeating: 0, count: context.inputShapes[0].count)
        }
        guard let target = context.inputGradients[1] else { return }
        let rows = context.inputShapes[1][0], width = context.inputShapes[1][1]
        let numbers = SharedPointer(context.inputs[0]), dy = SharedPointer(gradient), table = SharedPointer(target)
        let count = context.inputShapes[0].count, chunk = 16
        // Threads share columns, so that the order in which a row is added to is that of the positions.
        context.parallel((width + chunk - 1) / chunk) { index in
            let columns = index * chunk..<min(width, (index + 1) * chunk)
            for row in 0..<rows { for column in columns { table.pointer[row &* width &+ column] = 0 } }
            for position in 0..<count {
                guard let row = Self.row(numbers.pointer[position], of: rows) else { continue }
                let to = table + row &* width, from = dy + position &* width
                for column in columns { to[column] += from[column] }
            }
        }
    }
}

extension Tape {
    /// Rows of a table by their numbers: `indices` [...] and `table` [K, D] give [..., D].
    ///
    /// Indices are whole numbers in 0..<K held as floats; anything else gives a row of NaN, so that it cannot go unseen.
    /// - Throws: `Diagnostic` when the table is none.
    public func embedding(_ indices: Value, table: Value) throws(Diagnostic) -> Value {
        try record(Embedding(), indices, table)
    }
}
