import LucencyCalibration
import LucencyFormats
import LucencyFoundation
import LucencyImaging
import LucencyPipeline
import LucencyReports

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension AuditSummary.Ranking: ChoiceParameter {}

private struct AuditLabels: Sendable {
    var title = "Label audit"
    var audit = LabelAudit()
    var labels: [Int] = []
    var ranking = AuditSummary.Ranking.total
    var agreement = 0.5
    var limit = 100
    var pictures = 24

    var configured: LabelAudit {
        var audit = audit
        audit.labels = labels.map { Int32(clamping: $0) }
        return audit
    }

    /// Twice as many of each model as the page shows, because what models say together may have another order.
    var kept: Int { 2 * pictures }
}

extension CollectorDescriptor {
    static let auditLabels = CollectorDescriptor(
        "audit-labels",
        "Ranks annotations that models confidently and repeatedly contradict, with pictures, for a person to judge; changes "
            + "nothing. The models must not have learnt from the labels in question: use folds.",
        prototype: AuditLabels(), source: "in the spirit of confident learning, Northcutt et al. 2021",
        groups: [
            StreamGroup<AuditLabels, AuditEvidence>("cases", ports: ["probabilities", "label", "image", "reference"]) {
                (
                    stage: AuditLabels, state: inout AuditEvidence, tag: ItemTag, context: StageContext,
                    probabilities: ProbabilityMap, label: LabelMap, image: Image?, reference: LabelMap?
                ) in
                try state.add(
                    tag.item, model: tag.combination.isEmpty ? "model" : tag.combination, probabilities: probabilities,
                    label: label, reference: reference, image: image, audit: stage.configured, kept: stage.kept,
                    pool: context.pool)
            }
        ],
        outputs: ["table", "page", "record"],
        parameters: [
            Parameter("title", \.title, help: "Heading of the page."),
            Parameter(
                "confidence", \.audit.confidence, in: .within(0...1),
                help: "Least probability of the class that the model would give."),
            Parameter(
                "thickness", \.audit.thickness, in: .atLeast(0),
                help: "Regions that are thinner everywhere are left out, as borders are a matter of taste: 3 px, 2 mm."),
            Parameter(
                "rankBy", \.ranking,
                help:
                    "Margin of the suggested class over the label summed over a region (large ones first), or its mean."
            ),
            Parameter(
                "agreement", \.agreement, in: .within(0...1),
                help: "Least part of the models that judged a case that must contradict a region."),
            Parameter("limit", \.limit, in: .within(1...100_000), help: "Regions that are listed."),
            Parameter("pictures", \.pictures, in: .within(0...500), help: "Regions that are shown as pictures."),
            Parameter(
                "labels", \.labels,
                help: "The label of each class; left out: as the labels are named, or 0, 1, 2, … in order."),
        ],
        check: { try $0.configured.check() },
        coding: StateCoding(
            encode: { try JSONValue(parsing: String(decoding: JSONEncoder().encode($0), as: UTF8.self)) },
            decode: { try JSONDecoder().decode(AuditEvidence.self, from: Data($0.text.utf8)) }),
        initial: { _ in AuditEvidence() },
        merge: { stage, total, next in try total.merge(next, kept: stage.kept) },
        finish: {
            (stage: AuditLabels, evidence: AuditEvidence, _: StageContext) throws -> (Table, PageValue, RecordValue) in
            let report = AuditReport(
                title: stage.title, evidence: evidence, audit: stage.configured, ranking: stage.ranking,
                agreement: stage.agreement, limit: stage.limit)
            let page = try report.page(pictures: stage.pictures) { try PNGFormat().bytes(of: $0) }
            return (try report.table(), PageValue(html: page), RecordValue(report.json))
        })
}
