import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import Testing

/// Which annotations an audit finds suspect, and which not.
@Suite struct LabelAuditTests {
    /// A square of a class in a field of class 0, on 24 × 24 pixels (× `depth`).
    private static func labels(_ squares: [(x: Int, y: Int, side: Int, label: Int32)], spacing: Double? = nil) throws
        -> LabelMap
    {
        let size = GridSize(24, 24)
        var labels = [Int32](repeating: 0, count: size.count)
        for square in squares {
            for y in square.y..<square.y + square.side {
                for x in square.x..<square.x + square.side { labels[y * 24 + x] = square.label }
            }
        }
        let geometry =
            try spacing.map { try Geometry(size: size, spacing: [$0, $0, 1], source: .stated(.mm)) }
            ?? Geometry(size: size)
        return try LabelMap(geometry: geometry, labels: AlignedBuffer(labels))
    }

    /// A model that is as sure of some labels.
    private static func model(_ labels: LabelMap, sure: Float = 0.9, classes: Int = 3) throws -> ProbabilityMap {
        let count = labels.size.count, other = (1 - sure) / Float(classes - 1)
        let values = (0..<classes).flatMap { plane in
            (0..<count).map { Int(labels.labels[$0]) == plane ? sure : other }
        }
        return try ProbabilityMap(
            geometry: labels.geometry, classes: (0..<classes).map { "c\($0)" }, values: AlignedBuffer(values))
    }

    private static func suspects(
        _ judged: [(ProbabilityMap, LabelMap)], _ audit: LabelAudit = LabelAudit(), agreement: Double = 0.5,
        ranking: AuditSummary.Ranking = .total
    ) throws -> [SuspectAnnotation] {
        var summary = AuditSummary()
        for (index, one) in judged.enumerated() {
            try summary.add("case", model: "m\(index)", try audit(one.0, label: one.1))
        }
        return summary.suspects(by: ranking, agreement: agreement)
    }

    @Test func `a missing object is found with its place, size, classes and confidence`() throws {
        let truth = try Self.labels([(4, 6, 5, 1), (14, 14, 6, 2)], spacing: 0.5)
        let given = try Self.labels([(4, 6, 5, 1)], spacing: 0.5)
        let found = try Self.suspects([(Self.model(truth), given)])
        #expect(found.count == 1)
        let suspect = try #require(found.first)
        #expect(suspect.given == "c0" && suspect.suggested == "c2" && suspect.pixelCount == 36)
        #expect(suspect.origin == [14, 14, 0] && suspect.extent == [6, 6, 1])
        #expect(suspect.centre == [16.5, 16.5, 0] && suspect.place == [8.25, 8.25, 0])
        #expect(abs(suspect.confidence - 0.9) < 1e-6 && abs(suspect.margin - 0.85) < 1e-6)
        #expect(abs(suspect.score - 36 * 0.85) < 1e-4)
        #expect(suspect.measure == 9 && suspect.agreeing == 1 && suspect.models == 1 && suspect.isRight == nil)
    }

    @Test func `spurious objects and confused classes are found, agreement is not`() throws {
        let truth = try Self.labels([(2, 2, 6, 1), (14, 14, 6, 2)])
        let given = try Self.labels([(2, 2, 6, 2), (14, 14, 6, 2), (2, 14, 4, 1)])
        let found = try Self.suspects([(Self.model(truth), given)])
        #expect(found.map { $0.given + $0.suggested } == ["c2c1", "c1c0"])
        #expect(try Self.suspects([(Self.model(given), given)]).isEmpty)
    }

    @Test func `thin disagreement along a border is a matter of taste`() throws {
        let truth = try Self.labels([(6, 6, 8, 1)]), wider = try Self.labels([(5, 5, 10, 1)])
        #expect(try Self.suspects([(Self.model(truth), wider)]).isEmpty)
        var audit = LabelAudit()
        audit.thickness = .pixels(1)
        #expect(try Self.suspects([(Self.model(truth), wider)], audit).count == 1)
        // In millimetres: three pixels of 0.5 mm are 1.5 mm.
        let given = try Self.labels([], spacing: 0.5), object = try Self.labels([(6, 6, 3, 1)], spacing: 0.5)
        audit.thickness = .millimetres(1.5)
        #expect(try Self.suspects([(Self.model(object), given)], audit).count == 1)
        audit.thickness = .millimetres(1.6)
        #expect(try Self.suspects([(Self.model(object), given)], audit).isEmpty)
    }

    @Test func `a model that is not sure says nothing, and nobody judges ignored pixels`() throws {
        let truth = try Self.labels([(6, 6, 8, 1)]), given = try Self.labels([])
        #expect(try Self.suspects([(Self.model(truth, sure: 0.65), given)]).isEmpty)
        let ignored = try Self.labels([(5, 5, 10, -1)])
        #expect(try Self.suspects([(Self.model(truth), ignored)]).isEmpty)
    }

