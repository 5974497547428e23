import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// All metrics of a summary's cases, of which each may count any number of times, as a bootstrap asks.
public struct ClassificationScores: Sendable {
    /// Of the expected calibration error.
    public let bins: Int
    public let classes: [String]
    private let cases: [ClassificationCase]
    private let answers: [Int]
    /// The bin of each answer's confidence; −1 for none.
    private let binOfCase: [Int]
    /// For each class the cases by ascending probability of it, in runs of equal ones.
    private let runs: [[[Int]]]

    /// - Parameter bins: equal-width bins of confidence, 1 to 100; others are clamped.
    public init(_ summary: ClassificationSummary, bins: Int = 15) {
        let scale = ConfidenceScale(bins: bins)
        self.bins = scale.bins
        classes = summary.classes
        let cases = summary.cases
        self.cases = cases
        answers = cases.map(\.answer)
        binOfCase = zip(cases, answers).map { one, answer in
            scale.binOfSlot[scale.slot(of: min(1, max(0, Float(one.probabilities[answer]))))]
        }
        runs = summary.classes.indices.map { plane in
            let order = cases.indices.sorted { cases[$0].probabilities[plane] < cases[$1].probabilities[plane] }
            var runs: [[Int]] = []
            for index in order {
                let p = cases[index].probabilities[plane]
                if let last = runs.last?.last, cases[last].probabilities[plane] == p {
                    runs[runs.count - 1].append(index)
                } else {
                    runs.append([index])
                }
            }
            return runs
        }
    }

    /// Each case once.
    private var once: [Double] { Array(repeating: 1, count: cases.count) }

    /// A metric of all classes; undefined where nothing can be measured, as the AUC of cases of one class.
    public func score(_ metric: ClassificationMetric) -> Score { Score(value(metric, once)) }

    /// A metric of one class.
    public func score(_ metric: ClassMetric, ofClass plane: Int) -> Score {
        classes.indices.contains(plane) ? Score(value(metric, plane, once)) : .undefined
    }

    /// How often each class (rows) was answered as each (columns).
    public var confusion: [[Int]] { table(once).map { $0.map { Int($0) } } }

    /// Confidence of the answers, and whether they were right.
    public var reliability: ReliabilityBins {
        var result = ReliabilityBins(count: bins)
        for (index, one) in cases.enumerated() {
            result.add(
                to: binOfCase[index], count: 1, hits: answers[index] == one.truth ? 1 : 0,
                confidence: one.probabilities[answers[index]])
        }
        return result
    }

    /// The mean over patients of the share of each one's images that were answered rightly, the patient recognition rate of
    /// Spanhol et al., "A dataset for breast cancer histopathological image classification", 2016. Its values by patient, in the
    /// order of their names; empty where images state no patient.
    public var patientRates: [Double] {
        guard cases.first?.patient != nil else { return [] }
        let groups = Dictionary(grouping: cases.indices) { cases[$0].patient ?? "" }
        return groups.sorted { $0.key < $1.key }.map { _, images in
            Double(images.count { answers[$0] == cases[$0].truth }) / Double(images.count)
        }
    }

    /// What a bootstrap draws: patients by name, or cases where no patient is stated.
    public struct Units: Sendable {
        public let count: Int
        /// The unit of each case.
        let ofCase: [Int]
    }

    public var units: Units {
        guard cases.first?.patient != nil else { return Units(count: cases.count, ofCase: Array(cases.indices)) }
        let names = Set(cases.compactMap(\.patient)).sorted()
        let places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        return Units(count: names.count, ofCase: cases.map { places[$0.patient ?? ""] ?? 0 })
    }

    /// - Parameter draws: of as many as there are `units`.
    public func interval(_ metric: ClassificationMetric, _ draws: CaseDraws) -> ConfidenceInterval? {
        interval(draws) { value(metric, $0) }
    }

    /// - Parameter draws: of as many as there are `units`.
    public func interval(_ metric: ClassMetric, ofClass plane: Int, _ draws: CaseDraws) -> ConfidenceInterval? {
        classes.indices.contains(plane) ? interval(draws) { value(metric, plane, $0) } : nil
    }

    private func interval(_ draws: CaseDraws, _ value: ([Double]) -> Double?) -> ConfidenceInterval? {
        let units = self.units
        guard draws.count == units.count else { return nil }
        return draws.interval { times in value(units.ofCase.map { Double(times[$0]) }) }
    }

    private func value(_ metric: ClassificationMetric, _ weights: [Double]) -> Double? {
        let total = weights.reduce(0, +)
        guard total > 0 else { return nil }
        func mean(_ values: [Double?]) -> Double? {
            let known = values.compactMap { $0 }
            return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
        }
        switch metric {
        case .accuracy:
            var right = 0.0
            for (index, one) in cases.enumerated() where answers[index] == one.truth { right += weights[index] }
            return right / total
        case .balancedAccuracy: return mean(classes.indices.map { value(.recall, $0, weights) })
        case .auc: return mean(classes.indices.map { value(.auc, $0, weights) })
        case .f1: return mean(classes.indices.map { value(.f1, $0, weights) })
        case .brier: return classes.indices.reduce(0) { $0 + (value(.brier, $1, weights) ?? 0) }
        case .ece:
            var gaps = [Double](repeating: 0, count: bins)
            for (index, one) in cases.enumerated() where binOfCase[index] >= 0 {
                let gap = one.probabilities[answers[index]] - (answers[index] == one.truth ? 1 : 0)
                gaps[binOfCase[index]] += weights[index] * gap
            }
            return gaps.reduce(0) { $0 + abs($1) } / total
        case .logLoss:
            var sum = 0.0
            for (index, one) in cases.enumerated() where weights[index] > 0 {
                sum -= weights[index] * log(min(1, max(1e-12, one.probabilities[one.truth])))
            }
            return sum / total
        }
    }

    private func value(_ metric: ClassMetric, _ plane: Int, _ weights: [Double]) -> Double? {
        switch metric {
        case .auc: return area(plane, weights)
        case .brier:
            var sum = 0.0, total = 0.0
            for (index, one) in cases.enumerated() {
                let error = one.probabilities[plane] - (one.truth == plane ? 1 : 0)
                sum += weights[index] * error * error
                total += weights[index]
            }
            return total > 0 ? sum / total : nil
        case .recall, .precision, .f1:
            var hits = 0.0, there = 0.0, answered = 0.0
            for (index, one) in cases.enumerated() {
                if one.truth == plane { there += weights[index] }
                if answers[index] == plane { answered += weights[index] }
                if one.truth == plane, answers[index] == plane { hits += weights[index] }
            }
            let whole = metric == .recall ? there : metric == .precision ? answered : (there + answered) / 2
            return whole > 0 ? hits / whole : nil
        }
    }

    /// How probable it is that a case of the class has a higher probability of it than one of another class; ties count half.
    private func area(_ plane: Int, _ weights: [Double]) -> Double? {
        var below = 0.0, pairs = 0.0, positives = 0.0
        for run in runs[plane] {
            var own = 0.0, others = 0.0
            for index in run {
                if cases[index].truth == plane { own += weights[index] } else { others += weights[index] }
            }
            pairs += own * (below + others / 2)
            below += others
            positives += own
        }
        return positives > 0 && below > 0 ? pairs / (positives * below) : nil
    }

    private func table(_ weights: [Double]) -> [[Double]] {
        var result = Array(repeating: Array(repeating: 0.0, count: classes.count), count: classes.count)
        for (index, one) in cases.enumerated() { result[one.truth][answers[index]] += weights[index] }
        return result
    }
}
