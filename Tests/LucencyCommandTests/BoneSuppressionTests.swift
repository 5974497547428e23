import Foundation
import Lucency
import Support
import Testing

/// Bone suppression as users run it, far too short to learn anything.
@Suite struct BoneSuppressionTests {
    private static let size = [
        "parameters.train.with.count=2", "parameters.train.with.set.size=192", "size=[192, 192]",
    ]
    private static let small =
        size + [
            "autoencoderSteps=3", "diffusionSteps=3", "unetSteps=2", "stages.autoencoder.with.channels=[4, 4, 8]",
            "stages.autoencoder.with.hidden=8", "stages.autoencoder.with.discriminator=4",
            "stages.autoencoder.with.batch=2", "stages.unet.with.channels=[4, 8]", "stages.diffusion.with.base=8",
            "stages.diffusion.with.groups=4",
        ]

    private func run(_ name: String, _ arguments: [String], _ settings: [String]) throws -> Int32 {
        let run = try runLucency(
            ["run", TestFiles.root.appending(path: "pipelines/\(name)").path] + arguments
                + settings.flatMap { ["--set", $0] })
        if run.status != 0 { print(run.errors) }
        return run.status
    }

    @Test func `models are trained, the same bytes each time, and suppress the bones of films of any size`() throws {
        try withTemporaryFolder { folder in
            var bytes: [Data] = []
            for name in ["one", "two"] {
                let models = folder.appending(path: name)
                try #require(try run("bone-suppression-train.yaml", ["--output", models.path], Self.small) == 0)
                bytes.append(
                    try ["autoencoder", "bone-diffusion", "bone-unet"].reduce(Data()) {
                        try $0 + Data(contentsOf: models.appending(path: $1 + ".lucency"))
                    })
            }
            #expect(bytes[0] == bytes[1])
            let judged = folder.appending(path: "judged"), models = folder.appending(path: "one")
            let evaluated = try run(
                "bone-suppression-evaluate.yaml", ["--output", judged.path],
                [
                    "size=[96, 96]", "samples=1", "steps=2", "columns=2", "parameters.filterFilms.with.count=2",
                    "parameters.filterFilms.with.set.size=96", "parameters.films.with.count=2",
                    "parameters.films.with.set.size=96",
                    "unet=\(models.appending(path: "bone-unet.lucency").path)",
                    "diffusion=\(models.appending(path: "bone-diffusion.lucency").path)",
                ])
            try #require(evaluated == 0)
            let table = try String(contentsOf: judged.appending(path: "summary.csv"), encoding: .utf8)
            for row in ["nothing,bsr,", "classical,psnr,", "unet,lost-nodules,", "diffusion,unsupported-spots,"] {
                #expect(table.contains(row), "\(row)")
            }
            #expect(FileManager.default.fileExists(atPath: judged.appending(path: "strips.png").path))
            let films = folder.appending(path: "films"), out = folder.appending(path: "out")
            let phantom = try runLucency([
                "phantom", TestFiles.root.appending(path: "phantoms/chest-xray.yaml").path, "--output", films.path,
                "--count", "1", "--set", "size=200",
            ])
            try #require(phantom.status == 0, "\(phantom.errors)")
            let model = folder.appending(path: "one/bone-diffusion.lucency").path
            let suppressed = try run(
                "bone-suppression.yaml",
                ["--input", films.appending(path: "image").path, "--output", out.path],
                [
                    "size=[100, 90]", "samples=2", "steps=3",
                    "parameters.model={uses: load.model, with: {file: \(model)}}",
                ])
            try #require(suppressed == 0)
            for name in ["soft-tissue", "bone", "uncertainty"] {
                let found = try FileManager.default.contentsOfDirectory(atPath: out.appending(path: name).path)
                #expect(found.count == 1, "\(name)")
            }
        }
    }

