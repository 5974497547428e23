import Foundation
import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct CalibrationSummaryTests {
    private func measurements(_ count: Int) throws -> [CalibrationMeasurement] {
        try (0..<count).map { index in
            let item = try DrawnCase(GridSize(40, 30), sharpen: 1 + Double(index % 3), seed: UInt64(index))
            return try CalibrationEvaluation()(
                "case \(index)", probabilities: item.probabilities, reference: item.reference)
        }
    }

    private func summary(_ measurements: some Sequence<CalibrationMeasurement>) throws -> CalibrationSummary {
        var summary = CalibrationSummary()
        for measurement in measurements { try summary.add(measurement) }
        return summary
    }

    private func bytes(_ summary: CalibrationSummary) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return try encoder.encode(summary)
    }

    @Test("cases merge to the same bytes in any order and any division")
    func order() throws {
        let all = try measurements(6)
        let whole = try summary(all)
        var parts = try summary([all[4], all[1]])
        try parts.merge(summary([all[5]]))
        var others = try summary([all[3]])
        try others.merge(summary([all[2], all[0]]))
        try others.merge(parts)
        try others.merge(CalibrationSummary())
        #expect(try bytes(others) == bytes(whole))
        #expect(others.pooled(.all) == whole.pooled(.all))
        #expect(whole.cases.map(\.name) == (0..<6).map { "case \($0)" })
    }

    @Test("one thread and several give the same numbers")
    func threads() throws {
        let item = try DrawnCase(GridSize(700, 600), seed: 2)
        let evaluation = CalibrationEvaluation()
        let one = try evaluation("a", probabilities: item.probabilities, reference: item.reference)
        let three = try evaluation(
            "a", probabilities: item.probabilities, reference: item.reference, pool: ThreadPool(threads: 3))
        #expect(one == three)
    }

    @Test("bins of cases added up are those of all pixels together")
    func additive() throws {
        let whole = try summary(measurements(4)), pooled = try #require(whole.pooled(.foregroundUnion))
        var bins = ReliabilityBins(count: 15)
        for result in whole.cases { result[.foregroundUnion].map { bins.merge($0.top) } }
        #expect(bins.counts == pooled.top.counts && bins.hits == pooled.top.hits)
        #expect(abs((bins.expectedError.value ?? 0) - (pooled[.ece].value ?? 1)) < 1e-12)
        let score = whole.scores([.ece], in: .foregroundUnion)[0]
        #expect(score.n == 4 && score.values.count == 4 && score.pooled == pooled[.ece] && score.mean != score.pooled)
        let classes = whole.scores([.ece, .nll], in: .all, ofClass: 1)
        #expect(classes[0]?.n == 4 && classes[1] == nil)
    }

    @Test("summaries survive being stored, and damaged ones are refused")
    func stored() throws {
        let whole = try summary(measurements(2)), data = try bytes(whole)
        #expect(try JSONDecoder().decode(CalibrationSummary.self, from: data) == whole)
        let empty = try JSONDecoder().decode(CalibrationSummary.self, from: bytes(CalibrationSummary()))
        #expect(empty.cases.isEmpty && empty.pooled(.all) == nil)
        let text = String(decoding: data, as: UTF8.self)
        for damaged in [
            text.replacingOccurrences(of: "case 1", with: "case 0"),
            text.replacingOccurrences(of: "\"bins\":15", with: "\"bins\":0"),
            #"{"cases":[],"histograms":[{"top":\#(Self.empty),"foreground":\#(Self.empty),"classes":[]}]}"#,
        ] {
            #expect(throws: (any Error).self) {
                try JSONDecoder().decode(CalibrationSummary.self, from: Data(damaged.utf8))
            }
        }
        for lists in [
            #""slots":[99999],"counts":[1],"hits":[1],"sums":[1]"#, #""slots":[3],"counts":[1],"hits":[2],"sums":[0]"#,
            #""slots":[3],"counts":[1],"hits":[1],"sums":[]"#, #""slots":[3],"counts":[0],"hits":[0],"sums":[0]"#,
            #""slots":[3],"counts":[1],"hits":[1],"sums":[18446744073709551615]"#,
            #""slots":[3,3],"counts":[1,1],"hits":[1,1],"sums":[1,1]"#,
        ] {
            #expect(throws: (any Error).self) {
                try JSONDecoder().decode(
                    ConfidenceHistogram.self, from: Data(#"{"bins":15,"fraction":4,\#(lists)}"#.utf8))
            }
        }
    }

    private static let empty = #"{"bins":15,"fraction":4,"slots":[],"counts":[],"hits":[],"sums":[]}"#

    @Test("equal names and other conventions are refused")
    func refusals() throws {
        let all = try measurements(2)
        var whole = try summary(all)
        #expect(code { try whole.add(all[0]) } == .duplicateName)
        let before = whole
        #expect(code { try whole.merge(before) } == .duplicateName)
        let item = try DrawnCase(GridSize(40, 30), seed: 9)
        for change in [
            { (evaluation: inout CalibrationEvaluation) in evaluation.bins = 10 },
            { $0.boundary = .pixels(3) }, { $0.background = 1 }, { $0.ignoredLabel = 7 },
        ] {
            var evaluation = CalibrationEvaluation()
            change(&evaluation)
            let other = try evaluation("z", probabilities: item.probabilities, reference: item.reference)
            #expect(code { try whole.add(other) } == .badArgument)
        }
        let masked = try CalibrationEvaluation()(
            "z", probabilities: item.probabilities, reference: item.reference, mask: item.reference)
        let known = try CalibrationEvaluation()(
            "z", probabilities: item.probabilities, reference: item.reference, posterior: item.truth)
        #expect(code { try whole.add(masked) } == .badArgument && code { try whole.add(known) } == .badArgument)
        #expect(whole == before)
    }

    @Test("sizes add up, and say how far expectation and prediction are off")
    func sizes() throws {
        let map = try CalibrationFixture.map([[0.75, 0.25], [0.75, 0.25], [0.25, 0.75], [0.5, 0.5]], width: 4)
        let labels = try CalibrationFixture.labels([0, 1, 1, 0], width: 4)
        let summary = try summary([CalibrationEvaluation()("a", probabilities: map, reference: labels)])
        let size = summary.size(ofClass: 1)
        #expect(size == SizeEstimate(expected: 1.75, predicted: 1, reference: 2))
        #expect(size.expectedError == .value(-0.125) && size.predictedError == .value(-0.5))
        #expect(SizeEstimate(expected: 1, predicted: 1, reference: 0).expectedError == .undefined)
        #expect(abs((summary.cases[0].dice.value ?? 0) - 2.0 / 3) < 1e-12)
    }

    @Test("intervals are over cases, enclose the estimate and depend on the seed alone")
    func intervals() throws {
        let all = try measurements(8), whole = try summary(all), turned = try summary(all.reversed())
        let bootstrap = Bootstrap(resamples: 500, seed: 3)
        let score = whole.scores([.ece], in: .all)[0]
        let mean = try #require(try score.interval(bootstrap))
        #expect(.value(mean.estimate) == score.mean && mean.lower < mean.estimate && mean.estimate < mean.upper)
        let pooled = try #require(try whole.pooledErrorInterval(.all, bootstrap))
        #expect(abs(pooled.estimate - (score.pooled.value ?? 0)) < 1e-12)
        #expect(pooled.lower < pooled.estimate && pooled.estimate < pooled.upper)
        #expect(try turned.pooledErrorInterval(.all, bootstrap) == pooled)
        let single = try #require(try whole.pooledErrorInterval(.all, ofClass: 2, bootstrap))
        #expect(abs(single.estimate - (whole.scores([.ece], in: .all, ofClass: 2)[0]?.pooled.value ?? 0)) < 1e-12)
        #expect(try whole.pooledErrorInterval(.mask, bootstrap) == nil)
        #expect(try summary([all[0]]).pooledErrorInterval(.all, bootstrap) == nil)
        #expect(code { try whole.pooledErrorInterval(.all, Bootstrap(resamples: 0)) } == .badArgument)
        let draws = try CaseDraws(count: 8, bootstrap)
        let drawn = try #require(score.interval(draws))
        #expect(.value(drawn.estimate) == score.mean && drawn.lower < drawn.estimate && drawn.estimate < drawn.upper)
        #expect(try CaseDraws(count: 8, bootstrap).interval(ofMean: score.caseValues) == drawn)
        // Of values that some cases lack, and none where fewer than two have one.
        let some = try #require(draws.interval(ofMean: [1, nil, 3, nil, 2, nil, nil, 2]))
        #expect(some.estimate == 2 && some.lower >= 1 && some.upper <= 3)
        #expect(draws.interval(ofMean: [1, nil, nil, nil, nil, nil, nil, nil]) == nil)
        #expect(draws.interval(ofMean: [1, 2]) == nil)
        // A statistic that is undefined in most draws has no interval.
        #expect(draws.interval { $0[0] < 2 ? 1 : nil } != nil)
        #expect(draws.interval { $0.allSatisfy { $0 == 1 } ? 1 : nil } == nil)
        #expect(code { try CaseDraws(count: 1 << 30, bootstrap) } == .tooLarge)
    }
}
