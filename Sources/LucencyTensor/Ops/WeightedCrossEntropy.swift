import LucencyFoundation
import LucencyKernels

/// The sum over pixels of w · -log softmax(x)[label]: unlike a mean, the weights say all, and divide by what they want.
///
/// Inputs: logits N,C,…; labels N,…, class numbers as floats; weights N,….
struct WeightedCrossEntropy: Operation {
    /// The label of pixels that do not count.
    let ignored: Float?

    var name: String { "weighted-cross-entropy" }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0, 1, 2]) }
    var addsGradients: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0], labels = inputs[1]
        guard x.rank >= 2, labels.dimensions == [x.images] + x.spatial, inputs[2] == labels else {
            throw mismatch("needs logits N,C,…, labels N,… and weights N,…", x, labels, inputs[2])
        }
        return [.scalar]
    }

    func memory(_ signature: OperationSignature) -> OperationMemory {
        let spans = ClassSpans(signature.inputs[0])
        return OperationMemory(forwardScratch: 2 * spans.pieces, workerScratch: spans.workerScratch(extra: 1))
    }

    func forward(_ context: OperationContext) {
        let spans = ClassSpans(context.inputShapes[0])
        let sums = SharedPointer(
            UnsafeMutableRawPointer(context.scratch).bindMemory(to: Double.self, capacity: spans.pieces))
        sums.pointer.update(repeating: 0, count: spans.pieces)
        let weights = SharedPointer(context.inputs[2])
        spans.walk(context, .logarithms, ignored: ignored) { span in
            let weights = weights + (span.image &* spans.pixels &+ span.pixel)
            for index in 0..<span.count {
                guard let number = span.number(index) else { continue }
                (sums + span.piece)[0] -= number < 0 ? .nan : Double(weights[index] * span.row(number)[index])
            }
        }
        var loss = 0.0
        for piece in 0..<spans.pieces { loss += sums.pointer[piece] }
        context.outputs[0][0] = Float(loss)
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let target = context.inputGradients[0] else { return }
        let spans = ClassSpans(context.inputShapes[0]), factor = gradient[0]
        let weights = SharedPointer(context.inputs[2])
        let dx = SharedPointer(target), accumulates = context.accumulates[0]
        spans.walk(context, .logarithms, ignored: ignored) { span in
            let weights = weights + (span.image &* spans.pixels &+ span.pixel)
            let labels = span.labels, factors = span.extra(0)
            for index in 0..<span.count {
                factors[index] = span.number(index).map { $0 < 0 ? .nan : factor * weights[index] } ?? 0
            }
            for number in 0..<spans.classes {
                let row = span.row(number), label = Float(number)
                lk_apply(span.family, LK_EXP, row, row, Int64(span.count), 0, 0)
                let result = dx + ((span.image &* spans.classes &+ number) &* spans.pixels &+ span.pixel)
                for index in 0..<span.count {
                    let value = factors[index] * (row[index] - (labels[index] == label ? 1 : 0))
                    result[index] = value + (accumulates ? result[index] : 0)
                }
            }
        }
    }
}

extension Tape {
    /// Cross-entropy with a weight for each pixel: Σ w · -log p[label] over the pixels that count, p = softmax over the
    /// channels. A sum, not a mean, so that weights hold whatever it is to be divided by.
    ///
    /// - Parameters:
    ///   - logits: N, C, spatial.
    ///   - labels: N, spatial; class numbers from 0 on, as floats. A number that is no class makes the loss NaN.
    ///   - weights: N, spatial. No gradient flows to them.
    ///   - ignored: the label of pixels that do not count; if none counts, the loss is 0.
    /// - Returns: a scalar.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func weightedCrossEntropy(
        _ logits: Value, labels: Value, weights: Value, ignoring ignored: Float? = nil
    ) throws(Diagnostic) -> Value {
        try record(WeightedCrossEntropy(ignored: ignored), logits, labels, weights)
    }
}
