import LucencyFoundation
import LucencyTensor

/// The mean of -log p of each pixel's class, divided by the sum of the class weights.
public struct CrossEntropyTarget: ObjectiveTarget {
    public static let name = "cross-entropy"

    /// One for each class, or none for equal weights.
    public var weights: [Float] = []

    public init() {}
    public init(weights: [Float]) { self.weights = weights }

    public func problems(classes: Int?) -> [Diagnostic] { problems(weights: weights, classes: classes) }

    public func record(on tape: Tape, logits: Value, inputs: ObjectiveInputs) throws(Diagnostic) -> Value {
        try tape.crossEntropy(logits, labels: inputs.labels, weights: weights, ignoring: ObjectiveInputs.ignored)
    }
}
