extension CalibrationReport {
    /// The report's figures by the name of their file, each an SVG of its own.
    public var figures: [(name: String, chart: Chart)] {
        var figures: [(name: String, chart: Chart)] = []
        for (index, run) in runs.enumerated() {
            for region in diagrams(of: run) {
                let chart = reliability(of: run, in: region)
                figures.append((name: "reliability-\(index + 1)-\(region.name)", chart: chart))
            }
        }
        if let scatter { figures.append((name: "cases", chart: scatter.chart)) }
        if let coverage { figures.append((name: "risk-coverage", chart: coverage)) }
        return figures
    }

    /// The regions that a diagram is drawn of: all pixels, and the headline region.
    func diagrams(of run: Run) -> [Region] {
        let all = run.regions.filter { $0.name == "all" }
        return all + run.regions.filter { $0.name == settings.region && $0.name != "all" }
    }

    func reliability(of run: Run, in region: Region) -> Chart {
        ReliabilityDiagram(title: "Reliability of \(run.name), \(region.name)", bins: region.reliability).chart
    }

    /// The reliability of every run over all pixels, side by side.
    public var reliabilityOfRuns: Chart {
        let charts = runs.compactMap { run in diagrams(of: run).first.map { reliability(of: run, in: $0) } }
        return Chart.row(charts, title: "Reliability")
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
