import LucencyFoundation
import LucencyTensor

/// 1 - the soft Dice coefficient, averaged over classes and images. The only term that an objective may consist of.
public struct DiceTerm: ObjectiveTerm {
    public static let name = "dice"
    public static let goesWithoutTarget = true

    public var weight = 1.0
    /// Background, squares, batch, smoothing.
    public var form = SoftDiceForm()

    public init() {}
    public init(_ form: SoftDiceForm, weight: Double = 1) {
        self.form = form
        self.weight = weight
    }

    public func problems(classes: Int?) -> [Diagnostic] {
        SoftDiceForm.smoothings.contains(form.smoothing)
            ? [] : [problem("the smoothing must be in 1e-9...1e9, found \(form.smoothing)")]
    }

    public func record(on tape: Tape, logits: Value, inputs: ObjectiveInputs) throws(Diagnostic) -> Value {
        try tape.softDice(logits, labels: inputs.labels, form: form, ignoring: ObjectiveInputs.ignored)
    }
}
