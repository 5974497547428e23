import LucencyFoundation

extension Bootstrap {
    /// The interval of any statistic of cases, such as a ratio of sums or the calibration error of added bins: cases are
    /// drawn with replacement, and the statistic is taken anew of each draw. Draws in which it is undefined are left out.
    ///
    /// Cases should be in an order that does not depend on how they arrived, such as that of their names.
    /// - Parameters:
    ///   - count: how many cases there are.
    ///   - statistic: of how often each case counts (once each gives the estimate); nil where it is undefined.
    /// - Returns: nil where there are fewer than two cases, the estimate is undefined, or most draws are.
    /// - Throws: `Diagnostic` when the settings are not possible.
    public func interval(
        count: Int, statistic: (_ times: [Int]) -> Double?
    ) throws(Diagnostic) -> ConfidenceInterval? {
        guard resamples >= 1, resamples <= 10_000_000, level > 0, level < 1 else {
            throw Diagnostic(
                .badArgument, "a bootstrap of \(resamples) resamples at the level \(level) is not possible",
                remedy: "take 1 to 10000000 resamples and a level between 0 and 1")
        }
        guard count > 1, let estimate = statistic(Array(repeating: 1, count: count)), estimate.isFinite else {
            return nil
        }
        var random = PhiloxStream(seed: seed, stream: "bootstrap")
        var drawn: [Double] = []
        for _ in 0..<resamples {
            var times = Array(repeating: 0, count: count)
            for _ in 0..<count { times[min(count - 1, Int(random.uniform() * Double(count)))] += 1 }
            if let value = statistic(times), value.isFinite { drawn.append(value) }
        }
        guard 2 * drawn.count > resamples else { return nil }
        drawn.sort()
        let tail = (1 - level) / 2
        return ConfidenceInterval(
            estimate: estimate, lower: SurfaceDistances.quantile(drawn, tail),
            upper: SurfaceDistances.quantile(drawn, 1 - tail), level: level)
    }
}
