import LucencyFoundation
import LucencyKernels

/// How pixels between pixels are found.
public enum TensorInterpolation: Hashable, Sendable {
    case nearest
    /// Bilinear, trilinear.
    /// - Parameter alignsCorners: whether the centres of the corner pixels stay; otherwise the image's edges do.
    case linear(alignsCorners: Bool = false)
    /// Bicubic (Keys 1981), in 2 dimensions.
    /// - Parameter a: slope of the kernel at 1; -0.75 is PyTorch's, -0.5 (the most exact) that of images here.
    case cubic(alignsCorners: Bool = false, a: Double = -0.75)
}

/// A linear map along each spatial dimension: resizing, padding, cropping. The gradient is the transposed maps.
struct SpatialMap: Operation {
    let name: String
    /// One for each spatial dimension, outermost first.
    let maps: [AxisMap]
    private let transposed: [AxisMap]
    /// What pixels hold that no input reaches.
    var filler: Float = 0

    init(_ name: String, _ maps: [AxisMap], filler: Float = 0) {
        self.name = name
        self.maps = maps
        self.filler = filler
        transposed = maps.map(\.transposed)
    }

    var backwardReads: BackwardReads { .nothing }
    var isCheap: Bool { true }
    var addsGradients: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0]
        guard (1...3).contains(maps.count), x.spatial == maps.map(\.inputs) else {
            throw mismatch("needs N, C and \(maps.count) dimensions", x)
        }
        return [try Shape([x.images, x.channels] + maps.map(\.outputs))]
    }

    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts {
        filler == 0 ? OperationLayouts(inputs: available, outputs: available) : .plain
    }

    func memory(_ signature: OperationSignature) -> OperationMemory {
        // A row of the input, or of the gradient, after the outer dimensions' sums.
        let lanes = signature.inputLayouts[0] == .blocked ? Layout.lanes : 1
        return OperationMemory(
            workerScratch: max(signature.inputs[0].volume.width, signature.outputs[0].volume.width) * lanes)
    }

    func forward(_ context: OperationContext) {
        apply(maps, context.inputs[0], context.outputs[0], accumulates: false, context)
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let result = context.inputGradients[0] else { return }
        // A constant has no gradient.
        var copy = self
        copy.filler = 0
        copy.apply(transposed, gradient, result, accumulates: context.accumulates[0], context)
    }

    private func apply(
        _ maps: [AxisMap], _ source: UnsafePointer<Float>, _ result: UnsafeMutablePointer<Float>, accumulates: Bool,
        _ context: OperationContext
    ) {
        let shape = context.inputShapes[0], family = context.signature.kernels.code
        let isBlocked = context.signature.inputLayouts[0] == .blocked
        let lanes = isBlocked ? Layout.lanes : 1
        let slabs =
            isBlocked ? BlockedPieces(shape).images * BlockedPieces(shape).blocks : shape.images * shape.channels
        let single = AxisMap.identity(1)
        let depth = maps.count > 2 ? maps[maps.count - 3] : single
        let height = maps.count > 1 ? maps[maps.count - 2] : single
        let width = maps[maps.count - 1], keepsRows = width.isIdentity
        let rowFrom = width.inputs * lanes, rowTo = width.outputs * lanes
        let slabFrom = depth.inputs * height.inputs * rowFrom
        let rows = depth.outputs * height.outputs
        let x = SharedPointer(source), y = SharedPointer(result)
        let adds: Int32 = accumulates ? 1 : 0, filler = filler
        let empty = filler == 0 ? [] : (0..<width.outputs).filter { width.terms($0).isEmpty }
        // Rows of all slabs in groups, so that a task is worth its start.
        let group = max(1, 4096 / rowTo), count = slabs * rows
        context.parallelWithScratch((count + group - 1) / group) { task, scratch in
            width.starts.withUnsafeBufferPointer { starts in
                width.columns.withUnsafeBufferPointer { columns in
                    width.weights.withUnsafeBufferPointer { weights in
                        for item in task * group..<min(count, (task + 1) * group) {
                            let row = item % rows, target = y + item * rowTo
                            let from = x + item / rows * slabFrom
                            let outer = depth.terms(row / height.outputs), inner = height.terms(row % height.outputs)
                            if outer.isEmpty || inner.isEmpty {
                                if !accumulates { target.update(repeating: filler, count: rowTo) }
                                continue
                            }
                            var line = UnsafePointer(from), isFirst = true
                            let isSingle = outer.count == 1 && inner.count == 1
                            for a in outer {
                                for b in inner {
                                    let weight = depth.weights[a] * height.weights[b]
                                    let start = Int(depth.columns[a]) * height.inputs + Int(height.columns[b])
                                    let part = from + start * rowFrom
                                    if isSingle, weight == 1 {
                                        line = UnsafePointer(part)
                                    } else {
                                        lk_scale(family, weight, part, scratch, Int64(rowFrom), isFirst ? 0 : 1)
                                        line = UnsafePointer(scratch)
                                    }
                                    isFirst = false
                                }
                            }
                            if keepsRows {
                                if accumulates {
                                    lk_add(family, target, line, target, Int64(rowTo))
                                } else {
                                    target.update(from: line, count: rowTo)
                                }
                            } else {
                                lk_sparse_row(
                                    family, starts.baseAddress, columns.baseAddress, weights.baseAddress,
                                    Int64(width.outputs), Int32(lanes), line, target, adds)
                                for column in empty { target[column] = filler }
                            }
                        }
                    }
                }
            }
        }
    }
}

