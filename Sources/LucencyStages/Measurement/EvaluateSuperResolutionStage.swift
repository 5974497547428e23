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
private typealias Compared = [String: ComparedImages]

private struct ComparedImages: Codable, Sendable {
    var variants: [String: String]
    var summary = QualitySummary()
}

private struct EvaluateSuperResolution: Sendable {
    var quality = ImageQuality()
    var resamples = 1000
}

extension ImageQuality.Color: ChoiceParameter {}
extension StructuralSimilarity.Window: ChoiceParameter {}
extension StructuralSimilarity.Border: ChoiceParameter {}

extension CollectorDescriptor {
    static let evaluateSuperResolution = CollectorDescriptor(
        "evaluate.super-resolution",
        "Compares images with what they should be: PSNR, SSIM, MS-SSIM, GMSD and errors per case and over cases, with intervals.",
        prototype: EvaluateSuperResolution(),
        source: "Wang et al. 2004 (SSIM), 2003 (MS-SSIM); Xue et al. 2014 (GMSD); conventions stand in the tables",
        groups: [
            StreamGroup<EvaluateSuperResolution, Compared>("cases", ports: ["image", "reference"]) {
                (
                    stage: EvaluateSuperResolution, state: inout Compared, tag: ItemTag, context: StageContext,
                    image: Image, reference: Image
                ) in
                let result = try stage.quality(tag.item, image: image, reference: reference, pool: context.pool)
                try state[tag.combination, default: ComparedImages(variants: tag.variants)].summary.add(result)
            }
        ],
        outputs: ["summary", "cases"],
        parameters: [
            Parameter(
                "range", \.quality.range, in: .positive,
                help:
                    "L, least to greatest possible value: 255 for bytes; left out: of the reference's stored integers."),
            Parameter("low", \.quality.low, help: "The least possible value."),
            Parameter("border", \.quality.border, in: .atLeast(0), help: "Pixels along edges that do not count."),
            Parameter(
                "color", \.quality.color, help: "Each channel, or the luma alone (studio swing) as in many papers."),
            Parameter("clamp", \.quality.clamp, help: "Count values beyond the range as its ends."),
            Parameter(
                "window", \.quality.similarity.window,
                help: "SSIM's window: its authors' Gaussian, or scikit-image's default."),
            Parameter("edge", \.quality.similarity.border, help: "What SSIM's windows see beyond the image's edge."),
            Parameter(
                "resamples", \.resamples, in: .within(1...1_000_000),
                help: "How often cases are drawn anew for the 95 % intervals."),
        ],
        coding: StateCoding(
            encode: { try JSONValue(parsing: String(decoding: JSONEncoder().encode($0), as: UTF8.self)) },
            decode: { try JSONDecoder().decode(Compared.self, from: Data($0.text.utf8)) }),
        initial: { _ in [:] },
        merge: { _, total, next in
            for (key, compared) in next {
                try total[key, default: ComparedImages(variants: compared.variants)].summary.merge(compared.summary)
            }
        },
        finish: {
            (stage: EvaluateSuperResolution, state: Compared, context: StageContext) throws -> (Table, Table) in
            let bootstrap = Bootstrap(resamples: stage.resamples, seed: context.seed)
            var summaries: [Table] = []
            var cases: [Table] = []
            for (_, compared) in state.sorted(by: { $0.key < $1.key }) {
                summaries.append(try summaryTable(compared.summary, bootstrap).tagged(compared.variants))
                cases.append(try caseTable(compared.summary).tagged(compared.variants))
            }
            return (try Table.joined(summaries, title: "image quality"), try Table.joined(cases, title: "cases"))
        })
}

/// A row for each case.
private func caseTable(_ summary: QualitySummary) throws -> Table {
    let metrics = QualityMetric.allCases
    var table = try Table(
        title: "cases", columns: [.init("case")] + metrics.map { .init($0.rawValue, unit: $0.unit) })
    for result in summary.cases {
        try table.append([.text(result.name)] + metrics.map { Table.Cell(result[$0]) })
    }
    return table
}

/// A row for each metric, with the convention by which it was made and the 95 % interval of the mean over cases.
private func summaryTable(_ summary: QualitySummary, _ bootstrap: Bootstrap) throws -> Table {
    let draws = try CaseDraws(count: summary.cases.count, bootstrap)
    let conventions = summary.cases.first?.conventions
    var table = try Table(
        title: "image quality",
        columns: [
            "metric", "unit", "convention", "n", "mean", "sd", "median", "lower", "upper", "infinite", "undefined",
        ].map { .init($0) })
    for metric in QualityMetric.allCases {
        let score = summary.scores(metric), interval = score.interval(draws)
        try table.append([
            .text(metric.rawValue), metric.unit.map { .text($0) } ?? .missing,
            .text(conventions?.description(of: metric) ?? ""), .integer(score.n), Table.Cell(score.mean),
            Table.Cell(score.standardDeviation), Table.Cell(score.median), Table.Cell(interval?.lower),
            Table.Cell(interval?.upper), .integer(score.infinite), .integer(score.undefined),
        ])
    }
    return table
}
