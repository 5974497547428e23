import LucencyCalibration
import LucencyFoundation
import LucencyPipeline
import LucencyReports

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One summary for each combination of gathered variants, by the combination's text.
private typealias Answers = [String: TaggedAnswers]

private struct TaggedAnswers: Codable, Sendable {
    var variants: [String: String]
    var summary = ClassificationSummary()
}

private struct EvaluateClassification: Sendable {
    var truth = "class"
    var patient: String?
    var classes: [String] = []
    var bins = 15
    var resamples = 1000
}

extension CollectorDescriptor {
    static let evaluateClassification = CollectorDescriptor(
        "evaluate.classification",
        "Judges class probabilities of images and of their patients: accuracy, AUC, F1, calibration, confusion, with intervals.",
        prototype: EvaluateClassification(),
        source: "patient recognition rate: Spanhol et al. 2016; definitions stand in the tables",
        groups: [
            StreamGroup<EvaluateClassification, Answers>("cases", ports: ["probabilities", "facts"]) {
                (
                    stage: EvaluateClassification, state: inout Answers, tag: ItemTag, _: StageContext,
                    probabilities: Table, facts: Table
                ) in
                let (one, classes) = try ClassificationCase.read(
                    tag.item, probabilities, facts, truth: stage.truth, patient: stage.patient, classes: stage.classes)
                try state[tag.combination, default: TaggedAnswers(variants: tag.variants)].summary
                    .add(one, classes: classes)
            }
        ],
        outputs: ["summary", "classes", "confusion", "bins", "cases", "reliability"],
        parameters: [
            Parameter("truth", \.truth, help: "The fact that is the true class."),
            Parameter(
                "patient", \.patient,
                help:
                    "The fact that says whom an image is of; left out: `patient` where there is such a fact; empty: images "
                    + "are independent."),
            Parameter(
                "classes", \.classes,
                help: "Columns of the probabilities that are classes; left out: all that hold numbers."),
            Parameter("bins", \.bins, in: .within(1...100), help: "Bins of confidence of the calibration error."),
            Parameter(
                "resamples", \.resamples, in: .within(1...1_000_000),
                help: "How often patients (or images) are drawn anew for the 95 % intervals."),
        ],
        coding: StateCoding(
            encode: { try JSONValue(parsing: String(decoding: JSONEncoder().encode($0), as: UTF8.self)) },
            decode: { try JSONDecoder().decode(Answers.self, from: Data($0.text.utf8)) }),
        initial: { _ in [:] },
        merge: { _, total, next in
            for (key, tagged) in next {
                try total[key, default: TaggedAnswers(variants: tagged.variants)].summary.merge(tagged.summary)
            }
        },
        finish: {
            (stage: EvaluateClassification, state: Answers, context: StageContext) throws -> (
                Table, Table, Table, Table, Table, DrawingValue
            ) in
            var parts: [[Table]] = [[], [], [], [], []]
            var diagrams: [ReliabilityDiagram] = []
            for (_, tagged) in state.sorted(by: { $0.key < $1.key }) {
                var levels = [
                    ClassificationLevel(
                        name: "image", summary: tagged.summary,
                        scores: ClassificationScores(tagged.summary, bins: stage.bins))
                ]
                if let patients = try tagged.summary.patients() {
                    levels.append(
                        ClassificationLevel(
                            name: "patient", summary: patients,
                            scores: ClassificationScores(patients, bins: stage.bins)))
                }
                let variants = tagged.variants.sorted { $0.key < $1.key }.map { ", \($0.key) \($0.value)" }.joined()
                diagrams += levels.map { $0.diagram(of: variants) }
                // Patients are drawn for both levels: images of one are alike.
                let draws = try CaseDraws(
                    count: levels[0].scores.units.count,
                    Bootstrap(resamples: stage.resamples, seed: context.seed))
                let tables = try [
                    ClassificationLevel.summaryTable(levels, draws), ClassificationLevel.classTable(levels, draws),
                    ClassificationLevel.confusionTable(levels), ClassificationLevel.binTable(levels),
                    ClassificationLevel.caseTable(levels),
                ]
                for (place, table) in tables.enumerated() { parts[place].append(try table.tagged(tagged.variants)) }
            }
            let joined = try parts.map { try Table.joined($0) }
            let drawing = Chart.row(diagrams.map(\.chart), title: "Reliability of the answers")
            return (
                joined[0], joined[1], joined[2], joined[3], joined[4], DrawingValue(svg: drawing.svg)
            )
        })
}
