import Foundation
import Lucency
import Support
import Testing

/// Learning from scribbles, and auditing labels, much shrunken.
@Suite struct SparseLabelTests {
    private func run(_ pipeline: String, _ settings: [String], into folder: URL) throws {
        let run = try runLucency(
            ["run", pipelines.appending(path: pipeline).path, "--output", folder.path]
                + settings.flatMap { ["--set", $0] })
        try #require(run.status == 0, "\(run.errors)")
    }

    private func text(_ name: String, in folder: URL) throws -> String {
        try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }

    @Test func `scribbles come to a table of both ways to learn from them`() throws {
        try withTemporaryFolder { folder in
            try run(
                "scribbles.yaml",
                [
                    "slice={width: 48, height: 48, spacing: 8}", "patch=[32, 32]", "steps=3", "variants.seed=[1, 2]",
                    "parameters.train.with.count=3", "parameters.test.with.count=2",
                    "stages.model.with.network={uses: unet, with: {channels: [4, 8]}}",
                ], into: folder)
            let lines = try text("table.csv", in: folder).split(whereSeparator: \.isNewline)
            #expect(lines.count == 3)
            #expect(lines[0].hasPrefix("strategy,seeds,Dice,Dice sd,Dice rank,NSD"))
            #expect(lines.contains { $0.hasPrefix("agmm,2,") } && lines.contains { $0.hasPrefix("partial,2,") })
        }
    }

    @Test func `an audit of spoilt labels writes a page, a table and how many suspects are planted`() throws {
        try withTemporaryFolder { folder in
            try run(
                "audit-labels.yaml",
                [
                    "parameters.data.with.count=8", "parameters.data.with.set={width: 48, height: 48, spacing: 8}",
                    "patch=[48, 48]", "steps=30", "spurious=0.5", "missing=0.5",
                    "stages.network.with.network={uses: unet, with: {channels: [8, 16]}}",
                    "stages.audit.with={confidence: 0.3, thickness: 2 px, agreement: 0}",
                ], into: folder)
            let record = try JSONValue(parsing: text("audit.json", in: folder))
            #expect(record["cases"]?.intValue == 8 && record["models"]?.arrayValue?.count == 4)
            #expect(record["reference"]?["errors"]?.intValue ?? 0 > 0)
            let suspects = record["suspects"]?.arrayValue ?? []
            #expect(!suspects.isEmpty && suspects.allSatisfy { $0["models"]?.intValue == 2 })
            let table = try text("suspects.csv", in: folder).split(whereSeparator: \.isNewline)
            #expect(table.count == 1 + suspects.count && table[0].hasPrefix("rank,case,given,suggested,score"))
            let page = try MarkupDocument(text("audit.html", in: folder))
            #expect(page.elements.contains { $0.name == "img" } && !page.elements.contains { $0.name == "script" })
        }
    }
}
