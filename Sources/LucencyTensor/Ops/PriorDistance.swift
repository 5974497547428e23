import LucencyFoundation

/// The mean over pixels and classes of the distance between logits, or probabilities, and given numbers.
///
/// Inputs: logits N,C,…; labels N,…, which only say which pixels count; the numbers, of the logits' shape.
struct PriorDistance: PixelLoss {
    let form: PriorDistanceForm
    let isOfProbabilities: Bool
    let ignored: Float?

    var name: String { "prior-distance" }
    var content: ClassSpans.Content { isOfProbabilities ? .probabilities : .logits }
    var extraRows: Int { 1 }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0, 1, 2]) }

    func complaint(_ inputs: [Shape]) -> String? {
        inputs[2] == inputs[0] ? nil : "needs a prior of the logits' shape, found \(inputs[2]) for"
    }

    func sums(_ span: ClassSpan) -> (loss: Double, weight: Double) {
        let labels = span.labels, sum = span.extra(0)
        sum.update(repeating: 0, count: span.count)
        for number in 0..<span.classes {
            let row = span.row(number), prior = span.third(number)
            switch form {
            case .absolute: for index in 0..<span.count { sum[index] += abs(row[index] - prior[index]) }
            case .squared:
                for index in 0..<span.count {
                    let difference = row[index] - prior[index]
                    sum[index] += difference * difference
                }
            }
        }
        var loss = 0.0, weight = 0.0
        for index in 0..<span.count where labels[index] >= 0 {
            loss += Double(sum[index])
            weight += 1
        }
        return (loss / Double(span.classes), weight)
    }

    func differentiate(_ span: ClassSpan) {
        let share = 1 / Float(span.classes), mean = span.extra(0)
        if isOfProbabilities {
            // Through softmax: p (g - Σ p g), g the slope in p.
            mean.update(repeating: 0, count: span.count)
            for number in 0..<span.classes {
                let row = span.row(number), prior = span.third(number)
                for index in 0..<span.count { mean[index] += row[index] * share * slope(row[index] - prior[index]) }
            }
        }
        for number in 0..<span.classes {
            let row = span.row(number), prior = span.third(number)
            if isOfProbabilities {
                for index in 0..<span.count {
                    row[index] *= share * slope(row[index] - prior[index]) - mean[index]
                }
            } else {
                for index in 0..<span.count { row[index] = share * slope(row[index] - prior[index]) }
            }
        }
    }

    @inline(__always)
    private func slope(_ difference: Float) -> Float {
        switch form {
        case .absolute: difference > 0 ? 1 : difference < 0 ? -1 : 0
        case .squared: 2 * difference
        }
    }
}

/// How a difference from a prior counts.
public enum PriorDistanceForm: String, Codable, Hashable, Sendable, CaseIterable {
    /// By its size; the slope is 0 where there is no difference.
    case absolute = "l1"
    /// Squared.
    case squared = "l2"
}

extension Tape {
    /// The mean over the pixels that count, and over classes, of |z_c - τ_c| or its square, with z the logits themselves or
    /// their softmax.
    ///
    /// - Parameters:
    ///   - logits: N, C, spatial.
    ///   - prior: τ, of the same shape. No gradient flows to it.
    ///   - labels: N, spatial; only say which pixels count. A number that is no class makes the result NaN.
    ///   - isOfProbabilities: whether z is softmax over the channels.
    ///   - ignored: the label of pixels that do not count; if none counts, the result is 0.
    /// - Returns: a scalar.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func priorDistance(
        _ logits: Value, prior: Value, labels: Value, form: PriorDistanceForm = .absolute,
        isOfProbabilities: Bool = false, ignoring ignored: Float? = nil
    ) throws(Diagnostic) -> Value {
        try record(
            PriorDistance(form: form, isOfProbabilities: isOfProbabilities, ignored: ignored), logits, labels, prior)
    }
}
