import Foundation
import Lucency
import Support
import Testing

/// What `segment.network` promises besides the segmentation: ensembles, refusals, predicted memory.
@Suite struct SegmentingTests {
    /// A tiny model, trained once.
    private static let model: URL? = {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lucency-tests-\(UUID().uuidString)")
        let output = folder.appending(path: "trained")
        let run = try? runLucency(
            ["run", pipelines.appending(path: "em-membranes-unet.yaml").path, "--output", output.path]
                + TrainingTests.small + ["--set", "epochs=1"])
        return run?.status == 0 ? output.appending(path: "model.lucency") : nil
    }()

    private func read(_ path: URL) throws -> Image {
        try ImageFormats.reader(for: path.path).readImage(
            path.path, pages: .automatic, region: nil, limits: .standard)
    }

    private func write(_ text: String, _ folder: URL) throws -> String {
        let file = folder.appending(path: "apply.yaml")
        try text.write(to: file, atomically: true, encoding: .utf8)
        return file.path
    }

    @Test func `an ensemble of a run's variants, and one of files, averages the members' probabilities`() throws {
        try withTemporaryFolder { folder in
            let text = """
                lucency: 1
                variants: {seed: [1, 2]}
                sources:
                  train: {uses: phantom, with: {file: \(TestFiles.root.path)/phantoms/membranes.yaml, count: 3, set: {width: 32, height: 32}}}
                  test: {uses: phantom, with: {file: \(TestFiles.root.path)/phantoms/membranes.yaml, count: 1, first: 9, set: {width: 32, height: 32}}}
                stages:
                  model:
                    uses: train.segmenter
                    in: {image: train, label: train.label}
                    with: {network: {uses: unet, with: {channels: [4, 8]}}, steps: 2, batch: 2, rate: 0.01, validation: 0, seed: $seed}
                  together: {uses: ensemble, in: model, over: [seed]}
                  one: {uses: segment.network, in: {image: test, model: model}}
                  both: {uses: segment.network, in: {image: test, model: together}}
                outputs:
                  model: {from: model, as: "{seed}.lucency"}
                  together: {from: together, as: "together.lucency"}
                  one: {from: one.probabilities, as: "one-{seed}-{stem}.tif"}
                  both: {from: both.probabilities, as: "both-{stem}.tif"}
                """
            let run = try runLucency(
                ["run", try write(text, folder), "--output", folder.path, "--kernels", "portable"])
            try #require(run.status == 0, "\(run.errors)")
            func pixels(_ name: String) throws -> [Float] {
                try read(folder.appending(path: name)).pixels.array
            }
            let parts = try [pixels("one-1-000009.tif"), pixels("one-2-000009.tif")],
                mean = try pixels("both-000009.tif")
            #expect(zip(parts[0], parts[1]).contains { abs($0 - $1) > 0.01 })
            for index in mean.indices {
                #expect(abs(mean[index] - (parts[0][index] + parts[1][index]) / 2) < 1e-5)
            }
            // The same from files, without a pipeline for training.
            let file = folder.appending(path: "again.lucency").path
            let apply = try lucency(
                "apply", "ensemble", folder.appending(path: "1.lucency").path,
                folder.appending(path: "2.lucency").path, "--output", file)
            #expect(apply.status == 0, "\(apply.errors)")
            let again = try ModelFile(path: file)
            #expect(again.network?.kind == "ensemble" && again.training?["members"]?.arrayValue?.count == 2)
            #expect(
                again.weights.parameterCount == 2
                    * (try ModelFile(path: folder.appending(path: "1.lucency").path))
                    .weights.parameterCount)
            #expect(try lucency("model", "inspect", file).out.contains("ensemble"))
        }
    }

    @Test func `models that differ in what they do first are no ensemble`() throws {
        let model = try ModelFile(path: try #require(Self.model).path)
        let other = try ModelFile(
            network: try #require(model.network), preprocessing: Preprocessing(channels: [.init(name: "gray")]),
            classes: model.classes, weights: model.weights)
        #expect {
            try ModelFile(ensemble: [model, other])
        } throws: { error in
            "\(error)".contains("differ in what they do to images first")
        }
        #expect(throws: Diagnostic.self) { try ModelFile(ensemble: []) }
    }

    @Test func `only the parts that are asked for are made`() throws {
        let model = try ModelFile(path: try #require(Self.model).path)
        let image = try Image(
            geometry: Geometry(size: GridSize(40, 24)),
            pixels: AlignedBuffer((0..<960).map { Float(($0 * 37) % 251) }))
        let all = try NetworkSegmenter()(image, model, kernels: .portable)
        let some = try NetworkSegmenter()(image, model, parts: [.labels], kernels: .portable)
        #expect(some.labels?.labels.array == all.labels?.labels.array)
        #expect(some.logits == nil && some.probabilities == nil && some.confidence == nil)
        let map = try #require(all.probabilities), sure = try #require(all.confidence)
        for pixel in 0..<960 {
            #expect(sure.pixels[pixel] == max(map.values[pixel], map.values[960 + pixel]))
        }
        let predicted = try NetworkSegmenter().predictedBytes(
            image.size, channels: 1, model: model, threads: 1, kernels: .portable)
        #expect(predicted.classes == 2 && predicted.bytes > 960 * 4 * 8)
    }

    @Test func `a run that would take more memory than allowed says so before the first item`() throws {
        try withTemporaryFolder { folder in
            let images = folder.appending(path: "images")
            try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
            try writeImage(
                Array(repeating: 9, count: 1 << 20), size: GridSize(1024, 1024),
                to: images.appending(path: "large.png").path, bits: 8)
            let file = try write(
                """
                lucency: 1
                sources: {images: {uses: folder}}
                stages:
                  model: {uses: load.model, with: {file: \(try #require(Self.model).path)}}
                  predict: {uses: segment.network, in: {image: images, model: model}}
                outputs: {labels: {from: predict, as: "{stem}.png"}}
                """, folder)
            let output = folder.appending(path: "out").path
            let run = try lucency("run", file, "--input", images.path, "--output", output, "--memory", "30MB")
            #expect(run.status == 2 && run.errors.contains("the budget is 30 MB"), "\(run.errors)")
            // The network alone: 1024 × 1024 × 16 numbers and more.
            let dry = try lucency("run", file, "--input", images.path, "--output", output, "--dry-run")
            #expect(dry.out.contains("large"), "\(dry.out)\(dry.errors)")
            #expect(dry.status == 0)
        }
    }

    @Test(arguments: [("{uses: window, with: {low: 0, high: 255}}", true), ("z-score", false)])
    func `intensities of another scale are refused where normalization does not adapt`(
        normalization: String, isRefused: Bool
    ) throws {
        try withTemporaryFolder { folder in
            let trained = folder.appending(path: "trained")
            let training = try runLucency(
                ["run", pipelines.appending(path: "em-membranes-unet.yaml").path, "--output", trained.path]
                    + TrainingTests.small
                    + ["--set", "epochs=1", "--set", "stages.model.with.normalization=\(normalization)"])
            try #require(training.status == 0, "\(training.errors)")
            let images = folder.appending(path: "images")
            try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
            try writeImage(
                (0..<1024).map { Float($0 % 32) / 31 }, size: GridSize(32, 32),
                to: images.appending(path: "unit.tif").path, float: true)
            let file = try write(
                """
                lucency: 1
                sources: {images: {uses: folder}}
                stages:
                  model: {uses: load.model, with: {file: trained/model.lucency}}
                  predict: {uses: segment.network, in: {image: images, model: model}}
                outputs: {labels: {from: predict, as: "{stem}.png"}}
                """, folder)
            let run = try lucency("run", file, "--input", images.path, "--output", folder.appending(path: "o").path)
            #expect(run.status == (isRefused ? 2 : 0), "\(run.errors)")
            #expect(run.errors.contains("holds 0.0 to 1.0; the model was trained with") == isRefused)
        }
    }

    @Test func `images that come to a model by another way than its training images are told before running`() throws {
        try withTemporaryFolder { folder in
            let phantom = "uses: phantom, with: {file: \(TestFiles.root.path)/phantoms/membranes.yaml, count: 2}"
            func pipeline(_ model: String, _ images: String) -> String {
                """
                lucency: 1
                sources: {train: {\(phantom)}, test: {\(phantom)}}
                stages:
                  even: {uses: fourier.homomorphic, in: train, with: {cutoff: 64 px}}
                  evenTest: {like: even, in: test}
                  model: \(model)
                  predict: {uses: segment.network, in: {image: \(images), model: model}}
                outputs: {labels: {from: predict, as: "{stem}.png"}, e: {from: even, as: "e/{stem}.tif"}, t: {from: evenTest, as: "t/{stem}.tif"}}
                """
            }
            let training = "{uses: train.segmenter, in: {image: even, label: train.label}}"
            let same = try lucency("check", try write(pipeline(training, "evenTest"), folder))
            #expect(same.status == 0 && !same.errors.contains("warning"), "\(same.errors)")
            let other = try lucency("check", try write(pipeline(training, "test"), folder))
            #expect(other.status == 0)
            #expect(
                other.errors.contains("the model was trained on images that came through fourier.homomorphic"),
                "\(other.errors)")
            // A model from a file remembers it: this one was trained on images as they are.
            let loaded = "{uses: load.model, with: {file: \(try #require(Self.model).path)}}"
            let fromFile = try lucency("check", try write(pipeline(loaded, "evenTest"), folder))
            #expect(fromFile.errors.contains("came through no stage; those it is given"), "\(fromFile.errors)")
            #expect(try !lucency("check", try write(pipeline(loaded, "test"), folder)).errors.contains("came through"))
        }
    }

    @Test func `a port that takes one value refuses a list`() throws {
        try withTemporaryFolder { folder in
            let text = """
                lucency: 1
                sources: {images: {uses: folder}}
                stages: {gray: {uses: gray, in: [images, images]}}
                outputs: {gray: {from: gray, as: "{stem}.png"}}
                """
            let check = try lucency("check", try write(text, folder))
            #expect(check.status == 1)
            #expect(check.errors.contains("expected STAGE or STAGE.PORT, found a list"), "\(check.errors)")
        }
    }
}
