import LucencyCalibration
import LucencyFoundation
import LucencyImaging

/// Puts an audit of labels on a page: the suspects as pictures, all of them as a table, and how they were found.
struct AuditPage {
    let report: AuditReport
    /// Regions with pictures.
    let shown: Int

    func html(encode: (Image) throws -> [UInt8]) throws -> String {
        var sections = [try regions(encode: encode), table]
        if !report.hits.isEmpty { sections.append(hits) }
        sections.append(method)
        return Page(
            title: report.title, header: header, sections: sections, footer: [.paragraph(CalibrationReport.notice)]
        ).html
    }

    private var header: [Markup] {
        let summary = report.evidence.summary
        let facts = [
            NumberText.plural(summary.caseCount, "case"), NumberText.plural(summary.models.count, "model"),
            NumberText.plural(report.found, "suspect region"),
        ]
        return [
            .tag("h1", report.title), .tag("p", ["class": "meta"], facts.joined(separator: " · ")),
            .tag("p", ["class": "use"], AuditReport.notice),
        ]
    }

    private func regions(encode: (Image) throws -> [UInt8]) throws -> Page.Section {
        var body: [Markup] = []
        if report.suspects.isEmpty {
            body.append(.paragraph("No label is contradicted with the confidence and over the thickness asked for."))
        } else {
            body.append(
                .paragraph(
                    "The most suspect first. Outlines have the colours of their classes, those of the label in the middle and "
                        + "those of the model on the right; what the model would change is tinted orange."))
        }
        for (index, suspect) in report.suspects.prefix(shown).enumerated() {
            guard let view = report.evidence.view(of: suspect) else { continue }
            let panels = try view.panels(suspect, encode: encode)
            let numbers = [
                "confidence \(NumberText.fixed(suspect.confidence, 2))",
                "\(suspect.agreeing) of \(NumberText.plural(suspect.models, "model"))",
                NumberText.plural(suspect.pixelCount, "pixel"), "about \(place(suspect))",
                view.plane.map { "plane \($0)" } ?? "",
            ]
            body.append(
                .tag(
                    "div", ["class": "case"],
                    [
                        .tag("h3", [.text("\(index + 1). "), .name(suspect.caseName)]),
                        .tag(
                            "p", [.name(suspect.given), .text(" may be "), .name(suspect.suggested), .text(".")]),
                        .tag("p", ["class": "meta"], numbers.filter { !$0.isEmpty }.joined(separator: ", ")),
                        .tag("div", ["class": "strip"], panels.map(\.figure)),
                    ]))
        }
        return Page.Section(id: "regions", title: "Most suspect", body: body)
    }

    private func place(_ suspect: SuspectAnnotation) -> String {
        let axes = suspect.isPlanar ? 2 : 3
        let pixels = (0..<axes).map { NumberText.fixed(suspect.centre[$0], 0) }.joined(separator: ", ")
        guard let place = suspect.place else { return "pixel (\(pixels))" }
        return "pixel (\(pixels)), (\((0..<axes).map { NumberText.fixed(place[$0], 1) }.joined(separator: ", "))) mm"
    }

    private var table: Page.Section {
        let isCut = report.found > report.suspects.count
        var table = PageTable(
            isCut ? "The first \(report.suspects.count) of \(NumberText.count(report.found))" : "All of them",
            [
                .init(title: "Rank"), .init(title: "Case", isNumber: false), .init(title: "Given", isNumber: false),
                .init(title: "Suggested", isNumber: false), .init(title: "Score"), .init(title: "Confidence"),
                .init(title: "Models"), .init(title: "Pixels"), .init(title: "Thickness"),
                .init(title: "Centre", isNumber: false),
            ])
        for (index, suspect) in report.suspects.enumerated() {
            table.rows.append([
                .text("\(index + 1)"), .name(suspect.caseName), .name(suspect.given), .name(suspect.suggested),
                .text(NumberText.fixed(suspect.score, 2)), .text(NumberText.fixed(suspect.confidence, 2)),
                .text("\(suspect.agreeing)/\(suspect.models)"), .text(NumberText.count(suspect.pixelCount)),
                .text("\(NumberText.fixed(suspect.thickness, 1)) \(suspect.unit)"), .text(place(suspect)),
            ])
        }
        return Page.Section(id: "table", title: "All suspects", body: [table.markup])
    }

    private var hits: Page.Section {
        var table = PageTable(
            "Among the first suspects", [.init(title: "First"), .init(title: "Precision"), .init(title: "Recall")])
        for hit in report.hits {
            table.rows.append([
                .text(NumberText.count(hit.k)), .text(NumberText.percent(hit.precision)),
                .text(NumberText.percent(hit.recall)),
            ])
        }
        return Page.Section(
            id: "reference", title: "Against the reference",
            body: [
                .paragraph(
                    "The reference tells of \(NumberText.plural(report.evidence.summary.errorCount, "wrong region")) that are as "
                        + "thick as suspects must be. A suspect is right if at least half of its pixels are labelled wrongly; "
                        + "an error is found if it shares at least half of the smaller one with a suspect."),
                table.markup,
            ])
    }

    private var method: Page.Section {
        let models = "at least \(NumberText.percent(report.agreement)) of the models that judged the case"
        let score =
            report.ranking == .total
            ? "the sum over the region's pixels of the probability of the class suggested less that of the label"
            : "the mean over the region's pixels of the probability of the class suggested less that of the label"
        return Page.Section(
            id: "method", title: "How they were found",
            body: [
                .paragraph(
                    "A region is suspect where the most probable class is not the label and has a probability of "
                        + "\(NumberText.fixed(report.audit.confidence, 2)) or more in all of its pixels, in \(models). "
                        + "The score is \(score), averaged over the models."),
                .paragraph(
                    "Regions thinner than \(report.audit.thickness) are left out, because where exactly a border runs is no error. "
                        + "Of each case and model the \(LabelAudit.regionsPerCase) strongest regions count."),
                .paragraph(
                    "A model that learnt from a label agrees with it. Suspects mean something only where each case was judged by "
                        + "models that did not learn from it, as in cross-validation."),
            ])
    }
}
