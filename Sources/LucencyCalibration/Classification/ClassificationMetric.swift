/// Metrics of class probabilities against true classes, one number for all classes together.
public enum ClassificationMetric: String, CaseIterable, Hashable, Codable, Sendable {
    case accuracy
    case balancedAccuracy = "balanced-accuracy"
    case auc, f1, ece, brier
    case logLoss = "log-loss"

    /// How it is computed, with what counts in it.
    public func definition(bins: Int) -> String {
        switch self {
        case .accuracy: "share of right answers; of equal probabilities the first class is the answer"
        case .balancedAccuracy: "mean over classes of the share of theirs that was found"
        case .auc: "mean over classes of the area under the ROC curve, the class against all others; ties count half"
        case .f1: "mean over classes of 2TP/(2TP+FP+FN); classes neither there nor answered are left out"
        case .ece: "sum over \(bins) equal-width bins of n/N |confidence - accuracy| of the answers"
        case .brier: "mean of the squared errors of all classes' probabilities, summed (0...2)"
        case .logLoss: "mean of -ln p of the true class, p at least 1e-12"
        }
    }
}

/// Metrics of one class against all others.
public enum ClassMetric: String, CaseIterable, Hashable, Codable, Sendable {
    case recall, precision, f1, auc, brier
}
