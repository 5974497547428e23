import LucencyFoundation
import LucencyKernels

/// The maximum or mean of windows. Where the windows lie is worked out for each dimension beforehand, so that moving and
/// adaptive windows are the same to the loops.
struct Pooling: Operation {
    enum Kind: Hashable, Sendable {
        case maximum
        /// Whether padding counts in the divisor.
        case mean(countsPadding: Bool)
    }

    enum Windows: Hashable, Sendable {
        /// Windows of a size that move by a stride, outermost dimension first.
        case moving(kernel: [Int], stride: [Int], padding: [Int])
        /// As many windows as the output has pixels, from ⌊i · in / out⌋ to ⌈(i + 1) · in / out⌉.
        case adaptive(size: [Int])
    }

    let kind: Kind
    let windows: Windows

    var name: String { kind == .maximum ? "max-pooling" : "average-pooling" }
    var backwardReads: BackwardReads {
        kind == .maximum ? BackwardReads(inputs: [0], outputs: [0]) : .nothing
    }
    var isCheap: Bool { true }
    var addsGradients: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0], axes = x.rank - 2
        guard (1...3).contains(axes), x.dimensions.allSatisfy({ $0 < 1 << 30 }) else {
            throw mismatch("needs N, C and 1 to 3 dimensions", x)
        }
        switch windows {
        case .adaptive(let size):
            guard size.count == axes, size.allSatisfy({ $0 >= 1 && $0 < 1 << 30 }) else {
                throw mismatch("\(size) is no size for the image", x)
            }
            return [try Shape([x.images, x.channels] + size)]
        case .moving(let kernel, let stride, let padding):
            let limit = 1 << 20
            guard kernel.count == axes, stride.count == axes, padding.count == axes,
                (kernel + stride).allSatisfy({ $0 >= 1 && $0 < limit }),
                zip(padding, kernel).allSatisfy({ $0 >= 0 && $0 <= $1 / 2 })
            else {
                throw mismatch("kernel and stride must be positive, padding at most half the kernel", x)
            }
            let size = x.spatial.enumerated().map { axis, extent in
                (extent + 2 * padding[axis] - kernel[axis]) / stride[axis]
                    + (extent + 2 * padding[axis] < kernel[axis] ? 0 : 1)
            }
            guard size.allSatisfy({ $0 > 0 }) else {
                throw mismatch("the window \(kernel) is larger than the padded image", x)
            }
            return [try Shape([x.images, x.channels] + size)]
        }
    }

    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts { .blocked }

    // MARK: Windows

    /// The windows along a dimension, cut to the image, and how many pixels each counts.
    private struct Axis {
        var begins: [Int32] = []
        var ends: [Int32] = []
        var counts: [Double] = []
    }

    private func axis(_ index: Int, _ extent: Int, _ size: Int) -> Axis {
        var axis = Axis()
        for output in 0..<size {
            let begin: Int, end: Int, count: Int
            switch windows {
            case .adaptive:
                begin = output * extent / size
                end = ((output + 1) * extent + size - 1) / size
                count = end - begin
            case .moving(let kernel, let stride, let padding):
                let first = output * stride[index] - padding[index], last = first + kernel[index]
                begin = max(0, first)
                end = min(extent, last)
                // Padding counts, but not what lies even beyond it.
                let countsPadding = kind == .mean(countsPadding: true)
                count = countsPadding ? min(last, extent + padding[index]) - first : end - begin
            }
            axis.begins.append(Int32(clamping: begin))
            axis.ends.append(Int32(clamping: end))
            axis.counts.append(Double(count))
        }
        return axis
    }

    /// Calls `body` for every row of the result of every channel block: the windows, and where block and row begin.
    private func rows(
        _ context: OperationContext, slabsAtOnce: Bool,
        _ body: @escaping @Sendable (_ windows: UnsafePointer<lk_windows>, _ block: Int, _ row: Int) -> Void
    ) {
        let x = context.inputShapes[0], y = context.outputShapes[0], axes = x.rank - 2
        let from = x.volume, to = y.volume
        let all = (0..<axes).map { axis($0, x.spatial[$0], y.spatial[$0]) }
        let single = Axis(begins: [0], ends: [1], counts: [1])
        let depth = axes > 2 ? all[axes - 3] : single, height = axes > 1 ? all[axes - 2] : single
        let width = all[axes - 1]
        let slabs = BlockedPieces(x).images * BlockedPieces(x).blocks, rows = to.depth * to.height
        let source = x.pixels * Layout.lanes, result = y.pixels * Layout.lanes, rowSize = to.width * Layout.lanes
        // Gradients of one block overlap between rows, so a block is one task then.
        let perTask = slabsAtOnce ? rows : 8, tasks = (rows + perTask - 1) / perTask
        context.parallel(slabs * tasks) { task in
            let slab = task / tasks, first = task % tasks * perTask
            width.begins.withUnsafeBufferPointer { begins in
                width.ends.withUnsafeBufferPointer { ends in
                    width.counts.withUnsafeBufferPointer { counts in
                        for row in first..<min(rows, first + perTask) {
                            let z = row / to.height, y = row % to.height
                            var windows = lk_windows(
                                z0: depth.begins[z], z1: depth.ends[z], y0: height.begins[y], y1: height.ends[y],
                                height: Int32(from.height), width: Int32(from.width), begins: begins.baseAddress,
                                ends: ends.baseAddress, counts: counts.baseAddress,
                                row_count: depth.counts[z] * height.counts[y], outputs: Int64(to.width))
                            body(&windows, slab * source, slab * result + row * rowSize)
                        }
                    }
                }
            }
        }
    }

    // MARK: Running

    func forward(_ context: OperationContext) {
        let family = context.signature.kernels.code, kind = kind
        let x = SharedPointer(context.inputs[0]), y = SharedPointer(context.outputs[0])
        rows(context, slabsAtOnce: false) { windows, block, row in
            if kind == .maximum {
                lk_pool_maximum(family, windows, x + block, y + row)
            } else {
                lk_pool_mean(family, windows, x + block, y + row)
            }
        }
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let result = context.inputGradients[0] else { return }
        let family = context.signature.kernels.code, kind = kind
        let x = SharedPointer(context.inputs[0]), y = SharedPointer(context.outputs[0])
        let dy = SharedPointer(gradient), dx = SharedPointer(result)
        if !context.accumulates[0] {
            context.chunks(Layout.blocked.count(context.inputShapes[0])) { (dx + $0).update(repeating: 0, count: $1) }
        }
        rows(context, slabsAtOnce: true) { windows, block, row in
            if kind == .maximum {
                lk_pool_maximum_gradient(family, windows, x + block, y + row, dy + row, dx + block)
            } else {
                lk_pool_mean_gradient(family, windows, dy + row, dx + block)
            }
        }
    }
}

