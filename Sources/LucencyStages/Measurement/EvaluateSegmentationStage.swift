import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import LucencyPipeline
import LucencyReports

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One summary for each combination of gathered variants, by the combination's text; cases keep their names.
private typealias Summaries = [String: TaggedSummary]

private struct TaggedSummary: Codable, Sendable {
    var variants: [String: String]
    var summary = EvaluationSummary()
}

private struct EvaluateSegmentation: Sendable {
    var evaluation = SegmentationEvaluation()
    var objects = MatchingRule.iou
    var overlap = 0.5
    var penalty = false

    enum MatchingRule: String, ChoiceParameter { case iou, overlap }

    var configured: SegmentationEvaluation {
        var evaluation = evaluation
        evaluation.ignoredLabel = LabelMap.ignoreLabel
        evaluation.objects = ObjectMatching(
            objects == .iou ? .iou(overlap) : .overlap, connectivity: evaluation.objects.connectivity)
        return evaluation
    }
}

extension SurfaceDistances.HausdorffForm: ChoiceParameter {}
extension SurfaceDistances.MeanForm: ChoiceParameter {}

extension CollectorDescriptor {
    static let evaluateSegmentation = CollectorDescriptor(
        "evaluate.segmentation",
        "Compares labels with a reference: Dice, IoU, HD95, ASSD, NSD and detection rates per case, class and overall.",
        prototype: EvaluateSegmentation(),
        source: "conventions of MONAI and MedPy as stated in the tables; NSD: Nikolov et al. 2021",
        groups: [
            StreamGroup<EvaluateSegmentation, Summaries>("cases", ports: ["labels", "reference"]) {
                (
                    stage: EvaluateSegmentation, state: inout Summaries, tag: ItemTag, context: StageContext,
                    labels: LabelMap, reference: LabelMap
                ) in
                let result = try stage.configured(
                    tag.item, prediction: labels, reference: reference, pool: context.pool)
                try state[tag.combination, default: TaggedSummary(variants: tag.variants)].summary.add(result)
            }
        ],
        outputs: ["summary", "cases"],
        parameters: [
            Parameter(
                "tolerance", \.evaluation.tolerance, in: .atLeast(0),
                help: "How far a border may be off and still count in NSD."),
            Parameter(
                "hausdorff", \.evaluation.hausdorff, help: "HD95 as the larger of both directions, or over both pooled."
            ),
            Parameter("mean", \.evaluation.mean, help: "ASSD over both directions pooled, or the mean of both means."),
            Parameter("objects", \.objects, help: "Objects match by IoU (one to one), or as soon as they overlap."),
            Parameter("objectIoU", \.overlap, in: .within(0...1), help: "Least IoU of matching objects."),
            Parameter(
                "penalty", \.penalty,
                help: "Count infinite distances as the image's diagonal instead of leaving them out."),
            Parameter(
                "emptyScore", \.evaluation.emptyScore, in: .within(0...1),
                help: "What Dice, IoU and NSD are where neither has the class; left out: undefined."),
        ],
        coding: StateCoding(
            encode: { try JSONValue(parsing: String(decoding: JSONEncoder().encode($0), as: UTF8.self)) },
            decode: { try JSONDecoder().decode(Summaries.self, from: Data($0.text.utf8)) }),
        initial: { _ in [:] },
        merge: { _, total, next in
            for (key, tagged) in next {
                try total[key, default: TaggedSummary(variants: tagged.variants)].summary.merge(tagged.summary)
            }
        },
        finish: { (stage: EvaluateSegmentation, state: Summaries, _: StageContext) throws -> (Table, Table) in
            var summaries: [Table] = []
            var cases: [Table] = []
            for (_, tagged) in state.sorted(by: { $0.key < $1.key }) {
                summaries.append(try summaryTable(tagged.summary, penalty: stage.penalty).tagged(tagged.variants))
                cases.append(try caseTable(tagged.summary).tagged(tagged.variants))
            }
            return (try Table.joined(summaries, title: "segmentation"), try Table.joined(cases, title: "cases"))
        })
}

