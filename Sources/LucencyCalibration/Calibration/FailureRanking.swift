/// How well a case-level confidence ranks cases by how good they are.
public struct FailureRanking: Hashable, Codable, Sendable {
    public var aggregation: CaseAggregation
    /// Cases with a confidence and a Dice, and those left out for want of either.
    public var cases: Int
    public var leftOut: Int
    /// Cases whose Dice is below the threshold.
    public var failures: Int
    /// How probable it is that a failed case has the lower confidence of a failed and a good one (ties count half);
    /// undefined unless there are both.
    public var auroc: Score
    /// Spearman's rank correlation of confidence and Dice.
    public var spearman: Score
    /// Mean over coverages of 1 − Dice of the most confident cases, and what of it a perfect ranking would save.
    public var aurc: Score
    public var excessAURC: Score

    /// - Parameters:
    ///   - pairs: of confidence and Dice, one for each case.
    ///   - threshold: the Dice below which a case has failed.
    public init(_ aggregation: CaseAggregation, _ pairs: [(confidence: Score, dice: Score)], threshold: Double) {
        self.aggregation = aggregation
        let known = pairs.compactMap { pair in
            pair.confidence.value.flatMap { confidence in pair.dice.value.map { (confidence: confidence, dice: $0) } }
        }
        cases = known.count
        leftOut = pairs.count - known.count
        failures = known.count { $0.dice < threshold }
        let ranks = Self.ranks(known.map(\.confidence))
        let good = known.count - failures
        if failures > 0, good > 0 {
            let sum = zip(known, ranks).reduce(0.0) { $0 + ($1.0.dice < threshold ? 0 : $1.1) }
            auroc = .value((sum - Double(good) * Double(good + 1) / 2) / (Double(good) * Double(failures)))
        } else {
            auroc = .undefined
        }
        spearman = Self.correlation(ranks, Self.ranks(known.map(\.dice)))
        let risk = RiskCoverage(confidences: known.map(\.confidence), losses: known.map { 1 - $0.dice })
        (aurc, excessAURC) = (risk.aurc, risk.excess)
    }

    /// From 1; equal values share their mean rank.
    static func ranks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = Array(repeating: 0.0, count: values.count)
        var start = 0
        while start < order.count {
            var end = start
            while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
            for place in start..<end { ranks[order[place]] = Double(start + end + 1) / 2 }
            start = end
        }
        return ranks
    }

    /// Pearson's; undefined where one side does not vary.
    static func correlation(_ a: [Double], _ b: [Double]) -> Score {
        guard a.count == b.count, a.count > 1 else { return .undefined }
        let (meanA, meanB) = (a.reduce(0, +) / Double(a.count), b.reduce(0, +) / Double(b.count))
        var (ab, aa, bb) = (0.0, 0.0, 0.0)
        for (x, y) in zip(a, b) {
            ab += (x - meanA) * (y - meanB)
            aa += (x - meanA) * (x - meanA)
            bb += (y - meanB) * (y - meanB)
        }
        return aa > 0 && bb > 0 ? .value(ab / (aa * bb).squareRoot()) : .undefined
    }
}
