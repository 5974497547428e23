import LucencyCalibration
import LucencyFoundation
import Testing

/// Differences of twelve cases, and the patients that they might be of.
let differences = [0.031, -0.012, 0.044, 0.008, 0.0, 0.027, -0.019, 0.052, 0.013, 0.021, -0.004, 0.036]
let patients = ["a", "a", "a", "b", "b", "c", "c", "c", "c", "d", "e", "e"]

@Suite struct BootstrapTests {
    private func isClose(_ interval: ConfidenceInterval?, _ lower: Double, _ upper: Double, by tolerance: Double)
        -> Bool
    {
        guard let interval else { return false }
        return abs(interval.lower - lower) <= tolerance && abs(interval.upper - upper) <= tolerance
    }

    // Expected limits: scipy.stats.bootstrap(method="percentile", n_resamples=1_000_000), SciPy 1.17.1.
    @Test func `percentile intervals of mean and median agree with SciPy`() throws {
        let mean = try Bootstrap(resamples: 100_000).interval(of: differences)
        #expect(isClose(mean, 0.00425, 0.02858, by: 0.0003))
        #expect(abs(try #require(mean).estimate - 0.016416666666666666) < 1e-15)
        #expect(
            isClose(
                try Bootstrap(resamples: 100_000, level: 0.9).interval(of: differences), 0.00617, 0.02667, by: 0.0003))
        let median = try Bootstrap(resamples: 100_000).interval(of: differences, statistic: .median)
        #expect(isClose(median, -0.002, 0.0335, by: 0.0006))
        #expect(median?.estimate == 0.017)
    }

    // Expected limits: NumPy 2.4.6, 1,000,000 (mean) and 200,000 (median) draws of five patients with replacement.
    @Test func `groups are drawn as a whole`() throws {
        let mean = try Bootstrap(resamples: 100_000).interval(of: differences, groups: patients)
        #expect(isClose(mean, 0.010727, 0.020167, by: 0.0002))
        let median = try Bootstrap(resamples: 100_000).interval(of: differences, groups: patients, statistic: .median)
        #expect(isClose(median, 0.008, 0.031, by: 0.0006))
    }

    @Test func `groups of one are as no groups`() throws {
        let alone = differences.indices.map { "case \($0)" }
        for statistic in Bootstrap.Statistic.allCases {
            #expect(
                try Bootstrap().interval(of: differences, groups: alone, statistic: statistic)
                    == Bootstrap().interval(of: differences, statistic: statistic))
        }
    }

    @Test func `intervals depend on the seed, not on the order of values or the names of groups`() throws {
        let interval = try Bootstrap().interval(of: differences, groups: patients)
        #expect(try Bootstrap().interval(of: differences.reversed(), groups: patients.reversed()) == interval)
        #expect(
            try Bootstrap().interval(of: differences, groups: patients.map { "z\(200 - ($0.utf8.first ?? 0))" })
                == interval)
        #expect(try Bootstrap(seed: 2).interval(of: differences) != Bootstrap(seed: 1).interval(of: differences))
    }

    @Test func `a single value or group has no interval, equal values have one of no width`() throws {
        #expect(try Bootstrap().interval(of: []) == nil)
        #expect(try Bootstrap().interval(of: [1]) == nil)
        #expect(try Bootstrap().interval(of: [1, 2, 3], groups: ["a", "a", "a"]) == nil)
        #expect(isClose(try Bootstrap().interval(of: [2, 2, 2]), 2, 2, by: 0))
    }

    /// Of 400 samples from a normal distribution about 95 of a hundred intervals cover its mean (0.93 is expected of 40 values).
    @Test func `intervals cover the truth about as often as they promise`() throws {
        var covered = 0
        for trial in 0..<400 {
            var random = PhiloxStream(seed: 5, stream: UInt64(trial))
            let values = (0..<40).map { _ in random.normal(mean: 3, standardDeviation: 2) }
            let interval = try #require(try Bootstrap(resamples: 500).interval(of: values))
            if interval.lower <= 3, 3 <= interval.upper { covered += 1 }
        }
        #expect((356...388).contains(covered), "\(covered) of 400")
    }

    @Test func `what cannot be averaged or drawn is refused`() {
        func code(_ body: () throws -> Void) -> DiagnosticCode? {
            #expect(throws: Diagnostic.self, performing: body)?.code
        }
        #expect(code { _ = try Bootstrap().interval(of: [1, .nan]) } == .notFinite)
        #expect(code { _ = try Bootstrap().interval(of: [1, .infinity]) } == .notFinite)
        #expect(code { _ = try Bootstrap().interval(of: [1, 2], groups: ["a"]) } == .sizeMismatch)
        #expect(code { _ = try Bootstrap(resamples: 0).interval(of: [1, 2]) } == .badArgument)
        #expect(code { _ = try Bootstrap(level: 1).interval(of: [1, 2]) } == .badArgument)
    }
}
