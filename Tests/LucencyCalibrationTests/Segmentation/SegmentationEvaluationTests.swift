import Foundation
import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import LucencyMorphology
import Support
import Testing

@Suite struct SegmentationEvaluationTests {
    private let present = ["11....", "11....", "......"]
    private let empty = ["......", "......", "......"]

    private func map(_ rows: [String], spacing: SIMD3<Double>? = nil) throws -> LabelMap {
        let flat = rows.joined().map { Int32($0.wholeNumberValue ?? 0) }
        let size = GridSize(rows[0].count, rows.count)
        let geometry =
            try spacing.map { try Geometry(size: size, spacing: $0, source: .stated(.mm)) } ?? Geometry(size: size)
        return try LabelMap(geometry: geometry, labels: AlignedBuffer(flat))
    }

    /// One case of each kind: present in both, missed, invented, in neither.
    private func summary(_ evaluation: SegmentationEvaluation = .init()) throws -> EvaluationSummary {
        var summary = EvaluationSummary()
        let shifted = ["......", "11....", "11...."]
        for (name, prediction, reference) in [
            ("d", empty, empty), ("b", empty, present), ("a", shifted, present), ("c", present, empty),
        ] {
            try summary.add(evaluation(name, prediction: map(prediction), reference: map(reference)))
        }
        return summary
    }

    @Test func theFourKindsOfCasesAreCountedApart() throws {
        let summary = try summary()
        #expect(summary.cases.map(\.name) == ["a", "b", "c", "d"])
        let row = try #require(summary.classes().first)
        #expect(row.both == 1 && row.missed == 1 && row.falseAlarms == 1 && row.neither == 1)
        #expect(row.caseSensitivity == .value(0.5) && row.caseSpecificity == .value(0.5))
        #expect(row.name == "label 1")
        let dice = row[.dice], distance = row[.hd]
        #expect(dice.n == 3 && dice.undefined == 1 && dice.infinite == 0 && dice.leftOut == 1)
        #expect(dice.mean == .value((0.5 + 0 + 0) / 3) && dice.median == .value(0))
        #expect(distance.n == 1 && distance.infinite == 2 && distance.undefined == 1)
        #expect(distance.mean == .value(1) && distance.standardDeviation == .undefined)
        #expect(row[.nsd].mean == .value(1.0 / 3))
        #expect(row.pooled == Overlap(truePositives: 2, falsePositives: 6, falseNegatives: 6, trueNegatives: 58))
    }

    @Test func thePenaltyIsTheDiagonalAndIsCounted() throws {
        let row = try #require(try summary().classes(penalty: true).first)
        let diagonal = 45.0.squareRoot()
        #expect(row[.hd].n == 3 && row[.hd].infinite == 0 && row[.hd].penalized == 2 && row[.hd].undefined == 1)
        #expect(abs((row[.hd].mean.value ?? 0) - (1 + 2 * diagonal) / 3) < 1e-12)
        #expect(row[.dice].penalized == 0)
    }

    @Test func emptyClassesMayCountAsOne() throws {
        var evaluation = SegmentationEvaluation()
        evaluation.emptyScore = 1
        let row = try #require(try summary(evaluation).classes().first)
        #expect(row[.dice].n == 4 && row[.dice].mean == .value(1.5 / 4) && row[.hd].undefined == 1)
        evaluation.emptyScore = .nan
        #expect(code { try summary(evaluation) } == .badArgument)
    }

    @Test func theOverallMeanIsOverClassesAndSaysWhatItLeftOut() throws {
        var summary = EvaluationSummary()
        let evaluation = SegmentationEvaluation()
        try summary.add(evaluation("a", prediction: map(["11.2"]), reference: map(["11.2"])))
        try summary.add(evaluation("b", prediction: map(["1..."]), reference: map(["11.2"])))
        let overall = Dictionary(uniqueKeysWithValues: summary.overall().map { ($0.metric, $0) })
        // Class 1: (1 + 2/3) / 2. Class 2: (1 + 0) / 2.
        #expect(abs((overall[.dice]?.mean.value ?? 0) - (5.0 / 6 + 0.5) / 2) < 1e-12)
        #expect(overall[.hd]?.infinite == 1 && overall[.hd]?.classes == 2 && overall[.hd]?.classesLeftOut == 0)
        #expect(try summary.confusion().total == 8)
        #expect(EvaluationSummary().overall().allSatisfy { $0.mean == .undefined && $0.classes == 0 })
    }

