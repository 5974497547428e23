import Foundation
import Lucency
import LucencyFoundation
import Support
import Testing

/// The comparison of remedies against wrong labels, much shrunken.
@Suite struct NoisyLabelTests {
    private static let small = [
        "parameters.train.with.count=4", "parameters.test.with.count=2", "film={size: 64}",
        "patch=[64, 64]", "epochs=12", "rate=0.02",
        "network={uses: unet, with: {channels: [8, 16]}}", "variants.seed=[1, 2]",
        "variants.method.adele.strategy={uses: adele, with: {level: 0.1, every: 1, confidence: 0.3, minimumRise: 0}}",
    ].flatMap { ["--set", $0] }

    @Test func `three methods come to one table, and what ADELE changed to a page and a folder of labels`() throws {
        try withTemporaryFolder { folder in
            let run = try runLucency(
                ["run", pipelines.appending(path: "noisy-labels.yaml").path, "--output", folder.path] + Self.small)
            try #require(run.status == 0, "\(run.errors)")
            func text(_ name: String) throws -> String {
                try String(contentsOf: folder.appending(path: name), encoding: .utf8)
            }
            let lines = try text("table.csv").split(whereSeparator: \.isNewline)
            #expect(lines.count == 1 + 3)
            #expect(lines[0].hasPrefix("method,seeds,Dice,Dice sd,Dice rank,NSD"))
            #expect(lines.contains { $0.hasPrefix("adele,2,") })
            let records = try text("adele/training1.jsonl").split(separator: "\n").map {
                try JSONValue(parsing: String($0))
            }
            #expect(records.contains { $0["strategy"]?["adele"]?["corrected"] != nil })
            #expect(records.allSatisfy { $0["strategy"]?["adele"]?["iou"]?.arrayValue?.count ?? 0 > 2 })
            #expect(try text("elr/training1.jsonl").contains(#""suspected":"#))
            let page = try text("adele/corrections1.html")
            #expect(page.contains("got another label") && page.contains("data:image/png;base64"))
            #expect(try text("plain/corrections1.html").contains("No label was changed."))
            let zip = try ByteSource(path: folder.appending(path: "adele/labels1.zip").path)
            let archive = try ZipArchive(zip), plain = try Data(contentsOf: folder.appending(path: "plain/labels1.zip"))
            #expect(zip.count > 100 && plain.count > 100)
            #expect(archive.names.count == 4 && archive.names.allSatisfy { $0.hasSuffix(".png") })
        }
    }

    @Test func `what users must know is said by the check`() throws {
        try withTemporaryFolder { folder in
            let file = pipelines.appending(path: "noisy-labels.yaml").path
            func check(_ strategy: String) throws -> (status: Int32, errors: String) {
                let run = try runLucency(["check", file, "--set", "variants.method.adele.strategy=\(strategy)"])
                return (run.status, run.errors)
            }
            let plain = try check("adele")
            #expect(plain.status == 0 && plain.errors.contains("surer than they are right"))
            #expect(!plain.errors.contains("warning"))
            let published = try check("{uses: adele, with: {total: published, waitsForRise: true, dropped: published}}")
            #expect(published.status == 0)
            #expect(published.errors.contains("logits divided by 3") && published.errors.contains("never corrected"))
            #expect(published.errors.contains("however unsure"))
            #expect(try check("{uses: adele, with: {confidence: 2}}").status == 1)
        }
    }
}
