/// Puts a report on corrected labels on a page: what was changed first, then why.
struct LabelCorrectionPage {
    let report: LabelCorrectionReport

    /// Rows that the table of cases shows.
    private static let mostRows = 100

    var html: String {
        var sections = [summary]
        if !report.curves.isEmpty { sections.append(curves) }
        if !report.changes.isEmpty { sections.append(cases) }
        if !report.pictures.isEmpty { sections.append(pictures) }
        sections.append(provenance)
        return Page(title: report.title, header: header, sections: sections, footer: [.paragraph(Self.notice)]).html
    }

    private static let notice =
        "Labels were changed by a network, in memory, for its own training. The files that they came from are as they were. "
        + "Look at the changes before you take them for the truth."

    private var header: [Markup] {
        let facts = [
            "strategy \(report.strategy)", NumberText.plural(report.cases, "training case"),
            NumberText.plural(report.classes.count, "class", "classes"),
        ]
        return [
            .tag("h1", report.title), .tag("p", ["class": "meta"], facts.joined(separator: " · ")),
            .tag("p", ["class": "use"], Self.notice),
        ]
    }

    private var summary: Page.Section {
        let changed = report.changes.reduce(0) { $0 + $1.changed }
        var body: [Markup] = []
        if changed == 0 {
            body.append(.tag("p", ["class": "lead"], "No label was changed."))
        } else {
            body.append(
                .tag(
                    "p", ["class": "lead"],
                    "\(NumberText.plural(changed, "pixel")) in \(report.changes.count) of "
                        + "\(NumberText.plural(report.cases, "case")) got another label."))
            var table = PageTable(
                "Pixels by class",
                [
                    .init(title: "Class", isNumber: false), .init(title: "Gained"), .init(title: "Lost"),
                    .init(title: "First corrected after epoch"),
                ])
            for (number, name) in report.classes.enumerated() {
                func sum(_ counts: (LabelCorrectionReport.Change) -> [Int]) -> Int {
                    report.changes.reduce(0) { $0 + (number < counts($1).count ? counts($1)[number] : 0) }
                }
                let first = report.curves.first { $0.name == name }?.corrected.first
                table.rows.append([
                    .name(name), .text(NumberText.count(sum(\.gained))), .text(NumberText.count(sum(\.lost))),
                    .text(first.map { "\($0)" } ?? "–"),
                ])
            }
            body.append(table.markup)
        }
        return Page.Section(id: "summary", title: "What was changed", body: body)
    }

    private var curves: Page.Section {
        let figures = report.curves.enumerated().map { place, curve -> Markup in
            var chart = LineChart(title: curve.name, xLabel: "epoch", yLabel: "IoU")
            chart.includesZero = true
            chart.lines = [
                LineChart.Line("IoU", points: curve.shares.enumerated().map { (Double($0 + 1), $1) }),
                LineChart.Line("fitted curve", points: curve.fit.map { ($0.epoch, $0.value) }),
            ]
            let height = (curve.shares + curve.fit.map(\.value)).max() ?? 1
            for (index, epoch) in curve.corrected.enumerated() {
                chart.lines.append(
                    LineChart.Line(
                        index == 0 ? "first corrected, after epoch \(epoch)" : "corrected after epoch \(epoch)",
                        points: [(Double(epoch), 0), (Double(epoch), height)]))
            }
            return .figure([.name(curve.name)], chart.chart.figure(id: "curve-\(place)"))
        }
        return Page.Section(
            id: "curves", title: "When",
            body: [
                .paragraph(
                    "How well predictions agree with the labels that the network learns from, class by class. Networks learn "
                        + "what labels have in common first and their errors later, so a class is corrected when its curve "
                        + "flattens."), .tag("div", ["class": "figures"], figures),
            ])
    }

    private var cases: Page.Section {
        let ranked = report.changes.sorted { ($0.changed, $1.name) > ($1.changed, $0.name) }
        let isCut = ranked.count > Self.mostRows
        var table = PageTable(
            isCut
                ? "The \(Self.mostRows) of \(NumberText.count(ranked.count)) cases with the most changes"
                : "All changed cases, those with the most changes first",
            [.init(title: "Case", isNumber: false), .init(title: "Changed"), .init(title: "Share")]
                + report.classes.map { .init(title: $0) })
        for change in ranked.prefix(Self.mostRows) {
            let share = Double(change.changed) / Double(max(1, change.pixels))
            table.rows.append(
                [.name(change.name), .text(NumberText.count(change.changed)), .text(NumberText.percent(share, 1))]
                    + report.classes.indices.map { number in
                        let gained = number < change.gained.count ? change.gained[number] : 0
                        let lost = number < change.lost.count ? change.lost[number] : 0
                        return .text("+\(NumberText.count(gained)) −\(NumberText.count(lost))")
                    })
        }
        return Page.Section(
            id: "cases", title: "Case by case",
            body: [.paragraph("Pixels that each class gained and lost."), table.markup])
    }

    private var pictures: Page.Section {
        let blocks = report.pictures.map { picture -> Markup in
            .tag(
                "div", ["class": "case"],
                [
                    .tag("h3", [.name(picture.item)]), .tag("p", ["class": "meta"], picture.note ?? ""),
                    .tag("div", ["class": "strip"], picture.panels.map(\.figure)),
                ])
        }
        return Page.Section(
            id: "pictures", title: "Before and after",
            body: [
                .paragraph(
                    "The cases with the most changes. In the last picture orange pixels have another label now."),
                ClassColor.key(report.classes),
            ] + blocks)
    }

    private var provenance: Page.Section {
        var table = PageTable(
            "Where this comes from",
            [.init(title: "What", isNumber: false), .init(title: "Value", isNumber: false)])
        for fact in report.provenance { table.rows.append([.text(fact.name), .init(.tag("code", fact.value))]) }
        return Page.Section(id: "provenance", title: "Provenance", body: [table.markup])
    }
}
