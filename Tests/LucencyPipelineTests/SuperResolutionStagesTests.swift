import Foundation
import Lucency
import LucencyReports
import Support
import Testing

/// `degrade`, `upscale.*`, `evaluate.super-resolution` and `evaluate.classification` in pipelines.
@Suite struct SuperResolutionStagesTests {
    private let source = """
        sources:
          tissue: {uses: phantom, with: {count: 4, world: {uses: histology, with: {width: 64, height: 64, magnifications: [200], imagesPerPatient: 2}}}}

        """

    /// Runs a pipeline and hands over its output folder.
    private func run(
        _ text: String, catalog: Catalog = .standard, seed: UInt64 = 1, change: (inout RunOptions) -> Void = { _ in },
        _ body: (URL, RunSummary) throws -> Void
    ) throws {
        try withTemporaryFolder { folder in
            let file = try PipelineFile(
                text: "lucency: 1\n" + source + text, name: "test.yaml", folder: folder.path, catalog: catalog,
                seed: seed)
            let plan = try #require(file.plan, "\(DiagnosticList(file.diagnostics))")
            var options = RunOptions(output: folder.appending(path: "out").path)
            change(&options)
            let summary = try Runner(plan, options: options) { _ in }.run()
            try body(folder.appending(path: "out"), summary)
        }
    }

    private func lines(_ url: URL) throws -> [[String]] {
        try String(contentsOf: url, encoding: .utf8).replacing("\"", with: "").split(whereSeparator: \.isNewline)
            .map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
    }

    private let comparison = """
        variants: {kernel: {nearest: upscale.nearest, bicubic: upscale.bicubic, lanczos: upscale.lanczos}}
        stages:
          low: {uses: degrade, in: tissue, with: {factor: 4, white: 255}}
          up: {uses: $kernel, in: low, with: {factor: 4}}
          quality: {uses: evaluate.super-resolution, in: {image: up, reference: tissue}, with: {range: 255}, over: [kernel]}
        outputs:
          summary: {from: quality.summary, as: summary.csv}
          cases: {from: quality.cases, as: cases.csv}
          low: {from: low, as: "low/{stem}.png"}
          up: {from: up, as: "{kernel}/{stem}.tif"}

        """

    @Test func `a degraded image is enlarged onto its own grid and compared, each kernel in a row`() throws {
        try run(comparison) { out, summary in
            try #require(summary.done == 4)
            let low = try PNGFormat().readImage(
                out.appending(path: "low/000000.png").path, pages: .automatic, region: nil, limits: .standard)
            #expect(low.size == GridSize(16, 16) && abs(low.geometry.spacing.x - 4 * 0.0004) < 1e-9)
            let table = try lines(out.appending(path: "summary.csv"))
            #expect(table[0].prefix(4) == ["kernel", "metric", "unit", "convention"])
            #expect(table.count == 1 + 3 * 6)
            func mean(_ kernel: String, _ metric: String) throws -> Double {
                let row = try #require(table.first { $0[0] == kernel && $0[1] == metric })
                let place = try #require(table[0].firstIndex(of: "mean"))
                return try #require(Double(row[place]))
            }
            #expect(try mean("bicubic", "psnr") > mean("nearest", "psnr"))
            #expect(try mean("bicubic", "ssim") > mean("nearest", "ssim"))
            #expect(try mean("lanczos", "psnr") > 10)
            let psnr = try #require(table.first { $0[1] == "psnr" })
            #expect(psnr[2] == "dB" && psnr[3].contains("L 255"))
            // 64 pixels are too few for five scales.
            #expect(try #require(table.first { $0[1] == "ms-ssim" }).last == "4")
            #expect(try lines(out.appending(path: "cases.csv")).count == 1 + 3 * 4)
        }
    }

