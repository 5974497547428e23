// Calibration errors of equal-width bins. Where there is no pair, all are undefined.

extension ReliabilityBins {
    private func score(_ value: () -> Double) -> Score { total == 0 ? .undefined : .value(value()) }

    /// Σ n_b/N · |conf_b − acc_b| (Naeini et al., AAAI 2015; Guo et al., ICML 2017, eq. 3).
    public var expectedError: Score {
        score { filled.reduce(0) { $0 + Double($1.count) * abs($1.gap) } / Double(total) }
    }

    /// The part of `expectedError` from bins whose confidence exceeds their accuracy.
    public var overconfidence: Score {
        score { filled.reduce(0) { $0 + Double($1.count) * max(0, $1.gap) } / Double(total) }
    }

    /// The part of `expectedError` from bins whose accuracy exceeds their confidence.
    public var underconfidence: Score {
        score { filled.reduce(0) { $0 + Double($1.count) * max(0, -$1.gap) } / Double(total) }
    }

    /// The largest gap of a bin that is not empty (Guo et al. 2017, eq. 5).
    public var maximumError: Score { score { filled.reduce(0) { max($0, abs($1.gap)) } } }

    /// The mean gap of the bins that are not empty, however many pairs they hold.
    public var averageError: Score {
        score {
            let bins = filled
            return bins.isEmpty ? 0 : bins.reduce(0) { $0 + abs($1.gap) } / Double(bins.count)
        }
    }

    /// √(Σ n_b/N · gap²).
    public var rootMeanSquareError: Score {
        score { (filled.reduce(0) { $0 + Double($1.count) * $1.gap * $1.gap } / Double(total)).squareRoot() }
    }
}