    @Test func aRowHoldsTheNumbersOfTheSingleMetrics() throws {
        let spacing: SIMD3<Double> = [0.5, 0.7, 2]
        let a = try MaskFixture.blobs(GridSize(20, 18, 7), seed: 5, spacing: spacing)
        let b = try MaskFixture.blobs(GridSize(20, 18, 7), seed: 6, spacing: spacing)
        var evaluation = SegmentationEvaluation()
        evaluation.tolerance = .millimetres(1)
        let result = try evaluation("x", prediction: a, reference: b)
        let row = try #require(result.classes.first), surface = try SurfaceDistances(of: 1, prediction: a, reference: b)
        #expect(row.hd == surface.hausdorff() && row.hd95 == surface.hausdorff(percentile: 95))
        #expect(row.asd == surface.averageDistance && row.assd == surface.symmetricAverageDistance())
        #expect(row.nsd == surface.surfaceDice(tolerance: 1))
        #expect(row.dice == result.confusion.overlap(of: 1).dice)
        #expect(result.conventions.unit == "mm" && result.conventions.tolerance == "1 mm" && result.tolerance == 1)
        #expect(try result == evaluation("x", prediction: a, reference: b, pool: ThreadPool(threads: 3)))
    }

    @Test func pixelTolerancesFollowTheSpacing() throws {
        let spacing: SIMD3<Double> = [0.2, 0.2, 1]
        let result = try SegmentationEvaluation()(
            "x", prediction: map(["1..."], spacing: spacing), reference: map([".1.."], spacing: spacing))
        #expect(result.tolerance == 0.2 && result.classes[0].nsd == .value(1))
        var evaluation = SegmentationEvaluation()
        evaluation.tolerance = .millimetres(1)
        #expect(code { try evaluation("x", prediction: map(["1"]), reference: map(["1"])) } == .assumedSpacing)
        for tolerance in [-1, Double.nan, .infinity] {
            evaluation.tolerance = .pixels(tolerance)
            #expect(code { try evaluation("x", prediction: map(["1"]), reference: map(["1"])) } == .badArgument)
        }
    }

    @Test func ignoredPixelsCountForNothing() throws {
        var evaluation = SegmentationEvaluation()
        evaluation.ignoredLabel = 9
        let row = try evaluation("x", prediction: map(["11.11"]), reference: map(["11.99"])).classes
        #expect(row.count == 1 && row[0].dice == .value(1) && row[0].hd == .value(0))
        #expect(row[0].objects == DetectionCounts(referenceObjects: 1, predictedObjects: 1, detected: 1, correct: 1))
    }

    @Test func classesComeFromTablesLabelsOrTheList() throws {
        let plain = try map(["1.3"])
        let named = try LabelMap(
            geometry: plain.geometry, labels: plain.labels,
            table: [0: LabelClass(name: "background"), 1: LabelClass(name: "cell"), 2: LabelClass(name: "gap")])
        let result = try SegmentationEvaluation()("x", prediction: plain, reference: named)
        #expect(result.classes.map(\.name) == ["cell", "gap", "label 3"])
        #expect(result.classes.map(\.presence) == [.both, .neither, .both])
        var evaluation = SegmentationEvaluation()
        evaluation.classes = [0: "outside", 3: "third"]
        let listed = try evaluation("x", prediction: plain, reference: named)
        #expect(listed.classes.map(\.name) == ["outside", "third"] && listed.classes[0].dice == .value(1))
    }

