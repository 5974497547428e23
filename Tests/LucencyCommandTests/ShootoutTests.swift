import Foundation
import Lucency
import Support
import Testing

/// The comparison of calibration methods, much shrunken.
@Suite struct ShootoutTests {
    @Test func `nine objectives come to one table with means, deviations and ranks`() throws {
        try withTemporaryFolder { folder in
            let settings = [
                "slice={width: 48, height: 48, spacing: 8}", "steps=2", "patch=[32, 32]",
                "parameters.train.with.count=3",
                "parameters.validation.with.count=2", "parameters.test.with.count=2", "variants.seed=[1, 2]",
                "stages.model.with.network={uses: unet, with: {channels: [4, 8]}}",
            ]
            let run = try runLucency(
                ["run", pipelines.appending(path: "calibration-shootout.yaml").path, "--output", folder.path]
                    + settings.flatMap { ["--set", $0] })
            try #require(run.status == 0, "\(run.errors)")
            let text = try String(contentsOf: folder.appending(path: "table.csv"), encoding: .utf8)
            let lines = text.split(whereSeparator: \.isNewline)
            #expect(lines.count == 1 + 9 * 2)
            #expect(lines[0].hasPrefix("method,scaling,seeds,Dice,Dice sd,Dice rank,HD95"))
            #expect(lines[0].hasSuffix("posterior KL,posterior KL sd,posterior KL rank,mean rank"))
            #expect(lines.contains { $0.hasPrefix("nacl,temperature,2,") })
            let table = try JSONValue(
                parsing: String(contentsOf: folder.appending(path: "report.json"), encoding: .utf8))
            #expect(table.text.contains("ps-kd"))
        }
    }

    @Test func `a page about two objectives is made in one run`() throws {
        try withTemporaryFolder { folder in
            let settings = [
                "slice={width: 48, height: 48, spacing: 8}", "steps=2", "parameters.train.with.count=4",
                "parameters.test.with.count=3", "stages.model.with.network={uses: unet, with: {channels: [4, 8]}}",
            ]
            let run = try runLucency(
                ["run", pipelines.appending(path: "organs-report.yaml").path, "--output", folder.path]
                    + settings.flatMap { ["--set", $0] })
            try #require(run.status == 0, "\(run.errors)")
            let page = try String(contentsOf: folder.appending(path: "report.html"), encoding: .utf8)
            #expect(page.contains("cross-entropy") && page.contains("3 cases"))
            let table = try String(contentsOf: folder.appending(path: "tables/cases.csv"), encoding: .utf8)
            #expect(table.split(whereSeparator: \.isNewline).count == 1 + 2 * 3)
        }
    }
}
