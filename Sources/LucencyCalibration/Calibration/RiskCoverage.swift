#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What remains wrong when only the most confident answers are kept, over all shares kept.
///
/// AURC is the mean over i = 1…N of the risk of the i most confident; E-AURC subtracts that of a perfect ranking (Geifman,
/// Uziel, El-Yaniv, ICLR 2019). Answers of one group are ranked in no order: values are the expectation over their orders.
public struct RiskCoverage: Hashable, Sendable {
    /// One end of a group.
    public struct Point: Hashable, Codable, Sendable {
        /// Share kept, in 0...1, and the mean loss of those.
        public var coverage, risk: Double
    }

    /// By ascending coverage; the last has coverage 1.
    public let points: [Point]
    public let aurc: Score
    public let excess: Score

    /// - Parameter groups: by descending confidence, of answers that are right or wrong.
    init(_ groups: some Sequence<(count: Int, errors: Int)>) {
        let groups = groups.filter { $0.count > 0 }
        let total = groups.reduce(0) { $0 + $1.count }, errors = groups.reduce(0) { $0 + $1.errors }
        guard total > 0 else {
            (points, aurc, excess) = ([], .undefined, .undefined)
            return
        }
        var points: [Point] = []
        var kept = 0, wrong = 0, sum = 0.0
        for group in groups {
            let rate = Double(group.errors) / Double(group.count)
            sum +=
                Double(group.errors)
                + (Double(wrong) - Double(kept) * rate) * Self.harmonic(from: kept, to: kept + group.count)
            kept += group.count
            wrong += group.errors
            points.append(Point(coverage: Double(kept) / Double(total), risk: Double(wrong) / Double(kept)))
        }
        let right = total - errors
        let best = Double(errors) - Double(right) * Self.harmonic(from: right, to: total)
        self.points = points
        aurc = .value(max(0, sum / Double(total)))
        excess = .value(max(0, (sum - best) / Double(total)))
    }

    /// Of single answers, such as cases, with a loss of 0 or more each. Equal confidences count as one group.
    public init(confidences: [Double], losses: [Double]) {
        let count = min(confidences.count, losses.count)
        guard count > 0 else {
            (points, aurc, excess) = ([], .undefined, .undefined)
            return
        }
        let order = (0..<count).sorted { confidences[$0] > confidences[$1] }
        var points: [Point] = []
        var sum = 0.0, before = 0.0, start = 0
        while start < count {
            var end = start, loss = 0.0
            while end < count, confidences[order[end]] == confidences[order[start]] {
                loss += losses[order[end]]
                end += 1
            }
            for place in start..<end {
                sum += (before + loss * Double(place + 1 - start) / Double(end - start)) / Double(place + 1)
            }
            before += loss
            points.append(Point(coverage: Double(end) / Double(count), risk: before / Double(end)))
            start = end
        }
        var best = 0.0, running = 0.0
        for (index, loss) in losses[..<count].sorted().enumerated() {
            running += loss
            best += running / Double(index + 1)
        }
        self.points = points
        aurc = .value(sum / Double(count))
        excess = .value(max(0, (sum - best) / Double(count)))
    }

    /// 1/(a+1) + … + 1/b.
    private static func harmonic(from a: Int, to b: Int) -> Double {
        guard b - a > 64 else { return stride(from: a + 1, through: b, by: 1).reduce(0) { $0 + 1 / Double($1) } }
        if a < 64 {
            return harmonic(from: a, to: 64) + harmonic(from: 64, to: b)
        }
        func tail(_ n: Double) -> Double { 1 / (2 * n) - 1 / (12 * n * n) + 1 / (120 * n * n * n * n) }
        return log1p(Double(b - a) / Double(a)) + tail(Double(b)) - tail(Double(a))
    }
}

extension ConfidenceHistogram {
    /// Of the right and wrong pairs. Confidences of one slot count as equal.
    public var riskCoverage: RiskCoverage {
        RiskCoverage(slots.reversed().lazy.map { (count: Int($0.count), errors: Int($0.count - $0.hits)) })
    }
}
