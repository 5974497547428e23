import Foundation
import Lucency
import Support
import Testing

/// Tables of flat images and of stacks in one folder.
@Suite struct GatherTests {
    private static let pipeline = """
        stages:
          mask: {uses: segment.threshold, in: slices, with: {method: {uses: fixed, with: {level: 0.5}}}}
          sizes: {uses: measure, in: mask}
          table: {uses: gather, in: sizes}
          rows: {uses: test.rows, in: {image: slices, table: table}}
        outputs:
          table: {from: table, as: table.csv}
          each: {from: sizes, as: "each/{stem}.csv"}
          rows: {from: rows, as: "rows/{stem}.csv"}
        """

    private func addStack(_ name: String, _ bench: Workbench) throws {
        let geometry = try Geometry(size: GridSize(8, 8, 3))
        let image = try Image(geometry: geometry, pixels: AlignedBuffer(repeating: 5, count: 192))
        try TIFFFormat().write(
            image, to: bench.images.appending(path: "\(name).tif").path, options: WriteOptions(bits: 8))
    }

    private func items(_ bench: Workbench) -> [String] {
        bench.lines("table.csv").dropFirst().map { String($0.prefix { $0 != "," }) }
    }

    @Test(arguments: [1, 4])
    func `an item whose table has other columns is named and left out, and the others are joined`(jobs: Int) throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            try addStack("c", bench)
            let summary = try bench.run(Self.pipeline) { $0.jobs = jobs }
            #expect(summary.exitStatus == 2 && summary.failures.count == 1)
            let failure = try #require(summary.failures.first)
            #expect(failure.name == "table")
            #expect(
                failure.diagnostic.message.hasPrefix("'c' was left out of 'table': its table does not fit that of 'a'"))
            #expect(failure.diagnostic.message.contains("area"))
            #expect(items(bench) == ["a", "b", "e", "h"])
            #expect(bench.lines("each/c.csv").count == 2 && bench.lines("rows/c.csv") == ["rows", "4"])
            let manifest = bench.lines("manifest.jsonl").filter { $0.contains("left out") }
            #expect(manifest.count == 1)
            // Nothing else is done again; the table is, and tells the same.
            let again = try bench.run(Self.pipeline) { $0.jobs = jobs }
            #expect(again.exitStatus == 2 && again.done == 0 && items(bench) == ["a", "b", "e", "h"])
            #expect(again.failures.first?.diagnostic == failure.diagnostic)
            try FileManager.default.removeItem(at: bench.images.appending(path: "c.tif"))
            #expect(try bench.run(Self.pipeline).exitStatus == 0)
            #expect(items(bench) == ["a", "b", "e", "h"])
        }
    }

    @Test func `the first item's columns count, also where shards meet`() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            try addStack("0", bench)
            let whole = try bench.run(Self.pipeline)
            #expect(whole.failures.map(\.name) == ["table"])
            let message = try #require(whole.failures.first?.diagnostic.message)
            #expect(message.hasPrefix("'table' leaves out 4 items (a, b, e, h): 'a' was left out of 'table'"))
            #expect(items(bench) == ["0"])
            try FileManager.default.removeItem(at: bench.output)
            _ = try bench.run(Self.pipeline) { $0.shard = Shard(parsing: "1/2") }
            let last = try bench.run(Self.pipeline) { $0.shard = Shard(parsing: "2/2") }
            #expect(last.failures.map(\.diagnostic) == whole.failures.map(\.diagnostic))
            #expect(items(bench) == ["0"])
        }
    }
}
