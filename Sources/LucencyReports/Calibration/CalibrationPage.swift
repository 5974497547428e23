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

    private var header: [Markup] {
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

    private var verdicts: Page.Section {
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

    private func facts(of run: CalibrationReport.Run) -> Markup {
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

    private func span(_ low: Double, _ high: Double, _ decimals: Int, signed: Bool = false) -> String {
        signed
            ? "\(NumberText.signed(low, decimals)) to \(NumberText.signed(high, decimals))"
            : "\(NumberText.fixed(low, decimals))–\(NumberText.fixed(high, decimals))"
    }

    private var comparison: Page.Section {
        let metrics = ReportedMetric.allCases.filter { metric in report.runs.contains { $0.summaries[metric] != nil }
        }
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
    private func decimals(_ values: [Double?]) -> Int {
        let known = values.compactMap { $0 }.filter(\.isFinite)
        return known.isEmpty || known.contains { abs($0) >= 0.01 } ? 3 : 4
    }

    private func value(_ summary: CalibrationReport.Summary?, _ decimals: Int, signed: Bool = false) -> PageTable.Cell {
        .init(
            .text(signed ? NumberText.signed(summary?.mean, decimals) : NumberText.fixed(summary?.mean, decimals)),
            interval: interval(summary?.low, summary?.high, decimals, signed: signed))
    }

    private func interval(_ low: Double?, _ high: Double?, _ decimals: Int, signed: Bool = false) -> String? {
        guard let low, let high else { return nil }
        return span(low, high, decimals, signed: signed)
    }

    // MARK: Figures

    private var reliability: Page.Section {
        var figures: [Markup] = [], tables: [Markup] = []
        for (index, run) in report.runs.enumerated() {
            for (place, region) in report.diagrams(of: run).enumerated() {
                let name = region.name == "all" ? "all pixels" : region.name
                let ece = NumberText.fixed(region.error.pooled, decimals([region.error.pooled]))
                figures.append(
                    .figure(
                        [.tag("strong", [.name(run.name)]), .text(" · \(name) · pooled ECE \(ece)")],
                        report.reliability(of: run, in: region).figure(id: "reliability-\(index + 1)-\(place + 1)")))
                tables.append(bins("Bins of \(run.name), \(name)", region.reliability))
            }
        }
        return Page.Section(
            id: "reliability", title: "Does confidence match accuracy?",
            body: [
                .paragraph(
                    "For a calibrated model each dark line lies on the dashed diagonal over all pixels. The tinted bar is the "
                        + "gap: below the diagonal the model is too sure (orange), above it not sure enough (blue). Thin lines "
                        + "are intervals over cases. The lower panel counts pixels on a logarithmic scale: a gap where there are "
                        + "few matters little."),
                .paragraph(
                    "Parts of the image that are chosen with the help of the reference, such as "
                        + "“\(report.settings.region)”, hold every missed pixel but not the background that was rightly left "
                        + "alone, so even a calibrated model looks too sure there. Compare runs by them; judge the direction over "
                        + "all pixels."),
                .tag("div", ["class": "figures"], figures), .details("The numbers of these diagrams", tables),
            ])
    }

    private func bins(_ caption: String, _ bins: [ReliabilityDiagram.Bin]) -> Markup {
        var table = PageTable(
            caption,
            [
                .init(title: "Confidence", isNumber: false), .init(title: "Pixels"), .init(title: "Mean confidence"),
                .init(title: "Accuracy", hasInterval: true), .init(title: "Gap"),
            ])
        for bin in bins where bin.count > 0 {
            table.rows.append([
                .text(span(bin.low, bin.high, 3)), .text(NumberText.count(bin.count)),
                .text(NumberText.fixed(bin.confidence, 3)),
                .init(
                    .text(NumberText.fixed(bin.accuracy, 3)), interval: interval(bin.accuracyLow, bin.accuracyHigh, 3)),
                .text(NumberText.signed(bin.confidence - bin.accuracy, 3)),
            ])
        }
        return table.markup
    }

    private var classes: Page.Section {
        var body: [Markup] = [
            .paragraph(
                "Each class against all others, over all pixels: how its own probability compares with how often it is there. "
                    + "“Expected size” is the sum of its probabilities over its true area or volume, in the cases that have it; 1 "
                    + "is right. Errors over all pixels are small where a class is rare."
            )
        ]
        for (index, run) in report.runs.enumerated() where !run.classes.isEmpty {
            if report.runs.count > 1 { body.append(.tag("h3", [.name(run.name)])) }
            var table = PageTable(
                "Classes of \(run.name)",
                [
                    .init(title: "Class", isNumber: false), .init(title: "Cases"), .init(title: "Pixels"),
                    .init(title: "Expected size", hasInterval: true), .init(title: "ECE", hasInterval: true),
                    .init(title: "ECE, \(report.settings.region)", hasInterval: true),
                    .init(title: "Dice", hasInterval: true),
                ])
            let errors = decimals(run.classes.map(\.error.mean))
            for row in run.classes {
                table.rows.append([
                    .name(row.name), .text(NumberText.count(row.presentCases)), .text(NumberText.count(row.pixels)),
                    value(row.sizeRatio, 2), value(row.error, errors), value(row.regionError, 3), value(row.dice, 3),
                ])
            }
            body.append(table.markup)
            let panels = run.classes.prefix(12).enumerated().map { place, row -> Markup in
                var diagram = ReliabilityDiagram(
                    title: "Reliability of class \(row.name), \(run.name)", bins: row.reliability)
                (diagram.xLabel, diagram.yLabel) = ("probability", "frequency")
                diagram.isCompact = true
                return .figure(
                    [.tag("strong", [.name(row.name)])], diagram.chart.figure(id: "class-\(index + 1)-\(place + 1)"))
            }
            body.append(.tag("div", ["class": "panels"], panels))
            if run.classes.count > 12 {
                body.append(.tag("p", ["class": "meta"], "The first 12 of \(run.classes.count) classes are drawn."))
            }
        }
        return Page.Section(id: "classes", title: "Class by class", body: body)
    }

    private var regions: Page.Section {
        var body: [Markup] = [
            .paragraph(
                "Borders are where segmentations are uncertain, and where overconfidence hides behind millions of easy pixels. "
                    + "The band is within \(report.settings.boundary) of a change of label in the reference.")
        ]
        for run in report.runs where !run.regions.isEmpty {
            var table = PageTable(
                report.runs.count > 1 ? "Regions, \(run.name)" : "Regions",
                [
                    .init(title: "Region", isNumber: false), .init(title: "Pixels"),
                    .init(title: "ECE", hasInterval: true), .init(title: "Confidence − accuracy", hasInterval: true),
                    .init(title: "Accuracy"), .init(title: "ECE, pooled"),
                ])
            let errors = decimals(run.regions.map(\.error.mean))
            for region in run.regions {
                table.rows.append([
                    .text(region.name), .text(NumberText.count(region.pixels)),
                    value(region.error, errors), value(region.gap, errors, signed: true),
                    .text(NumberText.fixed(region.accuracy, 3)), .text(NumberText.fixed(region.error.pooled, errors)),
                ])
            }
            body.append(table.markup)
        }
        let terms = (report.runs.first?.regions ?? []).flatMap { region -> [Markup] in
            [.tag("dt", region.name), .tag("dd", region.definition + ".")]
        }
        body.append(.details("What the regions are", [.tag("dl", ["class": "terms"], terms)]))
        return Page.Section(id: "regions", title: "At the border and inside", body: body)
    }

    // MARK: Cases

    private var cases: Page.Section {
        var body: [Markup] = []
        if let scatter = report.scatter {
            let note =
                scatter.isGathered
                ? " So many cases are drawn as a grid of cells, darker where there are more." : ""
            body.append(
                .paragraph(
                    "A case can be segmented well and calibrated badly, or the reverse. The upper left is the dangerous corner: "
                        + "wrong, and sure of it." + note))
            body.append(
                .tag(
                    "div", ["class": "figures"],
                    [.figure([.text("Dice against ECE, one mark a case")], scatter.chart.figure(id: "cases-figure"))]))
        }
        let shown: [ReportedMetric] = [.ece, .gap, .overconfidence, .underconfidence, .brier, .nll, .dice]
        for run in report.runs where !run.cases.isEmpty {
            let ranked = run.cases.sorted {
                ($0.values[.ece] ?? -1, $1.name) > ($1.values[.ece] ?? -1, $0.name)
            }
            let isCut = ranked.count > Self.mostRows
            let what =
                isCut
                ? "The \(Self.mostRows) of \(NumberText.count(ranked.count)) cases with the highest ECE"
                : "All \(NumberText.count(ranked.count)) cases, the highest ECE first"
            var table = PageTable(
                report.runs.count > 1 ? "\(what), \(run.name)" : what,
                [.init(title: "Case", isNumber: false), .init(title: "Pixels")] + shown.map { .init(title: $0.title) })
            for item in ranked.prefix(Self.mostRows) {
                table.rows.append(
                    [.name(item.name), .text(NumberText.count(item.pixels))]
                        + shown.map { metric in
                            PageTable.Cell.text(
                                metric == .gap
                                    ? NumberText.signed(item.values[metric], 3)
                                    : NumberText.fixed(item.values[metric], 3))
                        })
            }
            body.append(
                report.runs.count > 1
                    ? .details("\(what): \(run.name)", [table.markup]) : table.markup)
        }
        if let tables {
            body.append(
                .tag(
                    "p",
                    [
                        .text("Every case, in full precision: "),
                        .tag("a", ["href": "\(tables)/cases.csv"], "cases.csv"), .text("."),
                    ]))
        }
        return Page.Section(id: "cases", title: "Case by case", body: body)
    }

    private var worst: Page.Section {
        var body: [Markup] = [
            .paragraph(
                "The cases with the highest calibration error. Confidence runs from black (unsure) to white (sure). In the last "
                    + "picture orange pixels are wrong, the stronger the surer the model was."),
            key,
        ]
        var bytes = 0, left = 0
        for picture in pictures {
            let size = picture.panels.reduce(0) { $0 + $1.png.count * 4 / 3 }
            guard bytes + size <= Self.mostPictureBytes else {
                left += 1
                continue
            }
            bytes += size
            let item = report.runs.first { $0.name == picture.run }?.cases.first { $0.name == picture.item }
            let numbers = [ReportedMetric.ece, .dice].compactMap { metric in
                item?.values[metric].map { "\(metric.title) \(NumberText.fixed($0, 3))" }
            }
            let details = (numbers + [picture.note].compactMap { $0 }).joined(separator: ", ")
            body.append(
                .tag(
                    "div", ["class": "case"],
                    [
                        .tag(
                            "h3",
                            [.name(picture.item)] + (report.runs.count > 1 ? [.text(" · "), .name(picture.run)] : [])),
                        .tag("p", ["class": "meta"], details),
                        .tag(
                            "div", ["class": "strip"],
                            picture.panels.map { panel in
                                .tag(
                                    "figure",
                                    [
                                        .tag(
                                            "img",
                                            [
                                                "src": "data:image/png;base64," + Base64.text(panel.png),
                                                "alt": panel.description, "width": "\(panel.width)",
                                                "height": "\(panel.height)",
                                            ]), .tag("figcaption", panel.caption),
                                    ])
                            }),
                    ]))
        }
        if left > 0 {
            body.append(.tag("p", ["class": "meta"], "\(left) more would make the page too large and were left out."))
        }
        return Page.Section(id: "worst", title: "Worst cases", body: body)
    }

    /// The colours of the classes in pictures.
    private var key: Markup {
        .tag(
            "ul", ["class": "key", "aria-label": "Colours of the classes"],
            report.classes.enumerated().dropFirst().prefix(24).map { place, name in
                let color = ClassColor.of(place)
                return .tag(
                    "li",
                    [
                        .tag(
                            "svg", ["viewBox": "0 0 10 10", "aria-hidden": "true"],
                            [
                                .tag(
                                    "rect",
                                    ["width": "10", "height": "10", "fill": "rgb(\(color.x),\(color.y),\(color.z))"])
                            ]), .name(name),
                    ])
            })
    }

    // MARK: What can be done

    private func review(_ chart: Chart) -> Page.Section {
        var table = PageTable(
            "Error rate of the pixels that are kept, when the least sure are put aside",
            [.init(title: "Run", isNumber: false)]
                + ["100 %", "95 %", "90 %", "80 %", "50 %"].map { .init(title: "\($0) kept") } + [.init(title: "AURC")])
        for run in report.runs where !run.coverage.isEmpty {
            table.rows.append(
                [.name(run.name)]
                    + [1, 0.95, 0.9, 0.8, 0.5].map { PageTable.Cell.text(NumberText.percent(risk(of: run, at: $0), 2)) }
                    + [
                        PageTable.Cell.text(
                            NumberText.fixed(run.summaries[.aurc]?.pooled ?? run.summaries[.aurc]?.mean, 4))
                    ])
        }
        return Page.Section(
            id: "review", title: "If the least sure pixels were reviewed",
            body: [
                .paragraph(
                    "If confidence ranks pixels well, the error rate falls quickly when the least sure are given to a person. A "
                        + "flat curve means that confidence does not tell where the errors are."),
                .tag(
                    "div", ["class": "figures"],
                    [
                        .figure(
                            [.text("Error rate against the share of pixels kept")], chart.figure(id: "coverage-figure"))
                    ]),
                table.markup,
            ])
    }

    /// Between the two nearest points of the curve.
    private func risk(of run: CalibrationReport.Run, at coverage: Double) -> Double? {
        guard let above = run.coverage.firstIndex(where: { $0.coverage >= coverage }) else {
            return run.coverage.last?.risk
        }
        guard above > 0 else { return run.coverage[above].risk }
        let a = run.coverage[above - 1], b = run.coverage[above]
        guard b.coverage > a.coverage else { return b.risk }
        return a.risk + (b.risk - a.risk) * (coverage - a.coverage) / (b.coverage - a.coverage)
    }

    private var temperature: Page.Section {
        var table = PageTable(
            "Fitted on these cases, over all pixels",
            [
                .init(title: "Run", isNumber: false), .init(title: "Temperature"), .init(title: "ECE before"),
                .init(title: "ECE after"), .init(title: "Log loss before"), .init(title: "Log loss after"),
            ])
        var notes: [String] = []
        for run in report.runs {
            guard let fit = run.temperature else { continue }
            table.rows.append([
                .name(run.name), .text(NumberText.fixed(fit.value, 3)), .text(NumberText.fixed(fit.errorBefore, 4)),
                .text(NumberText.fixed(fit.errorAfter, 4)), .text(NumberText.fixed(fit.logLossBefore, 4)),
                .text(NumberText.fixed(fit.logLossAfter, 4)),
            ])
            if let note = fit.note { notes.append("\(run.name): \(note)") }
        }
        return Page.Section(
            id: "temperature", title: "What a temperature would change",
            body: [
                .paragraph(
                    "Dividing the logits by one number makes a model less sure (above 1) or surer (below 1) without changing a "
                        + "single label. The number here is fitted on the cases of this report, so it shows what is possible at "
                        + "best; to use one, fit it on cases of its own."),
                table.markup,
            ] + notes.map { .tag("p", ["class": "meta"], $0) })
    }

    private var problems: Page.Section {
        var table = PageTable(
            report.problems.count > Self.mostRows
                ? "The first \(Self.mostRows) of \(NumberText.count(report.problems.count)); all are in problems.csv"
                : "Cases that could not be judged",
            [
                .init(title: "Case", isNumber: false), .init(title: "Run", isNumber: false),
                .init(title: "Why", isNumber: false),
            ])
        for problem in report.problems.prefix(Self.mostRows) {
            table.rows.append([.name(problem.item), .name(problem.run), .text(problem.message)])
        }
        return Page.Section(
            id: "left-out", title: "Left out",
            body: [
                .paragraph("These cases are in no number of this page. If they are hard ones, the numbers flatter."),
                table.markup,
            ])
    }

    // MARK: Small print

    private var definitions: Page.Section {
        let settings = report.settings
        var terms: [Markup] = ReportedMetric.allCases.flatMap { metric -> [Markup] in
            [.tag("dt", metric.title), .tag("dd", metric.definition(bins: settings.bins))]
        }
        terms += [
            .tag("dt", "Intervals"),
            .tag(
                "dd",
                "\(NumberText.percent(settings.level)) percentile intervals of \(NumberText.count(settings.resamples)) bootstrap "
                    + "resamples over cases (seed \(settings.seed)). Pixels of one case are not independent, so they are never "
                    + "resampled singly."),
            .tag("dt", "Region"), .tag("dd", "\(settings.region): \(settings.regionDefinition)."),
            .tag("dt", "Errors expected / made"),
            .tag(
                "dd",
                "The sum of 1 − confidence over all pixels of all cases, over the number of wrong ones. 1 for a calibrated model, "
                    + "below 1 for an over-confident one. Easy pixels add to neither side, so it does not depend on how much "
                    + "background there is."),
            .tag("dt", "Verdict"),
            .tag(
                "dd",
                "Over-confident is said where the interval of that ratio lies below 1, under-confident where it lies above 1, "
                    + "slightly so where the ratio is within 0.8 to 1.25. The error is called small below an ECE of 0.02, moderate "
                    + "below 0.05, large below 0.10. These limits are a convention of this report."),
        ]
        return Page.Section(
            id: "definitions", title: "Definitions", body: [.tag("dl", ["class": "terms"], terms)])
    }

    private var provenance: Page.Section {
        var table = PageTable(
            "Where the numbers come from",
            [.init(title: "What", isNumber: false), .init(title: "Value", isNumber: false)])
        for fact in report.provenance { table.rows.append([.text(fact.name), .init(.tag("code", fact.value))]) }
        return Page.Section(id: "provenance", title: "Provenance", body: [table.markup])
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
