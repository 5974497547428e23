/// What can be done, what was left out, and the small print.
extension CalibrationPage {
    func review(_ chart: Chart) -> Page.Section {
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
    func risk(of run: CalibrationReport.Run, at coverage: Double) -> Double? {
        guard let above = run.coverage.firstIndex(where: { $0.coverage >= coverage }) else {
            return run.coverage.last?.risk
        }
        guard above > 0 else { return run.coverage[above].risk }
        let a = run.coverage[above - 1], b = run.coverage[above]
        guard b.coverage > a.coverage else { return b.risk }
        return a.risk + (b.risk - a.risk) * (coverage - a.coverage) / (b.coverage - a.coverage)
    }

    var temperature: Page.Section {
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

    var problems: Page.Section {
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

    var definitions: Page.Section {
        let settings = report.settings
        // What is said beside noise is one definition for both distances.
        var terms: [Markup] = report.metrics.filter { $0 != .cleanL1 }.flatMap { metric -> [Markup] in
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
                    + "slightly so where the ratio is within 0.8 to 1.25. This limit is a convention of this report."),
        ]
        return Page.Section(
            id: "definitions", title: "Definitions", body: [.tag("dl", ["class": "terms"], terms)])
    }

    var provenance: Page.Section {
        var table = PageTable(
            "Where the numbers come from",
            [.init(title: "What", isNumber: false), .init(title: "Value", isNumber: false)])
        for fact in report.provenance { table.rows.append([.text(fact.name), .init(.tag("code", fact.value))]) }
        return Page.Section(id: "provenance", title: "Provenance", body: [table.markup])
    }
}
