extension CalibrationReport {
    /// The report's figures by the name of their file, each an SVG of its own.
    public var figures: [(name: String, chart: Chart)] {
        var figures: [(name: String, chart: Chart)] = []
        for (index, run) in runs.enumerated() {
            figures.append((name: "reliability-\(index + 1)", chart: reliability(of: run)))
        }
        if let scatter { figures.append((name: "cases", chart: scatter.chart)) }
        if let coverage { figures.append((name: "risk-coverage", chart: coverage)) }
        return figures
    }

    func reliability(of run: Run) -> Chart {
        ReliabilityDiagram(title: "Reliability of \(run.name)", bins: run.reliability).chart
    }

    /// Dice against calibration error of each case; nil where no case has both.
    var scatter: ScatterChart? {
        var chart = ScatterChart(title: "Dice and calibration error of each case", xLabel: "Dice", yLabel: "ECE")
        chart.series = runs.map { run in
            ScatterChart.Series(
                run.name,
                points: run.cases.compactMap { item in
                    guard let dice = item.values[.dice], let ece = item.values[.ece] else { return nil }
                    return (dice, ece, item.name)
                })
        }
        return chart.series.contains { !$0.points.isEmpty } ? chart : nil
    }

    /// Error rate of the pixels kept; nil where there are no curves.
    var coverage: Chart? {
        var chart = LineChart(
            title: "Risk and coverage", xLabel: "share of pixels kept", yLabel: "error rate of those")
        chart.includesZero = true
        chart.lines = runs.filter { !$0.coverage.isEmpty }.map { run in
            LineChart.Line(run.name, points: Self.thinned(run.coverage).map { ($0.coverage, $0.risk) })
        }
        return chart.lines.isEmpty ? nil : chart.chart
    }

    /// At most 200 points: the last in each half percent of coverage.
    static func thinned(_ points: [CoveragePoint]) -> [CoveragePoint] {
        var result: [CoveragePoint] = []
        var last = -1
        for point in points where point.coverage.isFinite {
            let slot = Int(max(0, min(1, point.coverage)) * 200)
            if slot == last { result.removeLast() }
            result.append(point)
            last = slot
        }
        return result
    }
}
