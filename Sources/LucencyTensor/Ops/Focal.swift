import LucencyFoundation
import LucencyKernels

/// The mean over pixels of -(1 - p)^γ log p, p the probability of the pixel's class; each weighted by its class.
struct Focal: PixelLoss {
    let gamma: Float
    /// One for each class, or none.
    let weights: [Float]
    let ignored: Float?

    var name: String { "focal" }
    var content: ClassSpans.Content { .logarithms }
    // log p, 1 - p, and (1 - p) to a power, of the pixel's class.
    var extraRows: Int { 3 }

    func complaint(_ inputs: [Shape]) -> String? {
        weights.isEmpty || weights.count == inputs[0].channels
            ? nil : "\(weights.count) weights are not one for each class"
    }

    /// Turns the span's logarithms into probabilities, and fills the further rows.
    private func prepare(_ span: ClassSpan, exponent: Float) {
        let family = span.family, count = span.count, labels = span.labels
        let logarithm = span.extra(0), rest = span.extra(1), power = span.extra(2)
        rest.update(repeating: 0, count: count)
        logarithm.update(repeating: 0, count: count)
        for number in 0..<span.classes {
            let row = span.row(number), label = Float(number)
            for index in 0..<count { logarithm[index] = labels[index] == label ? row[index] : logarithm[index] }
            lk_apply(family, LK_EXP, row, row, Int64(count), 0, 0)
            // The sum over the other classes keeps the digits that 1 - p would lose.
            for index in 0..<count { rest[index] += labels[index] == label ? 0 : row[index] }
        }
        switch exponent {
        case 0: power.update(repeating: 1, count: count)
        case 1: power.update(from: rest, count: count)
        case 2: for index in 0..<count { power[index] = rest[index] * rest[index] }
        case 3: for index in 0..<count { power[index] = rest[index] * rest[index] * rest[index] }
        default:
            // Below γ = 1 the slope grows without bound as p nears 1, so 1 - p is taken as at least 1e-12.
            for index in 0..<count { power[index] = max(rest[index], 1e-12) }
            lk_apply(family, LK_LOG, power, power, Int64(count), 0, 0)
            for index in 0..<count { power[index] *= exponent }
            lk_apply(family, LK_EXP, power, power, Int64(count), 0, 0)
        }
    }

    func sums(_ span: ClassSpan) -> (loss: Double, weight: Double) {
        prepare(span, exponent: gamma)
        let logarithm = span.extra(0), power = span.extra(2)
        var loss = 0.0, total = 0.0
        for index in 0..<span.count {
            guard let number = span.number(index), number >= 0 else { continue }
            let weight = weights.isEmpty ? 1 : Double(weights[number])
            loss -= weight * Double(power[index]) * Double(logarithm[index])
            total += weight
        }
        return (loss, total)
    }

    func differentiate(_ span: ClassSpan) {
        // a = γ (1-p)^(γ-1) p log p - (1-p)^γ, and the slope in the logit of class k is a (1[k is the class] - p_k).
        prepare(span, exponent: gamma == 0 ? 0 : gamma - 1)
        let labels = span.labels, logarithm = span.extra(0), rest = span.extra(1), power = span.extra(2)
        for index in 0..<span.count {
            guard let number = span.number(index), number >= 0 else { continue }
            let weight = weights.isEmpty ? 1 : weights[number]
            let probability = span.row(number)[index]
            let slope = gamma == 0 ? -1 : power[index] * (gamma * probability * logarithm[index] - rest[index])
            power[index] = weight * slope
        }
        for number in 0..<span.classes {
            let row = span.row(number), label = Float(number)
            for index in 0..<span.count {
                row[index] = power[index] * (labels[index] == label ? rest[index] : -row[index])
            }
        }
    }
}

extension Tape {
    /// The focal loss: the mean of -(1 - p)^γ log p over the pixels that count, p = softmax over the channels at the pixel's
    /// class, weighted by class and divided by the sum of the weights, as `crossEntropy`, which it is for γ = 0. The factor
    /// is differentiated too.
    ///
    /// T.-Y. Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, equation 4; there γ = 2, in the literature on
    /// calibration 3.
    ///
    /// - Parameters:
    ///   - logits: N, C, spatial.
    ///   - labels: N, spatial; class numbers from 0 on, as floats. A number that is no class makes the loss NaN.
    ///   - gamma: how much less well-classified pixels count; not negative.
    ///   - weights: one for each class, or none for equal weights.
    ///   - ignored: the label of pixels that do not count; if none counts, the loss is 0.
    /// - Returns: a scalar.
    /// - Throws: `Diagnostic` naming the shapes that do not fit, or a γ that is negative or not finite.
    public func focal(
        _ logits: Value, labels: Value, gamma: Float = 2, weights: [Float] = [], ignoring ignored: Float? = nil
    ) throws(Diagnostic) -> Value {
        guard gamma >= 0, gamma.isFinite else {
            throw Diagnostic(.badArgument, "the focal loss needs a γ that is not negative, found \(gamma)")
        }
        return try record(Focal(gamma: gamma, weights: weights, ignored: ignored), logits, labels)
    }
}
