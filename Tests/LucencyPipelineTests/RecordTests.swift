import Foundation
import Lucency
import Support
import Testing

@Suite("What a run records, keeps and removes")
struct RecordTests {
    static let copies = """
        stages: {even: {uses: test.copy, in: slices}}
        outputs: {copies: {from: even, as: "{stem}.png"}}
        """
    static let copiesAndTable = """
        stages: {even: {uses: test.copy, in: slices}, table: {uses: test.count, in: slices}}
        outputs: {copies: {from: even, as: "{stem}.png"}, table: {from: table, as: "table.csv"}}
        """

    @Test("An item that only feeds a collector keeps its outputs in the record, also when the feed fails")
    func currentOutputsStay() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            #expect(try bench.run(Self.copies).exitStatus == 0)
            try bench.fail("count", "b")
            #expect(try bench.run(Self.copiesAndTable).exitStatus == 2)
            #expect(bench.data("b.png") != nil)
            #expect(try Verification(of: bench.output.path).files.count == 5)
            try bench.mend()
            #expect(try bench.run(Self.copiesAndTable).exitStatus == 0)
            let verification = try Verification(of: bench.output.path)
            #expect(verification.files.count == 5 && verification.isIntact)
        }
    }

    @Test("A failing item loses what this pipeline wrote for it, not what another one wrote in the same folder")
    func otherPipelinesFilesStay() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            #expect(try bench.run(Self.copies).exitStatus == 0)
            try bench.fail("copy", "b")
            let other = Self.copies.replacingOccurrences(of: "{stem}.png", with: "other/{stem}.png")
            #expect(try bench.run(other).exitStatus == 2)
            #expect(bench.data("b.png") != nil)
            #expect(bench.data("other/a.png") != nil && bench.data("other/b.png") == nil)
        }
    }

    @Test("What cannot be done again for lack of memory stays, as its key is the same")
    func failureForTheSameKey() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            let two = """
                stages: {even: {uses: test.copy, in: slices}}
                outputs: {one: {from: even, as: "one/{stem}.png"}, two: {from: even, as: "two/{stem}.png"}}
                """
            #expect(try bench.run(two).exitStatus == 0)
            try FileManager.default.removeItem(at: bench.output.appending(path: "two/b.png"))
            #expect(try bench.run(two) { $0.memory = 1 }.exitStatus == 2)
            #expect(bench.data("one/b.png") != nil)
            #expect(try Verification(of: bench.output.path).files.contains { $0.path == "one/b.png" })
            #expect(try bench.run(two).done == 1)
        }
    }

    @Test("A table made without a failed item is written, and made again once the item can be done")
    func incompleteTable() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            let pipeline = """
                stages:
                  table: {uses: test.count, in: slices}
                  rows: {uses: test.rows, in: {image: slices, table: table}}
                outputs: {table: {from: table, as: "table.csv"}, rows: {from: rows, as: "{stem}.csv"}}
                """
            try bench.fail("count", "b")
            #expect(try bench.run(pipeline).exitStatus == 2)
            #expect(bench.lines("table.csv") == ["item", "a", "e", "h"])
            #expect(bench.lines("a.csv") == ["rows", "3"])
            // As long as it fails, nothing else is done again.
            let again = try bench.run(pipeline)
            #expect(again.exitStatus == 2 && again.done == 0)
            try bench.mend()
            #expect(try bench.run(pipeline).exitStatus == 0)
            #expect(bench.lines("table.csv") == ["item", "a", "b", "e", "h"])
            #expect(bench.lines("a.csv") == ["rows", "4"], "what was made from the incomplete table is made again")
            #expect(try bench.run(pipeline).wholes == 0)
        }
    }

    @Test("A table whose items all fail does not leave an older one behind")
    func failedTable() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            #expect(try bench.run(Self.copiesAndTable).exitStatus == 0)
            for item in ["a", "b", "e", "h"] { try bench.fail("copy", item) }
            let changed = Self.copiesAndTable.replacingOccurrences(
                of: "{uses: test.count, in: slices}", with: "{uses: test.count, in: even}")
            #expect(try bench.run(changed).exitStatus == 2)
            #expect(bench.data("table.csv") == nil)
            #expect(try Verification(of: bench.output.path).isIntact)
        }
    }

    @Test("The newest record counts, whichever shard wrote it; records without a time are the oldest")
    func newestRecordCounts() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            let other = Self.copies.replacingOccurrences(of: "in: slices", with: "in: slices, with: {level: 2}")
            #expect(try bench.run(Self.copies).exitStatus == 0)
            #expect(try bench.run(other) { $0.shard = Shard(parsing: "1/1") }.done == 4)
            #expect(try Verification(of: bench.output.path).isIntact)
            #expect(try bench.run(other).skipped == 4)
            // As an older version wrote them.
            let manifest = bench.output.appending(path: "manifest.jsonl")
            let text = try String(contentsOf: manifest, encoding: .utf8)
            #expect(text.contains(#""time":"#))
            try text.replacingOccurrences(of: #""time":"#, with: #""then":"#).write(
                to: manifest, atomically: true, encoding: .utf8)
            #expect(try bench.run(other).skipped == 4)
        }
    }

    @Test("A deleted output that was made from a table has the table made again")
    func deletedOutputOfALaterPass() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            let pipeline = """
                stages:
                  table: {uses: test.count, in: slices}
                  rows: {uses: test.rows, in: {image: slices, table: table}}
                outputs: {rows: {from: rows, as: "{stem}.csv"}}
                """
            #expect(try bench.run(pipeline).exitStatus == 0)
            #expect(try bench.run(pipeline).wholes == 0)
            try FileManager.default.removeItem(at: bench.output.appending(path: "e.csv"))
            let again = try bench.run(pipeline)
            #expect(again.exitStatus == 0 && again.wholes == 1, "\(again.failures)")
            #expect(bench.lines("e.csv") == ["rows", "4"])
        }
    }

    @Test("A whole value made from another is made again when that one changes")
    func wholesOfWholes() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            let pipeline = """
                stages: {number: {uses: test.constant, with: {level: 1}}, same: {uses: test.same, in: number}}
                outputs: {table: {from: same, as: "table.csv"}}
                """
            #expect(try bench.run(pipeline).exitStatus == 0)
            #expect(try bench.run(pipeline.replacingOccurrences(of: "level: 1", with: "level: 2")).exitStatus == 0)
            #expect(bench.lines("table.csv") == ["level", "2"])
        }
    }

    @Test("Restored labels follow the grid of an image that nothing else reads")
    func gridOfTheImage() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            try FileManager.default.copyItem(at: bench.images, to: folder.appending(path: "labels"))
            let pipeline = """
                stages: {back: {uses: restore, in: {labels: slices.label}}}
                outputs: {labels: {from: back, as: "{stem}.png"}}
                """
            let sources = "lucency: 1\nsources: {slices: {uses: folder, with: {labels: labels}}}\n"
            func run() throws -> RunSummary {
                let file = try PipelineFile(
                    text: sources + pipeline, name: "test.yaml", folder: folder.path, catalog: .standard,
                    inputFolder: bench.images.path)
                var options = RunOptions(output: bench.output.path)
                options.source.inputFolder = bench.images.path
                return try Runner(try #require(file.plan), options: options) { _ in }.run()
            }
            #expect(try run().done == 4)
            let image = try Image(
                geometry: Geometry(size: GridSize(16, 8)), colorModel: .gray,
                pixels: AlignedBuffer(repeating: 7, count: 128))
            try PNGFormat().write(image, to: bench.images.appending(path: "b.png").path, options: WriteOptions(bits: 8))
            let again = try run()
            #expect(again.done == 1 && again.skipped == 3)
            let size = try PNGFormat().header(
                of: bench.output.appending(path: "b.png").path, pages: .automatic, limits: .standard
            ).geometry.size
            #expect(size == GridSize(16, 8))
        }
    }

    @Test("Only in folders that the pipeline writes to, what a killed run left half-written is removed")
    func leftovers() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            let foreign = bench.output.appending(path: "foreign"), own = bench.output.appending(path: "own")
            for url in [foreign, own] {
                try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
                try Data().write(to: url.appending(path: ".lucency-tmp-7"))
            }
            #expect(try bench.run(Self.copies.replacingOccurrences(of: "{stem}", with: "own/{stem}")).exitStatus == 0)
            #expect(FileManager.default.fileExists(atPath: foreign.appending(path: ".lucency-tmp-7").path))
            #expect(!FileManager.default.fileExists(atPath: own.appending(path: ".lucency-tmp-7").path))
        }
    }

    @Test("Two images whose names differ only in the extension are refused, as records go by the name")
    func sameNames() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            let image = try PNGFormat().readImage(
                bench.images.appending(path: "a.png").path, pages: .automatic, region: nil, limits: .standard)
            try TIFFFormat().write(image, to: bench.images.appending(path: "a.tif").path, options: WriteOptions())
            let error = #expect(throws: Diagnostic.self) {
                try bench.run(Self.copies.replacingOccurrences(of: "{stem}", with: "{name}"))
            }
            #expect(error?.code == .duplicateName)
            #expect(error?.message.contains("a.png") == true && error?.message.contains("a.tif") == true)
        }
    }

    @Test("An item's output that would replace the run's own record is refused, and so is one file under two spellings")
    func ownRecords() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            try FileManager.default.moveItem(
                at: bench.images.appending(path: "a.png"), to: bench.images.appending(path: "run.png"))
            let tables = """
                stages: {table: {uses: test.constant}, rows: {uses: test.rows, in: {image: slices, table: table}}}
                outputs: {rows: {from: rows, as: "{stem}.json"}}
                """
            let error = #expect(throws: Diagnostic.self) { try bench.run(tables) }
            #expect(error?.message == "'run.json' is where the run keeps its own record")
            let twice = try PipelineFile(
                text: """
                    lucency: 1
                    sources: {slices: {uses: folder}}
                    outputs: {one: {from: slices, as: "{stem}.png"}, two: {from: slices, as: "./{stem}.png"}}
                    """, name: "test.yaml", folder: folder.path, catalog: .standard)
            #expect(twice.diagnostics.filter { $0.severity == .error }.map(\.code) == [.badTemplate])
        }
    }
}
