import LucencyFoundation

extension CalibrationReport {
    /// The report's tables by the name of their file, in full precision.
    public func tables() throws(Diagnostic) -> [(name: String, table: Table)] {
        var tables = [
            ("summary", try summaryTable()), ("cases", try caseTable()), ("classes", try classTable()),
            ("regions", try regionTable()), ("reliability", try reliabilityTable()), ("coverage", try coverageTable()),
        ]
        if !comparisons.isEmpty { tables.append(("comparisons", try comparisonTable())) }
        if !problems.isEmpty { tables.append(("problems", try problemTable())) }
        return tables.map { (name: $0.0, table: $0.1) }
    }

    private func summaryTable() throws(Diagnostic) -> Table {
        var table = try Table(
            title: "summary", columns: [.init("run"), .init("metric")] + Self.summaryColumns())
        for run in runs {
            if let forecast = run.forecast {
                let cells: [Table.Cell] = [
                    Self.cell(forecast.ratio), Self.cell(forecast.low), Self.cell(forecast.high), .missing, .missing,
                    Self.cell(forecast.ratio), .integer(run.cases.count), 0,
                ]
                try table.append([.text(run.name), "expectedErrorsRatio"] + cells)
            }
            for metric in metrics {
                guard let summary = run.summaries[metric] else { continue }
                try table.append([.text(run.name), .text(metric.rawValue)] + Self.cells(summary))
            }
        }
        return table
    }

    private func caseTable() throws(Diagnostic) -> Table {
        var table = try Table(
            title: "cases",
            columns: [.init("run"), .init("case"), .init("pixels")]
                + metrics.map { .init($0.rawValue) })
        for run in runs {
            for item in run.cases {
                try table.append(
                    [.text(run.name), .text(item.name), .integer(item.pixels)]
                        + metrics.map { Self.cell(item.values[$0]) })
            }
        }
        return table
    }

    private func classTable() throws(Diagnostic) -> Table {
        var table = try Table(
            title: "classes",
            columns: [.init("run"), .init("class"), .init("pixels"), .init("presentCases"), .init("quantity")]
                + Self.summaryColumns())
        for run in runs {
            for row in run.classes {
                for (quantity, summary) in [
                    ("ece", row.error), ("eceOfRegion", row.regionError), ("gap", row.gap), ("dice", row.dice),
                    ("sizeRatio", row.sizeRatio),
                ] {
                    try table.append(
                        [
                            .text(run.name), .text(row.name), .integer(row.pixels), .integer(row.presentCases),
                            .text(quantity),
                        ] + Self.cells(summary))
                }
            }
        }
        return table
    }

    private func regionTable() throws(Diagnostic) -> Table {
        var table = try Table(
            title: "regions",
            columns: [.init("run"), .init("region"), .init("pixels"), .init("accuracy"), .init("quantity")]
                + Self.summaryColumns())
        for run in runs {
            for region in run.regions {
                for (quantity, summary) in [("ece", region.error), ("gap", region.gap)] {
                    try table.append(
                        [
                            .text(run.name), .text(region.name), .integer(region.pixels), Self.cell(region.accuracy),
                            .text(quantity),
                        ] + Self.cells(summary))
                }
            }
        }
        return table
    }

    private func reliabilityTable() throws(Diagnostic) -> Table {
        var table = try Table(
            title: "reliability",
            columns: [
                "run", "of", "low", "high", "pixels", "confidence", "accuracy", "accuracyLow", "accuracyHigh",
            ].map { .init($0) })
        func append(_ run: String, _ of: String, _ bins: [ReliabilityDiagram.Bin]) throws(Diagnostic) {
            for bin in bins {
                let isFilled = bin.count > 0
                try table.append([
                    .text(run), .text(of), .number(bin.low), .number(bin.high), .integer(bin.count),
                    isFilled ? .number(bin.confidence) : .missing, isFilled ? .number(bin.accuracy) : .missing,
                    Self.cell(bin.accuracyLow), Self.cell(bin.accuracyHigh),
                ])
            }
        }
        for run in runs {
            for region in run.regions { try append(run.name, region.name, region.reliability) }
            for row in run.classes { try append(run.name, "class " + row.name, row.reliability) }
        }
        return table
    }

    private func coverageTable() throws(Diagnostic) -> Table {
        var table = try Table(title: "coverage", columns: [.init("run"), .init("coverage"), .init("risk")])
        for run in runs {
            for point in run.coverage {
                try table.append([.text(run.name), .number(point.coverage), .number(point.risk)])
            }
        }
        return table
    }

    private func comparisonTable() throws(Diagnostic) -> Table {
        var table = try Table(
            title: "comparisons",
            columns: ["run", "baseline", "metric", "difference", "low", "high", "p", "cases", "lower", "higher"].map {
                .init($0)
            })
        for row in comparisons {
            try table.append([
                .text(row.run), .text(row.baseline), .text(row.metric.rawValue), .number(row.difference),
                Self.cell(row.low), Self.cell(row.high), Self.cell(row.p), .integer(row.cases), .integer(row.lower),
                .integer(row.higher),
            ])
        }
        return table
    }

    private func problemTable() throws(Diagnostic) -> Table {
        var table = try Table(title: "problems", columns: [.init("run"), .init("case"), .init("problem")])
        for problem in problems { try table.append([.text(problem.run), .text(problem.item), .text(problem.message)]) }
        return table
    }

    private static func summaryColumns() -> [Table.Column] {
        ["mean", "low", "high", "sd", "median", "pooled", "cases", "leftOut"].map { .init($0) }
    }

    private static func cells(_ summary: Summary) -> [Table.Cell] {
        [
            cell(summary.mean), cell(summary.low), cell(summary.high), cell(summary.standardDeviation),
            cell(summary.median), cell(summary.pooled), .integer(summary.cases), .integer(summary.leftOut),
        ]
    }

    private static func cell(_ value: Double?) -> Table.Cell { value.map(Table.Cell.number) ?? .missing }
}
