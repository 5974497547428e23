/// The numbers that a report on calibration shows, each with its definition.
public enum ReportedMetric: String, CaseIterable, Hashable, Codable, CodingKeyRepresentable, Sendable {
    case ece, gap, overconfidence, underconfidence, mce, aece, cece, brier, nll, aurc, dice
    case posteriorKL, cleanKL, posteriorL1, cleanL1

    /// Whether it needs true probabilities, which only phantoms have.
    public var needsPosterior: Bool {
        switch self {
        case .posteriorKL, .cleanKL, .posteriorL1, .cleanL1: true
        default: false
        }
    }

    /// As tables head their columns.
    public var title: String {
        switch self {
        case .ece: "ECE"
        case .gap: "Confidence − accuracy"
        case .overconfidence: "Over-confidence"
        case .underconfidence: "Under-confidence"
        case .mce: "MCE"
        case .aece: "Adaptive ECE"
        case .cece: "Classwise ECE"
        case .brier: "Brier score"
        case .nll: "Log loss"
        case .aurc: "AURC"
        case .dice: "Dice"
        case .posteriorKL: "Divergence from the annotators"
        case .cleanKL: "The same without noise"
        case .posteriorL1: "L1 distance to the annotators"
        case .cleanL1: "The same without noise"
        }
    }

    /// Whether less is better; nil where 0 is best.
    public var lowerIsBetter: Bool? {
        switch self {
        case .gap: nil
        case .dice: false
        default: true
        }
    }

    /// What is computed, in words.
    /// - Parameter bins: equal-width bins of confidence.
    public func definition(bins: Int) -> String {
        switch self {
        case .ece:
            "Expected calibration error: pixels are sorted into \(bins) equal-width bins by confidence (the largest class "
                + "probability; a bin holds its upper edge, so 1 is in the last). In each, accuracy is compared with mean "
                + "confidence; the differences are averaged, weighted by pixels. 0 is best. Per case, then averaged over "
                + "cases; “pooled” merges the bins of all cases first."
        case .gap:
            "Mean confidence minus accuracy. Above 0 the model claims more than it keeps (over-confident), below 0 less."
        case .overconfidence: "The part of the ECE from bins whose confidence exceeds their accuracy."
        case .underconfidence: "The part of the ECE from bins whose accuracy exceeds their confidence."
        case .mce:
            "Maximum calibration error: the largest gap of any bin that holds pixels. Sensitive to nearly empty bins."
        case .aece: "As the ECE, with \(bins) bins that hold equally many pixels."
        case .cece:
            "For each class the ECE of its own probability against “the pixel is of this class”, averaged over classes."
        case .brier:
            "Mean over pixels of the squared differences between probabilities and truth, summed over classes (0 to 2)."
        case .nll:
            "Mean of −log of the probability that the true class was given, in nats. A single pixel whose true class got "
                + "probability 0 makes it infinite; such cases are left out of the mean and counted."
        case .aurc:
            "Area under the risk–coverage curve: the error rate of the surest pixels, averaged over all shares kept."
        case .dice:
            "2·|P∩R| / (|P|+|R|), averaged over the foreground classes that the prediction or the reference has."
        case .posteriorKL:
            "Mean over pixels of the Kullback–Leibler divergence of the prediction from the true probabilities, in nats: the "
                + "shares of annotators that the phantom's labels are drawn from. 0 is best."
        case .posteriorL1: "Mean over pixels of Σ |true − predicted probability| over classes, 0 to 2."
        case .cleanKL, .cleanL1:
            "That number for what the model predicts where the very same phantom is rendered without noise, over the same "
                + "pixels. What remains there is not the noise's doing."
        }
    }
}
