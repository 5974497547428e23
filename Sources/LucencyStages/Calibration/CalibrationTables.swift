import LucencyCalibration
import LucencyFoundation
import LucencyReports

/// The tables of a calibration summary. Every number stands beside its definition and the number of cases it is of.
struct CalibrationTables: Sendable {
    var failure = 0.7
    var resamples = 1000
    var seed: UInt64 = 0

    /// Summary, classes, cases, bins, ranking.
    func all(_ summary: CalibrationSummary) throws -> [Table] {
        let draws = try CaseDraws(count: summary.cases.count, Bootstrap(resamples: resamples, seed: seed))
        return [
            try regions(summary, draws), try classes(summary, draws), try cases(summary), try bins(summary),
            try ranking(summary),
        ]
    }

    private func metrics(_ summary: CalibrationSummary) -> [CalibrationMetric] {
        CalibrationMetric.allCases.filter {
            (!$0.needsPosterior || summary.conventions?.hasPosterior == true)
                && (!$0.needsClean || summary.conventions?.hasClean == true)
        }
    }

    private static let statistics: [Table.Column] = [
        "n", "mean", "sd", "median", "lower", "upper", "infinite", "undefined", "pooled",
    ].map { Table.Column($0) }

    private func cells(_ score: CalibrationScore, _ draws: CaseDraws) -> [Table.Cell] {
        let interval = score.interval(draws)
        return [
            .integer(score.n), Table.Cell(score.mean), Table.Cell(score.standardDeviation), Table.Cell(score.median),
            Table.Cell(interval?.lower), Table.Cell(interval?.upper), .integer(score.infinite),
            .integer(score.undefined), Table.Cell(score.pooled),
        ]
    }

    /// A row for each region and metric: mean over cases with its interval, and the value of all pixels together.
    private func regions(_ summary: CalibrationSummary, _ draws: CaseDraws) throws -> Table {
        let columns = ["region", "metric"].map { Table.Column($0) } + Self.statistics + [.init("definition")]
        var table = try Table(title: "calibration", columns: columns)
        let conventions = summary.conventions, metrics = metrics(summary)
        for region in conventions?.regions ?? [] {
            for (metric, score) in zip(metrics, summary.scores(metrics, in: region)) {
                try table.append(
                    [.text(region.rawValue), .text(metric.rawValue)] + cells(score, draws)
                        + [
                            .text(
                                metric.definition(bins: conventions?.bins ?? 0)
                                    + "; region: \(definition(region, conventions))")
                        ])
            }
        }
        return table
    }

    private func definition(_ region: CalibrationRegion, _ conventions: CalibrationConventions?) -> String {
        [.boundary, .interior].contains(region)
            ? "\(region.definition) (\(conventions?.boundary ?? ""))" : region.definition
    }

    /// A row for each region, class and metric of single classes, and for the sizes of each class.
    private func classes(_ summary: CalibrationSummary, _ draws: CaseDraws) throws -> Table {
        let columns = ["region", "class", "metric"].map { Table.Column($0) } + Self.statistics
        var table = try Table(title: "classes", columns: columns)
        guard let conventions = summary.conventions else { return table }
        let metrics = metrics(summary)
        for region in conventions.regions {
            for (plane, name) in conventions.classes.enumerated() {
                let scores = summary.scores(metrics, in: region, ofClass: plane)
                // One class has one expected error, whatever it is called.
                for case (let metric, let score?) in zip(metrics, scores) where metric != .cece {
                    try table.append(
                        [.text(region.rawValue), .text(name), .text(metric.rawValue)] + cells(score, draws))
                }
            }
        }
        for (plane, name) in conventions.classes.enumerated() {
            let together = summary.size(ofClass: plane), sizes = summary.cases.map { $0.sizes[plane] }
            let dice = CalibrationScore(summary.cases.map { $0.dice(plane) }, pooled: .undefined)
            for (metric, score) in [
                ("size-expected-error", CalibrationScore(sizes.map(\.expectedError), pooled: together.expectedError)),
                (
                    "size-predicted-error",
                    CalibrationScore(sizes.map(\.predictedError), pooled: together.predictedError)
                ),
                ("dice", dice),
            ] { try table.append([.text("all"), .text(name), .text(metric)] + cells(score, draws)) }
        }
        return table
    }

    /// A row for each case and region.
    private func cases(_ summary: CalibrationSummary) throws -> Table {
        let metrics = metrics(summary)
        var table = try Table(
            title: "cases",
            columns: [.init("case"), .init("region"), .init("pixels"), .init("dice")]
                + CaseAggregation.allCases.map { .init("confidence-" + $0.rawValue) }
                + metrics.map { .init($0.rawValue) })
        for result in summary.cases {
            for row in result.regions {
                try table.append(
                    [.text(result.name), .text(row.region.rawValue), .integer(row.total), Table.Cell(result.dice)]
                        + CaseAggregation.allCases.map { Table.Cell(result.confidence[$0]) }
                        + metrics.map { Table.Cell(row[$0]) })
            }
        }
        return table
    }

    /// The bins of all cases together: of the answers, of "not background", and of each class.
    private func bins(_ summary: CalibrationSummary) throws -> Table {
        var table = try Table(
            title: "bins",
            columns: ["region", "of", "bin", "above", "upTo", "pixels", "confidence", "right"].map { .init($0) })
        for region in summary.conventions?.regions ?? [] {
            guard let pooled = summary.pooled(region) else { continue }
            let rows =
                [("answer", pooled.top), ("not background", pooled.foreground)]
                + zip(summary.conventions?.classes ?? [], pooled.classes).map { ("class " + $0, $1.bins) }
            for (name, bins) in rows {
                for bin in bins.filled {
                    let limits = bins.limits(of: bin.index)
                    try table.append([
                        .text(region.rawValue), .text(name), .integer(bin.index), .number(limits.lowerBound),
                        .number(limits.upperBound), .integer(bin.count), .number(bin.confidence), .number(bin.accuracy),
                    ])
                }
            }
        }
        return table
    }

    /// How well each case-level confidence finds the cases that failed.
    private func ranking(_ summary: CalibrationSummary) throws -> Table {
        var table = try Table(
            title: "ranking",
            columns: [
                "confidence", "cases", "leftOut", "failures", "failureBelow", "auroc", "spearman", "aurc", "e-aurc",
                "definition",
            ].map { .init($0) })
        for row in summary.rankings(failureBelow: failure) {
            try table.append([
                .text(row.aggregation.rawValue), .integer(row.cases), .integer(row.leftOut), .integer(row.failures),
                .number(failure), Table.Cell(row.auroc), Table.Cell(row.spearman), Table.Cell(row.aurc),
                Table.Cell(row.excessAURC), .text(row.aggregation.definition),
            ])
        }
        return table
    }
}
