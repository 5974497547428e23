import LucencyFoundation
import LucencyTensor

/// Margin-based label smoothing: what the gaps between a pixel's largest logit and its others exceed a margin by, averaged
/// over pixels and classes. B. Liu et al., "The Devil is in the Margin", CVPR 2022, equation 7; for segmentation
/// B. Murugesan et al., 2023, with a margin of 5.
public struct MarginTerm: ObjectiveTerm {
    public static let name = "mbls"

    public var weight = 0.1
    /// The gap that costs nothing, in logits; not negative.
    public var margin: Float = 5
    public var form = MarginForm.linear

    public init() {}
    public init(weight: Double, margin: Float = 5, form: MarginForm = .linear) {
        self.weight = weight
        self.margin = margin
        self.form = form
    }

    public func problems(classes: Int?) -> [Diagnostic] {
        margin >= 0 && margin.isFinite ? [] : [problem("the margin must not be negative, found \(margin)")]
    }

    public func record(on tape: Tape, logits: Value, inputs: ObjectiveInputs) throws(Diagnostic) -> Value {
        try tape.marginPenalty(
            logits, labels: inputs.labels, margin: margin, form: form, ignoring: ObjectiveInputs.ignored)
    }
}
