import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How the threshold follows the mean confidence m of a batch.
public enum ConfidenceThresholdForm: String, Codable, Hashable, Sendable, CaseIterable {
    /// base / (1 + exp(-β(m - ½))) within 0.3...0.8: as published. With the published constants it lies within 0.300...0.337.
    case dynamic
    /// Twice that within 0.3...0.95, so that it is the base where m = ½ [ours].
    case centred
    /// Always the same.
    case fixed
    /// The dynamic one, but not below 0.95 of a moving average of m, within 0.3...0.95: the authors' later program.
    case floor
}

/// How sure a teacher must be of a pixel for its word to count.
///
/// G. Tarubinga et al., "CW-BASS: Confidence-weighted boundary-aware learning for semi-supervised semantic segmentation",
/// IJCNN 2025, as the authors' program has it.
package struct ConfidenceThreshold: Hashable, Sendable {
    package let form: ConfidenceThresholdForm
    /// τ₀, in 0...1.
    package let base: Double
    /// β: how steeply it follows.
    package let slope: Double
    /// Where it is fixed, in 0...1.
    package let level: Double
    /// The moving average of the mean confidence.
    package var average: Double

    private static let lowest = 0.3, highest = 0.95, publishedHighest = 0.8
    /// How much of the moving average remains in a step, and how far the threshold stays below it.
    private static let momentum = 0.99, share = 0.95

    package init(_ form: ConfidenceThresholdForm, base: Double = 0.6, slope: Double = 0.5, level: Double = 0.95) {
        (self.form, self.base, self.slope, self.level) = (form, base, slope, level)
        average = base
    }

    /// τ for a batch.
    /// - Parameter mean: of the confidence over the batch, in 0...1.
    package mutating func next(_ mean: Double) -> Double {
        average = Self.momentum * average + (1 - Self.momentum) * mean
        let logistic = base / (1 + exp(-slope * (mean - 0.5)))
        func clamped(_ value: Double, _ highest: Double) -> Double { min(max(value, Self.lowest), highest) }
        switch form {
        case .dynamic: return clamped(logistic, Self.publishedHighest)
        case .centred: return clamped(2 * logistic, Self.highest)
        case .fixed: return level
        case .floor: return clamped(max(clamped(logistic, Self.publishedHighest), Self.share * average), Self.highest)
        }
    }

    /// The highest threshold that any batch can get.
    package var limit: Double {
        var certain = self
        certain.average = 1
        return certain.next(1)
    }
}
