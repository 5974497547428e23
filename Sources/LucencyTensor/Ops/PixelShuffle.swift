import LucencyFoundation

/// Moves channels into space (Shi et al. 2016), or back: large(c, f·y + i, f·x + j) = small(f²·c + f·i + j, y, x).
struct PixelShuffle: Operation {
    let factor: Int
    /// Whether space becomes larger.
    let enlarges: Bool

    var name: String { enlarges ? "pixel-shuffle" : "pixel-unshuffle" }
    var backwardReads: BackwardReads { .nothing }
    var isCheap: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0], square = factor * factor
        guard x.rank == 4 else { throw mismatch("needs N, C, H, W", x) }
        if enlarges {
            guard x[1] % square == 0 else { throw mismatch("the channels are no multiple of \(square)", x) }
            return [try Shape([x[0], x[1] / square, x[2] * factor, x[3] * factor])]
        }
        guard x[2] % factor == 0, x[3] % factor == 0 else {
            throw mismatch("height and width are no multiples of \(factor)", x)
        }
        return [try Shape([x[0], x[1] * square, x[2] / factor, x[3] / factor])]
    }

    /// Blocks of 16 channels are shuffled as they are where both sides have whole ones, which doubling a size does fast.
    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts {
        let large = enlarges ? inputs[0].channels / (factor * factor) : inputs[0].channels
        return factor == 2 && large % Layout.lanes == 0 ? .blocked : .plain
    }

    func forward(_ context: OperationContext) {
        move(context.inputs[0], context.outputs[0], enlarges: enlarges, context)
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let result = context.inputGradients[0] else { return }
        move(gradient, result, enlarges: !enlarges, context)
    }

    private func move(
        _ source: UnsafePointer<Float>, _ result: UnsafeMutablePointer<Float>, enlarges isEnlarging: Bool,
        _ context: OperationContext
    ) {
        let small = enlarges ? context.inputShapes[0] : context.outputShapes[0], factor = factor
        if context.signature.inputLayouts[0] == .blocked {
            moveBlocks(source, result, small, enlarges: isEnlarging, context)
            return
        }
        let height = small[2], width = small[3]
        let x = SharedPointer(source), y = SharedPointer(result)
        // One task for each channel of the small image.
        context.parallel(small[0] * small[1]) { index in
            let channel = index / (factor * factor), i = index / factor % factor, j = index % factor
            for row in 0..<height {
                let narrow = (index * height + row) * width
                let wide = ((channel * height + row) * factor + i) * width * factor + j
                if isEnlarging {
                    let from = x + narrow, to = y + wide
                    for column in 0..<width { to[column &* factor] = from[column] }
                } else {
                    let from = x + wide, to = y + narrow
                    for column in 0..<width { to[column] = from[column &* factor] }
                }
            }
        }
    }

    /// The factor 2 on blocks of 16 channels: large(c, 2y + i, 2x + j) = small(4c + 2i + j, y, x), so that the 16 channels
    /// of a small block go, four by four, to a quarter of the channels of four large pixels.
    private func moveBlocks(
        _ source: UnsafePointer<Float>, _ result: UnsafeMutablePointer<Float>, _ small: Shape,
        enlarges isEnlarging: Bool,
        _ context: OperationContext
    ) {
        let lanes = Layout.lanes, height = small[2], width = small[3]
        let x = SharedPointer(source), y = SharedPointer(result)
        // One task for each row of each block of the small image; blocks of all images lie one behind another.
        context.parallel(small[0] * (small[1] / lanes) * height) { index in
            let block = index / height, row = index % height
            let narrow = index * width * lanes
            // Where the upper left of the four pixels begins, and by how much the lower ones lie behind.
            let line = 2 * width * lanes
            let wide = ((block / 4 * height + row) * 2 * width * 2) * lanes + block % 4 * 4
            if isEnlarging {
                let from = UnsafeRawPointer(x + narrow), to = UnsafeMutableRawPointer(y + wide)
                for column in 0..<width {
                    let v = from.loadUnaligned(fromByteOffset: column &* lanes &* 4, as: SIMD16<Float>.self)
                    let (even, odd) = (v.evenHalf, v.oddHalf)
                    let upper = column &* 2 &* lanes &* 4, lower = upper &+ line &* 4
                    to.storeBytes(of: even.evenHalf, toByteOffset: upper, as: SIMD4<Float>.self)
                    to.storeBytes(of: odd.evenHalf, toByteOffset: upper &+ lanes &* 4, as: SIMD4<Float>.self)
                    to.storeBytes(of: even.oddHalf, toByteOffset: lower, as: SIMD4<Float>.self)
                    to.storeBytes(of: odd.oddHalf, toByteOffset: lower &+ lanes &* 4, as: SIMD4<Float>.self)
                }
            } else {
                let from = UnsafeRawPointer(x + wide), to = UnsafeMutableRawPointer(y + narrow)
                for column in 0..<width {
                    let upper = column &* 2 &* lanes &* 4, lower = upper &+ line &* 4
                    var even = SIMD8<Float>(), odd = SIMD8<Float>(), v = SIMD16<Float>()
                    even.evenHalf = from.loadUnaligned(fromByteOffset: upper, as: SIMD4<Float>.self)
                    odd.evenHalf = from.loadUnaligned(fromByteOffset: upper &+ lanes &* 4, as: SIMD4<Float>.self)
                    even.oddHalf = from.loadUnaligned(fromByteOffset: lower, as: SIMD4<Float>.self)
                    odd.oddHalf = from.loadUnaligned(fromByteOffset: lower &+ lanes &* 4, as: SIMD4<Float>.self)
                    (v.evenHalf, v.oddHalf) = (even, odd)
                    to.storeBytes(of: v, toByteOffset: column &* lanes &* 4, as: SIMD16<Float>.self)
                }
            }
        }
    }
}

extension Tape {
    /// Moves channels into space: y(c, f·y + i, f·x + j) = x(f²·c + f·i + j, y, x).
    /// - Parameter x: N, C·f², H, W.
    /// - Returns: N, C, H·f, W·f.
    /// - Throws: `Diagnostic` when the channels are no multiple of f².
    public func pixelShuffle(_ x: Value, factor: Int) throws(Diagnostic) -> Value {
        try record(PixelShuffle(factor: Self.checked(factor), enlarges: true), x)
    }

    /// The inverse of `pixelShuffle`.
    /// - Throws: `Diagnostic` when height or width is no multiple of the factor.
    public func pixelUnshuffle(_ x: Value, factor: Int) throws(Diagnostic) -> Value {
        try record(PixelShuffle(factor: Self.checked(factor), enlarges: false), x)
    }

    private static func checked(_ factor: Int) throws(Diagnostic) -> Int {
        guard factor >= 1, factor <= 1 << 10 else {
            throw Diagnostic(.badArgument, "pixel-shuffle: the factor \(factor) is not in 1...1024")
        }
        return factor
    }
}
