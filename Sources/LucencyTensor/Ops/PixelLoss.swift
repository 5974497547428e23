import LucencyFoundation

/// A loss that is a mean over pixels of something that a pixel's logits and label determine: Σ loss / Σ weight over the
/// pixels that count, 0 where none does. A label that is no class makes it NaN.
///
/// Inputs: logits N,C,…; labels N,…, class numbers as floats; further ones as the loss says. Implementations see 64 pixels
/// at a time and know nothing of threads. Pixels that do not count are cared for here.
protocol PixelLoss: Operation {
    /// The label of pixels that do not count.
    var ignored: Float? { get }
    /// What spans hold.
    var content: ClassSpans.Content { get }
    /// Rows of working memory that it needs besides.
    var extraRows: Int { get }

    /// What else is wrong with the inputs' shapes, in words.
    func complaint(_ inputs: [Shape]) -> String?

    /// Σ loss and Σ weight of a span's pixels. Pixels that do not count, or whose label is no class, add nothing.
    func sums(_ span: ClassSpan) -> (loss: Double, weight: Double)

    /// Replaces the span's values by the gradient of Σ loss in the logits. It does not matter what it writes for pixels that
    /// do not count.
    func differentiate(_ span: ClassSpan)
}

extension PixelLoss {
    var extraRows: Int { 0 }
    var addsGradients: Bool { true }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0, 1]) }
    func complaint(_ inputs: [Shape]) -> String? { nil }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        let x = inputs[0], labels = inputs[1]
        guard x.rank >= 2, labels.dimensions == [x.images] + x.spatial else {
            throw mismatch("needs logits N,C,… and labels N,…", x, labels)
        }
        if let complaint = complaint(inputs) { throw mismatch(complaint, x) }
        return [.scalar]
    }

    func memory(_ signature: OperationSignature) -> OperationMemory {
        let spans = ClassSpans(signature.inputs[0])
        // The sum of weights is kept, as a double.
        return OperationMemory(
            saved: 2, forwardScratch: 4 * spans.pieces, workerScratch: spans.workerScratch(extra: extraRows))
    }

    func forward(_ context: OperationContext) {
        let spans = ClassSpans(context.inputShapes[0])
        let partials = SharedPointer(
            UnsafeMutableRawPointer(context.scratch).bindMemory(to: Double.self, capacity: 2 * spans.pieces))
        partials.pointer.update(repeating: 0, count: 2 * spans.pieces)
        spans.walk(context, content, ignored: ignored) { span in
            let partial = partials + 2 * span.piece
            let sums = sums(span)
            partial[0] += sums.loss
            partial[1] += sums.weight
            for index in 0..<span.count where span.labels[index].isNaN { partial[0] = .nan }
        }
        var loss = 0.0, weight = 0.0
        for piece in 0..<spans.pieces {
            loss += partials.pointer[2 * piece]
            weight += partials.pointer[2 * piece + 1]
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
        let factor = weight > 0 ? Float(Double(gradient[0]) / weight) : 0
        let dx = SharedPointer(target), accumulates = context.accumulates[0]
        spans.walk(context, content, ignored: ignored) { span in
            differentiate(span)
            let labels = span.labels
            for number in 0..<spans.classes {
                let row = span.row(number)
                let result = dx + ((span.image &* spans.classes &+ number) &* spans.pixels &+ span.pixel)
                for index in 0..<span.count {
                    let label = labels[index]
                    let value = label >= 0 ? factor * row[index] : label == -1 ? 0 : .nan
                    result[index] = value + (accumulates ? result[index] : 0)
                }
            }
        }
    }
}