extension Tape {
    /// The maximum of windows; padding never wins. The first of equal numbers takes the gradient.
    /// - Parameters:
    ///   - x: N, C and 1 to 3 dimensions.
    ///   - kernel: extents of the window.
    ///   - stride: by which it moves; the window's size unless given.
    ///   - padding: pixels on both sides, at most half the window.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func maxPooling(
        _ x: Value, kernel: [Int], stride: [Int]? = nil, padding: [Int]? = nil
    ) throws(Diagnostic) -> Value {
        let stride = stride ?? kernel, padding = padding ?? kernel.map { _ in 0 }
        let isFast = (kernel + stride).allSatisfy { $0 == 2 } && padding.allSatisfy { $0 == 0 }
        if isFast, kernel.count == x.shape.rank - 2, kernel.count > 1 { return try maxPooling(x) }
        return try record(
            Pooling(kind: .maximum, windows: .moving(kernel: kernel, stride: stride, padding: padding)), x)
    }

    /// The mean of windows.
    /// - Parameters:
    ///   - x: N, C and 1 to 3 dimensions.
    ///   - kernel: extents of the window.
    ///   - stride: by which it moves; the window's size unless given.
    ///   - padding: pixels on both sides, at most half the window.
    ///   - countsPadding: whether padding counts as zeros, or not at all.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func averagePooling(
        _ x: Value, kernel: [Int], stride: [Int]? = nil, padding: [Int]? = nil, countsPadding: Bool = true
    ) throws(Diagnostic) -> Value {
        let stride = stride ?? kernel, padding = padding ?? kernel.map { _ in 0 }
        return try record(
            Pooling(
                kind: .mean(countsPadding: countsPadding),
                windows: .moving(kernel: kernel, stride: stride, padding: padding)), x)
    }

    /// The maximum of as many windows as the result has pixels; they cover the image evenly.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func adaptiveMaxPooling(_ x: Value, size: [Int]) throws(Diagnostic) -> Value {
        try record(Pooling(kind: .maximum, windows: .adaptive(size: size)), x)
    }

    /// The mean of as many windows as the result has pixels; they cover the image evenly.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func adaptiveAveragePooling(_ x: Value, size: [Int]) throws(Diagnostic) -> Value {
        if size.count == x.shape.rank - 2, size.allSatisfy({ $0 == 1 }) { return try globalAveragePooling(x) }
        return try record(Pooling(kind: .mean(countsPadding: false), windows: .adaptive(size: size)), x)
    }
}
