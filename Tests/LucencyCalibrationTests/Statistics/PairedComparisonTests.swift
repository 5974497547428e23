import LucencyCalibration
import LucencyFoundation
import Testing

@Suite struct PairedComparisonTests {
    // scipy.stats.permutation_test(permutation_type="samples", n_resamples=inf): 132 of 4096 choices of signs, SciPy 1.17.1;
    // mean, deviation and median by NumPy 2.4.6.
    @Test func `all choices of signs of twelve cases give SciPy's p value`() throws {
        let outcome = try PairedComparison()(differences)
        #expect(outcome.p == 132.0 / 4096)
        #expect(abs(outcome.mean - 0.016416666666666666) < 1e-15)
        #expect(abs(try #require(outcome.standardDeviation) - 0.022536670453984876) < 1e-15)
        #expect(outcome.median == 0.017)
        #expect(outcome.interval == (try Bootstrap().interval(of: differences)))
        #expect((outcome.cases, outcome.units) == (12, 12))
        #expect((outcome.higher, outcome.equal, outcome.lower) == (8, 1, 3))
    }

    // 0.40205: the same test with 2,000,000 choices drawn by SciPy 1.17.1.
    @Test func `of forty cases so many choices of signs are drawn that p agrees with SciPy's`() throws {
        let values = [
            0.112, -0.1178, 0.0309, -0.0184, -0.0126, -0.0008, -0.091, -0.0016, -0.0333, 0.1761, 0.0213, -0.0076,
            -0.0041,
            -0.0234, -0.0428, -0.0095, 0.0341, -0.0019, 0.0579, 0.0, 0.0112, 0.0873, 0.0373, -0.0153, 0.0009, 0.037,
            0.1068,
            -0.0035, -0.0022, 0.0601, -0.0343, -0.0046, 0.0541, 0.039, 0.0146, 0.0435, -0.1314, 0.0611, -0.038, -0.0734,
        ]
        let outcome = try PairedComparison(flips: 100_000)(values)
        #expect(abs(outcome.p - 0.40205) < 0.005)
        #expect(try PairedComparison(flips: 100_000)(values.reversed()).p == outcome.p)
    }

    // 2 of 32 choices of signs of the five sums, counted by NumPy.
    @Test func `cases of a group change sign together`() throws {
        let outcome = try PairedComparison()(differences, groups: patients)
        #expect(outcome.p == 2.0 / 32)
        #expect((outcome.cases, outcome.units) == (12, 5))
        #expect(outcome.interval == (try Bootstrap().interval(of: differences, groups: patients)))
    }

    @Test func `equal results are no evidence, and constant gains are as much as so few cases can give`() throws {
        let equal = try PairedComparison()([0, 0, 0, 0])
        #expect(equal.p == 1 && equal.mean == 0 && equal.equal == 4)
        #expect(try PairedComparison()([0.1, 0.1, 0.1, 0.1]).p == 2.0 / 16)
        let one = try PairedComparison()([0.1])
        #expect(one.p == 1 && one.interval == nil && one.standardDeviation == nil)
        // None of the choices that are drawn is as extreme; the observed one counts.
        #expect(try PairedComparison(flips: 999)(Array(repeating: 0.1, count: 60)).p == 0.001)
    }

    @Test func `nothing, and what is no number, cannot be compared`() {
        let all: [[Double]] = [[], [.nan], [1, -.infinity]]
        for values in all {
            #expect(throws: Diagnostic.self) { try PairedComparison()(values) }
        }
        #expect(throws: Diagnostic.self) { try PairedComparison(flips: 0)([1]) }
    }
}