/// A row for each case and class.
private func caseTable(_ summary: EvaluationSummary) throws -> Table {
    let unit = summary.cases.first?.conventions.unit ?? "px"
    let metrics = SegmentationMetric.allCases
    var table = try Table(
        title: "cases",
        columns: [.init("case"), .init("class"), .init("presence")]
            + metrics.map { .init($0.rawValue, unit: $0.isDistance ? unit : nil) }
            + ["objects_reference", "objects_predicted", "objects_detected", "objects_correct"].map { .init($0) })
    for result in summary.cases {
        for row in result.classes {
            try table.append(
                [.text(result.name), .text(row.name), .text(row.presence.rawValue)]
                    + metrics.map { Table.Cell(row[$0]) }
                    + [
                        .integer(row.objects.referenceObjects), .integer(row.objects.predictedObjects),
                        .integer(row.objects.detected), .integer(row.objects.correct),
                    ])
        }
    }
    return table
}

/// A row for each class and metric, then overall rows; always with the number of cases that a mean leaves out.
private func summaryTable(_ summary: EvaluationSummary, penalty: Bool) throws -> Table {
    let conventions = summary.cases.first?.conventions
    let unit = conventions?.unit ?? "px"
    var table = try Table(
        title: "segmentation",
        columns: [
            .init("class"), .init("metric"), .init("unit"), .init("convention"), .init("n"), .init("mean"), .init("sd"),
            .init("median"), .init("infinite"), .init("undefined"), .init("penalized"),
        ])
    func convention(_ metric: SegmentationMetric) -> String {
        switch metric {
        case .hd, .hd95: conventions?.hausdorff.rawValue ?? ""
        case .assd: conventions?.mean.rawValue ?? ""
        case .nsd: "tolerance \(conventions?.tolerance ?? "")"
        default: ""
        }
    }
    func rate(_ name: String, _ metric: String, _ score: Score, of count: Int, _ how: String = "") throws {
        try table.append([
            .text(name), .text(metric), .missing, .text(how), .integer(count), Table.Cell(score), .missing, .missing,
            .missing, .missing, .missing,
        ])
    }
    for row in summary.classes(penalty: penalty) {
        for metric in row.metrics {
            try table.append([
                .text(row.name), .text(metric.metric.rawValue), metric.metric.isDistance ? .text(unit) : .missing,
                .text(convention(metric.metric)), .integer(metric.n), Table.Cell(metric.mean),
                Table.Cell(metric.standardDeviation), Table.Cell(metric.median), .integer(metric.infinite),
                .integer(metric.undefined), .integer(metric.penalized),
            ])
        }
        let cases = row.both + row.missed + row.falseAlarms + row.neither
        try rate(row.name, "pooled dice", row.pooled.dice, of: cases, "all pixels of all cases")
        try rate(row.name, "pooled iou", row.pooled.iou, of: cases, "all pixels of all cases")
        try rate(
            row.name, "case sensitivity", row.caseSensitivity, of: row.both + row.missed,
            "cases where the class is present")
        try rate(
            row.name, "case specificity", row.caseSpecificity, of: row.neither + row.falseAlarms,
            "cases where it is absent")
        try rate(row.name, "object recall", row.objects.recall, of: row.objects.referenceObjects, "reference objects")
        try rate(
            row.name, "object precision", row.objects.precision, of: row.objects.predictedObjects, "predicted objects")
        try rate(
            row.name, "object f1", row.objects.f1, of: row.objects.referenceObjects + row.objects.predictedObjects,
            "objects")
    }
    for overall in summary.overall(penalty: penalty) {
        try table.append([
            .text("overall"), .text(overall.metric.rawValue), overall.metric.isDistance ? .text(unit) : .missing,
            .text("mean over \(overall.classes) classes, \(overall.classesLeftOut) left out"),
            .integer(overall.classes),
            Table.Cell(overall.mean), .missing, .missing, .integer(overall.infinite), .integer(overall.undefined),
            .missing,
        ])
    }
    return table
}
