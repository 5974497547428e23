import Foundation
import Lucency
import Support
import Testing

/// Pipelines that train a network and segment with it, much shrunken.
@Suite struct TrainingTests {
    private static func phantom(_ count: Int, first: Int) -> String {
        "{uses: phantom, with: {file: \(TestFiles.root.path)/phantoms/membranes.yaml, count: \(count), first: \(first), "
            + "set: {width: 64, height: 64}}}"
    }

    static let small = [
        "--set", "train=\(phantom(4, first: 0))", "--set", "validation=\(phantom(2, first: 10))",
        "--set", "test=\(phantom(2, first: 20))", "--set",
        "stages.model.with.network={uses: unet, with: {channels: [8, 16]}}", "--set",
        "stages.model.with.patch=[32, 32]", "--set", "stages.model.with.batch=4", "--set", "epochs=4", "--set",
        "stages.model.with.validateEvery=1", "--kernels", "portable",
    ]

    private func arguments(_ output: URL, _ more: String...) -> [String] {
        ["run", pipelines.appending(path: "em-membranes-unet.yaml").path, "--output", output.path] + Self.small + more
    }

    @Test func `a pipeline trains, keeps the record and the curves, and segments with what it learnt`() throws {
        try withTemporaryFolder { folder in
            let run = try runLucency(arguments(folder))
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.errors.contains("epoch 4 of 4: loss"), "\(run.errors)")
            let made = try results(folder)
            #expect(made.keys.count { $0.hasPrefix("masks/") } == 2)
            let lines = String(decoding: made["training.jsonl"] ?? Data(), as: UTF8.self).split(separator: "\n")
            let records = try lines.map { try JSONValue(parsing: String($0)) }
            #expect(records.count == 4)
            let first = try #require(records.first?["loss"]?.doubleValue)
            #expect(try #require(records.last?["loss"]?.doubleValue) < first)
            #expect(records.allSatisfy { $0["validation"]?["dice"]?.doubleValue != nil })
            let svg = String(decoding: made["training.svg"] ?? Data(), as: UTF8.self)
            #expect(svg.hasPrefix("<svg") && svg.contains("validation Dice"))
            let model = try ModelFile(path: folder.appending(path: "model.lucency").path)
            #expect(model.network?.kind == "unet")
            #expect(model.classes?.classes.count == 2)
            #expect(model.training?["cases"]?["training"]?.intValue == 4)
            #expect(model.preprocessing?.channels.first?.normalization == .zScore)
            // Nothing is left of the checkpoints, and a second run has nothing to do.
            let kept = try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: ".lucency").path)
            #expect(kept.allSatisfy { $0.hasPrefix("lock") }, "\(kept)")
            #expect(try runLucency(arguments(folder)).errors.contains("nothing to do"))
        }
    }

    @Test func `one and two threads give the same bytes, also after kill -9 in the middle of training`() throws {
        try withTemporaryFolder { folder in
            let one = folder.appending(path: "one"), two = folder.appending(path: "two")
            let cut = folder.appending(path: "cut")
            #expect(try runLucency(arguments(one, "--threads", "1", "--jobs", "1")).status == 0)
            #expect(try runLucency(arguments(two, "--threads", "2", "--jobs", "2")).status == 0)
            // The first report tells what will be done, each further one an epoch.
            #expect(try killAfter(3, arguments(cut), event: "wholeProgress") == .uncaughtSignal)
            #expect(try results(cut)["model.lucency"] == nil)
            let again = try runLucency(arguments(cut))
            #expect(again.status == 0, "\(again.errors)")
            #expect(!again.errors.contains("epoch 1 of 4"), "\(again.errors)")
            let whole = try results(one)
            #expect(try results(two) == whole)
            #expect(try results(cut) == whole)
        }
    }

    @Test(arguments: [
        "[svls, dice]", "[cross-entropy, {uses: nacl, with: {prior: image-l1, border: replicate}}]", "[ps-kd, dice]",
    ])
    func `objectives for calibration give the same bytes on one and two threads, and after kill -9`(
        _ objective: String
    ) throws {
        try withTemporaryFolder { folder in
            let set = "stages.model.with.objective=\(objective)"
            let one = folder.appending(path: "one"), cut = folder.appending(path: "cut")
            let first = try runLucency(arguments(one, "--set", set, "--threads", "1", "--jobs", "1"))
            #expect(first.status == 0, "\(first.errors)")
            #expect(try killAfter(3, arguments(cut, "--set", set), event: "wholeProgress") == .uncaughtSignal)
            let again = try runLucency(arguments(cut, "--set", set, "--threads", "2", "--jobs", "2"))
            #expect(again.status == 0, "\(again.errors)")
            #expect(try results(cut) == results(one))
        }
    }

    @Test func `a model segments a folder in the images' own geometry, in tiles and mirrored`() throws {
        try withTemporaryFolder { folder in
            let trained = folder.appending(path: "trained")
            #expect(try runLucency(arguments(trained)).status == 0)
            let text = """
                lucency: 1
                sources: {images: {uses: folder}}
                stages:
                  model: {uses: load.model, with: {file: trained/model.lucency}}
                  predict: {uses: segment.network, in: {image: images, model: model}}
                  tiled: {uses: segment.network, in: {image: images, model: model}, with: {tile: [32, 32], flips: true}}
                outputs:
                  labels: {from: predict.labels, as: "labels/{stem}.png"}
                  probabilities: {from: predict.probabilities, as: "probabilities/{stem}.tif"}
                  confidence: {from: predict.confidence, as: "confidence/{stem}.tif"}
                  logits: {from: predict.logits, as: "logits/{stem}.tif", with: {float: true}}
                  tiled: {from: tiled.labels, as: "tiled/{stem}.png"}
                """
            let file = folder.appending(path: "apply.yaml"), out = folder.appending(path: "out")
            try text.write(to: file, atomically: true, encoding: .utf8)
            let run = try runLucency([
                "run", file.path, "--input", Slices.rendered.images.path, "--output", out.path, "--kernels", "portable",
            ])
            #expect(run.status == 0, "\(run.errors)")
            func read(_ name: String) throws -> Image {
                let path = out.appending(path: name).path
                return try ImageFormats.reader(for: path).readImage(
                    path, pages: .automatic, region: nil, limits: .standard)
            }
            let source = try PNGFormat().readImage(
                Slices.rendered.images.appending(path: "00.png").path, pages: .automatic, region: nil,
                limits: .standard)
            let labels = try read("labels/00.png"), tiled = try read("tiled/00.png")
            let confidence = try read("confidence/00.tif")
            #expect(labels.size == source.size && abs(labels.geometry.spacing.x - 4e-6) < 1e-12)
            #expect(confidence.pixels.array.allSatisfy { $0 >= 0.5 && $0 <= 1 })
            let agreeing = zip(labels.pixels.array, tiled.pixels.array).count { $0 == $1 }
            #expect(Double(agreeing) > 0.85 * Double(labels.size.count))
            // The truth is 255 inside cells; even this little training is better than guessing.
            let truth = try PNGFormat().readImage(
                Slices.rendered.masks.appending(path: "00.png").path, pages: .automatic, region: nil,
                limits: .standard)
            let right = zip(labels.pixels.array, truth.pixels.array).count { ($0 > 0) != ($1 > 0) }
            #expect(Double(right) > 0.6 * Double(labels.size.count))
        }
    }

    @Test func `a model that does not fit the images says so in words`() throws {
        try withTemporaryFolder { folder in
            #expect(try runLucency(arguments(folder.appending(path: "trained"))).status == 0)
            let images = folder.appending(path: "images")
            try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
            try writeImage(
                Array(repeating: 9, count: 3 * 64), size: GridSize(8, 8), to: images.appending(path: "color.png").path,
                model: .rgb, bits: 8)
            let file = folder.appending(path: "apply.yaml")
            try """
            lucency: 1
            sources: {images: {uses: folder}}
            stages:
              model: {uses: load.model, with: {file: trained/model.lucency}}
              predict: {uses: segment.network, in: {image: images, model: model}}
            outputs: {labels: {from: predict.labels, as: "{stem}.png"}}
            """.write(to: file, atomically: true, encoding: .utf8)
            let run = try runLucency([
                "run", file.path, "--input", images.path, "--output", folder.appending(path: "out").path,
            ])
            #expect(run.status == 2)
            #expect(run.errors.contains("the model takes 1 channel(s) (gray), the image has 3"), "\(run.errors)")
        }
    }

    @Test(arguments: [
        ("stages.model.with.objective=[cross-entropy, focal]", "cross-entropy and focal are targets"),
        ("stages.model.with.objective=[boundry]", "did you mean 'boundary'?"),
        ("stages.model.with.objective=[svls, ps-kd]", "svls and ps-kd are targets"),
        ("stages.model.with.objective=[{uses: svls, with: {window: 4}}]", "must be an odd number of pixels"),
        ("stages.model.with.objective=[{uses: svls, with: {sigma: 0}}]", "'sigma' must be above 0"),
        (
            "stages.model.with.objective=[cross-entropy, {uses: nacl, with: {weight: -1}}]",
            "'weight' must be at least 0"
        ),
        ("stages.model.with.objective=[{uses: ps-kd, with: {alpha: 1}}]", "'alpha' must be between 0 and 0.999"),
        ("stages.model.with.augmentation=[stain]", "needs colours on their own scale"),
        ("stages.model.with.patch=[32, 32, 32]", "has a single slice"),
        ("stages.model.with.network={uses: unet, with: {channels: [8, 16], kernel: 4}}", "kernel must be odd"),
    ])
    func `settings of a training that contradict each other are refused`(setting: String, message: String) throws {
        try withTemporaryFolder { folder in
            let run = try runLucency(arguments(folder, "--set", setting))
            #expect(run.status != 0)
            #expect(run.errors.contains(message), "\(run.errors)")
            // All but what only the images tell is found before anything is read.
            let isLate = message.contains("slice")
            #expect(FileManager.default.fileExists(atPath: folder.appending(path: "run.json").path) == isLate)
        }
    }

    @Test(arguments: ["lungs-unet", "nuclei-unet", "organs-unet3d"])
    func `every training pipeline runs from end to end, shrunken`(name: String) throws {
        let tiny = [
            "lungs-unet": [
                "size=[32, 32]", "train=\(phantom("chest-xray", 4, "{size: 64}"))",
                "validation=\(phantom("chest-xray", 1, "{size: 64}"))",
                "test=\(phantom("chest-xray", 2, "{size: 64}"))",
                "stages.model.with.network={uses: unet, with: {channels: [8, 16]}}",
            ],
            "nuclei-unet": [
                "train=\(phantom("histology", 4, Self.cells))", "validation=\(phantom("histology", 1, Self.cells))",
                "test=\(phantom("histology", 2, Self.cells))", "stages.model.with.patch=[32, 32]",
                "stages.model.with.patchesPerImage=1", "stages.model.with.batch=2",
                "stages.model.with.network={uses: unet, with: {channels: [8, 16]}}",
            ],
            "organs-unet3d": [
                "volume={width: 48, height: 48, depth: 8, spacing: 8, sliceSpacing: 8}",
                "train=\(phantom("organs", 2, "$volume"))", "validation=\(phantom("organs", 1, "$volume"))",
                "test=\(phantom("organs", 2, "$volume"))", "stages.model.with.patch=[32, 32, 8]",
                "stages.model.with.patchesPerImage=1",
                "stages.model.with.network={uses: unet, with: {channels: [8, 16], norm: instance}}",
            ],
        ]
        try withTemporaryFolder { folder in
            let settings = (try #require(tiny[name]) + ["epochs=1"]).flatMap { ["--set", $0] }
            let run = try runLucency(
                ["run", pipelines.appending(path: "\(name).yaml").path, "--output", folder.path] + settings)
            #expect(run.status == 0, "\(run.errors)")
            let made = try results(folder)
            #expect(made["model.lucency"] != nil && made["summary.csv"] != nil)
            #expect(made.keys.count { $0.hasPrefix("masks/") } == 2)
        }
    }

    private static let cells = "{width: 64, height: 64, imagesPerPatient: 1, magnifications: [400]}"

    private func phantom(_ name: String, _ count: Int, _ set: String) -> String {
        "{uses: phantom, with: {file: \(TestFiles.root.path)/phantoms/\(name).yaml, count: \(count), set: \(set)}}"
    }
}
