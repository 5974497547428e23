import LucencyFoundation

/// The maximum along a dimension. The first of equal numbers takes the gradient.
struct MaximumReduction: Operation {
    let axis: Int
    let keepsDimension: Bool

    var name: String { "maximum" }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0], outputs: [0]) }
    var isCheap: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0]
        guard axis >= 0, axis < x.rank else { throw mismatch("there is no dimension \(axis)", x) }
        var dimensions = x.dimensions
        if keepsDimension { dimensions[axis] = 1 } else { dimensions.remove(at: axis) }
        return [try Shape(dimensions)]
    }

    func forward(_ context: OperationContext) {
        let view = AxisView(context.inputShapes[0].dimensions, axis)
        let x = SharedPointer(context.inputs[0]), y = SharedPointer(context.outputs[0])
        context.chunks(view.outer * view.inner) { first, count in
            view.columns(from: first, count: count) { position, offset, size in
                let target = y + position, source = x + offset
                target.update(from: source, count: size)
                for step in 1..<max(1, view.extent) {
                    let row = source + step &* view.inner
                    for index in 0..<size { target[index] = row[index] > target[index] ? row[index] : target[index] }
                }
            }
        }
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let result = context.inputGradients[0] else { return }
        let view = AxisView(context.inputShapes[0].dimensions, axis)
        let x = SharedPointer(context.inputs[0]), y = SharedPointer(context.outputs[0])
        let dy = SharedPointer(gradient), dx = SharedPointer(result)
        context.chunks(view.outer * view.inner) { first, count in
            // What of the gradient has not been given away yet.
            withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { left in
                guard let left = left.baseAddress else { return }
                view.columns(from: first, count: count) { position, offset, size in
                    left.update(from: dy + position, count: size)
                    let largest = y + position
                    for step in 0..<view.extent {
                        let source = x + (offset &+ step &* view.inner), target = dx + (offset &+ step &* view.inner)
                        for index in 0..<size {
                            let hits = source[index] == largest[index]
                            target[index] = hits ? left[index] : 0
                            left[index] = hits ? 0 : left[index]
                        }
                    }
                }
            }
        }
    }
}

/// A row-major array as [outer][extent][inner] around one of its dimensions.
struct AxisView: Sendable {
    let outer: Int
    let extent: Int
    let inner: Int

    init(_ dimensions: [Int], _ axis: Int) {
        outer = dimensions[..<axis].reduce(1, *)
        extent = dimensions[axis]
        inner = dimensions[(axis + 1)...].reduce(1, *)
    }

    /// Calls `body` for every run of adjacent columns among `count` from `first` on, of outer · inner: its position among
    /// them, its offset in the array, and how many there are.
    func columns(from first: Int, count: Int, _ body: (_ position: Int, _ offset: Int, _ count: Int) -> Void) {
        var position = first
        while position < first + count {
            let row = position / inner, column = position % inner
            let size = min(inner - column, first + count - position)
            body(position, row * extent * inner + column, size)
            position += size
        }
    }
}

extension Tape {
    /// The maximum along a dimension.
    /// - Parameter keepsDimension: whether it stays, with extent 1.
    /// - Throws: `Diagnostic` when the tensor has no such dimension.
    public func maximum(_ x: Value, over axis: Int, keepsDimension: Bool = false) throws(Diagnostic) -> Value {
        try record(MaximumReduction(axis: axis, keepsDimension: keepsDimension), x)
    }
}
