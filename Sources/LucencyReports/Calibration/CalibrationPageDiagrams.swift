/// Reliability, classes and regions.
extension CalibrationPage {
    var reliability: Page.Section {
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

    func bins(_ caption: String, _ bins: [ReliabilityDiagram.Bin]) -> Markup {
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

    var classes: Page.Section {
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

    /// How far the probabilities are from the annotators', where a phantom knows those, and how far without noise.
    var posterior: Page.Section {
        let hasClean = report.metrics.contains(.cleanKL)
        var table = PageTable(
            "Distance to the annotators' probabilities, means over cases",
            [
                .init(title: "Run", isNumber: false), .init(title: "Divergence", hasInterval: true),
            ] + (hasClean ? [.init(title: "without noise", hasInterval: true)] : [])
                + [.init(title: "L1", hasInterval: true)]
                + (hasClean ? [.init(title: "L1 without noise", hasInterval: true)] : []))
        let metrics: [ReportedMetric] =
            hasClean ? [.posteriorKL, .cleanKL, .posteriorL1, .cleanL1] : [.posteriorKL, .posteriorL1]
        let decimals = decimals(report.runs.flatMap { run in metrics.map { run.summaries[$0]?.mean } })
        for run in report.runs {
            table.rows.append([.name(run.name)] + metrics.map { value(run.summaries[$0], decimals) })
        }
        var body: [Markup] = [
            .paragraph(
                "These cases are phantoms, so the share of annotators who would give each pixel each class is known. A "
                    + "calibrated model may still be far from it: it may be right on average and wrong in each place. The "
                    + "distances are 0 for a model that says what the annotators say.")
        ]
        if hasClean {
            body.append(
                .paragraph(
                    "Beside them stand the distances where the very same phantoms are rendered without noise. Where both are "
                        + "alike, it is not the noise of the image that keeps the model from the annotators. Pictures without noise "
                        + "are also ones that it never saw, so the distance may even grow."
                ))
        }
        return Page.Section(id: "posterior", title: "Against the annotators", body: body + [table.markup])
    }

    var regions: Page.Section {
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
}
