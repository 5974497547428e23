import Foundation
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
}
