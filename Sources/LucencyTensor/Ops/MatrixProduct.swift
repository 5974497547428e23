import LucencyFoundation

/// Products of matrices in the last two dimensions; dimensions before them number the matrices. An operand with only two
/// dimensions is shared by all.
struct MatrixProduct: Operation {
    let transposesFirst: Bool
    let transposesSecond: Bool

    var name: String { "matrix-product" }
    var backwardReads: BackwardReads { BackwardReads(inputs: nil) }
    var addsGradients: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let (a, b) = (inputs[0], inputs[1])
        guard a.rank >= 2, b.rank >= 2 else { throw mismatch("needs matrices", a, b) }
        let (outerA, outerB) = (a.dimensions.dropLast(2), b.dimensions.dropLast(2))
        guard outerA == outerB || outerA.isEmpty || outerB.isEmpty else {
            throw mismatch("the numbers of matrices differ", a, b)
        }
        let (rows, innerA) = Self.size(a, transposesFirst), (innerB, columns) = Self.size(b, transposesSecond)
        guard innerA == innerB else {
            throw mismatch("the inner dimensions \(innerA) and \(innerB) differ", a, b)
        }
        return [try Shape(Array(outerA.isEmpty ? outerB : outerA) + [rows, columns])]
    }

    /// Rows and columns of each matrix as it enters the product.
    private static func size(_ shape: Shape, _ isTransposed: Bool) -> (Int, Int) {
        let (rows, columns) = (shape[shape.rank - 2], shape[shape.rank - 1])
        return isTransposed ? (columns, rows) : (rows, columns)
    }

    private struct Sizes {
        let batch: Int, rows: Int, inner: Int, columns: Int
        /// Floats between the matrices of each operand; 0 where one is shared.
        let stepA: Int, stepB: Int
    }

    private func sizes(_ inputs: [Shape], _ output: Shape) -> Sizes {
        let (rows, inner) = Self.size(inputs[0], transposesFirst), columns = output[output.rank - 1]
        return Sizes(
            batch: output.count / (rows * columns), rows: rows, inner: inner, columns: columns,
            stepA: inputs[0].rank > 2 ? rows * inner : 0, stepB: inputs[1].rank > 2 ? inner * columns : 0)
    }

    /// Operand `index` as it lies in memory, batch and all.
    private func operand(_ index: Int, _ pointer: UnsafePointer<Float>, _ shape: Shape, step: Int) -> MatrixBatch {
        let matrix = Matrix(
            pointer, stride: shape[shape.rank - 1], isTransposed: index == 0 ? transposesFirst : transposesSecond)
        return MatrixBatch(matrix, step: step)
    }

    func forward(_ context: OperationContext) {
        let shapes = context.inputShapes, sizes = sizes(shapes, context.outputShapes[0])
        let step = sizes.rows * sizes.columns
        context.multiply(
            operand(0, context.inputs[0], shapes[0], step: sizes.stepA),
            operand(1, context.inputs[1], shapes[1], step: sizes.stepB), into: context.outputs[0],
            step: sizes.batch > 1 ? step : 0, batch: sizes.batch, rows: sizes.rows, columns: sizes.columns,
            inner: sizes.inner)
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0] else { return }
        let shapes = context.inputShapes, sizes = sizes(shapes, context.outputShapes[0])
        let dy = MatrixBatch(Matrix(gradient, stride: sizes.columns), step: sizes.rows * sizes.columns)
        // dA = dY · Bᵀ, dB = Aᵀ · dY; where an operand lies transposed, so does its gradient: dAᵀ = B · dYᵀ.
        if let target = context.inputGradients[0] {
            let b = operand(1, context.inputs[1], shapes[1], step: sizes.stepB).transposed
            context.multiply(
                transposesFirst ? b.transposed : dy, transposesFirst ? dy.transposed : b, into: target,
                step: sizes.stepA, batch: sizes.batch, rows: transposesFirst ? sizes.inner : sizes.rows,
                columns: transposesFirst ? sizes.rows : sizes.inner, inner: sizes.columns,
                accumulates: context.accumulates[0])
        }
        if let target = context.inputGradients[1] {
            let a = operand(0, context.inputs[0], shapes[0], step: sizes.stepA).transposed
            context.multiply(
                transposesSecond ? dy.transposed : a, transposesSecond ? a.transposed : dy, into: target,
                step: sizes.stepB, batch: sizes.batch, rows: transposesSecond ? sizes.columns : sizes.inner,
                columns: transposesSecond ? sizes.inner : sizes.columns, inner: sizes.rows,
                accumulates: context.accumulates[1])
        }
    }

    func floatingPointOperations(_ inputs: [Shape], _ outputs: [Shape]) -> Int {
        2 * outputs[0].count * sizes(inputs, outputs[0]).inner
    }
}

extension MatrixBatch {
    var transposed: MatrixBatch { MatrixBatch(matrix.transposed, step: step) }
}

extension Tape {
    /// The products of the matrices in the last two dimensions of `a`, [..., rows, inner], and `b`, [..., inner, columns].
    ///
    /// Dimensions before these number the matrices and must agree; an operand without them is shared by all.
    /// - Parameters:
    ///   - transposesFirst: `a` holds [..., inner, rows].
    ///   - transposesSecond: `b` holds [..., columns, inner].
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func matrixProduct(
        _ a: Value, _ b: Value, transposesFirst: Bool = false, transposesSecond: Bool = false
    ) throws(Diagnostic) -> Value {
        try record(MatrixProduct(transposesFirst: transposesFirst, transposesSecond: transposesSecond), a, b)
    }
}
