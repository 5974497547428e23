import Foundation
import Lucency
import Support
import Testing

/// The model in `pipelines/models`, the pipeline that uses it and the one that made it.
@Suite struct ShippedModelTests {
    private let model = pipelines.appending(path: "models/membranes.lucency")

    @Test func `the model is small, and holds all that segmenting takes`() throws {
        let size = try #require(FileSystem.size(of: model.path))
        #expect(size < 2_000_000)
        let file = try ModelFile(path: model.path)
        #expect(file.network?.kind == "unet")
        #expect(file.classes?.classes.count == 2)
        #expect(file.preprocessing?.channels.first?.normalization == .zScore)
        #expect(file.training?["kernels"]?.stringValue == "avx2")
    }

    @Test func `the model finds the membranes of pictures that it has not seen`() throws {
        try withTemporaryFolder { folder in
            let images = folder.appending(path: "images"), masks = folder.appending(path: "masks")
            try Slices.render(Membranes(width: 256, height: 256), seed: 77, count: 2, images: images, masks: masks)
            let output = folder.appending(path: "out")
            let run = try runLucency([
                "run", pipelines.appending(path: "em-membranes-model.yaml").path, "--input", images.path, "--output",
                output.path,
            ])
            try #require(run.status == 0, "\(run.errors)")
            func read(_ url: URL) throws -> [Int32] {
                try PNGFormat().readLabels(url.path, pages: .automatic, limits: .standard).labels.array
            }
            for name in ["00", "01"] {
                let found = try read(output.appending(path: "masks/\(name).png")).map { $0 == 1 }
                let truth = try read(masks.appending(path: "\(name).png")).map { $0 == 0 }
                let both = zip(found, truth).count { $0 && $1 }
                let dice = Double(2 * both) / Double(found.count { $0 } + truth.count { $0 })
                #expect(dice > 0.8, "\(name): \(dice)")
                #expect(FileSystem.isFile(output.appending(path: "overlays/\(name).png").path))
                #expect(FileSystem.isFile(output.appending(path: "confidence/\(name).tif").path))
            }
        }
    }

    @Test func `the pipeline that made the model makes equal bytes each time`() throws {
        func phantom(_ count: Int, _ first: Int) -> String {
            "{uses: phantom, with: {file: \(TestFiles.root.path)/phantoms/membranes.yaml, count: \(count), "
                + "first: \(first), set: $look}}"
        }
        let settings = [
            "size=64", "epochs=2", "train=\(phantom(3, 0))", "validation=\(phantom(1, 10))", "test=\(phantom(1, 20))",
            "stages.model.with.patch=[32, 32]", "stages.model.with.batch=2",
        ].flatMap { ["--set", $0] }
        try withTemporaryFolder { folder in
            let made = try ["1", "2"].map { threads in
                let output = folder.appending(path: threads)
                let run = try runLucency(
                    [
                        "run", pipelines.appending(path: "models/membranes.yaml").path, "--output", output.path,
                        "--threads", threads, "--kernels", "portable",
                    ] + settings)
                #expect(run.status == 0, "\(run.errors)")
                return try results(output)
            }
            #expect(made[0]["membranes.lucency"] != nil)
            #expect(made[0] == made[1])
        }
    }

    @Test func `the command that made the model is sound`() throws {
        let page = try String(contentsOf: pipelines.appending(path: "models/README.md"), encoding: .utf8)
        let command = try #require(page.split(separator: "\n").first { $0.hasPrefix("lucency run ") })
        let arguments = command.split(separator: " ").dropFirst().map(String.init)
        try withTemporaryFolder { folder in
            let changed = arguments.map { $0.hasPrefix("out/") ? folder.appending(path: $0).path : $0 }
            let run = try runLucency(changed + ["--dry-run"], folder: TestFiles.root)
            #expect(run.status == 0, "\(run.errors)")
        }
    }
}
