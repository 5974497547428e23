import LucencyFoundation

/// A range along one dimension.
struct Slice: Operation {
    let axis: Int
    let start: Int
    let count: Int

    var name: String { "slice" }
    var backwardReads: BackwardReads { .nothing }
    var isCheap: Bool { true }
    var addsGradients: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0]
        guard axis >= 0, axis < x.rank, start >= 0, count >= 1, count <= x[axis], start <= x[axis] - count else {
            throw mismatch("\(count) from \(start) on are not within dimension \(axis)", x)
        }
        var dimensions = x.dimensions
        dimensions[axis] = count
        return [try Shape(dimensions)]
    }

    /// Channels can be taken in whole blocks only; every other dimension as it lies.
    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts {
        let lanes = Layout.lanes
        let isWhole =
            axis != 1 || start % lanes == 0 && (count % lanes == 0 || start + count == inputs[0].channels)
        return isWhole && available[0] == .blocked ? .blocked : .plain
    }

    /// The input around the dimension, where the range begins along it, and how much of it there is.
    private func view(_ context: OperationContext) -> (view: AxisView, start: Int, count: Int) {
        let shape = context.inputShapes[0]
        guard context.signature.inputLayouts[0] == .blocked else {
            return (AxisView(shape.dimensions, axis), start, count)
        }
        let view = AxisView(Layout.blocked.dimensions(shape), axis)
        let lanes = Layout.lanes
        return axis == 1 ? (view, start / lanes, (count + lanes - 1) / lanes) : (view, start, count)
    }

    func forward(_ context: OperationContext) {
        let (view, start, count) = view(context), run = count * view.inner
        let x = SharedPointer(context.inputs[0]), y = SharedPointer(context.outputs[0])
        context.chunks(view.outer * run) { first, size in
            Self.runs(first, size, run) { position, outer, offset, size in
                let from = outer &* view.extent &* view.inner &+ start &* view.inner &+ offset
                (y + position).update(from: x + from, count: size)
            }
        }
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let result = context.inputGradients[0] else { return }
        let (view, start, count) = view(context), run = count * view.inner, accumulates = context.accumulates[0]
        let dy = SharedPointer(gradient), dx = SharedPointer(result)
        if !accumulates {
            context.chunks(context.signature.inputLayouts[0].count(context.inputShapes[0])) {
                (dx + $0).update(repeating: 0, count: $1)
            }
        }
        context.chunks(view.outer * run) { first, size in
            Self.runs(first, size, run) { position, outer, offset, size in
                let to = dx + (outer &* view.extent &* view.inner &+ start &* view.inner &+ offset)
                let from = dy + position
                if accumulates {
                    for index in 0..<size { to[index] += from[index] }
                } else {
                    to.update(from: from, count: size)
                }
            }
        }
    }

    /// Calls `body` for every piece of a run among `count` elements from `first` on, in runs of `run`.
    private static func runs(
        _ first: Int, _ count: Int, _ run: Int,
        _ body: (_ position: Int, _ outer: Int, _ offset: Int, _ count: Int) -> Void
    ) {
        var position = first
        while position < first + count {
            let outer = position / run, offset = position % run
            let size = min(run - offset, first + count - position)
            body(position, outer, offset, size)
            position += size
        }
    }
}

extension Layout {
    /// The dimensions in which a tensor lies, outermost first.
    func dimensions(_ shape: Shape) -> [Int] {
        switch self {
        case .plain: shape.dimensions
        case .blocked:
            [shape.images, (shape.channels + Self.lanes - 1) / Self.lanes] + shape.spatial + [Self.lanes]
        }
    }
}

extension Tape {
    /// A range along one dimension.
    /// - Throws: `Diagnostic` when the range is not within it.
    public func slice(_ x: Value, axis: Int, _ range: Range<Int>) throws(Diagnostic) -> Value {
        try record(Slice(axis: axis, start: range.lowerBound, count: range.count), x)
    }

    /// Parts of given extents along one dimension, one behind another.
    /// - Throws: `Diagnostic` when the extents do not add up to that dimension's.
    public func split(_ x: Value, axis: Int, _ extents: [Int]) throws(Diagnostic) -> [Value] {
        guard axis >= 0, axis < x.shape.rank, extents.allSatisfy({ $0 > 0 && $0 <= x.shape[axis] }),
            extents.reduce(0, +) == x.shape[axis]
        else {
            throw Diagnostic(
                .shapeMismatch, "split: \(extents) do not add up to dimension \(axis) of a tensor of shape \(x.shape)")
        }
        var parts: [Value] = [], start = 0
        for extent in extents {
            parts.append(try slice(x, axis: axis, start..<start + extent))
            start += extent
        }
        return parts
    }
}
