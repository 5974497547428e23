import Foundation
import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import LucencyReports
import Support
import Testing

/// The report on suspect annotations.
@Suite struct AuditReportTests {
    /// A model that sees a square which the label lacks, in a volume of three slices or a flat image.
    private static func evidence(_ names: [String], depth: Int = 1, kept: Int = 4) throws -> AuditEvidence {
        var evidence = AuditEvidence()
        for (index, name) in names.enumerated() {
            let size = GridSize(40, 30, depth)
            let geometry = try Geometry(size: size, spacing: [2, 2, 3], source: .stated(.mm))
            let isSeen = (0..<size.count).map { place in
                let x = place % 40, y = place / 40 % 30
                return (5...10 + index).contains(x) && (8...14).contains(y)
            }
            let probabilities = try ProbabilityMap(
                geometry: geometry, classes: ["<none>", "organ & co"],
                values: AlignedBuffer(isSeen.map { $0 ? Float(0.1) : 0.9 } + isSeen.map { $0 ? Float(0.9) : 0.1 }))
            let label = try LabelMap(geometry: geometry, labels: AlignedBuffer(repeating: 0, count: size.count))
            let truth = try LabelMap(geometry: geometry, labels: AlignedBuffer(isSeen.map { $0 ? Int32(1) : 0 }))
            try evidence.add(
                name, model: "m", probabilities: probabilities, label: label, reference: truth,
                image: Image(geometry: geometry, pixels: AlignedBuffer(isSeen.map { $0 ? Float(3) : 1 })),
                audit: LabelAudit(), kept: kept)
        }
        return evidence
    }

    private static func report(_ evidence: AuditEvidence) -> AuditReport {
        AuditReport(title: "Audit of <us>", evidence: evidence, audit: LabelAudit())
    }

    @Test func `the page is well-formed, escapes names, needs nothing from outside and shows pictures`() throws {
        let report = Self.report(try Self.evidence(["<script>alert(1)</script>", "b"]))
        let page = try report.page(pictures: 2) { _ in [1, 2, 3] }
        let document = try MarkupDocument(page)
        #expect(!document.elements.contains { $0.name == "script" })
        #expect(document.elements.filter { $0.name == "img" }.count == 6)
        #expect(document.elements.allSatisfy { ($0.attributes["src"] ?? "data:").hasPrefix("data:") })
        #expect(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && page.contains("organ &amp; co"))
        #expect(page.contains("Against the reference"))
    }

    @Test func `the table has a row for each suspect, with places in pixels and millimetres`() throws {
        let table = try Self.report(try Self.evidence(["a", "b"])).table()
        #expect(table.rows.count == 2)
        #expect(table.cells(of: "case") == ["b", "a"])
        #expect(table.cells(of: "rank") == [1, 2])
        #expect(table.cells(of: "centre_x") == [.number(8), 7.5])
        #expect(table.cells(of: "world_x") == [.number(16), .number(15)])
        #expect(table.cells(of: "area") == [.number(49 * 4), .number(42 * 4)])
        #expect(table.cells(of: "wrong") == ["true", "true"])
        let volume = try Self.report(try Self.evidence(["a"], depth: 3)).table()
        #expect(volume.cells(of: "volume") == [.number(126 * 12)] && volume.cells(of: "depth") == [3])
    }

    @Test func `the record has settings, suspects and hits`() throws {
        let json = Self.report(try Self.evidence(["a", "b"])).json
        #expect(json["suspects"]?.arrayValue?.count == 2 && json["found"]?.intValue == 2)
        #expect(json["settings"]?["thickness"]?.stringValue == "3 px")
        let hits = try #require(json["reference"]?["hits"]?.arrayValue)
        #expect(hits.last?["precision"]?.doubleValue == 1 && hits.last?["recall"]?.doubleValue == 1)
    }

    @Test func `pictures are kept of the strongest regions only, in whatever order parts come`() throws {
        let names = (0..<6).map { "case \($0)" }
        let whole = try Self.evidence(names, kept: 2)
        let page = try Self.report(whole).page(pictures: 6) { _ in [] }
        #expect(try MarkupDocument(page).elements.filter { $0.name == "img" }.count == 6)
        var parts = AuditEvidence()
        let all = try Self.evidence(names, kept: 2)
        try parts.merge(all, kept: 2)
        #expect(try Self.report(parts).page(pictures: 6) { _ in [] } == page)
        let kept = try JSONDecoder().decode(AuditEvidence.self, from: JSONEncoder().encode(whole))
        #expect(try Self.report(kept).page(pictures: 6) { _ in [] } == page)
    }

    @Test func `nothing suspect is said in words`() throws {
        let page = try Self.report(AuditEvidence()).page(pictures: 3) { _ in [] }
        #expect(page.contains("No label is contradicted"))
        #expect(try Self.report(AuditEvidence()).table().rows.isEmpty)
    }
}
