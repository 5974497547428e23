import LucencyCalibration
import LucencyFoundation

/// Intervals of the accuracy in each bin of confidence, by drawing whole cases with replacement: a ratio of sums, since a case
/// may have many pixels in a bin, or none.
struct AccuracyIntervals {
    /// nil where a bin holds nothing, or fewer than two cases have pixels in it.
    let bins: [(low: Double, high: Double)?]

    /// Draws beyond this refine a diagram by less than a line's width.
    private static let mostDraws = 1000

    init(_ cases: [ReliabilityBins], bootstrap: Bootstrap) {
        let count = cases.first?.counts.count ?? 0
        guard cases.count > 1 else {
            bins = Array(repeating: nil, count: count)
            return
        }
        let hits = cases.flatMap { $0.hits.map(Double.init) }, totals = cases.flatMap { $0.counts.map(Double.init) }
        let draws = max(1, min(Self.mostDraws, bootstrap.resamples))
        var drawn = [[Double]](repeating: [], count: count)
        var random = PhiloxStream(seed: bootstrap.seed, stream: "reliability")
        var hit = [Double](repeating: 0, count: count), total = hit
        for _ in 0..<draws {
            for bin in 0..<count { (hit[bin], total[bin]) = (0, 0) }
            for _ in cases.indices {
                let first = count &* min(cases.count - 1, Int(random.uniform() * Double(cases.count)))
                for bin in 0..<count {
                    hit[bin] += hits[first &+ bin]
                    total[bin] += totals[first &+ bin]
                }
            }
            for bin in 0..<count where total[bin] > 0 { drawn[bin].append(hit[bin] / total[bin]) }
        }
        let tail = (1 - bootstrap.level) / 2
        bins = (0..<count).map { bin in
            guard cases.count(where: { $0.counts[bin] > 0 }) > 1 else { return nil }
            let sorted = drawn[bin].sorted()
            func quantile(_ share: Double) -> Double {
                let place = share * Double(sorted.count - 1), low = Int(place), high = min(sorted.count - 1, low + 1)
                return sorted[low] + (sorted[high] - sorted[low]) * (place - Double(low))
            }
            return (quantile(tail), quantile(1 - tail))
        }
    }
}