    @Test func `noise is of the item and the seed, and shards come to the same tables`() throws {
        var tables: [String] = [], pictures: [Data] = []
        for (seed, shards) in [(UInt64(1), 1), (1, 2), (2, 1)] {
            try withTemporaryFolder { folder in
                for shard in 1...shards {
                    let file = try PipelineFile(
                        text: "lucency: 1\n" + source + comparison, name: "test.yaml", folder: folder.path,
                        catalog: .standard, seed: seed)
                    let plan = try #require(file.plan, "\(DiagnosticList(file.diagnostics))")
                    var options = RunOptions(output: folder.appending(path: "out").path)
                    if shards > 1 { options.shard = Shard(parsing: "\(shard)/\(shards)") }
                    _ = try Runner(plan, options: options) { _ in }.run()
                }
                let out = folder.appending(path: "out")
                tables.append(try String(contentsOf: out.appending(path: "summary.csv"), encoding: .utf8))
                pictures.append(try Data(contentsOf: out.appending(path: "low/000001.png")))
            }
        }
        #expect(tables[0] == tables[1] && tables[0] != tables[2])
        #expect(pictures[0] == pictures[1] && pictures[0] != pictures[2])
    }

    @Test func `settings that do not fit are told of before or with the item`() throws {
        try run(
            """
            stages: {low: {uses: degrade, in: tissue, with: {factor: 3, white: 255}}}
            outputs: {low: {from: low, as: "low/{stem}.png"}}

            """
        ) { _, summary in #expect(summary.failed == 4) }
        let file = try PipelineFile(
            text: "lucency: 1\n" + source + """
                stages: {up: {uses: upscale.bicubic, in: tissue, with: {factor: 0}}}
                outputs: {up: {from: up, as: "{stem}.png"}}
                """, name: "test.yaml", folder: "/", catalog: .standard)
        #expect(file.diagnostics.contains { $0.code == .badValue })
    }

    /// Guesses by the image's mean: brighter tissue is benign.
    private var guessing: Catalog {
        var catalog = Catalog.standard
        catalog.stages.append(
            StageDescriptor(
                "test.guess", "Probabilities out of brightness.", prototype: Guess(), inputs: ["image"],
                outputs: ["table"]
            ) { _, _ in
                { (image: Image) throws -> Table in
                    let mean = image.pixels.array.reduce(0) { $0 + Double($1) } / Double(image.pixels.count)
                    let p = 1 / (1 + exp((mean - 170) / 20))
                    return try Table(
                        columns: ["answer", "benign", "malignant"].map { .init($0) },
                        rows: [[.text(p > 0.5 ? "malignant" : "benign"), .number(1 - p), .number(p)]])
                }
            })
        return catalog
    }

    private struct Guess: Sendable {}

    @Test func `probabilities are judged by images and by patients`() throws {
        try run(
            """
            stages:
              guess: {uses: test.guess, in: tissue}
              judged: {uses: evaluate.classification, in: {probabilities: guess, facts: tissue.facts}}
            outputs:
              summary: {from: judged.summary, as: summary.csv}
              classes: {from: judged.classes, as: classes.csv}
              confusion: {from: judged.confusion, as: confusion.csv}
              bins: {from: judged.bins, as: bins.csv}
              cases: {from: judged.cases, as: cases.csv}
              drawing: {from: judged.reliability, as: reliability.svg}

            """, catalog: guessing
        ) { out, summary in
            try #require(summary.done == 4)
            let table = try lines(out.appending(path: "summary.csv"))
            #expect(table[0] == ["level", "metric", "n", "value", "lower", "upper", "definition"])
            #expect(table.count == 1 + 2 * 7 + 1)
            #expect(table.filter { $0[0] == "image" }.allSatisfy { $0[2] == "4" })
            #expect(table.filter { $0[0] == "patient" }.allSatisfy { $0[2] == "2" })
            let accuracy = try #require(
                table.first { $0[0] == "image" && $0[1] == "accuracy" }.flatMap { Double($0[3]) })
            let confusion = try lines(out.appending(path: "confusion.csv")).dropFirst().filter { $0[0] == "image" }
            let right = confusion.filter { $0[1] == $0[2] }.reduce(0.0) { $0 + (Double($1[3]) ?? .nan) }
            #expect(abs(right / 4 - accuracy) < 1e-9 && confusion.count == 4)
            let cases = try lines(out.appending(path: "cases.csv"))
            #expect(cases.count == 1 + 4 + 2 && cases[0].last == "probability malignant")
            #expect(try lines(out.appending(path: "bins.csv")).count > 2)
            let drawing = try String(contentsOf: out.appending(path: "reliability.svg"), encoding: .utf8)
            #expect(drawing.contains("Images") && drawing.contains("1 patient") && !drawing.contains("pixel"))
        }
    }

