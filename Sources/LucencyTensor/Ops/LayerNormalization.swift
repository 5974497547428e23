import LucencyFoundation

/// Brings the last dimension of each token to mean 0 and variance 1, then scales and shifts it (Ba et al. 2016).
///
/// Inputs: x [..., C], scale [C], shift [C]. Statistics are summed in float64.
struct LayerNormalization: Operation {
    let epsilon: Float

    var name: String { "layer-normalization" }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0, 1]) }
    var isCheap: Bool { true }
    var addsGradients: Bool { true }

    /// Rows that are done together; sums over rows are formed by such pieces.
    private static let piece = 64

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0]
        guard let width = x.dimensions.last, width > 1 else {
            throw mismatch("needs more than one number per token", x)
        }
        for parameter in inputs.dropFirst() where parameter.dimensions != [width] {
            throw mismatch("needs one number per channel", x, parameter)
        }
        return [x]
    }

    private func sizes(_ shape: Shape) -> (rows: Int, width: Int, pieces: Int) {
        let width = shape[shape.rank - 1], rows = shape.count / width
        return (rows, width, (rows + Self.piece - 1) / Self.piece)
    }

    func memory(_ signature: OperationSignature) -> OperationMemory {
        let sizes = sizes(signature.inputs[0])
        // Mean and 1/√(variance + ε) of each token; two sums per piece and channel, in float64.
        return OperationMemory(saved: 2 * sizes.rows, backwardScratch: 4 * sizes.pieces * sizes.width)
    }

    func forward(_ context: OperationContext) {
        let (rows, width, pieces) = sizes(context.inputShapes[0])
        let x = SharedPointer(context.inputs[0]), y = SharedPointer(context.outputs[0])
        let scale = SharedPointer(context.inputs[1]), shift = SharedPointer(context.inputs[2])
        let saved = context.signature.isTraining ? SharedPointer(context.saved) : nil
        context.parallel(pieces) { piece in
            let scale = scale.pointer, shift = shift.pointer
            for row in piece * Self.piece..<min(rows, (piece + 1) * Self.piece) {
                let from = x + row * width, to = y + row * width
                var sum = 0.0, squares = 0.0
                for index in 0..<width { sum += Double(from[index]) }
                let mean = sum / Double(width)
                for index in 0..<width {
                    let difference = Double(from[index]) - mean
                    squares += difference * difference
                }
                let inverse = Float(1 / (squares / Double(width) + Double(epsilon)).squareRoot())
                let centre = Float(mean)
                for index in 0..<width { to[index] = (from[index] - centre) * inverse * scale[index] + shift[index] }
                if let saved {
                    saved.pointer[2 &* row] = centre
                    saved.pointer[2 &* row &+ 1] = inverse
                }
            }
        }
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0] else { return }
        let (rows, width, pieces) = sizes(context.inputShapes[0])
        let x = SharedPointer(context.inputs[0]), dy = SharedPointer(gradient)
        let scale = SharedPointer(context.inputs[1]), saved = SharedPointer(context.saved)
        let dx = context.inputGradients[0].map { SharedPointer($0) }, adds = context.accumulates[0]
        let partials = SharedPointer(
            UnsafeMutableRawPointer(context.scratch).bindMemory(to: Double.self, capacity: 2 * pieces * width))
        context.parallel(pieces) { piece in
            let scale = scale.pointer
            let moments = partials + piece * 2 * width, sums = moments + width
            moments.update(repeating: 0, count: 2 * width)
            for row in piece * Self.piece..<min(rows, (piece + 1) * Self.piece) {
                let from = x + row * width, dy = dy + row * width
                let mean = saved.pointer[2 &* row], inverse = saved.pointer[2 &* row &+ 1]
                var sum = 0.0, moment = 0.0
                for index in 0..<width {
                    let normal = Double((from[index] - mean) * inverse), g = Double(dy[index])
                    moments[index] += g * normal
                    sums[index] += g
                    sum += g * Double(scale[index])
                    moment += g * Double(scale[index]) * normal
                }
                guard let dx else { continue }
                // dx = (g · scale - mean(g · scale) - normal · mean(g · scale · normal)) / σ
                let to = dx + row * width, a = Float(sum / Double(width)), b = Float(moment / Double(width))
                for index in 0..<width {
                    let normal = (from[index] - mean) * inverse
                    let value = (dy[index] * scale[index] - a - normal * b) * inverse
                    to[index] = adds ? to[index] + value : value
                }
            }
        }
        for (position, offset) in [(1, 0), (2, width)] {
            guard let target = context.inputGradients[position] else { continue }
            for index in 0..<width {
                var sum = 0.0
                for piece in 0..<pieces { sum += partials.pointer[piece * 2 * width + offset + index] }
                target[index] = Float(sum) + (context.accumulates[position] ? target[index] : 0)
            }
        }
    }
}

extension Tape {
    /// Layer normalization of tokens: over the last dimension of x [..., C], with a scale and a shift per channel.
    ///
    /// For N, C and space, where the mean is over channels and pixels, see `groupNormalization` with one group.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func layerNormalization(
        _ x: Value, scale: Value, shift: Value, epsilon: Float = 1e-5
    ) throws(Diagnostic) -> Value {
        try record(LayerNormalization(epsilon: epsilon), x, scale, shift)
    }
}
