import Foundation
import Lucency
import Support
import Testing

@Suite("What `why` takes from the record of a run")
struct WhyTests {
    private static let pipeline = """
        lucency: 1
        sources: {slices: {uses: folder, with: {images: nowhere}}}
        stages:
          mask: {uses: segment.threshold, in: slices}
          sizes: {uses: measure, in: {labels: mask, image: slices}}
          all: {uses: gather, in: sizes}
        outputs: {masks: {from: mask, as: "{stem}.png"}, all: {from: all, as: "all.csv"}}
        """

    @Test("Relative paths of settings start where the run was started")
    func workingDirectory() throws {
        try withTemporaryFolder { folder in
            let work = folder.appending(path: "work")
            try FileManager.default.createDirectory(at: work, withIntermediateDirectories: true)
            try FileManager.default.copyItem(at: Slices.rendered.images, to: work.appending(path: "images"))
            try Self.pipeline.write(to: folder.appending(path: "p.yaml"), atomically: true, encoding: .utf8)
            let program = Program(executable: lucencyBinary)
            let run = try program.run(
                ["run", "../p.yaml", "--set", "sources.slices.with.images=images", "--output", "../out"], in: work)
            #expect(run.status == 0, "\(run.errors)")
            let why = try program.run(["why", "out", "00"], in: folder)
            #expect(why.status == 0, "\(why.errors)")
            #expect(String(decoding: why.data, as: UTF8.self) == "00: up to date\n")
        }
    }

    @Test("The run that was started last is compared with, whether it was a shard or not")
    func lastRun() throws {
        try withTemporaryFolder { folder in
            let pipeline = folder.appending(path: "p.yaml"), output = folder.appending(path: "out")
            try Self.pipeline.replacingOccurrences(of: ", with: {images: nowhere}", with: "").write(
                to: pipeline, atomically: true, encoding: .utf8)
            let run = ["run", pipeline.path, "--input", Slices.rendered.images.path, "--output", output.path]
            #expect(try runLucency(run).status == 0)
            let shard = try runLucency(
                run + ["--shard", "1/1", "--set", "stages.mask.with={method: {uses: sauvola, with: {window: 15 px}}}"])
            #expect(shard.status == 0, "\(shard.errors)")
            let why = try runLucency(["why", output.path, "00"])
            #expect(String(decoding: why.out, as: UTF8.self) == "00: up to date\n", "\(why.errors)")
        }
    }

    @Test("A run does not write over its own pipeline file")
    func pipelineIsAnInput() throws {
        try withTemporaryFolder { folder in
            let pipeline = folder.appending(path: "all.csv")
            try Self.pipeline.replacingOccurrences(of: ", with: {images: nowhere}", with: "").write(
                to: pipeline, atomically: true, encoding: .utf8)
            let run = try runLucency([
                "run", pipeline.path, "--input", Slices.rendered.images.path, "--output", folder.path,
            ])
            #expect(run.status == 1)
            #expect(run.errors.contains("the output 'all.csv' would be written over an input"), "\(run.errors)")
        }
    }
}
