import LucencyFoundation
import LucencyTensor

/// The negative entropy of the probabilities, so that sure predictions cost: G. Pereyra et al., "Regularizing Neural Networks
/// by Penalizing Confident Output Distributions", 2017. As in the programs that comparisons were made with, the mean runs
/// over pixels and classes, which makes the weight count C times less than in the formula.
public struct ConfidencePenaltyTerm: ObjectiveTerm {
    public static let name = "confidence-penalty"

    public var weight = 0.1
    /// Whether the mean runs over pixels only, as in the formula.
    public var sumsOverClasses = false

    public init() {}
    public init(weight: Double, sumsOverClasses: Bool = false) {
        self.weight = weight
        self.sumsOverClasses = sumsOverClasses
    }

    public func problems(classes: Int?) -> [Diagnostic] { [] }

    public func record(on tape: Tape, logits: Value, inputs: ObjectiveInputs) throws(Diagnostic) -> Value {
        let sum = try tape.negativeEntropy(logits, labels: inputs.labels, ignoring: ObjectiveInputs.ignored)
        return sumsOverClasses ? sum : try tape.scale(sum, by: 1 / Float(logits.shape.channels))
    }
}