extension Tape {
    /// An image of another size.
    /// - Parameters:
    ///   - x: N, C and 1 to 3 dimensions.
    ///   - size: of the result, outermost dimension first.
    /// - Throws: `Diagnostic` when the size does not fit the image, or bicubic is not asked for in 2 dimensions.
    public func resize(
        _ x: Value, to size: [Int], _ interpolation: TensorInterpolation = .linear()
    ) throws(Diagnostic) -> Value {
        try resize(x, to: size, interpolation, scales: zip(x.shape.spatial, size).map { Double($0) / Double($1) })
    }

    /// An image enlarged (or shrunk) by a factor in every dimension; extents are rounded down.
    /// - Throws: `Diagnostic` when the result would be empty, or bicubic is not asked for in 2 dimensions.
    public func resize(
        _ x: Value, by factor: Double, _ interpolation: TensorInterpolation = .linear()
    ) throws(Diagnostic) -> Value {
        guard factor > 0, factor < 0x1p20 else {
            throw Diagnostic(.badArgument, "resize: the factor \(factor) is not possible")
        }
        let size = x.shape.spatial.map { Int((Double(min($0, 1 << 30)) * factor).rounded(.down)) }
        return try resize(x, to: size, interpolation, scales: size.map { _ in 1 / factor })
    }

    private func resize(
        _ x: Value, to size: [Int], _ interpolation: TensorInterpolation, scales: [Double]
    ) throws(Diagnostic) -> Value {
        let extents = x.shape.spatial
        guard (1...3).contains(size.count), size.count == extents.count,
            (size + extents).allSatisfy({ $0 >= 1 && $0 < 1 << 28 })
        else {
            throw Diagnostic(.shapeMismatch, "resize: \(size) is no size for an image of shape \(x.shape)")
        }
        if case .cubic = interpolation, size.count != 2 {
            throw Diagnostic(.shapeMismatch, "resize: bicubic needs 2 dimensions, found \(x.shape)")
        }
        let maps = extents.indices.map {
            AxisMap.resizing(extents[$0], to: size[$0], interpolation, scale: scales[$0])
        }
        return try record(SpatialMap("resize", maps), x)
    }

    /// Adds pixels around an image, or cuts them off where numbers are negative.
    /// - Parameters:
    ///   - x: N, C and 1 to 3 dimensions.
    ///   - before, after: for each spatial dimension, outermost first.
    ///   - constant: what `.zeros` fills with.
    /// - Throws: `Diagnostic` when nothing would be left, or reflection reaches beyond the image.
    public func pad(
        _ x: Value, before: [Int], after: [Int], mode: PaddingMode = .zeros, constant: Float = 0
    ) throws(Diagnostic) -> Value {
        let extents = x.shape.spatial, limit = 1 << 28
        guard (1...3).contains(extents.count), before.count == extents.count, after.count == extents.count,
            (before + after).allSatisfy({ abs($0) < limit }), extents.allSatisfy({ $0 < limit })
        else {
            throw Diagnostic(.shapeMismatch, "pad: \(before) and \(after) do not fit an image of shape \(x.shape)")
        }
        for axis in extents.indices {
            let isTooFar = mode == .reflect && max(before[axis], after[axis]) >= extents[axis]
            guard extents[axis] + before[axis] + after[axis] > 0, !isTooFar, -before[axis] < extents[axis],
                -after[axis] < extents[axis]
            else {
                throw Diagnostic(
                    .shapeMismatch,
                    "pad: \(before[axis]) and \(after[axis]) pixels are not possible in dimension \(axis) of an image of "
                        + "shape \(x.shape)")
            }
        }
        let maps = extents.indices.map { AxisMap.padding(extents[$0], before[$0], after[$0], mode) }
        return try record(SpatialMap("pad", maps, filler: mode == .zeros ? constant : 0), x)
    }

    /// A part of an image.
    /// - Parameters:
    ///   - x: N, C and 1 to 3 dimensions.
    ///   - origin: the first pixel, outermost dimension first.
    ///   - size: of the result.
    /// - Throws: `Diagnostic` when the part reaches outside the image.
    public func crop(_ x: Value, origin: [Int], size: [Int]) throws(Diagnostic) -> Value {
        let extents = x.shape.spatial
        guard origin.count == extents.count, size.count == extents.count,
            extents.indices.allSatisfy({
                origin[$0] >= 0 && size[$0] >= 1 && size[$0] <= extents[$0] && origin[$0] <= extents[$0] - size[$0]
            })
        else {
            throw Diagnostic(
                .shapeMismatch, "crop: \(size) pixels from \(origin) on are not within an image of shape \(x.shape)")
        }
        return try pad(
            x, before: origin.map { -$0 }, after: extents.indices.map { origin[$0] + size[$0] - extents[$0] })
    }
}
