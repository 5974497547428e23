import LucencyFoundation

/// Puts a report on calibration on a page: the verdict first, then what it rests on.
struct CalibrationPage {
    let report: CalibrationReport
    let pictures: [CasePicture]
    /// Where the tables are, seen from the page; nil where there are none.
    let tables: String?

    /// Rows that tables of cases show.
    static let mostRows = 40
    /// Bytes of pictures that a page carries.
    static let mostPictureBytes = 1_000_000

    var html: String {
        var sections = [verdicts]
        if report.runs.count > 1 { sections.append(comparison) }
        sections.append(reliability)
        if report.runs.contains(where: { !$0.classes.isEmpty }) { sections.append(classes) }
        if report.runs.contains(where: { !$0.regions.isEmpty }) { sections.append(regions) }
        if report.metrics.contains(.posteriorKL) { sections.append(posterior) }
        sections.append(cases)
        if !pictures.isEmpty { sections.append(worst) }
        if let coverage = report.coverage { sections.append(review(coverage)) }
        if report.runs.contains(where: { $0.temperature != nil }) { sections.append(temperature) }
        if !report.problems.isEmpty { sections.append(problems) }
        sections += [definitions, provenance]
        return Page(
            title: report.title, header: header, sections: sections, footer: [.paragraph(CalibrationReport.notice)]
        )
        .html
    }

    var header: [Markup] {
        let count = Set(report.runs.flatMap { $0.cases.map(\.name) }).count
        let facts = [
            NumberText.plural(count, "case"), NumberText.plural(report.classes.count, "class", "classes"),
            NumberText.plural(report.runs.count, "run"),
        ]
        return [
            .tag("h1", report.title),
            .tag("p", ["class": "meta"], facts.joined(separator: " · ")),
            .tag("p", ["class": "use"], CalibrationReport.notice),
        ]
    }

    // MARK: Verdict and comparison

    var verdicts: Page.Section {
        let blocks = report.runs.map { run -> Markup in
            let verdict = CalibrationVerdict(run: run, settings: report.settings)
            let title: [Markup] = report.runs.count > 1 ? [.tag("h3", [.name(run.name)])] : []
            let compared = report.comparisons.filter { $0.run == run.name && [.ece, .dice].contains($0.metric) }
            let findings = compared.map(\.sentence) + verdict.findings
            return .tag(
                "div", ["class": "verdict"],
                title + [
                    .tag("p", ["class": "lead"], verdict.headline), facts(of: run),
                    .tag("ul", findings.map { .tag("li", $0) }),
                ])
        }
        return Page.Section(
            id: "verdict", title: "Verdict",
            body: [
                .tag("div", ["class": "verdicts"], blocks),
                .tag(
                    "p", ["class": "meta"],
                    "Unless said otherwise, numbers are about \(report.settings.regionDefinition), per case and averaged over "
                        + "cases, with \(NumberText.percent(report.settings.level)) intervals of that mean over cases."),
            ])
    }

    func facts(of run: CalibrationReport.Run) -> Markup {
        func fact(_ title: String, _ value: String, _ low: Double?, _ high: Double?, _ decimals: Int) -> Markup {
            var parts: [Markup] = [.text(value)]
            if let low, let high { parts.append(.tag("small", span(low, high, decimals))) }
            return .tag("div", [.tag("dt", title), .tag("dd", parts)])
        }
        var facts: [Markup] = []
        if let forecast = run.forecast, forecast.ratio != nil {
            facts.append(
                fact("Errors expected / made", NumberText.fixed(forecast.ratio, 2), forecast.low, forecast.high, 2))
        }
        for metric in [ReportedMetric.ece, .dice, .brier, .nll] {
            guard let summary = run.summaries[metric], summary.mean != nil else { continue }
            facts.append(fact(metric.title, NumberText.fixed(summary.mean, 3), summary.low, summary.high, 3))
        }
        return .tag("dl", ["class": "facts"], facts)
    }

    func span(_ low: Double, _ high: Double, _ decimals: Int, signed: Bool = false) -> String {
        signed
            ? "\(NumberText.signed(low, decimals)) to \(NumberText.signed(high, decimals))"
            : "\(NumberText.fixed(low, decimals))–\(NumberText.fixed(high, decimals))"
    }

    var comparison: Page.Section {
        let metrics = report.metrics.filter { !$0.needsPosterior }
        var table = PageTable(
            "Means over cases, with intervals",
            [.init(title: "Metric", isNumber: false)] + report.runs.map { .init(title: $0.name, hasInterval: true) })
        table.rows.append(
            [.text("Errors expected / made")]
                + report.runs.map { run in
                    .init(
                        .text(NumberText.fixed(run.forecast?.ratio, 3)),
                        interval: interval(run.forecast?.low, run.forecast?.high, 3))
                })
        for metric in metrics {
            let decimals = decimals(report.runs.map { $0.summaries[metric]?.mean })
            table.rows.append(
                [.text(metric.title)]
                    + report.runs.map { run in
                        value(run.summaries[metric], decimals, signed: metric == .gap)
                    })
        }
        var differences = PageTable(
            "Differences from “\(report.runs.first?.name ?? "")”, case by case",
            [
                .init(title: "Run", isNumber: false), .init(title: "Metric", isNumber: false),
                .init(title: "Difference", hasInterval: true), .init(title: "p"), .init(title: "Lower in"),
                .init(title: "Cases"),
            ])
        for row in report.comparisons {
            let decimals = decimals([row.difference, row.low, row.high])
            differences.rows.append([
                .name(row.run), .text(row.metric.title),
                .init(
                    .text(NumberText.signed(row.difference, decimals)),
                    interval: interval(row.low, row.high, decimals, signed: true)),
                .text(NumberText.pValue(row.p)), .text("\(row.lower)"), .text("\(row.cases)"),
            ])
        }
        return Page.Section(
            id: "runs", title: "Runs side by side",
            body: [
                table.markup,
                .paragraph(
                    "Runs are compared on the cases that both have. The p value is that of a two-sided permutation test over "
                        + "cases; several comparisons are shown, so single small p values are weak evidence."),
                differences.markup,
            ])
    }

    /// Three decimals, or four where all values are small.
    func decimals(_ values: [Double?]) -> Int {
        let known = values.compactMap { $0 }.filter(\.isFinite)
        return known.isEmpty || known.contains { abs($0) >= 0.01 } ? 3 : 4
    }

    func value(_ summary: CalibrationReport.Summary?, _ decimals: Int, signed: Bool = false) -> PageTable.Cell {
        .init(
            .text(signed ? NumberText.signed(summary?.mean, decimals) : NumberText.fixed(summary?.mean, decimals)),
            interval: interval(summary?.low, summary?.high, decimals, signed: signed))
    }

    func interval(_ low: Double?, _ high: Double?, _ decimals: Int, signed: Bool = false) -> String? {
        guard let low, let high else { return nil }
        return span(low, high, decimals, signed: signed)
    }
}

extension CalibrationReport {
    /// The page: one HTML file without anything from outside.
    /// - Parameters:
    ///   - pictures: cases to show, worst first.
    ///   - tables: the folder of the CSV files, seen from the page; nil where there are none.
    public func page(pictures: [CasePicture] = [], tables: String? = nil) -> String {
        CalibrationPage(report: self, pictures: pictures, tables: tables).html
    }
}
