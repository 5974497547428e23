import LucencyFoundation
import LucencyKernels

/// Cross-entropy with a distribution over the classes as each pixel's target.
///
/// Inputs: logits N,C,…; labels N,…, which only say which pixels count; targets, of the logits' shape.
struct SoftCrossEntropy: PixelLoss {
    let ignored: Float?

    var name: String { "soft-cross-entropy" }
    var content: ClassSpans.Content { .logarithms }
    var extraRows: Int { 1 }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0, 1, 2]) }

    func complaint(_ inputs: [Shape]) -> String? {
        inputs[2] == inputs[0] ? nil : "needs targets of the logits' shape, found \(inputs[2]) for"
    }

    func sums(_ span: ClassSpan) -> (loss: Double, weight: Double) {
        let labels = span.labels, sum = span.extra(0)
        sum.update(repeating: 0, count: span.count)
        for number in 0..<span.classes {
            let row = span.row(number), target = span.third(number)
            for index in 0..<span.count { sum[index] += target[index] * row[index] }
        }
        var loss = 0.0, weight = 0.0
        for index in 0..<span.count where labels[index] >= 0 {
            loss -= Double(sum[index])
            weight += 1
        }
        return (loss, weight)
    }

    func differentiate(_ span: ClassSpan) {
        for number in 0..<span.classes {
            let row = span.row(number), target = span.third(number)
            lk_apply(span.family, LK_EXP, row, row, Int64(span.count), 0, 0)
            for index in 0..<span.count { row[index] -= target[index] }
        }
    }
}

extension Tape {
    /// Cross-entropy with soft targets: the mean over the pixels that count of -Σ_c s_c log p_c, p = softmax over the
    /// channels.
    ///
    /// - Parameters:
    ///   - logits: N, C, spatial.
    ///   - targets: s, of the same shape; each pixel's sum to 1, as the gradient takes for granted. No gradient flows to
    ///     them.
    ///   - labels: N, spatial; only say which pixels count. A number that is no class makes the result NaN.
    ///   - ignored: the label of pixels that do not count; if none counts, the result is 0.
    /// - Returns: a scalar, at least the mean entropy of the targets.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func softCrossEntropy(
        _ logits: Value, targets: Value, labels: Value, ignoring ignored: Float? = nil
    ) throws(Diagnostic) -> Value {
        try record(SoftCrossEntropy(ignored: ignored), logits, labels, targets)
    }
}
