import Foundation
import Lucency
import Support
import Testing

/// Learning from a few labels and many images, much shrunken.
@Suite struct UnlabelledImageTests {
    private static let small = [
        "slice={width: 48, height: 48, spacing: 8}", "patch=[48, 48]", "steps=6", "variants.seed=[1, 2]",
        "parameters.data.with.count=8", "parameters.test.with.count=2",
        "network={uses: unet, with: {channels: [4, 8]}}",
    ]

    private func run(_ command: String, _ pipeline: String, _ settings: [String], into folder: URL? = nil) throws -> (
        status: Int32, errors: String
    ) {
        let run = try runLucency(
            [command, pipelines.appending(path: pipeline).path] + (folder.map { ["--output", $0.path] } ?? [])
                + settings.flatMap { ["--set", $0] })
        return (run.status, run.errors)
    }

    private func text(_ name: String, in folder: URL) throws -> String {
        try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }

    @Test func `five strategies with two shares of labels come to one table`() throws {
        try withTemporaryFolder { folder in
            let done = try run("run", "cw-bass.yaml", Self.small, into: folder)
            try #require(done.status == 0, "\(done.errors)")
            let lines = try text("table.csv", in: folder).split(whereSeparator: \.isNewline)
            #expect(lines.count == 1 + 5 * 2)
            #expect(lines[0].hasPrefix("labels,strategy,seeds,Dice,Dice sd,Dice rank,NSD"))
            for strategy in ["supervised", "self-training", "mean-teacher", "fixmatch", "cw-bass"] {
                #expect(lines.contains { $0.hasPrefix("eighth,\(strategy),2,") })
                let record = try text("quarter/\(strategy)/training1.jsonl", in: folder)
                #expect(record.contains(#""confidence":"#) == (strategy != "supervised"))
            }
            #expect(try text("eighth/cw-bass/training2.jsonl", in: folder).contains(#""threshold":"#))
        }
    }

    @Test func `an ablation names the parts that were left out`() throws {
        try withTemporaryFolder { folder in
            let done = try run(
                "run", "cw-bass-ablation.yaml", Self.small + ["steps=2", "variants.seed=[1]"], into: folder)
            try #require(done.status == 0, "\(done.errors)")
            let lines = try text("table.csv", in: folder).split(whereSeparator: \.isNewline)
            #expect(lines.count == 1 + 6 && lines.contains { $0.hasPrefix("no-boundary,1,") })
        }
    }

    @Test func `what can only be told of the images is said when training begins`() throws {
        try withTemporaryFolder { folder in
            let done = try run(
                "run", "cw-bass.yaml",
                Self.small + [
                    "steps=2", "variants.seed=[1]", "variants.labels={quarter: 0.25}",
                    "variants.strategy={cw-bass: {uses: cw-bass, with: {warmUp: 3}}}",
                ], into: folder)
            try #require(done.status == 0, "\(done.errors)")
            #expect(done.errors.contains("note: `warmUp` takes 3 epochs, of which there are 1"), "\(done.errors)")
        }
    }

    @Test func `what users must know is said by the check`() throws {
        func check(_ strategy: String) throws -> (status: Int32, errors: String) {
            try run("check", "cw-bass.yaml", ["variants.strategy.cw-bass=\(strategy)"])
        }
        let plain = try check("cw-bass")
        #expect(plain.status == 0 && !plain.errors.contains("warning"), "\(plain.errors)")
        let published = try check(
            "{uses: cw-bass, with: {threshold: dynamic, decay: 0.9, decayForm: constant, frame: zero, teacherDecay: 0.98}}"
        )
        #expect(published.status == 0)
        #expect(published.errors.contains("never exceeds 0.338: with up to 2 classes no pixel can be rejected"))
        #expect(published.errors.contains("constant decay only multiplies"))
        #expect(published.errors.contains("whole frame of every patch"))
        #expect(try check("{uses: cw-bass, with: {gamma: -1}}").status == 1)
        #expect(!published.errors.contains("teacherBuffers") && !published.errors.contains("of no effect"))
        for (settings, name) in [
            ("level: 0.9", "level"), ("threshold: fixed, base: 0.7", "base"), ("threshold: fixed, beta: 2", "beta"),
            ("gamma: 0, decay: 0.98", "decay"), ("decayForm: constant", "decayForm"),
            ("boundaryWeight: 0, frame: zero", "frame"),
        ] {
            let ignored = try check("{uses: cw-bass, with: {\(settings)}}")
            #expect(ignored.status == 0 && ignored.errors.contains("`\(name)` is of no effect"), "\(ignored.errors)")
        }
        #expect(
            try check("{uses: cw-bass, with: {threshold: centred, base: 0.3}}").errors.contains("never exceeds 0.338"))
        #expect(try check("adele").errors.contains("adele does not learn from the images without labels"))
        for (key, value, message) in [
            ("stages.model.with.averageDecay", "0.99", "`averageDecay` is of no effect"),
            ("normalization", "none", "strong augmentation expects"),
        ] {
            let odd = try run("check", "cw-bass.yaml", ["\(key)=\(value)"])
            #expect(odd.status == 0 && odd.errors.contains(message), "\(odd.errors)")
        }
        let copying = "{uses: mean-teacher, with: {teacherBuffers: copied}}"
        let copied = try run(
            "check", "cw-bass.yaml",
            ["variants.strategy.mean-teacher=\(copying)", "network={uses: unet, with: {channels: [4, 8]}}"])
        #expect(copied.status == 0 && copied.errors.contains("the teacher of mean-teacher normalises by running"))
        #expect(
            try !run("check", "cw-bass.yaml", ["variants.strategy.mean-teacher=\(copying)"]).errors.contains(
                "teacher of"))
        let segmenter = try run(
            "check", "cw-bass.yaml",
            ["stages.model.uses=train.segmenter", "stages.model.in={image: labelled, label: labelled.label}"])
        #expect(segmenter.errors.contains("cw-bass has no images without labels to learn from"))
        let none = try run("check", "cw-bass.yaml", ["stages.model.in={image: labelled, label: labelled.label}"])
        #expect(none.status == 1 && none.errors.contains("unlabelled"))
    }
}
