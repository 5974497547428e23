import LucencyFoundation

/// The mean over pixels and classes of what the gap between a pixel's largest logit and each of its logits exceeds a margin
/// by.
struct MarginPenalty: PixelLoss {
    let margin: Float
    let form: MarginForm
    let ignored: Float?

    var name: String { "margin-penalty" }
    var content: ClassSpans.Content { .logits }
    // The largest logit, and the slope in it.
    var extraRows: Int { 2 }

    private func largest(_ span: ClassSpan) -> UnsafePointer<Float> {
        let largest = span.extra(0)
        largest.update(from: span.row(0), count: span.count)
        for number in 1..<max(1, span.classes) {
            let row = span.row(number)
            for index in 0..<span.count { largest[index] = max(largest[index], row[index]) }
        }
        return UnsafePointer(largest)
    }

    func sums(_ span: ClassSpan) -> (loss: Double, weight: Double) {
        let labels = span.labels, largest = largest(span)
        var loss = 0.0, weight = 0.0
        for number in 0..<span.classes {
            let row = span.row(number)
            for index in 0..<span.count where labels[index] >= 0 {
                let excess = Double(largest[index]) - Double(row[index]) - Double(margin)
                switch form {
                case .linear: loss += max(0, excess)
                case .squared: loss += max(0, excess) * max(0, excess)
                case .unhinged: loss += excess * excess
                }
            }
        }
        for index in 0..<span.count where labels[index] >= 0 { weight += 1 }
        return (loss / Double(span.classes), weight)
    }

    func differentiate(_ span: ClassSpan) {
        let largest = largest(span), total = span.extra(1), share = 1 / Float(span.classes)
        total.update(repeating: 0, count: span.count)
        for number in 0..<span.classes {
            let row = span.row(number)
            for index in 0..<span.count { total[index] += share * slope(largest[index] - row[index] - margin) }
        }
        for number in 0..<span.classes {
            let row = span.row(number)
            for index in 0..<span.count {
                // The first of several largest logits is the one whose slope is the sum.
                let sum = row[index] == largest[index] ? total[index] : 0
                total[index] = row[index] == largest[index] ? 0 : total[index]
                row[index] = sum - share * slope(largest[index] - row[index] - margin)
            }
        }
    }

    @inline(__always)
    private func slope(_ excess: Float) -> Float {
        switch form {
        case .linear: excess > 0 ? 1 : 0
        case .squared: 2 * max(0, excess)
        case .unhinged: 2 * excess
        }
    }
}

/// How an excess over the margin counts.
public enum MarginForm: String, Codable, Hashable, Sendable, CaseIterable {
    /// By itself, as published.
    case linear
    /// Squared.
    case squared
    /// Squared without a hinge, which also costs gaps below the margin: what the authors' program computes for squares.
    case unhinged
}

extension Tape {
    /// The mean over the pixels that count, and over classes, of max(0, max_j z_j - z_c - m) (B. Liu et al., "The Devil is in
    /// the Margin", CVPR 2022, equation 7), or of its square.
    ///
    /// - Parameters:
    ///   - logits: N, C, spatial.
    ///   - labels: N, spatial; only say which pixels count. A number that is no class makes the result NaN.
    ///   - margin: m, not negative.
    ///   - ignored: the label of pixels that do not count; if none counts, the result is 0.
    /// - Returns: a scalar.
    /// - Throws: `Diagnostic` naming the shapes that do not fit, or a margin that is negative or not finite.
    public func marginPenalty(
        _ logits: Value, labels: Value, margin: Float, form: MarginForm = .linear, ignoring ignored: Float? = nil
    ) throws(Diagnostic) -> Value {
        guard margin >= 0, margin.isFinite else {
            throw Diagnostic(.badArgument, "a margin must not be negative, found \(margin)")
        }
        return try record(MarginPenalty(margin: margin, form: form, ignored: ignored), logits, labels)
    }
}
