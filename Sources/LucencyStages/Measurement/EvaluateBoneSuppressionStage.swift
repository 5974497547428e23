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

/// One summary for each combination of gathered variants, by the combination's text.
private typealias Suppressed = [String: SuppressedFilms]

private struct SuppressedFilms: Codable, Sendable {
    var variants: [String: String]
    var summary = BoneSuppressionSummary()
}

private struct EvaluateBoneSuppression: Sendable {
    var evaluation = BoneSuppressionEvaluation()
    var resamples = 1000
}

extension CollectorDescriptor {
    static let evaluateBoneSuppression = CollectorDescriptor(
        "evaluate.bone-suppression",
        "Judges soft-tissue images of chest films beside doing nothing: bone left, errors, nodules lost and invented, lungs.",
        prototype: EvaluateBoneSuppression(),
        source:
            "BSR as the code of Sun et al. 2025 (BS-LDM) computes it; spots: Lindeberg 1998; conventions stand in the tables",
        groups: [
            StreamGroup<EvaluateBoneSuppression, Suppressed>(
                "cases",
                ports: ["image", "softTissue", "truth", "nodules", "lungs", "lungsBefore", "lungsAfter"]
            ) {
                (
                    stage: EvaluateBoneSuppression, state: inout Suppressed, tag: ItemTag, context: StageContext,
                    image: Image, softTissue: Image, truth: Image, nodules: LabelMap?, lungs: LabelMap?,
                    before: LabelMap?, after: LabelMap?
                ) in
                let result = try stage.evaluation(
                    tag.item, film: image, answer: softTissue, truth: truth, nodules: nodules,
                    lungs: .init(before: before, after: after, truth: lungs), pool: context.pool)
                try state[tag.combination, default: SuppressedFilms(variants: tag.variants)].summary.add(result)
            }
        ],
        outputs: ["summary", "cases"],
        parameters: [
            Parameter(
                "range", \.evaluation.quality.range, in: .positive,
                help: "L, least to greatest possible value: 255 for bytes; left out: of the truth's stored integers."),
            Parameter("low", \.evaluation.quality.low, help: "The least possible value."),
            Parameter("clamp", \.evaluation.quality.clamp, help: "Count values beyond the range as its ends."),
            Parameter(
                "scales", \.evaluation.nodules.scales, help: "Sizes (sigma) of the spots that are looked for, px."),
            Parameter(
                "contrast", \.evaluation.nodules.contrast, in: .within(0.0001...1),
                help: "Least response of a spot, in parts of the range: half the height of a soft spot."),
            Parameter(
                "kept", \.evaluation.nodules.kept, in: .within(0.01...1),
                help: "A nodule is lost below this part of the truth's response, a spot invented the other way round."),
            Parameter(
                "gap", \.evaluation.nodules.gap, in: .within(0...100),
                help: "Where the ring around a nodule begins, px from it."),
            Parameter("ring", \.evaluation.nodules.ring, in: .within(1...200), help: "Where it ends."),
            Parameter(
                "resamples", \.resamples, in: .within(1...1_000_000),
                help: "How often cases are drawn anew for the 95 % intervals."),
        ],
        coding: StateCoding(
            encode: { try JSONValue(parsing: String(decoding: JSONEncoder().encode($0), as: UTF8.self)) },
            decode: { try JSONDecoder().decode(Suppressed.self, from: Data($0.text.utf8)) }),
        initial: { _ in [:] },
        merge: { _, total, next in
            for (key, films) in next {
                try total[key, default: SuppressedFilms(variants: films.variants)].summary.merge(films.summary)
            }
        },
        finish: {
            (stage: EvaluateBoneSuppression, state: Suppressed, context: StageContext) throws -> (Table, Table) in
            let bootstrap = Bootstrap(resamples: stage.resamples, seed: context.seed)
            var summaries: [Table] = [], cases: [Table] = []
            for (_, films) in state.sorted(by: { $0.key < $1.key }) {
                summaries.append(try summaryTable(films.summary, bootstrap).tagged(films.variants))
                cases.append(try caseTable(films.summary).tagged(films.variants))
            }
            return (try Table.joined(summaries, title: "bone suppression"), try Table.joined(cases, title: "cases"))
        })
}

/// A row for each case: each metric of the answer and of the film.
private func caseTable(_ summary: BoneSuppressionSummary) throws -> Table {
    let metrics = BoneSuppressionMetric.allCases
    var table = try Table(
        title: "cases",
        columns: [.init("case"), .init("nodules"), .init("nodules_visible")]
            + metrics.flatMap {
                [.init($0.rawValue, unit: $0.unit), .init($0.rawValue + "_film", unit: $0.unit)] as [Table.Column]
            })
    for result in summary.cases {
        try table.append(
            [.text(result.name), .integer(result.nodules), .integer(result.visibleNodules)]
                + metrics.flatMap { [Table.Cell(result[$0].answer), Table.Cell(result[$0].film)] })
    }
    return table
}

/// A row for each metric: the mean over cases of the answer, of the film as it is, and of the difference, each with the 95 %
/// interval.
private func summaryTable(_ summary: BoneSuppressionSummary, _ bootstrap: Bootstrap) throws -> Table {
    let draws = try CaseDraws(count: summary.cases.count, bootstrap)
    let conventions = summary.cases.first?.conventions
    var table = try Table(
        title: "bone suppression",
        columns: [
            "metric", "unit", "convention", "n", "mean", "sd", "lower", "upper", "film", "film_lower", "film_upper",
            "gain", "gain_lower", "gain_upper", "truth", "pooled", "film_pooled", "infinite", "undefined",
        ].map { .init($0) })
    for metric in BoneSuppressionMetric.allCases {
        let answer = summary.scores(metric, \.answer), film = summary.scores(metric, \.film)
        let gain = summary.scores(metric, \.gain), truth = summary.scores(metric, \.truth)
        let spans = (answer.interval(draws), film.interval(draws), gain.interval(draws))
        try table.append([
            .text(metric.rawValue), metric.unit.map { .text($0) } ?? .missing,
            .text(conventions?.description(of: metric) ?? ""), .integer(answer.n), Table.Cell(answer.mean),
            Table.Cell(answer.standardDeviation), Table.Cell(spans.0?.lower), Table.Cell(spans.0?.upper),
            Table.Cell(film.mean), Table.Cell(spans.1?.lower), Table.Cell(spans.1?.upper), Table.Cell(gain.mean),
            Table.Cell(spans.2?.lower), Table.Cell(spans.2?.upper), Table.Cell(truth.mean),
            Table.Cell(answer.pooled), Table.Cell(film.pooled), .integer(answer.infinite),
            .integer(answer.undefined),
        ])
    }
    return table
}
