import LucencyFoundation
import LucencyKernels

/// exp(x) / Σ exp(x) along a dimension, or its logarithm.
struct Softmax: Operation {
    let axis: Int
    let isLogarithm: Bool

    var name: String { isLogarithm ? "log-softmax" : "softmax" }
    var backwardReads: BackwardReads { BackwardReads(outputs: [0]) }
    var isCheap: Bool { true }
    var addsGradients: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        guard axis >= 0, axis < inputs[0].rank else { throw mismatch("there is no dimension \(axis)", inputs[0]) }
        return inputs
    }

    /// Calls `body` for pieces of adjacent columns: where they begin, and how many there are.
    private func columns(_ context: OperationContext, _ body: @Sendable (_ offset: Int, _ count: Int) -> Void) {
        let view = AxisView(context.inputShapes[0].dimensions, axis)
        let columns = view.outer * view.inner, piece = max(64, OperationContext.chunk / view.extent / 64 * 64)
        context.parallel((columns + piece - 1) / piece) { index in
            let first = index * piece
            view.columns(from: first, count: min(piece, columns - first)) { body($1, $2) }
        }
    }

    func forward(_ context: OperationContext) {
        let view = AxisView(context.inputShapes[0].dimensions, axis), family = context.signature.kernels.code
        let x = SharedPointer(context.inputs[0]), y = SharedPointer(context.outputs[0])
        columns(context) { offset, count in
            lk_softmax(
                family, x + offset, y + offset, Int64(view.extent), Int64(view.inner), Int64(count),
                isLogarithm ? 1 : 0)
        }
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let result = context.inputGradients[0] else { return }
        let view = AxisView(context.inputShapes[0].dimensions, axis), family = context.signature.kernels.code
        let y = SharedPointer(context.outputs[0]), dy = SharedPointer(gradient), dx = SharedPointer(result)
        let accumulates: Int32 = context.accumulates[0] ? 1 : 0
        columns(context) { offset, count in
            lk_softmax_gradient(
                family, y + offset, dy + offset, dx + offset, Int64(view.extent), Int64(view.inner), Int64(count),
                isLogarithm ? 1 : 0, accumulates)
        }
    }
}

extension Tape {
    /// exp(x) / Σ exp(x) along a dimension: for N, C, spatial the channels unless another is named.
    /// - Throws: `Diagnostic` when the tensor has no such dimension.
    public func softmax(_ x: Value, over axis: Int = 1) throws(Diagnostic) -> Value {
        try record(Softmax(axis: axis, isLogarithm: false), x)
    }

    /// The logarithm of `softmax`, without its rounding to 0.
    /// - Throws: `Diagnostic` when the tensor has no such dimension.
    public func logSoftmax(_ x: Value, over axis: Int = 1) throws(Diagnostic) -> Value {
        try record(Softmax(axis: axis, isLogarithm: true), x)
    }
}
