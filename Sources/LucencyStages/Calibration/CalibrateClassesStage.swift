import LucencyCalibration
import LucencyFoundation
import LucencyNetworks
import LucencyPipeline
import LucencyReports

private struct CalibrateClasses: Sendable {
    var method = ClassRecalibrationChoice.temperature
    var truth = "class"
    var patient: String?
    var classes: [String] = []
}

extension ClassRecalibrationChoice: ChoiceParameter {}

extension CollectorDescriptor {
    static let calibrateClasses = CollectorDescriptor(
        "calibrate.classes",
        "Fits what makes the class probabilities of whole images honest, to images of other patients than those trained with.",
        prototype: CalibrateClasses(), source: "Guo et al. 2017; Platt 1999",
        groups: [
            StreamGroup<CalibrateClasses, ClassificationSummary>("cases", ports: ["probabilities", "facts"]) {
                (
                    stage: CalibrateClasses, state: inout ClassificationSummary, tag: ItemTag, _: StageContext,
                    probabilities: Table, facts: Table
                ) in
                let (one, classes) = try ClassificationCase.read(
                    tag.item, probabilities, facts, truth: stage.truth, patient: stage.patient, classes: stage.classes)
                try state.add(one, classes: classes)
            }
        ],
        outputs: ["model", "record"],
        parameters: [
            Parameter(
                "method", \.method,
                help:
                    "One number that divides the logits, a scale and shift for each class, or a sigmoid for the second of two."
            ),
            Parameter("truth", \.truth, help: "The fact that is the true class."),
            Parameter(
                "patient", \.patient,
                help:
                    "The fact that says whom an image is of; left out: `patient` where there is such a fact; empty: none."
            ),
            Parameter(
                "classes", \.classes,
                help: "Columns of the probabilities that are classes; left out: all that hold numbers."),
        ],
        isCommutative: true,
        coding: StateCoding(
            encode: { try JSONValue(encoding: $0) }, decode: { try $0.decoded(as: ClassificationSummary.self) }),
        initial: { _ in ClassificationSummary() },
        merge: { _, total, next in try total.merge(next) },
        finish: {
            (stage: CalibrateClasses, summary: ClassificationSummary, _: StageContext) throws -> (
                ModelFile, RecordValue
            ) in
            let fitted = try summary.recalibration(stage.method)
            return (try ModelFile(fitted: fitted), RecordValue(try JSONValue(encoding: fitted)))
        })
}

extension Table {
    /// The same row of class probabilities after a recalibration: the answer as `class`, then a column for each class. Columns
    /// that are no class are left out.
    /// - Throws: `Diagnostic` when the table is no row of probabilities, or of other classes.
    func recalibrated(by recalibration: Recalibration) throws(Diagnostic) -> Table {
        let (names, values) = try classProbabilities(of: recalibration.classes)
        let better = try recalibration(values, classes: names)
        let answer = ClassificationCase(name: "", truth: 0, probabilities: better).answer
        return try Table(
            title: title, columns: [Column("class")] + names.map { Column($0) },
            rows: [[.text(names[answer])] + better.map { .number($0) }])
    }
}
