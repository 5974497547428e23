import Foundation
import Lucency
import Support
import Testing

@Suite("Running a pipeline on a folder")
struct RunTests {
    @Test(
        "Thirty real slices give thirty masks and overlays; a second run does nothing and says so",
        .enabled(if: Slices.real != nil, "the shared data are not there"))
    func thirtySlices() throws {
        let input = try #require(Slices.real)
        try withTemporaryFolder { folder in
            let run = ["run", membranes, "--input", input.path, "--output", folder.path]
            let first = try runLucency(run)
            #expect(first.status == 0, "\(first.errors)")
            #expect(first.errors.contains("30 done"))
            let made = try results(folder)
            #expect(made.keys.filter { $0.hasPrefix("masks/") }.count == 30)
            #expect(made.keys.filter { $0.hasPrefix("overlays/") }.count == 30)
            #expect(made["measurements.csv"] != nil && made.count == 61)
            let second = try runLucency(run)
            #expect(second.status == 0)
            #expect(second.errors.contains("nothing to do: 30 items are up to date"))
            #expect(try results(folder) == made)
            let verify = try runLucency(["verify", folder.path])
            #expect(verify.status == 0)
            #expect(String(decoding: verify.out, as: UTF8.self) == "61 of 61 files are intact\n")
        }
    }

    @Test("Killed in the middle and run again: the same bytes as an undisturbed run", arguments: [1, 4])
    func killedRun(count: Int) throws {
        let input = Slices.real ?? Slices.rendered.images
        try withTemporaryFolder { folder in
            let whole = folder.appending(path: "whole"), cut = folder.appending(path: "cut")
            #expect(try runLucency(["run", membranes, "--input", input.path, "--output", whole.path]).status == 0)
            let run = ["run", membranes, "--input", input.path, "--output", cut.path, "--jobs", "1"]
            #expect(try killAfter(count, run) == .uncaughtSignal)
            #expect(try results(cut).count < results(whole).count)
            let again = try runLucency(run)
            #expect(again.status == 0)
            #expect(again.errors.contains("up to date"))
            #expect(try results(cut) == results(whole))
        }
    }

    @Test("Shards killed in the middle and run again: the same bytes as one undisturbed run, also of the table")
    func killedShards() throws {
        try withTemporaryFolder { folder in
            let whole = folder.appending(path: "whole"), cut = folder.appending(path: "cut")
            let run = ["run", membranes, "--input", Slices.rendered.images.path, "--jobs", "1", "--output"]
            #expect(try runLucency(run + [whole.path]).status == 0)
            for shard in ["1/2", "2/2"] {
                #expect(try killAfter(1, run + [cut.path, "--shard", shard]) == .uncaughtSignal)
            }
            for shard in ["1/2", "2/2"] {
                let again = try runLucency(run + [cut.path, "--shard", shard])
                #expect(again.status == 0, "\(again.errors)")
            }
            #expect(try results(cut) == results(whole))
        }
    }

    @Test("A truncated PNG among good ones: all others are done, one is reported, status 2")
    func truncatedFile() throws {
        let source = Slices.real ?? Slices.rendered.images
        try withTemporaryFolder { folder in
            let input = folder.appending(path: "input"), output = folder.appending(path: "output")
            try FileManager.default.copyItem(at: source, to: input)
            let count = try FileManager.default.contentsOfDirectory(atPath: input.path).count
            let bytes = try Data(contentsOf: input.appending(path: "00.png"))
            try bytes.prefix(bytes.count / 2).write(to: input.appending(path: "broken.png"))
            let run = ["run", membranes, "--input", input.path, "--output", output.path]
            let first = try runLucency(run)
            #expect(first.status == 2)
            #expect(first.errors.contains("\(count) done, 1 failed"))
            #expect(first.errors.contains("broken.png: error: "))
            #expect(try results(output).count == 2 * count + 1)
            // Again: only the broken one is tried again.
            let second = try runLucency(run)
            #expect(second.status == 2)
            #expect(second.errors.contains("0 done, \(count) up to date, 1 failed"))
            // Mended, it is done.
            try bytes.write(to: input.appending(path: "broken.png"))
            #expect(try runLucency(run).status == 0)
            #expect(try results(output)["masks/broken.png"] == results(output)["masks/00.png"])
            // Broken again, its old results do not stay behind.
            try bytes.prefix(100).write(to: input.appending(path: "broken.png"))
            #expect(try runLucency(run).status == 2)
            #expect(try results(output)["masks/broken.png"] == nil)
        }
    }