    @Test func `models that agree raise a region over one that a single model disputes`() throws {
        let given = try Self.labels([])
        let both = try Self.labels([(2, 2, 5, 1)]), more = try Self.labels([(3, 2, 5, 1), (12, 12, 6, 2)])
        let found = try Self.suspects([(Self.model(both), given), (Self.model(more), given)], agreement: 0)
        #expect(found.map(\.agreeing) == [2, 1])
        #expect(found[0].models == 2 && found[0].suggested == "c1")
        #expect(abs(found[0].score - 25 * 0.85) < 1e-4 && abs(found[1].score - 18 * 0.85) < 1e-4)
        #expect(try Self.suspects([(Self.model(both), given), (Self.model(more), given)], agreement: 1).count == 1)
    }

    @Test func `the mean margin puts sure regions before large ones`() throws {
        let given = try Self.labels([]), small = try Self.labels([(2, 2, 4, 1)]),
            large = try Self.labels([(10, 10, 9, 2)])
        var summary = AuditSummary()
        try summary.add("small", model: "m", LabelAudit()(Self.model(small, sure: 0.98), label: given))
        try summary.add("large", model: "m", LabelAudit()(Self.model(large, sure: 0.8), label: given))
        #expect(summary.suspects(by: .mean).map(\.caseName) == ["small", "large"])
        #expect(summary.suspects(by: .total).map(\.caseName) == ["large", "small"])
    }

    @Test func `a reference tells how many suspects are right and how many errors were found`() throws {
        let truth = try Self.labels([(2, 2, 6, 1), (14, 14, 6, 2)]), given = try Self.labels([(2, 2, 6, 1)])
        // The model sees the missing object and, wrongly, another one; it overlooks that the second case lacks one.
        let seen = try Self.labels([(2, 2, 6, 1), (14, 14, 6, 2), (14, 2, 4, 1)])
        var summary = AuditSummary()
        try summary.add("a", model: "m", LabelAudit()(Self.model(seen), label: given, reference: truth))
        try summary.add("b", model: "m", LabelAudit()(Self.model(given), label: given, reference: truth))
        let suspects = summary.suspects()
        #expect(suspects.map(\.isRight) == [true, false])
        #expect(summary.errorCount == 2 && summary.hasReference)
        let hits = summary.hits(suspects)
        #expect(hits.map(\.k) == [1, 2])
        #expect(hits.map(\.precision) == [1, 0.5] && hits.map(\.recall) == [0.5, 0.5])
    }

    @Test func `parts merge in any order, and a model judges a case once`() throws {
        let given = try Self.labels([])
        let parts = try (0..<3).map { index in
            var part = AuditSummary()
            try part.add(
                "case \(index)", model: "m",
                LabelAudit()(Self.model(Self.labels([(3 * index, 2, 5, 1)])), label: given))
            return part
        }
        func merged(_ order: [Int]) throws -> [String] {
            var total = AuditSummary()
            for index in order { try total.merge(parts[index]) }
            return total.suspects().map(\.caseName)
        }
        #expect(try merged([0, 1, 2]) == ["case 0", "case 1", "case 2"])
        #expect(try merged([2, 0, 1]) == ["case 0", "case 1", "case 2"])
        #expect(throws: Diagnostic.self) { _ = try merged([0, 0]) }
    }

    @Test func `a whole image of the wrong class is one region`() throws {
        let given = try Self.labels([]), truth = try Self.labels([(0, 0, 24, 1)])
        #expect(try Self.suspects([(Self.model(truth), given)]).map(\.pixelCount) == [576])
    }

    @Test func `other grids, impossible settings and unknown labels are refused`() throws {
        let given = try Self.labels([]),
            small = try LabelMap(
                geometry: Geometry(size: GridSize(3, 3)), labels: AlignedBuffer(repeating: 0, count: 9))
        let model = try Self.model(given)
        #expect(throws: Diagnostic.self) { try LabelAudit()(model, label: small) }
        #expect(throws: Diagnostic.self) { try LabelAudit()(model, label: given, reference: small) }
        #expect(throws: Diagnostic.self) { try LabelAudit()(model, label: Self.labels([(1, 1, 2, 7)])) }
        var audit = LabelAudit()
        audit.confidence = 1.5
        #expect(throws: Diagnostic.self) { try audit(model, label: given) }
        audit = LabelAudit()
        audit.thickness = .millimetres(2)
        #expect(throws: Diagnostic.self) { try audit(model, label: given) }
        audit.thickness = .pixels(-1)
        #expect(throws: Diagnostic.self) { try audit(model, label: given) }
    }
}
