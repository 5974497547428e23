import Foundation
import Lucency
import Support
import Testing

/// A small pipeline in a folder of its own.
private struct Masks {
    let folder: URL
    var pipeline: URL { folder.appending(path: "p.yaml") }
    var output: URL { folder.appending(path: "out") }

    init(_ folder: URL, output name: String = "{stem}.png") throws {
        self.folder = folder
        try """
        lucency: 1
        sources: {slices: {uses: folder}}
        stages: {mask: {uses: segment.threshold, in: slices}}
        outputs: {masks: {from: mask, as: "\(name)"}}
        """.write(to: pipeline, atomically: true, encoding: .utf8)
    }

    func arguments(input: String = Slices.rendered.images.path, output: String? = nil) -> [String] {
        ["run", pipeline.path, "--input", input, "--output", output ?? self.output.path, "--progress", "plain"]
    }
}

@Suite("What a run must not touch, and under which circumstances it must end")
struct RunSafetyTests {
    @Test("Outputs that would replace inputs are refused, also where links lead to the same folder")
    func outputsOverInputs() throws {
        try withTemporaryFolder { folder in
            let masks = try Masks(folder)
            let images = folder.appending(path: "images"), link = folder.appending(path: "link")
            try FileManager.default.copyItem(at: Slices.rendered.images, to: images)
            try FileManager.default.createSymbolicLink(at: link, withDestinationURL: images)
            let before = try results(images)
            for (input, output) in [(images, images), (link, images), (images, link)] {
                let run = try runLucency(masks.arguments(input: input.path, output: output.path))
                #expect(run.status == 1)
                #expect(run.errors.contains("the output '00.png' would be written over an input"), "\(run.errors)")
            }
            let dry = try runLucency(masks.arguments(input: images.path, output: images.path) + ["--dry-run"])
            #expect(dry.status == 1)
            #expect(try results(images) == before)
            #expect(!FileManager.default.fileExists(atPath: images.appending(path: ".lucency").path))
            // Beside them, under other names, is fine.
            let beside = try Masks(folder, output: "{stem}-mask.png")
            #expect(try runLucency(beside.arguments(input: images.path, output: images.path)).status == 0)
            // An image that is a link to where the output would lie.
            let linked = folder.appending(path: "linked")
            try FileManager.default.createDirectory(at: linked, withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                at: linked.appending(path: "00.png"), withDestinationURL: images.appending(path: "00.png"))
            let run = try runLucency(try Masks(folder).arguments(input: linked.path, output: images.path))
            #expect(run.status == 1, "\(run.errors)")
            #expect(try before.allSatisfy { try Data(contentsOf: images.appending(path: $0.key)) == $0.value })
        }
    }

    @Test("A symbolic link that leads out of the output folder, or nowhere, is refused before anything is made")
    func escapingLink() throws {
        try withTemporaryFolder { folder in
            let masks = try Masks(folder, output: "masks/deep/{stem}.png")
            let elsewhere = folder.appending(path: "elsewhere"), link = masks.output.appending(path: "masks")
            for url in [masks.output, elsewhere] {
                try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
            }
            for target in [elsewhere, folder.appending(path: "nowhere")] {
                try FileManager.default.createSymbolicLink(at: link, withDestinationURL: target)
                let run = try runLucency(masks.arguments())
                #expect(run.status == 1)
                #expect(run.errors.contains("a symbolic link leads out of the output folder"), "\(run.errors)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: elsewhere.path).isEmpty)
                #expect(try FileManager.default.contentsOfDirectory(atPath: masks.output.path) == ["masks"])
                try FileManager.default.removeItem(at: link)
            }
            // Within the folder, links are fine.
            try FileManager.default.createDirectory(
                at: masks.output.appending(path: "real"), withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: "real")
            #expect(try runLucency(masks.arguments()).status == 0)
            #expect(FileManager.default.fileExists(atPath: masks.output.appending(path: "real/deep/00.png").path))
        }
    }

    @Test("A file where a folder for outputs has to be is refused before anything is made")
    func fileInTheWay() throws {
        try withTemporaryFolder { folder in
            let masks = try Masks(folder, output: "masks/{stem}.png")
            try FileManager.default.createDirectory(at: masks.output, withIntermediateDirectories: true)
            try Data("x".utf8).write(to: masks.output.appending(path: "masks"))
            let run = try runLucency(masks.arguments())
            #expect(run.status == 1)
            #expect(run.errors.contains("masks' is not a folder"), "\(run.errors)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: masks.output.path) == ["masks"])
        }
    }

    @Test("`why` answers while a run works in the folder, and makes nothing there")
    func whyDuringARun() throws {
        try withTemporaryFolder { folder in
            let masks = try Masks(folder)
            #expect(try runLucency(masks.arguments()).status == 0)
            let own = masks.output.appending(path: ".lucency")
            let lock = try #require(try FileSystem.lock(own.appending(path: "lock").path))
            #expect(try runLucency(masks.arguments()).errors.contains("another run is writing there"))
            let why = try runLucency(["why", masks.output.path, "00"])
            #expect(why.status == 0, "\(why.errors)")
            #expect(String(decoding: why.out, as: UTF8.self) == "00: up to date\n")
            withExtendedLifetime(lock) {}
            try FileManager.default.removeItem(at: own)
            #expect(try runLucency(["why", masks.output.path, "00"]).status == 0)
            #expect(!FileManager.default.fileExists(atPath: own.path))
        }
    }

    @Test("`why` tells why an item failed")
    func whyTellsTheFailure() throws {
        try withTemporaryFolder { folder in
            let masks = try Masks(folder), images = folder.appending(path: "images")
            try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
            try Data("not a PNG".utf8).write(to: images.appending(path: "bad.png"))
            #expect(try runLucency(masks.arguments(input: images.path)).status == 2)
            let why = try runLucency(["why", masks.output.path, "bad"])
            #expect(String(decoding: why.out, as: UTF8.self).contains("it failed before: "))
        }
    }

    #if os(Linux)
        // A sanitizer's own shadow of the memory does not fit into the address space that is left.
        @Test(
            "Where the system refuses threads, a run goes on with those it got",
            .disabled(if: Sanitizer.isOn))
        func refusedThreads() throws {
            try withTemporaryFolder { folder in
                let masks = try Masks(folder), images = folder.appending(path: "images")
                try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
                for index in 0..<300 {
                    try FileManager.default.copyItem(
                        at: Slices.rendered.images.appending(path: "00.png"),
                        to: images.appending(path: "\(index).png"))
                }
                let whole = folder.appending(path: "whole")
                let plain = try runLucency(masks.arguments(input: images.path, output: whole.path) + ["--jobs", "2"])
                #expect(plain.status == 0, "\(plain.errors)")
                // Address space for about a hundred stacks of 8 MB, in kB. (The run takes SIGTERM for a wish to stop.)
                let shell = Program(executable: URL(filePath: "/bin/sh"))
                let limited = try shell.run(
                    ["-c", "ulimit -v 1200000; exec timeout -s KILL 60 \"$0\" \"$@\"", lucencyBinary.path]
                        + masks.arguments(input: images.path) + ["--jobs", "400", "--threads", "400"])
                #expect(limited.status == 0, "\(limited.errors)")
                #expect(try results(masks.output) == results(whole))
            }
        }
    #endif
}
