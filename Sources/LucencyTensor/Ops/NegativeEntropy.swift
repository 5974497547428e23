import LucencyFoundation
import LucencyKernels

/// The mean over pixels of Σ_c p_c log p_c.
struct NegativeEntropy: PixelLoss {
    let ignored: Float?

    var name: String { "negative-entropy" }
    var content: ClassSpans.Content { .logarithms }
    var extraRows: Int { 2 }

    /// Σ p log p of each pixel.
    private func sum(_ span: ClassSpan) -> UnsafePointer<Float> {
        let sum = span.extra(0), probabilities = span.extra(1)
        sum.update(repeating: 0, count: span.count)
        for number in 0..<span.classes {
            let row = span.row(number)
            lk_apply(span.family, LK_EXP, row, probabilities, Int64(span.count), 0, 0)
            for index in 0..<span.count { sum[index] += row[index] * probabilities[index] }
        }
        return UnsafePointer(sum)
    }

    func sums(_ span: ClassSpan) -> (loss: Double, weight: Double) {
        let labels = span.labels, sum = sum(span)
        var loss = 0.0, weight = 0.0
        for index in 0..<span.count where labels[index] >= 0 {
            loss += Double(sum[index])
            weight += 1
        }
        return (loss, weight)
    }

    func differentiate(_ span: ClassSpan) {
        let sum = sum(span), probabilities = span.extra(1)
        for number in 0..<span.classes {
            let row = span.row(number)
            lk_apply(span.family, LK_EXP, row, probabilities, Int64(span.count), 0, 0)
            for index in 0..<span.count { row[index] = probabilities[index] * (row[index] - sum[index]) }
        }
    }
}

extension Tape {
    /// The negative entropy of softmax over the channels: the mean over the pixels that count of Σ_c p_c log p_c. Making it
    /// small makes a network less sure.
    ///
    /// - Parameters:
    ///   - logits: N, C, spatial.
    ///   - labels: N, spatial; only say which pixels count. A number that is no class makes the result NaN.
    ///   - ignored: the label of pixels that do not count; if none counts, the result is 0.
    /// - Returns: a scalar, in -log C ... 0.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func negativeEntropy(
        _ logits: Value, labels: Value, ignoring ignored: Float? = nil
    ) throws(Diagnostic) -> Value {
        try record(NegativeEntropy(ignored: ignored), logits, labels)
    }
}
