import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct RankingTests {
    @Test("the area under risk and coverage is the mean of running risks")
    func aurc() throws {
        // Distinct slots, so that the order is certain: right, wrong, right, wrong.
        let pairs: [(confidence: Float, isCorrect: Bool)] = [(0.95, true), (0.8, false), (0.6, true), (0.3, false)]
        let curve = ConfidenceHistogram(bins: 15, pairs).riskCoverage
        let risks = [0, 1.0 / 2, 1.0 / 3, 2.0 / 4]
        #expect(abs((curve.aurc.value ?? 0) - risks.reduce(0, +) / 4) < 1e-12)
        #expect(abs((curve.excess.value ?? 0) - (risks.reduce(0, +) - (1.0 / 3 + 2.0 / 4)) / 4) < 1e-12)
        #expect(curve.points.map(\.risk) == risks && curve.points.map(\.coverage) == [0.25, 0.5, 0.75, 1])
        let cases = RiskCoverage(confidences: [0.3, 0.95, 0.6, 0.8], losses: [1, 0, 0, 1])
        #expect(abs((cases.aurc.value ?? 0) - (curve.aurc.value ?? 1)) < 1e-12)
        #expect(abs((cases.excess.value ?? 0) - (curve.excess.value ?? 1)) < 1e-12)
        #expect(ConfidenceHistogram(bins: 15).riskCoverage.aurc == .undefined)
        #expect(RiskCoverage(confidences: [], losses: []).aurc == .undefined)
    }

    @Test("large groups of equal confidence count as if their errors were spread evenly")
    func groups() throws {
        var pairs: [(confidence: Float, isCorrect: Bool)] = []
        for (confidence, count, errors) in [(Float(0.99), 5000, 50), (0.7, 3000, 600), (0.4, 200, 190)] {
            for index in 0..<count {
                pairs.append((confidence, index * errors / count == (index + 1) * errors / count))
            }
        }
        let curve = ConfidenceHistogram(bins: 15, pairs).riskCoverage
        var sum = 0.0, before = 0.0, kept = 0
        for (count, errors) in [(5000, 50), (3000, 600), (200, 190)] {
            for index in 1...count {
                sum += (before + Double(errors) * Double(index) / Double(count)) / Double(kept + index)
            }
            before += Double(errors)
            kept += count
        }
        #expect(abs((curve.aurc.value ?? 0) - sum / Double(kept)) < 1e-9)
        #expect((curve.excess.value ?? -1) >= 0)
    }

    @Test("case-level confidences are the means that their names say")
    func aggregations() throws {
        // Two rows of three: background is class 0.
        let map = try CalibrationFixture.map(
            [[0.9, 0.1, 0], [0.2, 0.8, 0], [0.1, 0.3, 0.6], [1, 0, 0], [0.3, 0.7, 0], [0.75, 0.25, 0]], width: 3,
            height: 2)
        let confidence = try CaseConfidence(map)
        func near(_ aggregation: CaseAggregation, _ expected: Double) -> Bool {
            abs((confidence[aggregation].value ?? .nan) - expected) < 1e-6
        }
        #expect(near(.mean, (0.9 + 0.8 + 0.6 + 1 + 0.7 + 0.75) / 6))
        #expect(near(.foreground, (0.8 + 0.6 + 0.7) / 3))
        #expect(near(.boundary, (0.9 + 0.8 + 0.6 + 1 + 0.7 + 0.75) / 6))
        #expect(near(.patchMinimum, (0.9 + 0.8 + 0.6 + 1 + 0.7 + 0.75) / 6))
        #expect(near(.classMean, (0.75 + 0.6) / 2))
        #expect(near(.expectedDice, (2 * 1.5 / (2.15 + 2) + 2 * 0.6 / (0.6 + 1)) / 2))
        let empty = try CaseConfidence(CalibrationFixture.map([[0.9, 0.1]], width: 1))
        #expect(empty[.foreground] == .undefined && empty[.boundary] == .undefined)
        #expect(empty[.expectedDice] == .undefined && abs((empty[.mean].value ?? 0) - 0.9) < 1e-6)
        #expect(code { try CaseConfidence(CalibrationFixture.map([[1]], width: 1)) } == .badArgument)
    }

    @Test("the least confident patch is found")
    func patches() throws {
        var pixels = Array(repeating: [1.0, 0.0], count: 40 * 33)
        // A patch of its own: columns 16 to 39 are the last patch along x.
        for y in 0..<16 { for x in 16..<40 { pixels[y * 40 + x] = [0.75, 0.25] } }
        let confidence = try CaseConfidence(CalibrationFixture.map(pixels, width: 40, height: 33))
        #expect(confidence[.patchMinimum] == .value(0.75))
    }

    @Test("rankings are those counted by hand")
    func ranking() {
        let pairs: [(confidence: Score, dice: Score)] = [
            (.value(0.9), .value(0.95)), (.value(0.5), .value(0.4)), (.value(0.7), .value(0.8)),
            (.value(0.7), .value(0.3)), (.undefined, .value(0.1)), (.value(0.2), .undefined),
        ]
        let ranking = FailureRanking(.mean, pairs, threshold: 0.7)
        #expect(ranking.cases == 4 && ranking.leftOut == 2 && ranking.failures == 2)
        // Pairs of good and failed: 0.9 > 0.5, 0.9 > 0.7, 0.7 > 0.5, 0.7 = 0.7.
        #expect(ranking.auroc == .value(3.5 / 4))
        // Ranks 4, 1, 2.5, 2.5 against 4, 2, 3, 1: covariance 3, variances 4.5 and 5.
        #expect(abs((ranking.spearman.value ?? 0) - 3 / (4.5 * 5).squareRoot()) < 1e-12)
        #expect((ranking.excessAURC.value ?? -1) >= 0)
        let sure = FailureRanking(.mean, [(.value(1), .value(1)), (.value(1), .value(0.9))], threshold: 0.5)
        #expect(sure.auroc == .undefined && sure.spearman == .undefined && sure.failures == 0)
        #expect(FailureRanking(.mean, [], threshold: 0.5).aurc == .undefined)
    }

    @Test("sharper cases that fail are ranked by what separates them")
    func summary() throws {
        var summary = CalibrationSummary()
        for index in 0..<6 {
            // The noisier a case, the less confident and the worse.
            let item = try DrawnCase(GridSize(64, 64), sharpen: 1, seed: UInt64(index))
            let blend = Float(index) / 6
            let values = AlignedBuffer(
                item.truth.values.withUnsafeBufferPointer { $0.map { $0 * (1 - blend) + blend / 3 } })
            let map = try ProbabilityMap(geometry: item.truth.geometry, classes: item.truth.classes, values: values)
            try summary.add(CalibrationEvaluation()("\(index)", probabilities: map, reference: item.reference))
        }
        let rankings = summary.rankings(failureBelow: 0.7)
        #expect(rankings.map(\.aggregation) == CaseAggregation.allCases && rankings.allSatisfy { $0.cases == 6 })
        #expect(
            summary.riskCoverage(.all)?.points.last?.coverage == 1 && CalibrationSummary().riskCoverage(.all) == nil)
    }
}