    @Test func summariesMergeInAnyOrderAndSurviveJSON() throws {
        let whole = try summary()
        var parts = [EvaluationSummary(), EvaluationSummary()]
        for (index, result) in whole.cases.reversed().enumerated() { try parts[index % 2].add(result) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        var merged = EvaluationSummary()
        for part in parts.reversed() {
            try merged.merge(JSONDecoder().decode(EvaluationSummary.self, from: encoder.encode(part)))
        }
        #expect(merged == whole)
        #expect(try encoder.encode(merged) == encoder.encode(whole))
        #expect(try encoder.encode(merged.classes()) == encoder.encode(whole.classes()))
    }

    @Test func casesOfOneNameOrOtherConventionsAreNotMerged() throws {
        var summary = try summary()
        let again = summary.cases[0]
        #expect(code { try summary.add(again) } == .duplicateName)
        let metric = try SegmentationEvaluation()(
            "e", prediction: map(present, spacing: [1, 1, 1]), reference: map(present, spacing: [1, 1, 1]))
        #expect(code { try summary.add(metric) } == .badArgument)
        #expect(summary.cases.count == 4)
    }
}

@Suite struct ObjectMatchingTests {
    @Test func objectsMatchOneToOneByIoU() throws {
        let reference = try MaskFixture.drawn("1111..11..1", "...........")
        let prediction = try MaskFixture.drawn("111...1....", "......1....")
        // 3/4 matches; 1/3 does not; one is missed.
        let counts = try ObjectMatching()(of: 1, prediction: prediction, reference: reference)
        #expect(counts == DetectionCounts(referenceObjects: 3, predictedObjects: 2, detected: 1, correct: 1))
        #expect(counts.truePositives == 1 && counts.falseNegatives == 2 && counts.falsePositives == 1)
        #expect(counts.recall == .value(1.0 / 3) && counts.precision == .value(0.5))
        #expect(abs((counts.f1.value ?? 0) - 0.4) < 1e-12)
        let loose = try ObjectMatching(.overlap)(of: 1, prediction: prediction, reference: reference)
        #expect(loose == DetectionCounts(referenceObjects: 3, predictedObjects: 2, detected: 2, correct: 2))
    }

    @Test func splitObjectsCountOnceByIoUAndTwiceByOverlap() throws {
        let reference = try MaskFixture.drawn("111111"), prediction = try MaskFixture.drawn("111.11")
        let half = try ObjectMatching()(of: 1, prediction: prediction, reference: reference)
        #expect(half == DetectionCounts(referenceObjects: 1, predictedObjects: 2, detected: 1, correct: 1))
        let touch = try ObjectMatching(.overlap)(of: 1, prediction: prediction, reference: reference)
        #expect(touch == DetectionCounts(referenceObjects: 1, predictedObjects: 2, detected: 1, correct: 2))
    }

    @Test func anIoUOfExactlyTheLimitMatchesOnlyOnce() throws {
        let reference = try MaskFixture.drawn("1111"), prediction = try MaskFixture.drawn("11..")
        #expect(try ObjectMatching(.iou(0.5))(of: 1, prediction: prediction, reference: reference).detected == 1)
        #expect(try ObjectMatching(.iou(0.51))(of: 1, prediction: prediction, reference: reference).detected == 0)
    }

    @Test func connectivityDecidesWhatAnObjectIs() throws {
        let map = try MaskFixture.drawn("1.", ".1")
        #expect(try ObjectMatching()(of: 1, prediction: map, reference: map).referenceObjects == 1)
        #expect(try ObjectMatching(connectivity: .face)(of: 1, prediction: map, reference: map).referenceObjects == 2)
    }

    @Test func noObjectsAreUndefinedAndImpossibleLimitsRefused() throws {
        let empty = try MaskFixture.drawn("..")
        let counts = try ObjectMatching()(of: 1, prediction: empty, reference: empty)
        #expect(counts == DetectionCounts() && counts.f1 == .undefined && counts.recall == .undefined)
        #expect(DetectionCounts(referenceObjects: 1).f1 == .value(0))
        for limit in [0, -1, 1.1, Double.nan] {
            #expect(
                code { try ObjectMatching(.iou(limit))(of: 1, prediction: empty, reference: empty) } == .badArgument)
        }
    }
}
