/// The size of one class in one case, in pixels: as its probabilities expect it, as predicted, and as it is.
///
/// A calibrated model's expected size is right on average even where its prediction (the most probable class) is too small
/// or too large.
public struct SizeEstimate: Hashable, Codable, Sendable {
    /// Σ p over pixels.
    public var expected: Double
    /// Pixels for which the class is the answer.
    public var predicted: Int
    public var reference: Int

    public init(expected: Double, predicted: Int, reference: Int) {
        (self.expected, self.predicted, self.reference) = (expected, predicted, reference)
    }

    public mutating func merge(_ other: SizeEstimate) {
        expected += other.expected
        predicted += other.predicted
        reference += other.reference
    }

    /// (expected − reference) / reference; undefined where the class is absent.
    public var expectedError: Score { error(expected) }
    /// (predicted − reference) / reference.
    public var predictedError: Score { error(Double(predicted)) }

    private func error(_ size: Double) -> Score {
        reference == 0 ? .undefined : .value((size - Double(reference)) / Double(reference))
    }
}
