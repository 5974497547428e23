import LucencyFoundation

/// The mean over pixels of Σ_c p_c cost_c: what a pixel's class, drawn from softmax, costs on average.
///
/// Inputs: logits N,C,…; labels N,…, which only say which pixels count; costs, of the logits' shape.
struct ExpectedCost: PixelLoss {
    let ignored: Float?

    var name: String { "expected-cost" }
    var content: ClassSpans.Content { .probabilities }
    var extraRows: Int { 1 }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0, 1, 2]) }

    func complaint(_ inputs: [Shape]) -> String? {
        inputs[2] == inputs[0] ? nil : "needs costs of the logits' shape, found \(inputs[2]) for"
    }

    func sums(_ span: ClassSpan) -> (loss: Double, weight: Double) {
        let labels = span.labels
        var loss = 0.0, weight = 0.0
        for number in 0..<span.classes {
            let row = span.row(number), costs = span.third(number)
            for index in 0..<span.count where labels[index] >= 0 { loss += Double(row[index]) * Double(costs[index]) }
        }
        for index in 0..<span.count where labels[index] >= 0 { weight += 1 }
        return (loss, weight)
    }

    func differentiate(_ span: ClassSpan) {
        let mean = span.extra(0)
        mean.update(repeating: 0, count: span.count)
        for number in 0..<span.classes {
            let row = span.row(number), costs = span.third(number)
            for index in 0..<span.count { mean[index] += row[index] * costs[index] }
        }
        for number in 0..<span.classes {
            let row = span.row(number), costs = span.third(number)
            for index in 0..<span.count { row[index] *= costs[index] - mean[index] }
        }
    }
}

extension Tape {
    /// The mean over the pixels that count of Σ_c p_c · cost_c, p = softmax over the channels.
    ///
    /// - Parameters:
    ///   - logits: N, C, spatial.
    ///   - costs: of the same shape. No gradient flows to them.
    ///   - labels: N, spatial; only say which pixels count. A number that is no class makes the result NaN.
    ///   - ignored: the label of pixels that do not count; if none counts, the result is 0.
    /// - Returns: a scalar.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func expectedCost(
        _ logits: Value, costs: Value, labels: Value, ignoring ignored: Float? = nil
    ) throws(Diagnostic) -> Value {
        try record(ExpectedCost(ignored: ignored), logits, labels, costs)
    }
}
