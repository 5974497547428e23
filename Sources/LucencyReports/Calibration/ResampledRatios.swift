import LucencyCalibration
import LucencyFoundation

/// Intervals of ratios of sums over cases, such as the accuracy in a bin of confidence, by drawing whole cases with
/// replacement: a case may have many pixels in a bin, or none, so means of the cases' own ratios would not do.
struct ResampledRatios {
    /// nil where fewer than two cases have anything in the denominator.
    let intervals: [(low: Double, high: Double)?]

    /// Draws beyond this refine a line of a diagram by less than its width.
    private static let mostDraws = 1000

    /// Right pixels over pixels, in each bin.
    init(_ cases: [ReliabilityBins], bootstrap: Bootstrap) {
        let bins = cases.first?.counts.indices ?? 0..<0
        self.init(
            columns: bins.map { bin in cases.map { Double($0.hits[bin]) } },
            over: bins.map { bin in cases.map { Double($0.counts[bin]) } }, stream: "reliability", bootstrap: bootstrap)
    }

    /// - Parameters:
    ///   - columns: for each ratio the parts of its numerator, one for each case.
    ///   - denominators: those of its denominator.
    ///   - stream: names the random numbers.
    init(columns: [[Double]], over denominators: [[Double]], stream: String, bootstrap: Bootstrap) {
        let count = columns.count, cases = columns.first?.count ?? 0
        guard cases > 1 else {
            intervals = Array(repeating: nil, count: count)
            return
        }
        // A case's numbers side by side.
        let upper = (0..<cases).flatMap { item in columns.map { $0[item] } }
        let lower = (0..<cases).flatMap { item in denominators.map { $0[item] } }
        var drawn = [[Double]](repeating: [], count: count)
        var random = PhiloxStream(seed: bootstrap.seed, stream: stream)
        var above = [Double](repeating: 0, count: count), below = above
        for _ in 0..<max(1, min(Self.mostDraws, bootstrap.resamples)) {
            for place in 0..<count { (above[place], below[place]) = (0, 0) }
            for _ in 0..<cases {
                let first = count &* min(cases - 1, Int(random.uniform() * Double(cases)))
                for place in 0..<count {
                    above[place] += upper[first &+ place]
                    below[place] += lower[first &+ place]
                }
            }
            for place in 0..<count where below[place] > 0 { drawn[place].append(above[place] / below[place]) }
        }
        let tail = (1 - bootstrap.level) / 2
        intervals = (0..<count).map { place in
            guard denominators[place].count(where: { $0 > 0 }) > 1 else { return nil }
            let sorted = drawn[place].sorted()
            func quantile(_ share: Double) -> Double {
                let at = share * Double(sorted.count - 1), low = Int(at), high = min(sorted.count - 1, low + 1)
                return sorted[low] + (sorted[high] - sorted[low]) * (at - Double(low))
            }
            return (quantile(tail), quantile(1 - tail))
        }
    }
}
