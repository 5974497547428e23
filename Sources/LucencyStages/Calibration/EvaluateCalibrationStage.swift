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

/// The cases of each combination of gathered variants, by the combination's text.
private typealias Measured = [String: MeasuredCases]

/// Cases of one combination: a few kilobytes of numbers for each, and the histograms of all of them together.
private struct MeasuredCases: Codable, Sendable {
    var variants: [String: String]
    var summary = CalibrationSummary()
}

private struct EvaluateCalibration: Sendable {
    var evaluation = CalibrationEvaluation()
    var background = 0
    var labels: [Int] = []
    var tables = CalibrationTables()

    var configured: CalibrationEvaluation {
        var evaluation = evaluation
        evaluation.background = Int32(clamping: background)
        evaluation.labels = labels.map { Int32(clamping: $0) }
        evaluation.ignoredLabel = LabelMap.ignoreLabel
        return evaluation
    }
}

extension CollectorDescriptor {
    static let evaluateCalibration = CollectorDescriptor(
        "evaluate.calibration",
        "How far probabilities can be believed: calibration errors, Brier score, log loss, sizes and ranking of failures, for "
            + "each region, class and case, with intervals over cases.",
        prototype: EvaluateCalibration(),
        source: "Guo et al. 2017; Nixon et al. 2019; Kumar et al. 2019; definitions stand in the tables",
        groups: [
            StreamGroup<EvaluateCalibration, Measured>(
                "cases", ports: ["probabilities", "label", "posterior", "mask", "clean"]
            ) {
                (
                    stage: EvaluateCalibration, state: inout Measured, tag: ItemTag, context: StageContext,
                    probabilities: ProbabilityMap, label: LabelMap, posterior: ProbabilityMap?, mask: LabelMap?,
                    clean: ProbabilityMap?
                ) in
                let result = try stage.configured(
                    tag.item, probabilities: probabilities, reference: label, mask: mask, posterior: posterior,
                    clean: clean, pool: context.pool)
                try state[tag.combination, default: MeasuredCases(variants: tag.variants)].summary.add(result)
            }
        ],
        outputs: ["summary", "classes", "cases", "bins", "ranking"],
        parameters: [
            Parameter(
                "bins", \.evaluation.bins, in: .within(1...100),
                help: "Bins of confidence: 15 in most papers; SVLS and PS-KD take 10."),
            Parameter(
                "boundary", \.evaluation.boundary, in: .atLeast(0),
                help: "How wide the boundary region is: whole pixels, or a length such as 2 mm."),
            Parameter("background", \.background, help: "The label of background."),
            Parameter(
                "labels", \.labels,
                help: "The label of each class; left out: as the labels are named, or 0, 1, 2, … in order."),
            Parameter(
                "failureBelow", \.tables.failure, in: .within(0...1),
                help: "A case whose mean Dice is below this counts as failed in the ranking."),
            Parameter(
                "resamples", \.tables.resamples, in: .within(1...1_000_000),
                help: "How often cases are drawn anew for the 95 % intervals."),
        ],
        isCommutative: true,
        coding: StateCoding(
            encode: { try JSONValue(parsing: String(decoding: JSONEncoder().encode($0), as: UTF8.self)) },
            decode: { try JSONDecoder().decode(Measured.self, from: Data($0.text.utf8)) }),
        initial: { _ in [:] },
        merge: { _, total, next in
            for (key, measured) in next {
                try total[key, default: MeasuredCases(variants: measured.variants)].summary.merge(measured.summary)
            }
        },
        finish: {
            (stage: EvaluateCalibration, state: Measured, context: StageContext) throws -> (
                Table, Table, Table, Table, Table
            ) in
            var tables = stage.tables
            tables.seed = context.seed
            var parts: [[Table]] = [[], [], [], [], []]
            for (_, measured) in state.sorted(by: { $0.key < $1.key }) {
                for (place, table) in try tables.all(measured.summary).enumerated() {
                    parts[place].append(try table.tagged(measured.variants))
                }
            }
            let joined = try parts.map { try Table.joined($0) }
            return (joined[0], joined[1], joined[2], joined[3], joined[4])
        })
}
