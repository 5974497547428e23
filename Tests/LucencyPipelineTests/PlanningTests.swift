import Foundation
import Lucency
import LucencyStages
import Support
import Testing

/// Fingerprints and planned networks in pipelines.
@Suite struct PlanningTests {
    private static let phantom =
        "{uses: phantom, with: {file: \(TestFiles.root.path)/phantoms/membranes.yaml, count: 5, "
        + "set: {width: 64, height: 48}}}"

    private func withWorkbench(_ body: (Workbench) throws -> Void) throws {
        try withTemporaryFolder { try body(Workbench($0)) }
    }

    private func json(_ bench: Workbench, _ path: String) throws -> JSONValue {
        try JSONValue(parsing: Array(try #require(bench.data(path))))
    }

    @Test func `a fingerprint is written as YAML that says the same as its JSON`() throws {
        try withWorkbench { bench in
            let text = """
                stages:
                  data: {uses: fingerprint, in: {image: slices, label: slices.label}}
                  plain: {uses: fingerprint, in: slices}
                outputs:
                  yaml: {from: data, as: "fingerprint.yaml"}
                  json: {from: data, as: "fingerprint.json"}
                  plain: {from: plain, as: "plain.json"}
                """
            #expect(try bench.run(text, sources: "slices: \(Self.phantom)").failures.isEmpty)
            let found = try json(bench, "fingerprint.json")
            let written = try String(decoding: #require(bench.data("fingerprint.yaml")), as: UTF8.self)
            #expect(written.hasPrefix("# Fingerprint of a data set\ncases: 5\n"))
            #expect(written.contains("\n# mm along x, y") && written.contains("\n  - {name: "))
            let read = try YAMLReader.read(written, name: "fingerprint.yaml")
            #expect(read.canonical == found)
            #expect(found["classes"]?.arrayValue?.count == 2)
            #expect(found["channels"]?.arrayValue?.first?["foreground"] != nil)
            // Two shards come to the same.
            for index in 1...2 {
                _ = try bench.run(text, sources: "slices: \(Self.phantom)") {
                    $0.output = bench.root.appending(path: "shards").path
                    $0.shard = Shard(parsing: "\(index)/2")
                }
            }
            let shards = try Data(contentsOf: bench.root.appending(path: "shards/fingerprint.yaml"))
            #expect(String(decoding: shards, as: UTF8.self) == written)
            // Without labels there are neither classes nor a foreground.
            let plain = try json(bench, "plain.json")
            #expect(plain["classes"]?.arrayValue?.isEmpty == true && plain["sizes"] == found["sizes"])
            #expect(plain["channels"]?.arrayValue?.first?["foreground"] == nil)
            #expect(plain["channels"]?.arrayValue?.first?["all"] == found["channels"]?.arrayValue?.first?["all"])
        }
    }

    @Test func `YAML keeps texts that look like something else, and long and nested values`() throws {
        let record: JSONValue = [
            "yes": "no", "1": "2", "null": nil, "text": "a: b # c", "empty": [], "none": [:], "quote": "\"\\\n",
            "deep": [["a": [1, 2, ["b": 3]]], [[1, 2], []], "- x"], "long": .array((0..<80).map { .integer($0) }),
            "umlaut": "Größe 2 mm²", "number": 1e-7, "flag": true, "blank": "", "star": "*a", "space": "a ",
            "tilde": "~",
        ]
        for value in [record, .array([record, 1, "x"]), "a", [], [:]] {
            let text = YAMLText(order: ["text", "deep"], comments: ["deep": "nested"], heading: "All kinds")(value)
            let read = try YAMLReader.read(text, name: "record.yaml")
            #expect(read.canonical == value, "\(text)")
        }
        #expect(YAMLText(order: ["b"])(["a": 1, "b": [1, 2]]) == "b: [1, 2]\na: 1\n")
    }

    @Test(arguments: ["unet", "residual-unet"])
    func `a network with auto is planned, trained, recorded and used`(name: String) throws {
        try withWorkbench { bench in
            let text = """
                stages:
                  model:
                    uses: train.segmenter
                    in: {image: slices, label: slices.label}
                    with: {network: {uses: \(name), with: {auto: true, memory: 200 MB, time: 20 s}}, steps: 3}
                  predict: {uses: segment.network, in: {image: slices, model: model}}
                outputs:
                  model: {from: model, as: model.lucency}
                  masks: {from: predict.labels, as: "{stem}.png"}
                """
            #expect(try bench.run(text, sources: "slices: \(Self.phantom)").failures.isEmpty)
            let model = try ModelFile(path: bench.output.appending(path: "model.lucency").path)
            let plan = try #require(model.training?["plan"]?.arrayValue)
            func decision(_ what: String) -> (value: String?, why: String?) {
                let entry = plan.first { $0["what"]?.stringValue == what }
                return (entry?["value"]?.stringValue, entry?["why"]?.stringValue)
            }
            #expect(decision("steps").value == "3" && decision("steps").why == "stated")
            #expect(decision("patch").value == "64 × 48" && decision("channels").value != nil)
            #expect(decision("memory").value?.hasSuffix("of 200 MB") == true)
            #expect(decision("time").value?.hasSuffix("of 20 s") == true)
            #expect(model.training?["patch"] == [64, 48])
            #expect(model.preprocessing?.channels.first?.normalization == .zScore)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: bench.output.path).count { $0.hasSuffix(".png") }
                    == 5)
        }
    }

    @Test func `where spacings differ, a planned network sees one, and masks come back on their own grid`() throws {
        try withWorkbench { bench in
            let images = bench.root.appending(path: "scans"), masks = bench.root.appending(path: "masks")
            for folder in [images, masks] {
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            }
            let sides = [(32, 1.0), (64, 0.5), (64, 0.5), (40, 0.8)]
            for (index, (side, spacing)) in sides.enumerated() {
                let geometry = try Geometry(
                    size: GridSize(side, side), spacing: [spacing, spacing, 1], source: .stated(.mm))
                func write(_ folder: URL, _ value: (Bool, Int) -> Float) throws {
                    let pixels = (0..<side * side).map { place -> Float in
                        let x = Double(place % side) / Double(side) - 0.5, y = Double(place / side) / Double(side) - 0.4
                        return value(x * x + y * y < 0.06, place)
                    }
                    try TIFFFormat().write(
                        Image(geometry: geometry, pixels: AlignedBuffer(pixels)),
                        to: folder.appending(path: "\(index).tif").path, options: WriteOptions(bits: 8))
                }
                try write(images) { $0 ? 180 : Float(40 + $1 % 7) }
                try write(masks) { inside, _ in inside ? 255 : 0 }
            }
            let text = """
                stages:
                  model:
                    uses: train.segmenter
                    in: {image: scans, label: scans.label}
                    with: {network: {uses: unet, with: {auto: true, channels: [8, 16]}}, steps: 60, validation: 0, rate: 0.01}
                  predict: {uses: segment.network, in: {image: scans, model: model}}
                outputs:
                  model: {from: model, as: model.lucency}
                  masks: {from: predict.labels, as: "{stem}.tif"}
                """
            let source = "scans: {uses: folder, with: {images: scans, labels: masks, classes: {ground: 0, disc: 255}}}"
            #expect(try bench.run(text, sources: source).failures.isEmpty)
            let model = try ModelFile(path: bench.output.appending(path: "model.lucency").path)
            let spacing = try #require(model.preprocessing?.spacing)
            #expect(spacing.count == 2 && spacing.allSatisfy { abs($0 - 0.65) < 1e-4 })
            // A spacing that is stated wins, with and without a plan.
            for (name, network) in [
                ("planned", "{uses: unet, with: {auto: true, channels: [8, 16]}}"), ("plain", "unet"),
            ] {
                let other = text.replacing("{uses: unet, with: {auto: true, channels: [8, 16]}}", with: network)
                    .replacing("steps: 60", with: "steps: 1, patch: [32, 32], batch: 1, spacing: [2 mm, 1500 um]")
                let output = bench.root.appending(path: name).path
                #expect(try bench.run(other, sources: source) { $0.output = output }.failures.isEmpty)
                #expect(try ModelFile(path: output + "/model.lucency").preprocessing?.spacing == [2, 1.5])
            }
            for (index, (side, spacing)) in sides.enumerated() {
                func read(_ url: URL) throws -> Image {
                    try TIFFFormat().readImage(
                        url.appending(path: "\(index).tif").path, pages: .automatic, region: nil, limits: .standard)
                }
                let mask = try read(bench.output), truth = try read(masks)
                #expect(mask.size == GridSize(side, side) && abs(mask.geometry.spacing.x - spacing) < 1e-4)
                let wrong = zip(mask.pixels.array, truth.pixels.array).count { ($0 > 0) != ($1 > 0) }
                #expect(wrong < side * side / 10)
            }
        }
    }

    @Test(arguments: [
        ("{network: {uses: unet, with: {memory: 1 GB}}}", "`memory` is for networks that are planned"),
        ("{network: {uses: residual-unet, with: {time: 1 h}}}", "`time` is for networks that are planned"),
        ("{network: {uses: unet, with: {auto: true, memory: 2}}}", "'2' has no unit"),
        ("{network: {uses: unet, with: {auto: true, time: 2 GB}}}", "'GB' is no unit here"),
        ("{network: {uses: unet, with: {auto: true, time: soon}}}", "expected a time with its unit"),
        ("{network: {uses: unet, with: {auto: true, time: 0 s}}}", "is no possible time"),
        ("{network: {uses: unet, with: {auto: maybe}}}", "expected true or false"),
        ("{spacing: [2 px, 2 px]}", "two or three lengths that are not pixels"),
        ("{spacing: [2 mm]}", "two or three lengths that are not pixels"),
        ("{network: {uses: residual-unet, with: {auto: true, blocks: [1, 2]}}}", "stages that are not planned yet"),
        ("{network: {uses: unet, with: {auto: true, channels: [8, 16], scales: 3}}}", "scales must be in 1...1"),
        (
            "{network: {uses: unet, with: {auto: true}}, normalization: z-score, augmentation: [stain]}",
            "needs colours on their own scale"
        ),
    ])
    func `what contradicts is refused before anything is read`(with: String, message: String) throws {
        let text = """
            lucency: 1
            sources: {slices: \(Self.phantom)}
            stages: {model: {uses: train.segmenter, in: {image: slices, label: slices.label}, with: \(with)}}
            outputs: {model: {from: model, as: model.lucency}}
            """
        let file = try PipelineFile(text: text, name: "test.yaml", folder: ".", catalog: .standard)
        #expect(file.diagnostics.contains { $0.message.contains(message) }, "\(DiagnosticList(file.diagnostics))")
    }

    @Test func `a budget that nothing fits is told when the images are known`() throws {
        try withWorkbench { bench in
            let text = """
                stages:
                  model:
                    uses: train.segmenter
                    in: {image: slices, label: slices.label}
                    with: {network: {uses: unet, with: {auto: true, memory: 10 kB}}}
                outputs: {model: {from: model, as: model.lucency}}
                """
            let summary = try bench.run(text, sources: "slices: \(Self.phantom)")
            #expect(summary.failures.contains { $0.diagnostic.message.contains("the smallest training takes") })
        }
    }
}
