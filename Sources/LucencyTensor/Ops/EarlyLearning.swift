import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The mean over pixels of log(1 - s), s = Σ_c t'_c p_c: how far a pixel's probabilities agree with its own past ones.
///
/// Inputs: logits N,C,…; labels N,…, which only say which pixels count; targets t of the logits' shape. Inside,
/// t' = β t + (1 - β) p / Σ p, through which no gradient flows, and p is clamped.
struct EarlyLearning: PixelLoss {
    /// β
    let momentum: Float
    /// Whether the first input holds probabilities instead of logits.
    let isOfProbabilities: Bool
    let ignored: Float?

    /// Probabilities are held at least so far from 0 and 1.
    private static let margin = 1e-4

    var name: String { "early-learning" }
    var content: ClassSpans.Content { isOfProbabilities ? .logits : .probabilities }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0, 1, 2]) }

    func complaint(_ inputs: [Shape]) -> String? {
        inputs[2] == inputs[0] ? nil : "needs targets of the logits' shape, found \(inputs[2]) for"
    }

    @inline(__always)
    private func clamped(_ value: Float) -> Double { min(max(Double(value), Self.margin), 1 - Self.margin) }

    /// t' of a class.
    @inline(__always)
    private func target(_ span: ClassSpan, _ number: Int, _ index: Int, total: Double) -> Double {
        let beta = Double(momentum)
        return beta * Double(span.third(number)[index]) + (1 - beta) * clamped(span.row(number)[index]) / total
    }

    /// Σ of the clamped probabilities, and 1 - s. In double precision, because what is left of 1 may be a ten-thousandth.
    @inline(__always)
    private func agreement(_ span: ClassSpan, _ index: Int) -> (total: Double, rest: Double) {
        var total = 0.0, sum = 0.0
        for number in 0..<span.classes { total += clamped(span.row(number)[index]) }
        for number in 0..<span.classes {
            sum += target(span, number, index, total: total) * clamped(span.row(number)[index])
        }
        // Targets that sum to more than 1 are no distribution; they must not make it infinite.
        return (total, max(1 - sum, Self.margin))
    }

    func sums(_ span: ClassSpan) -> (loss: Double, weight: Double) {
        var loss = 0.0, weight = 0.0
        for index in 0..<span.count where span.labels[index] >= 0 {
            loss += log(agreement(span, index).rest)
            weight += 1
        }
        return (loss, weight)
    }

    func differentiate(_ span: ClassSpan) {
        for index in 0..<span.count {
            let (total, rest) = agreement(span, index)
            // Where a probability is clamped, nothing changes with it.
            func slope(_ number: Int) -> Double {
                let value = Double(span.row(number)[index])
                guard value >= Self.margin, value <= 1 - Self.margin else { return 0 }
                return -target(span, number, index, total: total) / rest
            }
            if isOfProbabilities {
                for number in 0..<span.classes { span.row(number)[index] = Float(slope(number)) }
                continue
            }
            var mean = 0.0
            for number in 0..<span.classes { mean += Double(span.row(number)[index]) * slope(number) }
            for number in 0..<span.classes {
                span.row(number)[index] = Float(Double(span.row(number)[index]) * (slope(number) - mean))
            }
        }
    }
}

extension Tape {
    /// The term of early-learning regularisation: the mean over the pixels that count of log(1 - Σ_c t'_c p_c) with
    /// t' = β t + (1 - β) p, p = softmax over the channels (S. Liu et al., "Early-Learning Regularization Prevents
    /// Memorization of Noisy Labels", NeurIPS 2020, equations 6 and 9). Making it small rewards agreement with t.
    ///
    /// As in the authors' program p is clamped to 1e-4 ... 1 - 1e-4, and made to sum to 1 again within t' only.
    ///
    /// - Parameters:
    ///   - logits: N, C, spatial.
    ///   - targets: t, of the same shape: averages of earlier probabilities, each pixel's sum at most 1. No gradient flows to
    ///     them, nor through t'.
    ///   - labels: N, spatial; only say which pixels count. A number that is no class makes the result NaN.
    ///   - momentum: β, in 0...1; with 1 the targets stay as they are.
    ///   - isOfProbabilities: whether `logits` are p already.
    ///   - ignored: the label of pixels that do not count; if none counts, the result is 0.
    /// - Returns: a scalar, in log 1e-4 ... 0.
    /// - Throws: `Diagnostic` naming the shapes that do not fit, or a momentum out of range.
    public func earlyLearning(
        _ logits: Value, targets: Value, labels: Value, momentum: Float, isOfProbabilities: Bool = false,
        ignoring ignored: Float? = nil
    ) throws(Diagnostic) -> Value {
        guard momentum >= 0, momentum <= 1 else {
            throw Diagnostic(.badArgument, "early-learning: the momentum must be in 0...1, found \(momentum)")
        }
        return try record(
            EarlyLearning(momentum: momentum, isOfProbabilities: isOfProbabilities, ignored: ignored), logits, labels,
            targets)
    }
}
