/// What is measured of the probabilities in one region.
public enum CalibrationMetric: String, CaseIterable, Hashable, Codable, Sendable {
    case ece, cece
    case cecePresent = "cece-present"
    case ceceForeground = "cece-foreground"
    case thresholdedCECE = "cece-thresholded"
    case aece, tace, mce, ace, rmsce, overconfidence, underconfidence
    case debiasedECE = "ece-debiased"
    case debiasedSquared = "squared-debiased"
    case foregroundECE = "ece-foreground"
    case brier
    case brierMean = "brier-mean"
    case reliability, resolution, uncertainty, nll, aurc
    case excessAURC = "e-aurc"
    case accuracy, confidence
    case posteriorKL = "posterior-kl"
    case posteriorL1 = "posterior-l1"
    case posteriorBrier = "posterior-brier"
    case cleanKL = "posterior-kl-clean"
    case cleanL1 = "posterior-l1-clean"
    case cleanBrier = "posterior-brier-clean"

    /// Whether a smaller value is better; nil for those that are neither.
    public var smallerIsBetter: Bool? {
        switch self {
        case .accuracy, .resolution: false
        case .confidence, .uncertainty: nil
        default: true
        }
    }

    /// Whether it needs the true probabilities.
    public var needsPosterior: Bool { [.posteriorKL, .posteriorL1, .posteriorBrier].contains(self) || needsClean }

    /// Whether it needs the probabilities of the same case without noise too.
    public var needsClean: Bool { [.cleanKL, .cleanL1, .cleanBrier].contains(self) }

    /// The exact definition, for tables and reports. c is the largest probability of a pixel, "right" whether that class
    /// (the first, if several are largest) is the reference's; bin b of M holds b/M < c ≤ (b+1)/M.
    public func definition(bins: Int) -> String {
        switch self {
        case .ece: "expected calibration error: Σ n_b/N · |mean c − share right| over \(bins) equal-width bins"
        case .cece: "mean over classes k of the expected error of (p_k, reference is k), \(bins) equal-width bins"
        case .cecePresent: "as cece, over the classes up to the highest that occurs in the region"
        case .ceceForeground: "as cece, over all classes but background"
        case .thresholdedCECE: "as cece, of probabilities above 0.001 only"
        case .aece: "as ece, over \(bins) bins of equal mass, by rank (pixels of one narrow slot shared out evenly)"
        case .tace:
            "mean over classes but background of the equal-mass error of probabilities above 0.001, \(bins) bins"
        case .mce: "largest |mean c − share right| of the bins that are not empty, \(bins) equal-width bins"
        case .ace: "mean |mean c − share right| of the bins that are not empty, \(bins) equal-width bins"
        case .rmsce: "√(Σ n_b/N · (mean c − share right)²), \(bins) equal-width bins"
        case .overconfidence: "the part of ece from bins with mean c > share right"
        case .underconfidence: "the part of ece from bins with mean c < share right"
        case .debiasedECE: "ece less its expected excess by chance, pixels taken as independent; may be negative"
        case .debiasedSquared: "Σ n_b/N · (gap² − acc(1 − acc)/(n_b − 1)), pixels taken as independent; may be negative"
        case .foregroundECE:
            "expected error of (1 − p_background, reference is not background), \(bins) equal-width bins"
        case .brier: "mean over pixels of Σ_k (p_k − [reference is k])², 0 to 2"
        case .brierMean: "brier divided by the number of classes"
        case .reliability: "Σ_k Σ n_b/N · (mean p − share)²: the calibration part of brier; 0 is best"
        case .resolution: "Σ_k Σ n_b/N · (share − base rate)²: how well bins tell pixels apart; more is better"
        case .uncertainty: "Σ_k base rate · (1 − base rate): the part of brier that is the data's"
        case .nll: "mean of −log p of the reference's class, in nats, nothing clamped"
        case .aurc: "mean over coverages of the error among the most confident pixels"
        case .excessAURC: "aurc less that of a ranking that puts every wrong pixel last"
        case .accuracy: "share of right pixels"
        case .confidence: "mean c"
        case .posteriorKL: "mean Kullback–Leibler divergence from the true probabilities, in nats"
        case .posteriorL1: "mean Σ_k |true − predicted probability|, 0 to 2"
        case .posteriorBrier: "mean Σ_k (true − predicted probability)², 0 to 2"
        case .cleanKL: "as posterior-kl, of what is predicted where the same case is rendered without noise"
        case .cleanL1: "as posterior-l1, of what is predicted where the same case is rendered without noise"
        case .cleanBrier: "as posterior-brier, of what is predicted where the same case is rendered without noise"
        }
    }
}