    @Test("One job or three, one thread or three: the same bytes")
    func jobsDoNotMatter() throws {
        try withTemporaryFolder { folder in
            var all: [[String: Data]] = []
            for (jobs, threads) in [("1", "1"), ("3", "3"), ("1", "3")] {
                let output = folder.appending(path: "\(jobs)-\(threads)")
                let run = try runLucency([
                    "run", membranes, "--input", Slices.rendered.images.path, "--output", output.path, "--jobs", jobs,
                    "--threads", threads,
                ])
                #expect(run.status == 0, "\(run.errors)")
                all.append(try results(output))
            }
            #expect(all[0].count == 13)
            #expect(all[0] == all[1])
            #expect(all[0] == all[2])
        }
    }

    @Test("Two shards together give what one run gives, also a collector's table")
    func shardsCombine() throws {
        try withTemporaryFolder { folder in
            let evaluate = pipelines.appending(path: "em-membranes-evaluate.yaml").path
            let common = [
                "--input", Slices.rendered.images.path, "--set", "labels=\(Slices.rendered.masks.path)",
            ]
            let whole = folder.appending(path: "whole"), parts = folder.appending(path: "parts")
            let one = try runLucency(["run", evaluate, "--output", whole.path] + common)
            #expect(one.status == 0, "\(one.errors)")
            let first = try runLucency(["run", evaluate, "--output", parts.path, "--shard", "1/2"] + common)
            #expect(first.status == 0, "\(first.errors)")
            #expect(first.errors.contains("waits for items of the other shards"))
            #expect(try results(parts)["summary.csv"] == nil)
            let second = try runLucency(["run", evaluate, "--output", parts.path, "--shard", "2/2"] + common)
            #expect(second.status == 0, "\(second.errors)")
            #expect(try results(parts) == results(whole))
            let masks = folder.appending(path: "masks")
            for shard in ["1/3", "2/3", "3/3"] {
                let run = [
                    "run", membranes, "--input", Slices.rendered.images.path, "--output", masks.path, "--shard", shard,
                ]
                #expect([0].contains(try runLucency(run).status))
            }
            #expect(try results(masks).count == 13)
            #expect(
                try String(data: runLucency(["verify", masks.path]).out, encoding: .utf8)
                    == "13 of 13 files are intact\n")
        }
    }

    @Test("The evaluation of rendered membranes is good, and is not computed twice")
    func evaluation() throws {
        try withTemporaryFolder { folder in
            let evaluate = pipelines.appending(path: "em-membranes-evaluate.yaml").path
            let run = [
                "run", evaluate, "--input", Slices.rendered.images.path, "--output", folder.path,
                "--set", "labels=\(Slices.rendered.masks.path)",
            ]
            let first = try runLucency(run)
            #expect(first.status == 0, "\(first.errors)")
            let table = try String(contentsOf: folder.appending(path: "summary.csv"), encoding: .utf8)
            let dice = table.split(separator: "\n").first { $0.hasPrefix("membrane,dice,") }?.split(
                separator: ",", omittingEmptySubsequences: false)
            #expect(try #require(dice.flatMap { Double($0[5]) }) > 0.5)
            #expect(try runLucency(run).errors.contains("nothing to do"))
            // A whole output that was changed by hand is made again.
            try "x".write(to: folder.appending(path: "summary.csv"), atomically: true, encoding: .utf8)
            #expect(try runLucency(run).status == 0)
            #expect(try String(contentsOf: folder.appending(path: "summary.csv"), encoding: .utf8) == table)
        }
    }

    @Test("Items go into collectors as far as they are sound; the rest is reported, status 2")
    func collectorWithBadItem() throws {
        try withTemporaryFolder { folder in
            let input = folder.appending(path: "input")
            try FileManager.default.copyItem(at: Slices.rendered.images, to: input)
            try Data("not a PNG".utf8).write(to: input.appending(path: "00.png"))
            let evaluate = pipelines.appending(path: "em-membranes-evaluate.yaml").path
            let run = try runLucency([
                "run", evaluate, "--input", input.path, "--output", folder.appending(path: "out").path,
                "--set", "labels=\(Slices.rendered.masks.path)",
            ])
            #expect(run.status == 2)
            let cases = try String(contentsOf: folder.appending(path: "out/cases.csv"), encoding: .utf8)
            #expect(cases.split(separator: "\n").count == 6)
        }
    }

    @Test("--dry-run lists items, outputs and predicted memory, and writes nothing")
    func dryRun() throws {
        let run = try runLucency(["run", membranes, "--input", Slices.rendered.images.path, "--dry-run"])
        let text = String(decoding: run.out, as: UTF8.self)
        #expect(run.status == 0, "\(run.errors)")
        #expect(text.contains("masks/03.png\n    overlays/03.png"))
        #expect(text.contains("6 items, 13 files, predicted peak memory"))
    }

    @Test("Too little memory fails the items with the estimate, the budget and the remedy")
    func memoryBudget() throws {
        try withTemporaryFolder { folder in
            let run = try runLucency([
                "run", membranes, "--input", Slices.rendered.images.path, "--output", folder.path, "--memory", "100kB",
            ])
            #expect(run.status == 2)
            #expect(run.errors.contains("the budget is 100 kB"))
            #expect(run.errors.contains("raise it with `--memory`"))
        }
    }

    @Test("Changing a parameter does only what depends on it again, and `why` says so")
    func whyExplains() throws {
        try withTemporaryFolder { folder in
            let output = folder.appending(path: "out"), input = folder.appending(path: "in")
            try FileManager.default.copyItem(at: Slices.rendered.images, to: input)
            let pipeline = folder.appending(path: "p.yaml")
            let text = """
                lucency: 1
                parameters: {level: 100}
                sources: {slices: {uses: folder}}
                stages: {mask: {uses: segment.threshold, in: slices, with: {method: {uses: fixed, with: {level: $level}}}}}
                outputs: {masks: {from: mask, as: "{stem}.png"}}
                """
            try text.write(to: pipeline, atomically: true, encoding: .utf8)
            let run = ["run", pipeline.path, "--input", input.path, "--output", output.path]
            #expect(try runLucency(run).status == 0)
            func why(_ item: String) throws -> String {
                let result = try runLucency(["why", output.path, item])
                #expect(result.status == 0, "\(result.errors)")
                return String(decoding: result.out, as: UTF8.self)
            }
            #expect(try why("02") == "02: up to date\n")
            try text.replacingOccurrences(of: "level: 100", with: "level: 90").write(
                to: pipeline, atomically: true, encoding: .utf8)
            #expect(try why("02") == "02: would be done again\n    changed: stage mask\n")
            try text.write(to: pipeline, atomically: true, encoding: .utf8)
            try FileManager.default.removeItem(at: input.appending(path: "02.png"))
            try FileManager.default.copyItem(at: input.appending(path: "03.png"), to: input.appending(path: "02.png"))
            #expect(try why("02").contains("changed: input image"))
            #expect(try runLucency(run).errors.contains("1 done, 5 up to date"))
            try FileManager.default.removeItem(at: output.appending(path: "01.png"))
            #expect(try why("01").contains("the output 01.png is missing"))
            let unknown = try runLucency(["why", output.path, "0l"])
            #expect(unknown.status == 64)
        }
    }

    @Test("Moving input and output folders changes nothing")
    func movedFolders() throws {
        try withTemporaryFolder { folder in
            let a = folder.appending(path: "a"), b = folder.appending(path: "b")
            try FileManager.default.copyItem(at: Slices.rendered.images, to: a)
            let out = folder.appending(path: "out"), moved = folder.appending(path: "moved")
            #expect(try runLucency(["run", membranes, "--input", a.path, "--output", out.path]).status == 0)
            try FileManager.default.moveItem(at: a, to: b)
            try FileManager.default.moveItem(at: out, to: moved)
            let again = try runLucency(["run", membranes, "--input", b.path, "--output", moved.path])
            #expect(again.errors.contains("nothing to do"))
        }
    }

    @Test("verify finds what was changed or lost since")
    func verifyFindsChanges() throws {
        try withTemporaryFolder { folder in
            let run = ["run", membranes, "--input", Slices.rendered.images.path, "--output", folder.path]
            #expect(try runLucency(run).status == 0)
            try Data("x".utf8).write(to: folder.appending(path: "masks/00.png"))
            try FileManager.default.removeItem(at: folder.appending(path: "overlays/01.png"))
            let verify = try runLucency(["verify", folder.path])
            #expect(verify.status == 1)
            let text = String(decoding: verify.out, as: UTF8.self)
            #expect(text.contains("masks/00.png: changed"))
            #expect(text.contains("overlays/01.png: missing"))
            #expect(try runLucency(run).errors.contains("2 done, 4 up to date"))
            #expect(try runLucency(["verify", folder.path]).status == 0)
            #expect(try runLucency(["verify", folder.appending(path: "masks").path]).status == 1)
        }
    }

    @Test("A torn last line of the manifest costs only that line")
    func tornManifest() throws {
        try withTemporaryFolder { folder in
            let pipeline = folder.appending(path: "p.yaml")
            try """
            lucency: 1
            sources: {slices: {uses: folder}}
            stages: {mask: {uses: segment.threshold, in: slices}}
            outputs: {masks: {from: mask, as: "{stem}.png"}}
            """.write(to: pipeline, atomically: true, encoding: .utf8)
            let run = [
                "run", pipeline.path, "--input", Slices.rendered.images.path, "--output", folder.path, "--jobs", "1",
            ]
            #expect(try runLucency(run).status == 0)
            let manifest = folder.appending(path: "manifest.jsonl")
            let bytes = try Data(contentsOf: manifest)
            try bytes.prefix(bytes.count - 40).write(to: manifest)
            #expect(try runLucency(run).errors.contains("1 done, 5 up to date"))
            #expect(try runLucency(run).errors.contains("nothing to do"))
        }
    }

    @Test("Progress as JSON lines, as plain lines, or none")
    func progressForms() throws {
        try withTemporaryFolder { folder in
            func run(_ mode: String) throws -> String {
                try runLucency([
                    "run", membranes, "--input", Slices.rendered.images.path, "--output",
                    folder.appending(path: mode).path,
                    "--progress", mode,
                ]).errors
            }
            let lines = try run("json").split(separator: "\n").map { try JSONValue(parsing: String($0)) }
            #expect(lines.first?["event"] == "started")
            #expect(lines.contains { $0["event"] == "planned" && $0["turns"]?.intValue == 6 })
            #expect(lines.last?["event"] == "finished")
            #expect(lines.last?["done"]?.intValue == 6)
            #expect(lines.count { $0["event"] == "itemFinished" } == 6)
            let plain = try run("plain")
            #expect(plain.hasPrefix("em-membranes: 6 items\n") && plain.contains("\n6 done in "), "\(plain)")
            #expect(try run("none").hasPrefix("6 done in "))
        }
    }
}

