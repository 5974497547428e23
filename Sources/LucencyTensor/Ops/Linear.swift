import LucencyFoundation

/// A fully connected layer over the last dimension: y = x · Wᵀ + b.
///
/// Inputs: x [..., in], W [out, in], and b [out] if there is a bias.
struct Linear: Operation {
    var name: String { "linear" }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0, 1]) }
    var addsGradients: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let (x, weights) = (inputs[0], inputs[1])
        guard x.rank >= 1, weights.rank == 2, x.dimensions.last == weights[1] else {
            throw mismatch("needs x [..., in] and weights [out, in]", x, weights)
        }
        if inputs.count > 2, inputs[2].dimensions != [weights[0]] {
            throw mismatch("needs one bias per output", weights, inputs[2])
        }
        return [try Shape(x.dimensions.dropLast() + [weights[0]])]
    }

    func forward(_ context: OperationContext) {
        let width = context.inputShapes[1][0], depth = context.inputShapes[1][1]
        let rows = context.outputShapes[0].count / width
        if context.inputs.count > 2 {
            let bias = context.inputs[2], y = context.outputs[0]
            for row in 0..<rows { (y + row * width).update(from: bias, count: width) }
        }
        context.multiply(
            MatrixBatch(Matrix(context.inputs[0], stride: depth)),
            MatrixBatch(Matrix(context.inputs[1], stride: depth, isTransposed: true)), into: context.outputs[0],
            rows: rows, columns: width, inner: depth, accumulates: context.inputs.count > 2)
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0] else { return }
        let width = context.inputShapes[1][0], depth = context.inputShapes[1][1]
        let rows = context.outputShapes[0].count / width
        let dy = Matrix(gradient, stride: width)
        if let target = context.inputGradients[0] {
            context.multiply(
                MatrixBatch(dy), MatrixBatch(Matrix(context.inputs[1], stride: depth)), into: target, rows: rows,
                columns: depth, inner: width, accumulates: context.accumulates[0])
        }
        if let target = context.inputGradients[1] {
            context.multiply(
                MatrixBatch(dy.transposed), MatrixBatch(Matrix(context.inputs[0], stride: depth)), into: target,
                rows: width, columns: depth, inner: rows, accumulates: context.accumulates[1])
        }
        if context.inputGradients.count > 2, let target = context.inputGradients[2] {
            let from = SharedPointer(gradient), to = SharedPointer(target), adds = context.accumulates[2]
            context.parallel((width + 15) / 16) { chunk in
                for column in chunk * 16..<min(width, chunk * 16 + 16) {
                    var sum = 0.0
                    for row in 0..<rows { sum += Double(from.pointer[row &* width &+ column]) }
                    to.pointer[column] = Float(sum) + (adds ? to.pointer[column] : 0)
                }
            }
        }
    }

    func floatingPointOperations(_ inputs: [Shape], _ outputs: [Shape]) -> Int { 2 * outputs[0].count * inputs[1][1] }
}

extension Tape {
    /// A fully connected layer over the last dimension: x [..., in] · Wᵀ + b, with weights [out, in] as PyTorch keeps them.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func linear(_ x: Value, weights: Value, bias: Value? = nil) throws(Diagnostic) -> Value {
        try record(Linear(), [x, weights] + (bias.map { [$0] } ?? []))[0]
    }
}
