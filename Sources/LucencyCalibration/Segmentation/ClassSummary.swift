/// One metric of one class over cases. `n + infinite + undefined` is the number of cases.
public struct MetricSummary: Hashable, Codable, Sendable {
    public var metric: SegmentationMetric
    /// Cases that the mean is of.
    public var n: Int
    public var mean: Score
    /// Sample standard deviation (divided by n − 1), undefined below two cases.
    public var standardDeviation: Score
    public var median: Score
    /// Cases left out because the class is missing in one of the maps.
    public var infinite: Int
    /// Cases left out because there was nothing to measure.
    public var undefined: Int
    /// Cases among the n whose infinite distance counts as the image's diagonal.
    public var penalized: Int

    /// Cases that the mean says nothing about.
    public var leftOut: Int { infinite + undefined }

    init(_ metric: SegmentationMetric, _ scores: [Score], diagonals: [Double]?) {
        self.metric = metric
        (infinite, undefined, penalized) = (0, 0, 0)
        var values: [Double] = []
        for (index, score) in scores.enumerated() {
            switch score {
            case .value(let value): values.append(value)
            case .undefined: undefined += 1
            case .infinite:
                guard let diagonals, metric.isDistance else {
                    infinite += 1
                    continue
                }
                values.append(diagonals[index])
                penalized += 1
            }
        }
        n = values.count
        guard !values.isEmpty else {
            (mean, standardDeviation, median) = (.undefined, .undefined, .undefined)
            return
        }
        let mean = values.reduce(0, +) / Double(n)
        self.mean = Score(mean)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        standardDeviation = Score(n > 1 ? (squares / Double(n - 1)).squareRoot() : nil)
        median = Score(SurfaceDistances.quantile(values.sorted(), 0.5))
    }
}

/// One class over cases.
public struct ClassSummary: Hashable, Codable, Sendable {
    public var label: Int32
    public var name: String
    /// Cases by where the class is: in both maps, missed, invented, in neither.
    public var both, missed, falseAlarms, neither: Int
    /// In the order of `SegmentationMetric.allCases`.
    public var metrics: [MetricSummary]
    /// Pixels of all cases together.
    public var pooled: Overlap
    /// Objects of all cases together.
    public var objects: DetectionCounts

    init(label: Int32, name: String, _ rows: [ClassResult], diagonals: [Double]?) {
        self.label = label
        self.name = name
        func count(_ presence: Presence) -> Int { rows.count { $0.presence == presence } }
        (both, missed, falseAlarms, neither) = (count(.both), count(.missed), count(.falseAlarm), count(.neither))
        metrics = SegmentationMetric.allCases.map { metric in
            MetricSummary(metric, rows.map { $0[metric] }, diagonals: diagonals)
        }
        pooled = rows.reduce(into: Overlap()) { sum, row in
            sum.truePositives &+= row.overlap.truePositives
            sum.falsePositives &+= row.overlap.falsePositives
            sum.falseNegatives &+= row.overlap.falseNegatives
            sum.trueNegatives &+= row.overlap.trueNegatives
        }
        objects = rows.reduce(DetectionCounts()) { $0 + $1.objects }
    }

    /// Share of the cases with the class in which the prediction has it too.
    public var caseSensitivity: Score { .ratio(both, both + missed) }
    /// Share of the cases without the class in which the prediction has none either.
    public var caseSpecificity: Score { .ratio(neither, neither + falseAlarms) }

    public subscript(metric: SegmentationMetric) -> MetricSummary {
        metrics.first { $0.metric == metric } ?? MetricSummary(metric, [], diagonals: nil)
    }
}

/// One metric over classes.
public struct OverallScore: Hashable, Codable, Sendable {
    public var metric: SegmentationMetric
    /// Mean of the classes' means.
    public var mean: Score
    /// Classes that it is of, and those without any value.
    public var classes: Int
    public var classesLeftOut: Int
    /// Values (case × class) left out of the classes' means.
    public var infinite: Int
    public var undefined: Int
}
