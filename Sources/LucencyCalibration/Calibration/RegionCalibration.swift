/// The narrow histograms of one region: of the answers, of "not background", and of each class.
public struct RegionHistograms: Hashable, Codable, Sendable {
    public var top: ConfidenceHistogram
    public var foreground: ConfidenceHistogram
    public var classes: [ConfidenceHistogram]
}

/// One class in one region, against all others: pairs of its probability and "it is this class".
public struct ClassCalibration: Hashable, Codable, Sendable {
    public var bins: ReliabilityBins
    public var brier: BrierScore
    /// `adaptiveError`, the equal-width error of probabilities above 10⁻³, and the adaptive error of those.
    public var adaptive, thresholded, thresholdedAdaptive: Score

    init(_ histogram: ConfidenceHistogram, _ brier: BrierScore) {
        bins = histogram.reliability
        self.brier = brier
        adaptive = histogram.adaptiveError()
        let above = histogram.reliabilityAboveThreshold
        thresholded = above.total == 0 && bins.total > 0 ? .value(0) : above.expectedError
        thresholdedAdaptive = histogram.thresholdedAdaptiveError()
    }

    /// A metric of this class, nil where it is not one of single classes.
    public subscript(metric: CalibrationMetric) -> Score? {
        switch metric {
        case .ece, .cece: bins.expectedError
        case .mce: bins.maximumError
        case .ace: bins.averageError
        case .rmsce: bins.rootMeanSquareError
        case .aece: adaptive
        case .thresholdedCECE: thresholded
        case .tace: thresholdedAdaptive
        case .overconfidence: bins.overconfidence
        case .underconfidence: bins.underconfidence
        case .debiasedECE: bins.debiasedError
        case .debiasedSquared: bins.debiasedSquaredError
        case .brier: brier.mean
        case .reliability: Score(brier.decomposition(bins)?.reliability)
        case .resolution: Score(brier.decomposition(bins)?.resolution)
        case .uncertainty: Score(brier.decomposition(bins)?.uncertainty)
        case .accuracy: bins.accuracy
        case .confidence: bins.meanConfidence
        default: nil
        }
    }
}

/// One region of one case, or of all cases together.
public struct RegionCalibration: Hashable, Codable, Sendable {
    public var region: CalibrationRegion
    /// Pairs of the answer's confidence and "it is right".
    public var top: ReliabilityBins
    /// Pairs of 1 − p(background) and "it is not background".
    public var foreground: ReliabilityBins
    /// In the order of the map's planes.
    public var classes: [ClassCalibration]
    /// Which plane is background.
    public var background: Int
    public var logLoss: LogLoss
    /// Of the answers.
    public var adaptive, aurc, excessAURC: Score
    /// nil where the true probabilities are not known.
    public var posterior: PosteriorDistance?
    /// The same of what is predicted from the case without noise; nil where that is not known.
    public var clean: PosteriorDistance?

    init(
        _ region: CalibrationRegion, _ histograms: RegionHistograms, brier: [BrierScore], background: Int,
        logLoss: LogLoss, posterior: PosteriorDistance?, clean: PosteriorDistance?
    ) {
        self.region = region
        top = histograms.top.reliability
        foreground = histograms.foreground.reliability
        classes = zip(histograms.classes, brier).map { ClassCalibration($0, $1) }
        self.background = background
        self.logLoss = logLoss
        adaptive = histograms.top.adaptiveError()
        let ranking = histograms.top.riskCoverage
        (aurc, excessAURC) = (ranking.aurc, ranking.excess)
        (self.posterior, self.clean) = (posterior, clean)
    }

    /// Pixels.
    public var total: Int { top.total }

    /// Which classes a classwise mean is over.
    public enum ClassAveraging: String, CaseIterable, Hashable, Codable, Sendable {
        case all
        /// Up to the highest class that occurs: public evaluation code of NACL and MbLS.
        case upToHighestPresent = "up-to-highest-present"
        case withoutBackground = "without-background"
    }

    /// The mean of the classes' expected errors (Nixon et al., "Measuring calibration in deep learning", 2019).
    public func classwiseError(_ averaging: ClassAveraging = .all) -> Score {
        switch averaging {
        case .all: mean(classes.map(\.bins.expectedError))
        case .withoutBackground: mean(withoutBackground.map(\.bins.expectedError))
        case .upToHighestPresent:
            mean(classes.prefix((classes.lastIndex { $0.brier.positives > 0 } ?? -1) + 1).map(\.bins.expectedError))
        }
    }

    private var withoutBackground: [ClassCalibration] {
        classes.enumerated().filter { $0.offset != background }.map(\.element)
    }

    private func mean(_ scores: [Score]) -> Score {
        let values = scores.compactMap(\.value)
        return values.isEmpty ? .undefined : .value(values.reduce(0, +) / Double(values.count))
    }

    private func sum(_ scores: [Score]) -> Score {
        let values = scores.compactMap(\.value)
        return values.count == scores.count && !values.isEmpty ? .value(values.reduce(0, +)) : .undefined
    }

    private var decomposition: BrierScore.Decomposition? {
        let parts = classes.compactMap { $0.brier.decomposition($0.bins) }
        return parts.first.map { parts.dropFirst().reduce($0, +) }
    }

    public subscript(metric: CalibrationMetric) -> Score {
        switch metric {
        case .ece: top.expectedError
        case .cece: classwiseError()
        case .cecePresent: classwiseError(.upToHighestPresent)
        case .ceceForeground: classwiseError(.withoutBackground)
        case .thresholdedCECE: mean(classes.map(\.thresholded))
        case .aece: adaptive
        case .tace: mean(withoutBackground.map(\.thresholdedAdaptive))
        case .mce: top.maximumError
        case .ace: top.averageError
        case .rmsce: top.rootMeanSquareError
        case .overconfidence: top.overconfidence
        case .underconfidence: top.underconfidence
        case .debiasedECE: top.debiasedError
        case .debiasedSquared: top.debiasedSquaredError
        case .foregroundECE: foreground.expectedError
        case .brier: sum(classes.map(\.brier.mean))
        case .brierMean: mean(classes.map(\.brier.mean))
        case .reliability: Score(decomposition?.reliability)
        case .resolution: Score(decomposition?.resolution)
        case .uncertainty: Score(decomposition?.uncertainty)
        case .nll: logLoss.mean
        case .aurc: aurc
        case .excessAURC: excessAURC
        case .accuracy: top.accuracy
        case .confidence: top.meanConfidence
        case .posteriorKL: posterior?.kullbackLeibler ?? .undefined
        case .posteriorL1: posterior?.l1 ?? .undefined
        case .posteriorBrier: posterior?.brier ?? .undefined
        case .cleanKL: clean?.kullbackLeibler ?? .undefined
        case .cleanL1: clean?.l1 ?? .undefined
        case .cleanBrier: clean?.brier ?? .undefined
        }
    }
}