@Suite("Refusing what cannot be run")
struct RefusalTests {
    private func errors(_ arguments: [String], status: Int32) throws -> String {
        let run = try runLucency(arguments)
        #expect(run.status == status, "\(run.errors)")
        return run.errors
    }

    @Test("An empty folder, a missing one, and a folder without images")
    func emptyFolders() throws {
        try withTemporaryFolder { folder in
            let output = folder.appending(path: "out").path, empty = folder.appending(path: "in")
            try FileManager.default.createDirectory(at: empty, withIntermediateDirectories: true)
            let run = ["run", membranes, "--output", output, "--input"]
            #expect(try errors(run + [empty.path], status: 1).contains("has no items"))
            #expect(try errors(run + [folder.appending(path: "none").path], status: 1).contains("is not there"))
            try Data("hello".utf8).write(to: empty.appending(path: "README.txt"))
            #expect(try errors(run + [empty.path], status: 1).contains("1 file(s) are not images"))
        }
    }

    @Test("Wrong usage ends with status 64")
    func wrongUsage() throws {
        let input = Slices.rendered.images.path
        #expect(try errors(["run", membranes, "--input", input], status: 64).contains("--output"))
        #expect(
            try errors(["run", membranes, "--outputs", "x", "--output", "y"], status: 64).contains("Unknown option"))
        #expect(try errors(["run", membranes, "--output", "x", "--shard", "3/2"], status: 64).contains("--shard"))
        #expect(try errors(["run", membranes, "--output", "x", "--jobs", "0"], status: 64).contains("--jobs"))
        #expect(try errors(["run", membranes, "--output", "x", "--memory", "lots"], status: 64).contains("memory"))
        let foreign = try #require(KernelFamily.allCases.first { !KernelFamily.available.contains($0) })
        #expect(
            try errors(["run", membranes, "--output", "x", "--kernels", foreign.rawValue], status: 64).contains(
                "portable"))
        #expect(
            try errors(["run", membranes, "--output", "x", "--input", input, "--set", "x"], status: 64).contains(
                "KEY=YAML"))
        #expect(
            try errors(["run", membranes, "--output", "x", "--input", input, "--assume-spacing", "3px"], status: 64)
                .contains("assume-spacing"))
    }

    @Test("Without --input, a pipeline that needs it is refused by run and sound for check")
    func missingInput() throws {
        #expect(try errors(["run", membranes, "--output", "x"], status: 1).contains("--input DIR"))
        let check = try runLucency(["check", membranes])
        #expect(check.status == 0)
        #expect(check.errors.contains("note: the images come from the folder given by --input"))
    }

    @Test("An output that is a file, or lies under one")
    func unwritableOutput() throws {
        try withTemporaryFolder { folder in
            let file = folder.appending(path: "file")
            try Data().write(to: file)
            for path in [file.path, file.path + "/below"] {
                let run = ["run", membranes, "--input", Slices.rendered.images.path, "--output", path]
                #expect(try errors(run, status: 1).contains("is not a folder"))
                #expect(try errors(["check", membranes, "--output", path], status: 1).contains("is not a folder"))
            }
        }
    }

    @Test("Two images that would write the same file")
    func collidingStems() throws {
        try withTemporaryFolder { folder in
            let input = folder.appending(path: "in")
            for name in ["a", "b"] {
                try FileManager.default.createDirectory(
                    at: input.appending(path: name), withIntermediateDirectories: true)
                try FileManager.default.copyItem(
                    at: Slices.rendered.images.appending(path: "00.png"), to: input.appending(path: "\(name)/00.png"))
            }
            let run = ["run", membranes, "--input", input.path, "--output", folder.appending(path: "out").path]
            let text = try errors(run, status: 1)
            #expect(text.contains("would both write 'masks/00.png'"))
            #expect(text.contains("use {relative}"))
            let relative =
                run + [
                    "--set", "outputs.masks.as=\"{relative}.png\"", "--set", "outputs.overlays.as=\"o/{relative}.png\"",
                ]
            #expect(try errors(relative, status: 0).contains("2 done"))
            // The results lie elsewhere; running on the parent folder must not take them for input.
            let parent = ["run", membranes, "--input", folder.path, "--output", folder.appending(path: "more").path]
            let more =
                parent + [
                    "--set", "outputs.masks.as=\"{relative}.png\"", "--set", "outputs.overlays.as=\"o/{relative}.png\"",
                ]
            #expect(try errors(more, status: 0).contains("holds results of lucency and was left out"))
        }
    }

    @Test("Labels without images and images without labels are told in a table; a list must be complete")
    func unmatchedFiles() throws {
        try withTemporaryFolder { folder in
            let labels = folder.appending(path: "labels")
            try FileManager.default.copyItem(at: Slices.rendered.masks, to: labels)
            try FileManager.default.removeItem(at: labels.appending(path: "00.png"))
            try FileManager.default.copyItem(at: labels.appending(path: "01.png"), to: labels.appending(path: "99.png"))
            let evaluate = pipelines.appending(path: "em-membranes-evaluate.yaml").path
            let run = [
                "run", evaluate, "--input", Slices.rendered.images.path, "--output", folder.appending(path: "out").path,
                "--set", "labels=\(labels.path)",
            ]
            let text = try errors(run, status: 0)
            #expect(text.contains("5 matched, 2 without a partner"))
            #expect(text.contains("00.png: no label"))
            #expect(text.contains("label 99.png: no image"))
            let list = folder.appending(path: "list.txt")
            try "01\n# a comment\n\n77\n".write(to: list, atomically: true, encoding: .utf8)
            #expect(try errors(run + ["--set", "list=\(list.path)"], status: 1).contains("the first is '77'"))
            try "01\n../02\n".write(to: list, atomically: true, encoding: .utf8)
            #expect(try errors(run + ["--set", "list=\(list.path)"], status: 1).contains("leads out of its folder"))
        }
    }

    @Test("A path that begins with a value of --set starts in the working directory, any other at the pipeline")
    func pathsOfSettings() throws {
        try withTemporaryFolder { folder in
            for name in ["here/data/images", "pipelines/near/images"] {
                try FileManager.default.createDirectory(
                    at: folder.appending(path: name), withIntermediateDirectories: true)
            }
            try """
            lucency: 1
            parameters: {data: near, below: images}
            sources: {s: {uses: folder, with: {images: "${data}/${below}"}}}
            stages: {m: {uses: normalize, in: s}}
            outputs: {o: {from: m, as: "{stem}.tif"}}
            """.write(to: folder.appending(path: "pipelines/p.yaml"), atomically: true, encoding: .utf8)
            let here = folder.appending(path: "here")
            let check = ["check", "../pipelines/p.yaml"]
            #expect(try runLucency(check, folder: here).status == 0)
            #expect(try runLucency(check + ["--set", "data=data"], folder: here).status == 0)
            #expect(try runLucency(check + ["--set", "below=./images"], folder: here).status == 0)
            #expect(try runLucency(check + ["--set", "data=near"], folder: here).status == 1)
        }
    }

    @Test("A pipe among the images does not hold up the run, and a name may begin with ~")
    func pipeAmongImages() throws {
        try withTemporaryFolder { folder in
            let input = folder.appending(path: "input")
            try FileManager.default.createDirectory(at: input, withIntermediateDirectories: true)
            try FileManager.default.copyItem(
                at: Slices.rendered.images.appending(path: "00.png"), to: input.appending(path: "~b.png"))
            #expect(mkfifo(input.appending(path: "pipe.png").path, 0o644) == 0)
            let output = folder.appending(path: "out")
            let run = [
                "run", membranes, "--input", input.path, "--output", output.path, "--set",
                "outputs.masks.as=\"{stem}.png\"",
            ]
            let text = try errors(run, status: 0)
            #expect(text.contains("1 done") && text.contains("'pipe.png'"))
            #expect(FileManager.default.fileExists(atPath: output.appending(path: "~b.png").path))
        }
    }

    @Test("A label value that belongs to no class names value, pixel and file")
    func unknownLabel() throws {
        try withTemporaryFolder { folder in
            let evaluate = pipelines.appending(path: "em-membranes-evaluate.yaml").path
            let text = try errors(
                [
                    "run", evaluate, "--input", Slices.rendered.images.path, "--output", folder.path,
                    "--set", "sources.slices.with.classes={cell: 1, membrane: 0}",
                ], status: 2)
            #expect(text.contains("masks/00.png: error: the label value 255 at pixel ("))
        }
    }
}

