import LucencyFoundation

/// The same numbers under another shape.
struct Reshape: Operation {
    let shape: Shape

    var name: String { "reshape" }
    var backwardReads: BackwardReads { .nothing }
    var isView: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        guard inputs[0].count == shape.count else { throw mismatch("the counts differ", inputs[0], shape) }
        return [shape]
    }

    // Plans give a view its input's memory.
    func forward(_ context: OperationContext) {}
    func backward(_ context: OperationContext) {}
}

/// Dimensions in another order.
struct Permutation: Operation {
    /// For each dimension of the result, the one of the input.
    let order: [Int]

    var name: String { "permutation" }
    var backwardReads: BackwardReads { .nothing }
    var isCheap: Bool { true }
    var addsGradients: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0]
        guard order.sorted() == Array(0..<x.rank) else { throw mismatch("\(order) is no order of the dimensions", x) }
        return [try Shape(order.map { x[$0] })]
    }

    /// The result's dimensions with the input's steps.
    private func loop(_ x: Shape) -> StridedLoop {
        var steps = [Int](repeating: 0, count: x.rank), step = 1
        for axis in x.dimensions.indices.reversed() {
            steps[axis] = step
            step *= x[axis]
        }
        return StridedLoop(extents: order.map { x[$0] }, steps: [order.map { steps[$0] }])
    }

    func forward(_ context: OperationContext) {
        let loop = loop(context.inputShapes[0]), step = loop.step(0)
        let x = SharedPointer(context.inputs[0]), y = SharedPointer(context.outputs[0])
        context.chunks(loop.count) { first, count in
            loop.rows(from: first, count: count) { position, from, _, size in
                let source = x + from, target = y + position
                if step == 1 {
                    target.update(from: source, count: size)
                } else {
                    for index in 0..<size { target[index] = source[index &* step] }
                }
            }
        }
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let result = context.inputGradients[0] else { return }
        let loop = loop(context.inputShapes[0]), step = loop.step(0), accumulates = context.accumulates[0]
        let dy = SharedPointer(gradient), dx = SharedPointer(result)
        context.chunks(loop.count) { first, count in
            loop.rows(from: first, count: count) { position, to, _, size in
                let source = dy + position, target = dx + to
                for index in 0..<size {
                    target[index &* step] = source[index] + (accumulates ? target[index &* step] : 0)
                }
            }
        }
    }
}

extension Tape {
    /// The same numbers, in row-major order, under another shape.
    /// - Throws: `Diagnostic` when the counts differ.
    public func reshape(_ x: Value, _ dimensions: [Int]) throws(Diagnostic) -> Value {
        try record(Reshape(shape: Shape(dimensions)), x)
    }

    /// Dimensions in another order.
    /// - Parameter order: for each dimension of the result, the one of the input.
    /// - Throws: `Diagnostic` when the order does not name every dimension once.
    public func permute(_ x: Value, _ order: [Int]) throws(Diagnostic) -> Value {
        try record(Permutation(order: order), x)
    }

    /// Tensors one behind another along any dimension.
    /// - Throws: `Diagnostic` naming shapes that differ in another dimension.
    public func concatenation(_ values: [Value], axis: Int) throws(Diagnostic) -> Value {
        if axis == 1 { return try concatenation(values) }
        return try record(Joining(axis: axis), values)[0]
    }
}
