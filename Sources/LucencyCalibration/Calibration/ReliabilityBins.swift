/// Equal-width bins of confidence: in each the number of pairs, how many were right, and the sum of confidences.
///
/// Bin b of M holds b/M < c ≤ (b + 1)/M. A confidence of 0 is in no bin and is counted apart. Calibration errors of many
/// cases together are those of their bins added up, which are not the means of the cases' errors.
public struct ReliabilityBins: Hashable, Codable, Sendable {
    public private(set) var counts: [Int]
    public private(set) var hits: [Int]
    /// Sums of confidences.
    public private(set) var confidences: [Double]
    /// Pairs of confidence 0, and how many of those were right. They count in N and add nothing to any error.
    public private(set) var zeros: Int
    public private(set) var zeroHits: Int

    /// - Parameter count: M, at least 1.
    public init(count: Int) {
        counts = Array(repeating: 0, count: max(1, count))
        hits = counts
        confidences = Array(repeating: 0, count: max(1, count))
        (zeros, zeroHits) = (0, 0)
    }

    /// A bin of −1 stands for confidences of 0.
    package mutating func add(to bin: Int, count: Int, hits: Int, confidence: Double) {
        guard counts.indices.contains(bin) else {
            zeros += count
            zeroHits += hits
            return
        }
        counts[bin] += count
        self.hits[bin] += hits
        confidences[bin] += confidence
    }

    /// Adds bins of the same number; others are left out.
    public mutating func merge(_ other: ReliabilityBins) {
        guard counts.count == other.counts.count else { return }
        for bin in counts.indices {
            add(to: bin, count: other.counts[bin], hits: other.hits[bin], confidence: other.confidences[bin])
        }
        zeros += other.zeros
        zeroHits += other.zeroHits
    }

    /// N, pairs of confidence 0 included.
    public var total: Int { counts.reduce(zeros, +) }
    /// Share of right pairs.
    public var accuracy: Score { .ratio(hits.reduce(zeroHits, +), total) }
    public var meanConfidence: Score { total == 0 ? .undefined : .value(confidences.reduce(0, +) / Double(total)) }

    /// One bin that is not empty.
    public struct Bin: Hashable, Sendable {
        public var index: Int
        public var count: Int
        /// Mean confidence and share of right pairs.
        public var confidence, accuracy: Double
        /// Positive where confidence exceeds accuracy.
        public var gap: Double { confidence - accuracy }
    }

    /// The bins that hold something, ascending.
    public var filled: [Bin] {
        counts.indices.filter { counts[$0] > 0 }.map { bin in
            let count = Double(counts[bin])
            return Bin(
                index: bin, count: counts[bin], confidence: confidences[bin] / count,
                accuracy: Double(hits[bin]) / count)
        }
    }

    /// The limits of a bin.
    public func limits(of bin: Int) -> ClosedRange<Double> {
        Double(bin) / Double(counts.count)...Double(bin + 1) / Double(counts.count)
    }
}
