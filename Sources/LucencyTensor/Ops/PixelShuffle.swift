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
