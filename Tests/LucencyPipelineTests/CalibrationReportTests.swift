import Foundation
import Lucency
import Support
import Testing

@Suite struct CalibrationReportTests {
    private func run(_ stage: String, variants: String = "", outputs: String, _ body: (URL) throws -> Void) throws {
        try withTemporaryFolder { folder in
            let file = try PipelineFile(
                text: """
                    lucency: 1
                    \(variants)
                    sources:
                      organs: {uses: phantom, with: {file: \(TestFiles.root.path)/phantoms/organs.yaml, count: 4}}
                    stages:
                      report: {uses: report.calibration, \(stage)}
                    outputs:
                    \(outputs)
                    """, name: "test.yaml", folder: folder.path, catalog: .standard, seed: 1)
            let plan = try #require(file.plan, "\(DiagnosticList(file.diagnostics))")
            let options = RunOptions(output: folder.appending(path: "out").path)
            #expect(try Runner(plan, options: options) { _ in }.run().exitStatus == 0)
            try body(folder.appending(path: "out"))
        }
    }

    @Test func `a stream of true probabilities becomes a page that trusts them`() throws {
        try run(
            "in: {probabilities: organs.posterior, label: organs.label, image: organs}, with: {resamples: 200, pictures: 2}",
            outputs: """
                  page: {from: report.page, as: "report.html"}
                  facts: {from: report.record, as: "report.json"}
                  cases: {from: report.cases, as: "cases.csv", with: {spreadsheet: true}}
                  diagrams: {from: report.diagrams, as: "reliability.svg"}
                """
        ) { out in
            let page = try MarkupDocument(String(contentsOf: out.appending(path: "report.html"), encoding: .utf8))
            #expect(page.all("img").count == 10)
            let report = try CalibrationReport(json: TestFiles.json(out.appending(path: "report.json")))
            let run = try #require(report.runs.first)
            #expect(run.name == "predictions" && run.cases.count == 4)
            let ratio = try #require(run.forecast?.ratio)
            #expect(abs(ratio - 1) < 0.25)
            let cases = try String(contentsOf: out.appending(path: "cases.csv"), encoding: .utf8)
            #expect(cases.split(separator: "\n").count == 5)
            _ = try MarkupDocument(String(contentsOf: out.appending(path: "reliability.svg"), encoding: .utf8))
        }
    }
}
