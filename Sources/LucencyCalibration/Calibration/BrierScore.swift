/// Squared errors of probabilities: of one class against "it is this class", summed over pixels. Mergeable.
public struct BrierScore: Hashable, Codable, Sendable {
    /// Pixels, and those of the class.
    public var total: Int
    public var positives: Int
    /// Σ p², and Σ p over pixels of the class.
    public var squares: Double
    public var positiveSum: Double

    public init(total: Int = 0, positives: Int = 0, squares: Double = 0, positiveSum: Double = 0) {
        (self.total, self.positives, self.squares, self.positiveSum) = (total, positives, squares, positiveSum)
    }

    public mutating func merge(_ other: BrierScore) {
        total += other.total
        positives += other.positives
        squares += other.squares
        positiveSum += other.positiveSum
    }

    /// Mean of (p − y)²; the sum over classes is the Brier score (0…2; Brier 1950).
    public var mean: Score {
        total == 0 ? .undefined : .value(max(0, squares - 2 * positiveSum + Double(positives)) / Double(total))
    }

    /// The mean taken apart by bins: `mean = reliability − resolution + uncertainty + withinBins` (Murphy, "A new vector
    /// partition of the probability score", 1973; the last term, which is 0 where all p of a bin are equal, after
    /// Stephenson, Coelho, Jolliffe 2008).
    public struct Decomposition: Hashable, Codable, Sendable {
        /// Σ n_b/N (conf_b − acc_b)²: 0 for a calibrated model.
        public var reliability: Double
        /// Σ n_b/N (acc_b − base)²: how far bins tell cases apart; more is better.
        public var resolution: Double
        /// base (1 − base): how hard the data are.
        public var uncertainty: Double
        /// What remains because confidences differ within bins.
        public var withinBins: Double

        public static func + (a: Decomposition, b: Decomposition) -> Decomposition {
            Decomposition(
                reliability: a.reliability + b.reliability, resolution: a.resolution + b.resolution,
                uncertainty: a.uncertainty + b.uncertainty, withinBins: a.withinBins + b.withinBins)
        }
    }

    /// - Parameter bins: those of the same pixels.
    /// - Returns: nil for no pixel.
    public func decomposition(_ bins: ReliabilityBins) -> Decomposition? {
        guard let mean = mean.value, total > 0, bins.total == total else { return nil }
        let base = Double(positives) / Double(total)
        var reliability = 0.0, resolution = 0.0
        for bin in bins.filled {
            reliability += Double(bin.count) * bin.gap * bin.gap
            resolution += Double(bin.count) * (bin.accuracy - base) * (bin.accuracy - base)
        }
        // Probabilities of exactly 0 are a bin of their own here.
        if bins.zeros > 0 {
            let rate = Double(bins.zeroHits) / Double(bins.zeros)
            reliability += Double(bins.zeros) * rate * rate
            resolution += Double(bins.zeros) * (rate - base) * (rate - base)
        }
        (reliability, resolution) = (reliability / Double(total), resolution / Double(total))
        let uncertainty = base * (1 - base)
        return Decomposition(
            reliability: reliability, resolution: resolution, uncertainty: uncertainty,
            withinBins: mean - reliability + resolution - uncertainty)
    }
}
