import LucencyFoundation
import LucencyKernels

/// Cross-entropy with a target that is the label to 1 - α and uniform over all classes to α.
struct LabelSmoothing: PixelLoss {
    let alpha: Float
    let ignored: Float?

    var name: String { "label-smoothing" }
    var content: ClassSpans.Content { .logarithms }

    func sums(_ span: ClassSpan) -> (loss: Double, weight: Double) {
        let labels = span.labels, share = Double(alpha) / Double(span.classes)
        var loss = 0.0, weight = 0.0
        for number in 0..<span.classes {
            let row = span.row(number), label = Float(number)
            for index in 0..<span.count where labels[index] >= 0 {
                loss -= Double(row[index]) * (share + (labels[index] == label ? 1 - Double(alpha) : 0))
            }
        }
        for index in 0..<span.count where labels[index] >= 0 { weight += 1 }
        return (loss, weight)
    }

    func differentiate(_ span: ClassSpan) {
        let labels = span.labels, share = alpha / Float(span.classes)
        for number in 0..<span.classes {
            let row = span.row(number), label = Float(number)
            lk_apply(span.family, LK_EXP, row, row, Int64(span.count), 0, 0)
            for index in 0..<span.count { row[index] -= labels[index] == label ? 1 - alpha + share : share }
        }
    }
}

extension Tape {
    /// Cross-entropy with smoothed labels: the mean over the pixels that count of -Σ_c q_c log p_c, with q = 1 - α + α/C for
    /// the pixel's class and α/C for the others (C. Szegedy et al., "Rethinking the Inception Architecture", CVPR 2016,
    /// section 7).
    ///
    /// - Parameters:
    ///   - logits: N, C, spatial.
    ///   - labels: N, spatial; class numbers from 0 on, as floats. A number that is no class makes the loss NaN.
    ///   - alpha: in 0...1; 0 is cross-entropy.
    ///   - ignored: the label of pixels that do not count; if none counts, the loss is 0.
    /// - Returns: a scalar.
    /// - Throws: `Diagnostic` naming the shapes that do not fit, or an α outside of 0...1.
    public func smoothedCrossEntropy(
        _ logits: Value, labels: Value, alpha: Float = 0.1, ignoring ignored: Float? = nil
    ) throws(Diagnostic) -> Value {
        guard alpha >= 0, alpha <= 1 else {
            throw Diagnostic(.badArgument, "label smoothing needs an α in 0...1, found \(alpha)")
        }
        return try record(LabelSmoothing(alpha: alpha, ignored: ignored), logits, labels)
    }
}
