import LucencyFoundation

/// Compares two methods on the same cases, by the differences of each case.
///
/// The mean difference gets a bootstrap interval, and a p value by a permutation test: if the methods were equal, the sign of
/// each difference would be a matter of chance, so the mean is compared with those under other signs (Fisher's
/// randomization test for pairs, two-sided). All choices of signs are tried where they are no more than `flips`, else so many
/// are drawn, the observed one counting as one of them. Values that belong together (`groups`) are drawn, and change sign,
/// together.
public struct PairedComparison: Hashable, Sendable {
    public var bootstrap: Bootstrap
    /// Choices of signs to try.
    public var flips: Int

    public init(bootstrap: Bootstrap = Bootstrap(), flips: Int = 10_000) {
        self.bootstrap = bootstrap
        self.flips = flips
    }

    public struct Outcome: Hashable, Codable, Sendable {
        public var cases: Int
        /// What was drawn and changed sign together: the cases, or their groups.
        public var units: Int
        public var mean: Double
        /// Over cases, divided by n − 1; nil for a single one.
        public var standardDeviation: Double?
        public var median: Double
        /// Of the mean; nil for a single unit.
        public var interval: ConfidenceInterval?
        /// Of the mean being 0.
        public var p: Double
        /// Cases by the sign of their difference.
        public var higher, equal, lower: Int
    }

    /// - Parameters:
    ///   - differences: one for each case, all finite.
    ///   - groups: for each case what it belongs to; nil where cases are independent.
    /// - Throws: `Diagnostic` when there is no difference or one is not finite, and as `Bootstrap`.
    public func callAsFunction(_ differences: [Double], groups: [String]? = nil) throws(Diagnostic) -> Outcome {
        guard !differences.isEmpty else { throw Diagnostic(.badArgument, "there are no cases to compare") }
        guard flips >= 1, flips <= 10_000_000 else {
            throw Diagnostic(
                .badArgument, "\(flips) choices of signs cannot be tried", remedy: "take between 1 and 10000000")
        }
        let sample = try ClusteredSample(differences, groups: groups)
        let mean = sample.mean
        let squares = differences.sorted().reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return Outcome(
            cases: differences.count, units: sample.sums.count, mean: mean,
            standardDeviation: differences.count > 1 ? (squares / Double(differences.count - 1)).squareRoot() : nil,
            median: sample.median, interval: try bootstrap.interval(of: differences, groups: groups),
            p: probability(sample.sums), higher: differences.count { $0 > 0 },
            equal: differences.count { $0 == 0 }, lower: differences.count { $0 < 0 })
    }

    /// Of a sum at least as far from 0 if each part had the other sign with probability ½.
    private func probability(_ sums: [Double]) -> Double {
        // Equal sums differ by rounding, according to the order of their terms.
        let slack = 1e-12 * sums.reduce(0) { $0 + abs($1) }
        let observed = abs(sums.reduce(0, +)) - slack
        var extreme = 0
        if sums.count < 24, 1 << sums.count <= flips {
            for signs in 0..<(1 << sums.count) {
                var sum = 0.0
                for (index, part) in sums.enumerated() { sum += signs >> index & 1 == 0 ? part : -part }
                if abs(sum) >= observed { extreme += 1 }
            }
            return Double(extreme) / Double(1 << sums.count)
        }
        var random = PhiloxStream(seed: bootstrap.seed, stream: "signs")
        for _ in 0..<flips {
            var sum = 0.0
            var bits: UInt32 = 0
            for (index, part) in sums.enumerated() {
                if index & 31 == 0 { bits = random.nextWord() }
                sum += bits & 1 == 0 ? part : -part
                bits >>= 1
            }
            if abs(sum) >= observed { extreme += 1 }
        }
        return Double(extreme + 1) / Double(flips + 1)
    }
}
