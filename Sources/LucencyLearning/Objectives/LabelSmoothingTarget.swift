import LucencyFoundation
import LucencyTensor

/// Cross-entropy with a target that is the label to 1 - α and uniform over all classes to α: C. Szegedy et al., "Rethinking
/// the Inception Architecture", CVPR 2016, section 7.
public struct LabelSmoothingTarget: ObjectiveTarget {
    public static let name = "label-smoothing"

    /// In 0...1; 0 is cross-entropy.
    public var alpha: Float = 0.1

    public init() {}
    public init(alpha: Float) { self.alpha = alpha }

    public func problems(classes: Int?) -> [Diagnostic] {
        alpha >= 0 && alpha <= 1 ? [] : [problem("alpha must be in 0...1, found \(alpha)")]
    }

    public func record(on tape: Tape, logits: Value, inputs: ObjectiveInputs) throws(Diagnostic) -> Value {
        try tape.smoothedCrossEntropy(
            logits, labels: inputs.labels, alpha: alpha, ignoring: ObjectiveInputs.ignored)
    }
}
