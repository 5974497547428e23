import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct CalibrationRegionsTests {
    @Test("regions are the pixels that their names say")
    func regions() throws {
        let map = try CalibrationFixture.map(
            [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7], [0.8, 0.2], [0.7, 0.3]], width: 6)
        let labels = try CalibrationFixture.labels([0, 0, 1, 1, 0, -1], width: 6)
        let mask = try CalibrationFixture.labels([1, 0, 0, 0, 1, 1], width: 6)
        var evaluation = CalibrationEvaluation()
        evaluation.ignoredLabel = -1
        evaluation.boundary = .pixels(1)
        let result = try evaluation("a", probabilities: map, reference: labels, mask: mask).result
        let totals = result.regions.map { ($0.region, $0.total) }
        #expect(totals.map(\.0) == CalibrationRegion.allCases)
        // Foreground are pixels 2 and 3, pixel 1 is a false positive; labels change between 1 and 2 and between 3 and 4.
        #expect(totals.map(\.1) == [5, 2, 3, 4, 1, 2])
        #expect(result.confusion == [2, 1, 1, 1])
        #expect(result[.foreground]?[.accuracy] == .value(0.5))
        #expect(result[.mask]?[.accuracy] == .value(1))
    }

    @Test("a metric boundary takes in what lies within it, whatever the spacing")
    func metric() throws {
        let geometry = try Geometry(size: GridSize(9, 1), spacing: [0.5, 0.5, 1], source: .stated(.mm))
        let labels = try LabelMap(geometry: geometry, labels: AlignedBuffer([0, 0, 0, 0, 1, 1, 1, 1, 1]))
        func band(_ width: Length) throws -> [UInt8] {
            try BoundaryBand(width: width)(labels).withUnsafeBufferPointer { Array($0) }
        }
        #expect(try band(.millimetres(0)) == [0, 0, 0, 1, 1, 0, 0, 0, 0])
        #expect(try band(.millimetres(1)) == [0, 1, 1, 1, 1, 1, 1, 0, 0])
        #expect(try band(.pixels(2)) == [0, 0, 1, 1, 1, 1, 0, 0, 0])
        let ignored = try BoundaryBand(width: .pixels(1))(labels, ignoring: 1).withUnsafeBufferPointer { Array($0) }
        #expect(ignored.allSatisfy { $0 == 0 })
    }

    @Test("a region without pixels is undefined, left out and counted")
    func empty() throws {
        let map = try CalibrationFixture.map([[0.9, 0.1], [0.8, 0.2]], width: 2)
        var summary = CalibrationSummary()
        try summary.add(
            CalibrationEvaluation()("a", probabilities: map, reference: CalibrationFixture.labels([0, 0], width: 2)))
        let scores = summary.scores(in: .foregroundUnion)
        #expect(
            scores.allSatisfy { $0.n == 0 && $0.undefined == 1 && $0.mean == .undefined && $0.pooled == .undefined })
        var evaluation = CalibrationEvaluation()
        evaluation.ignoredLabel = 5
        let ignored = try evaluation(
            "b", probabilities: map, reference: CalibrationFixture.labels([5, 5], width: 2)
        ).result
        #expect(ignored[.all]?.total == 0 && ignored.dice == .undefined)
        #expect(CalibrationMetric.allCases.allSatisfy { ignored[.all]?[$0] == .undefined })
    }

    @Test("labels of planes may be any numbers")
    func anyLabels() throws {
        let map = try CalibrationFixture.map([[0.9, 0.1], [0.2, 0.8]], width: 2)
        var evaluation = CalibrationEvaluation()
        evaluation.labels = [255, 7]
        evaluation.background = 7
        let result = try evaluation(
            "a", probabilities: map, reference: CalibrationFixture.labels([255, 7], width: 2)
        ).result
        #expect(result[.all]?[.accuracy] == .value(1) && result[.foreground]?.total == 1)
        #expect(result.conventions.background == 1)
    }

    @Test("labels are found by the classes' names, where the reference has them")
    func namedLabels() throws {
        let map = try CalibrationFixture.map([[0.9, 0.1], [0.2, 0.8]], width: 2)
        let table = [Int32(0): LabelClass(name: "class 1"), 5: LabelClass(name: "class 0")]
        let labels = try LabelMap(geometry: map.geometry, labels: AlignedBuffer([5, 0]), table: table)
        let result = try CalibrationEvaluation()("a", probabilities: map, reference: labels).result
        #expect(result.conventions.labels == [5, 0] && result[.all]?[.accuracy] == .value(1))
        #expect(result.conventions.background == 1)
        var sample = RecalibrationSample(.init())
        try sample.add("a", probabilities: map, reference: labels)
        guard case .platt(let platt) = try sample.fit(.platt).method else { return }
        #expect(platt.background == 1)
    }

    @Test("what cannot be measured is refused with what to do")
    func refusals() throws {
        let map = try CalibrationFixture.map([[0.9, 0.1], [0.2, 0.8]], width: 2)
        let labels = try CalibrationFixture.labels([0, 1], width: 2)
        func refused(
            _ change: (inout CalibrationEvaluation) -> Void = { _ in }, map: ProbabilityMap? = nil,
            labels other: LabelMap? = nil, mask: LabelMap? = nil, posterior: ProbabilityMap? = nil
        ) throws -> DiagnosticCode? {
            var evaluation = CalibrationEvaluation()
            change(&evaluation)
            return code {
                try evaluation(
                    "a", probabilities: map ?? CalibrationFixture.map([[0.9, 0.1], [0.2, 0.8]], width: 2),
                    reference: other ?? labels, mask: mask, posterior: posterior)
            }
        }
        #expect(try refused() == nil)
        #expect(try refused { $0.bins = 0 } == .badArgument)
        #expect(try refused { $0.bins = 101 } == .badArgument)
        #expect(try refused { $0.labels = [0] } == .badArgument)
        #expect(try refused { $0.labels = [0, 0] } == .badArgument)
        #expect(try refused { $0.background = 2 } == .badLabel)
        #expect(try refused { $0.ignoredLabel = 1 } == .badLabel)
        #expect(try refused { $0.boundary = .pixels(0) } == .badArgument)
        #expect(try refused { $0.boundary = .pixels(1.5) } == .badArgument)
        #expect(try refused { $0.boundary = .millimetres(1) } == .assumedSpacing)
        let small = try CalibrationFixture.labels([1], width: 1)
        #expect(try refused(labels: small) == .geometryMismatch && refused(mask: small) == .geometryMismatch)
        #expect(try refused(labels: CalibrationFixture.labels([0, 2], width: 2)) == .badLabel)
        let single = try CalibrationFixture.map([[1], [1]], width: 2)
        #expect(try refused(map: single) == .badArgument)
        let independent = try ProbabilityMap(
            geometry: map.geometry, classes: map.classes, kind: .independent, values: map.values)
        #expect(try refused(map: independent) == .badArgument)
        #expect(try refused(posterior: single) == .channelMismatch)
        let swapped = try ProbabilityMap(geometry: map.geometry, classes: ["class 1", "class 0"], values: map.values)
        #expect(try refused(posterior: swapped) == .channelMismatch)
    }
}
