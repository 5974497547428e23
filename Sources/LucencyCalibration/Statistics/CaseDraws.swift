import LucencyFoundation

/// The draws of a bootstrap over cases, made once for many numbers of the same cases. Each number is taken of the cases
/// drawn that have it.
///
/// Cases should be in an order that does not depend on how they arrived, such as that of their names.
public struct CaseDraws: Sendable {
    /// How many cases there are.
    public let count: Int
    private let level: Double
    private let resamples: Int
    /// For each draw and case how often the case was drawn.
    private let times: AlignedBuffer<UInt8>

    /// - Throws: `Diagnostic` when the settings are not possible, or there are too many cases for as many draws.
    public init(count: Int, _ bootstrap: Bootstrap = Bootstrap(resamples: 1000)) throws(Diagnostic) {
        // Refuses settings that are not possible.
        _ = try bootstrap.interval(of: [])
        let (places, overflow) = max(0, count).multipliedReportingOverflow(by: bootstrap.resamples)
        guard !overflow, places <= 1 << 31 else {
            throw Diagnostic(
                .tooLarge, "\(bootstrap.resamples) draws of \(count) cases do not fit into memory",
                remedy: "take fewer resamples")
        }
        self.count = max(0, count)
        level = bootstrap.level
        resamples = bootstrap.resamples
        var random = PhiloxStream(seed: bootstrap.seed, stream: "bootstrap")
        let size = self.count, resamples = resamples
        times = AlignedBuffer(count: places) { times in
            times.initialize(repeating: 0)
            for draw in 0..<resamples where size > 0 {
                for _ in 0..<size {
                    let place = draw &* size &+ min(size - 1, Int(random.uniform() * Double(size)))
                    // More than 255 times the same of any number of cases is beyond all chance.
                    times[place] = times[place] == .max ? .max : times[place] &+ 1
                }
            }
        }
    }

    /// The interval of the mean of the cases that have a value; nil where fewer than two have one.
    /// - Parameter values: one for each case.
    public func interval(ofMean values: [Double?]) -> ConfidenceInterval? {
        let known = values.compactMap { $0 }
        guard known.count > 1, values.count == count, known.allSatisfy(\.isFinite) else { return nil }
        let numbers = values.map { $0 ?? 0 }, weights = values.map { $0 == nil ? 0.0 : 1 }
        let drawn = times.withUnsafeBufferPointer { times in
            numbers.withUnsafeBufferPointer { numbers in
                weights.withUnsafeBufferPointer { weights in
                    (0..<resamples).compactMap { draw -> Double? in
                        var sum = 0.0, total = 0.0
                        for index in 0..<count {
                            let often = Double(times[draw &* count &+ index])
                            sum += often * numbers[index]
                            total += often * weights[index]
                        }
                        return total > 0 ? sum / total : nil
                    }
                }
            }
        }
        return interval(known.reduce(0, +) / Double(known.count), drawn)
    }

    /// The interval of any statistic, such as a ratio of sums or the calibration error of added bins.
    /// - Parameter statistic: of how often each case counts (once each gives the estimate); nil where it is undefined.
    /// - Returns: nil where there are fewer than two cases, the estimate is undefined, or most draws are.
    public func interval(_ statistic: (_ times: UnsafeBufferPointer<UInt8>) -> Double?) -> ConfidenceInterval? {
        let once = Array(repeating: UInt8(1), count: count)
        guard count > 1, let estimate = once.withUnsafeBufferPointer(statistic), estimate.isFinite else { return nil }
        let drawn = times.withUnsafeBufferPointer { times in
            (0..<resamples).compactMap { draw in
                statistic(UnsafeBufferPointer(rebasing: times[draw * count..<(draw + 1) * count]))
            }
        }
        return interval(estimate, drawn.filter(\.isFinite))
    }

    private func interval(_ estimate: Double, _ drawn: [Double]) -> ConfidenceInterval? {
        guard 2 * drawn.count > resamples else { return nil }
        let sorted = drawn.sorted(), tail = (1 - level) / 2
        return ConfidenceInterval(
            estimate: estimate, lower: SurfaceDistances.quantile(sorted, tail),
            upper: SurfaceDistances.quantile(sorted, 1 - tail), level: level)
    }
}
