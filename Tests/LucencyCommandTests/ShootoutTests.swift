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
            let distances = ["posterior KL", "posterior KL without noise"].map { "\($0),\($0) sd,\($0) rank" }
            #expect(lines[0].hasSuffix(distances.joined(separator: ",") + ",mean rank"))
            #expect(lines.contains { $0.hasPrefix("nacl,temperature,2,") })
            let table = try JSONValue(
                parsing: String(contentsOf: folder.appending(path: "report.json"), encoding: .utf8))
            #expect(table.text.contains("ps-kd"))
        }
    }

    @Test func `the shoot-out runs on images whose posterior nobody knows`() throws {
        try withTemporaryFolder { folder in
            let data = folder.appending(path: "data")
            let rendered = try runLucency([
                "phantom", TestFiles.root.appending(path: "phantoms/organs.yaml").path, "--output", data.path,
                "--count", "3",
                "--products", "image,label", "--set", "width=48", "--set", "height=48", "--set", "spacing=8",
            ])
            try #require(rendered.status == 0, "\(rendered.errors)")
            let source = "{uses: folder, with: {images: \(data.path)/image, labels: \(data.path)/label}}"
            let settings =
                ["train", "validation", "test"].map { "\($0)=\(source)" } + [
                    "steps=2", "patch=[32, 32]", "normalization=z-score", "variants.seed=[1]", "noiseless=test",
                    "variants.method={ce: [cross-entropy], svls: [svls]}",
                    "stages.trust.in={probabilities: \"${scaling}.probabilities\", label: test.label}",
                    "stages.model.with.network={uses: unet, with: {channels: [4, 8]}}",
                ]
            let run = try runLucency(
                ["run", pipelines.appending(path: "calibration-shootout.yaml").path, "--output", folder.path + "/out"]
                    + settings.flatMap { ["--set", $0] })
            try #require(run.status == 0, "\(run.errors)")
            let text = try String(contentsOf: folder.appending(path: "out/table.csv"), encoding: .utf8)
            let lines = text.split(whereSeparator: \.isNewline)
            #expect(lines.count == 1 + 2 * 2)
            #expect(lines[0].contains("CECE foreground") && !lines[0].contains("posterior"))
        }
    }

    @Test func `numbered objects become background, inside and border`() throws {
        try withTemporaryFolder { folder in
            // Two squares that touch: columns 4..<10 and 10..<16 of rows 4..<10.
            var numbers = AlignedBuffer<Int32>(repeating: 0, count: 400)
            for y in 4..<10 { for x in 4..<16 { numbers[20 * y + x] = x < 10 ? 7 : 300 } }
            let input = folder.appending(path: "instances"), output = folder.appending(path: "classes")
            try FileManager.default.createDirectory(at: input, withIntermediateDirectories: true)
            let map = try LabelMap(geometry: Geometry(size: GridSize(20, 20)), labels: numbers)
            try PNGFormat().write(map, to: input.appending(path: "a.png").path, options: WriteOptions(bits: 16))
            let run = try runLucency([
                "run", pipelines.appending(path: "object-borders.yaml").path, "--input", input.path, "--output",
                output.path,
            ])
            try #require(run.status == 0, "\(run.errors)")
            let classes = try PNGFormat().readLabels(
                output.appending(path: "a.png").path, pages: .automatic, limits: .standard
            ).labels
            #expect(Set(classes.array) == [0, 1, 2])
            for index in 0..<400 { #expect((classes[index] == 0) == (numbers[index] == 0)) }
            // Where the objects touch there is border on both sides, and inside of either behind it.
            #expect(classes[20 * 7 + 9] == 2 && classes[20 * 7 + 10] == 2)
            #expect(classes[20 * 7 + 7] == 1 && classes[20 * 7 + 13] == 1)
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
            #expect(page.contains("Against the annotators") && page.contains("without noise"))
            let summary = try String(contentsOf: folder.appending(path: "tables/summary.csv"), encoding: .utf8)
            for metric in ["posteriorKL", "cleanKL"] { #expect(summary.contains("dice,\(metric),")) }
            let table = try String(contentsOf: folder.appending(path: "tables/cases.csv"), encoding: .utf8)
            #expect(table.split(whereSeparator: \.isNewline).count == 1 + 2 * 3)
        }
    }
}