    @Test(arguments: ["truth: magnification", "truth: grade", "classes: [benign, malign]"])
    func `facts and probabilities that do not speak of the same classes are refused`(setting: String) throws {
        try run(
            """
            stages:
              guess: {uses: test.guess, in: tissue}
              judged: {uses: evaluate.classification, in: {probabilities: guess, facts: tissue.facts}, with: {\(setting)}}
            outputs: {summary: {from: judged.summary, as: summary.csv}}

            """, catalog: guessing
        ) { _, summary in #expect(summary.exitStatus != 0) }
    }

    @Test(arguments: ["temperature", "vector", "platt"])
    func `class probabilities of images are made honest by other images, shards or not`(method: String) throws {
        let text = """
            variants: {probabilities: {network: guess, fitted: honest}}
            stages:
              guess: {uses: test.guess, in: tissue}
              fit: {uses: calibrate.classes, in: {probabilities: guess, facts: tissue.facts}, with: {method: \(method)}}
              honest: {uses: calibrate.apply, in: {classes: guess, model: fit.model}}
              answers: {uses: gather, in: honest}
              judged: {uses: evaluate.classification, in: {probabilities: $probabilities, facts: tissue.facts}, over: [probabilities]}
            outputs:
              answers: {from: answers, as: answers.csv}
              summary: {from: judged.summary, as: summary.csv}
              model: {from: fit.model, as: fit.lucency}
              record: {from: fit.record, as: fit.json}

            """
        var records: [Data] = []
        for shards in 1...2 {
            for shard in 1...shards {
                try run(
                    text, catalog: guessing,
                    change: { if shards > 1 { $0.shard = Shard(parsing: "\(shard)/\(shards)") } }
                ) { out, summary in
                    guard shards == 1 else { return }
                    #expect(summary.exitStatus == 0)
                    let table = try lines(out.appending(path: "summary.csv"))
                    func value(_ variant: String) throws -> Double {
                        let row = try #require(
                            table.first { $0[0] == variant && $0[1] == "image" && $0[2] == "log-loss" })
                        return try #require(Double(row[4]))
                    }
                    let before = try value("network"), after = try value("fitted")
                    let data = try Data(contentsOf: out.appending(path: "fit.json"))
                    let record = try JSONValue(parsing: String(decoding: data, as: UTF8.self))
                    #expect(record["method"]?.stringValue == method)
                    // Judged on what it was fitted to, the fit does what its record says.
                    let told = try #require(record["fit"]?["logLossAfter"]?.doubleValue)
                    #expect(abs(told - after) < 1e-4)
                    if method != "platt" { #expect(after <= before + 1e-9) }
                    let answers = try lines(out.appending(path: "answers.csv"))
                    #expect(answers[0] == ["item", "class", "benign", "malignant"] && answers.count == 5)
                    for row in answers.dropFirst() {
                        let p = row[2...].compactMap { Double($0) }
                        #expect(abs(p[0] + p[1] - 1) < 1e-9 && row[1] == (p[1] > p[0] ? "malignant" : "benign"))
                    }
                    records.append(data)
                }
            }
        }
        #expect(records.count == 1)
    }

    @Test func `a model of something else does not make probabilities of classes honest`() throws {
        try run(
            """
            stages:
              guess: {uses: test.guess, in: tissue}
              fit: {uses: calibrate.classes, in: {probabilities: guess, facts: tissue.facts}}
              honest: {uses: calibrate.apply, in: {classes: tissue.facts, model: fit.model}}
            outputs: {answers: {from: honest, as: "{stem}.csv"}}

            """, catalog: guessing
        ) { _, summary in #expect(summary.failed == 4) }
    }
}
