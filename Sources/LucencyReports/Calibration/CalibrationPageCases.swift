/// The cases one by one, and the worst as pictures.
extension CalibrationPage {
    var cases: Page.Section {
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

    var worst: Page.Section {
        var body: [Markup] = [
            .paragraph(
                "The cases with the highest calibration error. Confidence runs from black (unsure) to white (sure). In the last "
                    + "picture orange pixels are wrong, the stronger the surer the model was."),
            ClassColor.key(report.classes),
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
                            picture.panels.map(\.figure)),
                    ]))
        }
        if left > 0 {
            body.append(.tag("p", ["class": "meta"], "\(left) more would make the page too large and were left out."))
        }
        return Page.Section(id: "worst", title: "Worst cases", body: body)
    }
}
