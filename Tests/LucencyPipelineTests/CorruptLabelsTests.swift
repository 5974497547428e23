import Foundation
import Lucency
import Support
import Testing

@Suite struct CorruptLabelsTests {
    /// Runs a pipeline over two label maps with three discs each, and gives its output folder to `body`.
    private func run(_ steps: String, more: String = "", seed: UInt64 = 1, _ body: (URL, RunSummary) throws -> Void)
        throws
    {
        try withTemporaryFolder { folder in
            for kind in ["images", "truth"] {
                try FileManager.default.createDirectory(
                    at: folder.appending(path: kind), withIntermediateDirectories: true)
            }
            let geometry = try Geometry(size: GridSize(48, 48))
            let labels = try LabelMap(geometry: geometry, labels: AlignedBuffer(Self.discs))
            let image = try Image(geometry: geometry, pixels: AlignedBuffer(repeating: 9, count: 48 * 48))
            for name in ["a", "b"] {
                try PNGFormat().write(
                    labels, to: folder.appending(path: "truth/\(name).png").path, options: WriteOptions())
                try PNGFormat().write(
                    image, to: folder.appending(path: "images/\(name).png").path, options: WriteOptions(bits: 8))
            }
            let file = try PipelineFile(
                text: """
                    lucency: 1
                    sources: {slices: {uses: folder, with: {images: images, labels: truth}}}
                    stages:
                      spoiled: {uses: corrupt-labels, in: slices.label, with: {steps: \(steps)\(more)}}
                    outputs:
                      labels: {from: spoiled.labels, as: "labels/{stem}.png"}
                      changed: {from: spoiled.changed, as: "changed/{stem}.png"}
                    """, name: "test.yaml", folder: folder.path, catalog: .standard,
                seed: seed)
            let plan = try #require(file.plan, "\(DiagnosticList(file.diagnostics))")
            let options = RunOptions(output: folder.appending(path: "out").path)
            let summary = try Runner(plan, options: options) { _ in }.run()
            try body(folder.appending(path: "out"), summary)
        }
    }

    private static let discs = (0..<48 * 48).map { i -> Int32 in
        let x = i % 48, y = i / 48
        func isIn(_ a: Int, _ b: Int) -> Bool { (x - a) * (x - a) + (y - b) * (y - b) < 36 }
        return isIn(10, 10) ? 1 : isIn(34, 12) ? 2 : isIn(20, 34) ? 1 : 0
    }

    private func read(_ folder: URL, _ path: String) throws -> [Int32] {
        try PNGFormat().readLabels(
            folder.appending(path: path).path, pages: .automatic, limits: .standard
        ).labels.array
    }

    @Test func `each item is spoiled in its own way, the same in every run`() throws {
        var first: [[Int32]] = []
        let steps =
            "[{uses: boundary-jitter, with: {amplitude: 2 px}}, {uses: missing-objects, with: {probability: 0.3}}]"
        for _ in 0..<2 {
            try run(steps) { out, summary in
                #expect(summary.done == 2)
                let found = try ["a", "b"].map { try read(out, "labels/\($0).png") }
                #expect(found[0] != found[1])
                #expect(first.isEmpty || first == found)
                first = found
                let changed = try read(out, "changed/a.png")
                #expect(zip(changed, zip(found[0], Self.discs)).allSatisfy { ($0 == 1) == ($1.0 != $1.1) })
            }
        }
        try run(steps, seed: 2) { out, _ in
            let other = try read(out, "labels/a.png")
            #expect(other != first[0])
        }
    }