    @Test func `the models that ship suppress bones of films that they have not seen`() throws {
        try withTemporaryFolder { folder in
            let films = folder.appending(path: "films"), out = folder.appending(path: "out")
            let phantom = try runLucency([
                "phantom", TestFiles.root.appending(path: "phantoms/chest-xray.yaml").path, "--output", films.path,
                "--count", "2", "--seed", "77", "--set", "size=256", "--products", "image,softTissue",
            ])
            try #require(phantom.status == 0, "\(phantom.errors)")
            let suppressed = try run(
                "bone-suppression.yaml",
                ["--input", films.appending(path: "image").path, "--output", out.path], ["samples=1", "steps=10"])
            try #require(suppressed == 0)
            func image(_ path: String) throws -> Image {
                try ImageFormats.reader(for: path).readImage(path, pages: .automatic, region: nil, limits: .standard)
            }
            func error(_ path: String, _ truth: Image) throws -> Double {
                let image = try image(path)
                return zip(image.pixels.array, truth.pixels.array).reduce(0) { $0 + pow(Double($1.0 - $1.1), 2) }
            }
            let models = pipelines.appending(path: "models")
            for name in ["000000", "000001"] {
                let film = films.appending(path: "image/\(name).png").path
                let truth = try image(films.appending(path: "softTissue/\(name).png").path)
                let before = try error(film, truth)
                #expect(try error(out.appending(path: "soft-tissue/\(name).tif").path, truth) < before / 2)
                let regressed = folder.appending(path: "unet.tif").path
                let run = try runLucency([
                    "apply", "bones.unet", film, "model=" + models.appending(path: "bone-unet.lucency").path,
                    "--output", "softTissue=" + regressed,
                ])
                try #require(run.status == 0, "\(run.errors)")
                #expect(try error(regressed, truth) < before / 10)
            }
            let size = try ["bone-suppression", "bone-unet"].reduce(0) {
                try $0 + #require(FileSystem.size(of: models.appending(path: $1 + ".lucency").path))
            }
            #expect(size < 8_000_000)
        }
    }

    @Test func `lungs are found, recalibrated and judged with and without bones`() throws {
        try withTemporaryFolder { folder in
            let settings = [
                "steps=2", "channels=[4, 8]", "size=[64, 64]", "parameters.film.size=64", "variants.seed=[1]",
                "parameters.train.with.count=2", "parameters.held.with.count=2", "parameters.test.with.count=2",
            ]
            try #require(try run("chest-chain.yaml", ["--output", folder.path], settings) == 0)
            for name in ["masks", "before", "after"] {
                let text = try String(contentsOf: folder.appending(path: name + ".csv"), encoding: .utf8)
                #expect(text.contains("\nkept,1,") && text.contains("\nsuppressed,1,"), "\(name)")
            }
            #expect(FileSystem.isFile(folder.appending(path: "report.html").path))
        }
    }

    private static let tiny = [
        "size=[192, 192]", "autoencoderSteps=2", "parameters.train.with.count=2", "parameters.train.with.set.size=192",
        "parameters.test.with.count=2", "parameters.test.with.set.size=192",
        "parameters.autoencoder.with.channels=[4, 4, 8]", "parameters.autoencoder.with.hidden=8",
        "parameters.autoencoder.with.discriminator=4", "parameters.autoencoder.with.batch=2",
        "parameters.autoencoder.with.recompute=segments",
    ]

    private static func tiny(_ names: String...) -> [String] {
        names.flatMap { name in
            ["base=8", "groups=4", "heads=2", "multipliers=[1, 2]", "blocks=1", "attention=[2]"].map {
                "parameters.\(name).with.\($0)"
            }
        }
    }

    private func table(_ folder: URL) throws -> [String] {
        try String(contentsOf: folder.appending(path: "table.csv"), encoding: .utf8).split(separator: "\n").map(
            String.init)
    }

    @Test func `the ablation has a row for each kind of noise and threshold`() throws {
        try withTemporaryFolder { folder in
            try #require(
                try run(
                    "bone-suppression-ablation.yaml", ["--output", folder.path],
                    Self.tiny + Self.tiny("plain", "offset") + [
                        "diffusionSteps=2",
                        "variants.threshold={none: {samples: 1, steps: 2, limited: false}, '1.4 + 0.003 j': {samples: 1, steps: 2}}",
                    ]) == 0)
            #expect(try table(folder).count == 5)
        }
    }

    @Test func `the comparison of few steps has a row for each model and number, and models that are read back`() throws
    {
        try withTemporaryFolder { folder in
            try #require(
                try run(
                    "bone-suppression-few-steps.yaml", ["--output", folder.path],
                    Self.tiny + Self.tiny("direct", "distilled") + [
                        "directSteps=3", "ladderSteps=4", "variants.calls=[1, 3]",
                        "outputs.distilled.with={half: true}",
                    ]) == 0)
            #expect(try table(folder).count == 5)
            let sizes = try ["direct", "distilled"].map {
                try Data(contentsOf: folder.appending(path: $0 + ".lucency")).count
            }
            #expect(Double(sizes[1]) < 0.7 * Double(sizes[0]))
            let records = try String(contentsOf: folder.appending(path: "distilled.jsonl"), encoding: .utf8)
            #expect(records.contains("\"rung\":2"))
        }
    }
}