@Suite("Looking at pipelines")
struct LookingTests {
    @Test("graph draws as SVG, dot and text")
    func graph() throws {
        for (format, piece) in [("svg", "</svg>"), ("dot", "digraph"), ("text", "segment.threshold")] {
            let run = try runLucency(["graph", membranes, "--format", format])
            #expect(run.status == 0, "\(run.errors)")
            #expect(String(decoding: run.out, as: UTF8.self).contains(piece))
        }
    }

    @Test("stages lists, explains and prints JSON; schema prints JSON")
    func stages() throws {
        let list = String(decoding: try runLucency(["stages"]).out, as: UTF8.self)
        #expect(
            list.contains("segment.threshold") && list.contains("evaluate.segmentation") && list.contains("sauvola"))
        let one = String(decoding: try runLucency(["stages", "segment.threshold"]).out, as: UTF8.self)
        #expect(one.contains("image (image) → labels (labels)"))
        #expect(one.contains("method: otsu | fixed | sauvola | niblack") && one.contains("default otsu"))
        let json = try JSONValue(parsing: String(decoding: runLucency(["stages", "--json"]).out, as: UTF8.self))
        #expect((json["stages"]?.arrayValue?.count ?? 0) > 10)
        #expect(try runLucency(["stages", "segment.treshold"]).errors.contains("did you mean 'segment.threshold'"))
        let schema = try JSONValue(parsing: String(decoding: runLucency(["schema"]).out, as: UTF8.self))
        #expect(schema["properties"]?["stages"] != nil)
    }

    @Test("check --json prints every diagnostic with its place")
    func checkJSON() throws {
        let broken = TestFiles.fixture("LucencyPipelineTests", "broken/02-unknown-parameters.yaml")
        let run = try runLucency(["check", broken.path, "--json"])
        #expect(run.status == 1)
        let list = try #require(try JSONValue(parsing: String(decoding: run.out, as: UTF8.self)).arrayValue)
        #expect(list.first?["line"]?.intValue == 4)
        #expect(list.first?["code"] == "LC0212")
    }
}
