import LucencyFoundation

/// The sum or mean over some dimensions.
struct Reduction: Operation {
    let isMean: Bool
    /// Dimensions to sum over.
    let axes: [Int]
    let keepsDimensions: Bool

    var name: String { isMean ? "mean" : "sum" }
    var backwardReads: BackwardReads { .nothing }
    var isCheap: Bool { true }
    var addsGradients: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0]
        guard axes.allSatisfy({ $0 >= 0 && $0 < x.rank }), Set(axes).count == axes.count else {
            throw mismatch("\(axes) are not different dimensions of the tensor", x)
        }
        let dimensions = x.dimensions.enumerated().compactMap { axis, extent in
            axes.contains(axis) ? (keepsDimensions ? 1 : nil) : extent
        }
        return [try Shape(dimensions)]
    }

    private func isSummed(_ shape: Shape) -> [Bool] { shape.dimensions.indices.map { axes.contains($0) } }

    private func sum(_ shape: Shape) -> AxisSum { AxisSum(shape.dimensions, isSummed: isSummed(shape)) }

    func memory(_ signature: OperationSignature) -> OperationMemory {
        let sum = sum(signature.inputs[0])
        return OperationMemory(forwardScratch: sum.scratch, workerScratch: sum.workerScratch)
    }

    private func factor(_ context: OperationContext) -> Double {
        isMean ? Double(context.outputShapes[0].count) / Double(context.inputShapes[0].count) : 1
    }

    func forward(_ context: OperationContext) {
        let x = SharedPointer(context.inputs[0]), y = SharedPointer(context.outputs[0]), factor = factor(context)
        sum(context.inputShapes[0]).run(
            context, scratch: context.scratch, terms: { offset, _, _ in UnsafePointer(x + offset) },
            store: { index, sum in (y + index).pointee = Float(sum * factor) })
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let result = context.inputGradients[0] else { return }
        let shape = context.inputShapes[0], factor = Float(factor(context)), accumulates = context.accumulates[0]
        let dimensions = zip(shape.dimensions, isSummed(shape)).map { $1 ? 1 : $0 }
        let loop = StridedLoop(shape.dimensions, arrays: [dimensions])
        let step = loop.step(0), dy = SharedPointer(gradient), dx = SharedPointer(result)
        context.chunks(shape.count) { first, count in
            loop.rows(from: first, count: count) { position, a, _, size in
                let source = dy + a, target = dx + position
                if step == 0 {
                    let value = source[0] * factor
                    if accumulates {
                        for index in 0..<size { target[index] += value }
                    } else {
                        target.update(repeating: value, count: size)
                    }
                } else {
                    for index in 0..<size {
                        target[index] = source[index] * factor + (accumulates ? target[index] : 0)
                    }
                }
            }
        }
    }
}

extension Tape {
    /// The sum over some dimensions (all of them unless named), in float64.
    /// - Parameter keepsDimensions: whether they stay, with extent 1.
    /// - Throws: `Diagnostic` when the tensor has no such dimension.
    public func sum(_ x: Value, over axes: [Int]? = nil, keepsDimensions: Bool = false) throws(Diagnostic) -> Value {
        try record(
            Reduction(isMean: false, axes: axes ?? Array(0..<x.shape.rank), keepsDimensions: keepsDimensions), x)
    }

    /// The mean over some dimensions (all of them unless named), in float64.
    /// - Parameter keepsDimensions: whether they stay, with extent 1.
    /// - Throws: `Diagnostic` when the tensor has no such dimension.
    public func mean(_ x: Value, over axes: [Int]? = nil, keepsDimensions: Bool = false) throws(Diagnostic) -> Value {
        try record(
            Reduction(isMean: true, axes: axes ?? Array(0..<x.shape.rank), keepsDimensions: keepsDimensions), x)
    }
}