    @Test func `scribbles are written with the ignore value`() throws {
        try run("scribbles", more: ", ignoreValue: 255") { out, summary in
            #expect(summary.done == 2)
            let found = try read(out, "labels/a.png")
            #expect(Set(found) == [0, 1, 2, 255])
            #expect(zip(found, Self.discs).allSatisfy { $0 == 255 || $0 == $1 })
        }
        // Without it they hold −1, which a PNG cannot.
        try run("scribbles") { _, summary in #expect(summary.done == 0 && summary.failed == 2) }
    }

    @Test func `every step can be chosen by name`() throws {
        let names = [
            "adele", "boundary-jitter", "bias", "missing-objects", "spurious-objects", "affine-shift", "polygons",
            "boxes", "points",
        ]
        try run("[\(names.joined(separator: ", "))]", more: ", ignoreValue: 255") { _, summary in
            #expect(summary.done == 2)
        }
    }

    @Test func `unknown steps and impossible settings are refused before the run`() throws {
        for steps in ["blur", "{uses: missing-objects, with: {probability: 2}}", "{uses: scribbles, with: {width: 3}}"]
        {
            let file = try PipelineFile(
                text: """
                    lucency: 1
                    sources: {slices: {uses: folder, with: {labels: truth}}}
                    stages: {spoiled: {uses: corrupt-labels, in: slices.label, with: {steps: \(steps)}}}
                    outputs: {labels: {from: spoiled.labels, as: "{stem}.png"}}
                    """, name: "test.yaml", folder: ".", catalog: .standard)
            #expect(file.diagnostics.contains { $0.severity == .error && $0.place?.line == 3 }, "\(steps)")
        }
    }

    /// What only the algorithms know to be impossible: line 4 is the stage, line 5 its steps.
    @Test(arguments: [
        ("{uses: spurious-objects, with: {smallest: 9 px, largest: 3 px}}", "", 5, "radii from 9 px to 3 px"),
        ("{uses: spurious-objects, with: {smallest: 1 px, largest: 3 mm}}", "", 5, "radii from 1 px to 3 mm"),
        ("{uses: bias, with: {bias: 1 px, spread: 1 mm}}", "", 5, "mixes units"),
        ("{uses: boundary-jitter, with: {correlation: 0.5 px}}", "", 5, "less than a pixel"),
        ("{uses: adele, with: {order: [1, 1]}}", "", 5, "order names a class twice"),
        ("{uses: adele, with: {order: [1, 0]}}", "", 5, "'order' must be between 1 and 2147483647, found 0"),
        ("{uses: bias, with: {classes: [-3]}}", "", 5, "'classes' must be between 1 and 2147483647, found -3"),
        ("{uses: missing-objects, with: {classes: 9999999999}}", "", 5, "'classes' must be between"),
        ("{uses: adele, with: {targetPixels: 50}}", "", 5, "'targetPixels' must be between 100 and 20000"),
        ("{uses: points, with: {count: 1001}}", "", 5, "'count' must be between 1 and 1000"),
        ("", "", 4, "corrupt-labels has no steps"),
        ("scribbles", ", ignoreValue: 0", 4, "ignored pixels cannot have the value 0"),
        ("{uses: missing-objects, with: {classes: [1, 2]}}", ", ignoreValue: 2", 4, "2 is the value of ignored pixels"),
    ]) func `settings that do not fit together are told by a check, once`(
        steps: String, more: String, line: Int, message: String
    ) throws {
        let file = try PipelineFile(
            text: """
                lucency: 1
                sources: {organs: {uses: phantom, with: {world: organs, count: 1}}}
                stages:
                  spoiled: {uses: corrupt-labels, in: organs.label, with: {
                      steps: [\(steps)]\(more)}}
                outputs: {labels: {from: spoiled.labels, as: "{stem}.png"}}
                """, name: "test.yaml", folder: ".", catalog: .standard)
        let errors = file.diagnostics.filter { $0.severity == .error }
        #expect(errors.count == 1 && file.plan == nil, "\(DiagnosticList(file.diagnostics))")
        #expect(errors.first?.message.contains(message) == true, "\(DiagnosticList(file.diagnostics))")
        #expect(errors.first?.place?.line == line)
    }

    @Test func `noise of one name is the same in any stage, and probability leaves items as they are`() throws {
        let steps = "[{uses: missing-objects, with: {probability: 0.5}}]"
        func spoiled(_ more: String, stage: String = "spoiled") throws -> [[Int32]] {
            try withTemporaryFolder { folder in
                let source =
                    "{uses: phantom, with: {file: organs.yaml, count: 12, set: {width: 48, height: 48, spacing: 8}}}"
                try FileManager.default.copyItem(
                    at: TestFiles.root.appending(path: "phantoms/organs.yaml"),
                    to: folder.appending(path: "organs.yaml"))
                let file = try PipelineFile(
                    text: """
                        lucency: 1
                        sources: {slices: \(source)}
                        stages: {\(stage): {uses: corrupt-labels, in: slices.label, with: {steps: \(steps)\(more)}}}
                        outputs: {labels: {from: \(stage).labels, as: "{index}.png"}}
                        """, name: "test.yaml", folder: folder.path, catalog: .standard, seed: 1)
                let plan = try #require(file.plan, "\(DiagnosticList(file.diagnostics))")
                let out = folder.appending(path: "out")
                let summary = try Runner(plan, options: RunOptions(output: out.path)) { _ in }.run()
                #expect(summary.done == 12)
                let names = try FileManager.default.contentsOfDirectory(atPath: out.path).filter { $0.hasSuffix("png") }
                return try names.sorted().map { try read(out, $0) }
            }
        }
        let named = try spoiled(", noise: careless")
        #expect(try spoiled(", noise: careless", stage: "again") == named)
        #expect(try spoiled("") != named && spoiled("", stage: "again") != spoiled(""))
        let truth = try spoiled(", probability: 0"), some = try spoiled(", noise: careless, probability: 0.5")
        let touched = zip(truth, some).filter { $0 != $1 }.count
        #expect((1..<12).contains(touched))
        // What is spoilt is spoilt as it would be without the chance.
        #expect(some.indices.allSatisfy { some[$0] == truth[$0] || some[$0] == named[$0] })
    }
}
