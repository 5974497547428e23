import LucencyFoundation
import LucencyTensor

/// The mean of -(1 - p)^γ log p of each pixel's class: T.-Y. Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017,
/// equation 4. With class weights it is divided by their sum, as cross-entropy, which it is for γ = 0.
public struct FocalTarget: ObjectiveTarget {
    public static let name = "focal"

    /// How much less pixels count whose class is found already; not negative. 3 is what the literature on calibration
    /// compares with; Lin et al. take 2.
    public var gamma: Float = 3
    /// One for each class, or none for equal weights.
    public var weights: [Float] = []

    public init() {}
    public init(gamma: Float, weights: [Float] = []) {
        self.gamma = gamma
        self.weights = weights
    }

    public func problems(classes: Int?) -> [Diagnostic] {
        let range = gamma >= 0 && gamma.isFinite ? [] : [problem("gamma must not be negative, found \(gamma)")]
        return range + problems(weights: weights, classes: classes)
    }

    public func record(on tape: Tape, logits: Value, inputs: ObjectiveInputs) throws(Diagnostic) -> Value {
        try tape.focal(
            logits, labels: inputs.labels, gamma: gamma, weights: weights, ignoring: ObjectiveInputs.ignored)
    }
}
