import LucencyFoundation
import LucencyKernels

/// The mean over pixels of -log softmax(x)[label], each weighted by its label's class.
///
/// Inputs: logits N,C,…; labels N,…, class numbers as floats.
struct CrossEntropy: Operation {
    /// One for each class, or none.
    let weights: [Float]
    /// The label of pixels that do not count.
    let ignored: Float?

    var name: String { "cross-entropy" }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0, 1]) }
    var addsGradients: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0], labels = inputs[1]
        guard x.rank >= 2, labels.dimensions == [x.images] + x.spatial else {
            throw mismatch("needs logits N,C,… and labels N,…", x, labels)
        }
        guard weights.isEmpty || weights.count == x.channels else {
            throw mismatch("\(weights.count) weights are not one for each class", x)
        }
        return [.scalar]
    }

    /// Pixels whose probabilities are worked out at once.
    private static let span = 64

    func memory(_ signature: OperationSignature) -> OperationMemory {
        let spans = ClassSpans(signature.inputs[0])
        // The sum of weights is kept, as a double.
        return OperationMemory(
            saved: 2, forwardScratch: 4 * spans.pieces, workerScratch: spans.workerScratch(extra: 1))
    }

    func forward(_ context: OperationContext) {
        let spans = ClassSpans(context.inputShapes[0]), pieces = spans.pieces
        let sums = SharedPointer(
            UnsafeMutableRawPointer(context.scratch).bindMemory(to: Double.self, capacity: 2 * pieces))
        sums.pointer.update(repeating: 0, count: 2 * pieces)
        spans.walk(context, .logarithms, ignored: ignored) { span in
            let sums = sums + 2 * span.piece
            for index in 0..<span.count {
                guard let number = span.number(index) else { continue }
                guard number >= 0 else {
                    sums[0] = .nan
                    continue
                }
                let weight = weights.isEmpty ? 1 : Double(weights[number])
                sums[0] -= weight * Double(span.row(number)[index])
                sums[1] += weight
            }
        }
        var loss = 0.0, weight = 0.0
        for piece in 0..<pieces {
            loss += sums.pointer[2 * piece]
            weight += sums.pointer[2 * piece + 1]
        }
        context.outputs[0][0] = weight > 0 ? Float(loss / weight) : loss.isNaN ? .nan : 0
        if context.signature.isTraining {
            UnsafeMutableRawPointer(context.saved).storeBytes(of: weight, as: Double.self)
        }
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let target = context.inputGradients[0] else { return }
        let spans = ClassSpans(context.inputShapes[0])
        let weight = UnsafeRawPointer(context.saved).load(as: Double.self)
        let factor = weight > 0 ? Double(gradient[0]) / weight : 0
        let dx = SharedPointer(target), accumulates = context.accumulates[0]
        spans.walk(context, .logarithms, ignored: ignored) { span in
            let labels = span.labels, factors = span.extra(0)
            for index in 0..<span.count {
                factors[index] =
                    span.number(index).map {
                        $0 < 0 ? .nan : Float(factor * (weights.isEmpty ? 1 : Double(weights[$0])))
                    } ?? 0
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
    /// The cross-entropy between softmax over the channels and labels: the mean of -log p[label] over the pixels that count,
    /// weighted by class as in PyTorch (divided by the sum of the weights). Logits of any size do not overflow.
    ///
    /// - Parameters:
    ///   - logits: N, C, spatial.
    ///   - labels: N, spatial; class numbers from 0 on, as floats. A number that is no class makes the loss NaN.
    ///   - weights: one for each class, or none for equal weights.
    ///   - ignored: the label of pixels that do not count; if none counts, the loss is 0.
    /// - Returns: a scalar.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func crossEntropy(
        _ logits: Value, labels: Value, weights: [Float] = [], ignoring ignored: Float? = nil
    ) throws(Diagnostic) -> Value {
        try record(CrossEntropy(weights: weights, ignored: ignored), logits, labels)
    }
}
