import Foundation
import Lucency
import LucencyPipeline
import Support
import Testing

@Suite("Shards that fill one table")
struct ShardTests {
    static let table = """
        stages: {table: {uses: test.count, in: slices}}
        outputs: {table: {from: table, as: "table.csv"}}
        """
    static let copiesAndTable = RecordTests.copiesAndTable

    /// The shard of two that has an item, and the other.
    private func shards(_ item: String) throws -> (own: Shard, other: Shard) {
        let shards = try ["1/2", "2/2"].map { try #require(Shard(parsing: $0)) }
        return shards[0].contains(item) ? (shards[0], shards[1]) : (shards[1], shards[0])
    }

    @Test("The four items are on both sides")
    func division() throws {
        let sides = try Set(["a", "b", "e", "h"].map { try shards($0).own })
        #expect(sides.count == 2)
    }

    @Test("An item that fails in one shard is missing in the other's table, which is no success; both can be mended")
    func failureInAnotherShard() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            let (own, other) = try shards("b")
            try bench.fail("count", "b")
            #expect(try bench.run(Self.table) { $0.shard = own }.exitStatus == 2)
            #expect(try bench.run(Self.table) { $0.shard = other }.exitStatus == 2)
            #expect(bench.lines("table.csv") == ["item", "a", "e", "h"])
            try bench.mend()
            #expect(try bench.run(Self.table) { $0.shard = own }.exitStatus == 0)
            #expect(bench.lines("table.csv") == ["item", "a", "b", "e", "h"])
            #expect(try bench.run(Self.table) { $0.shard = other }.exitStatus == 0)
        }
    }

    @Test("That an item failed in an earlier run of something else does not keep it out of the table")
    func staleFailure() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            let (own, other) = try shards("b")
            try bench.fail("copy", "b")
            #expect(try bench.run(RecordTests.copies).exitStatus == 2)
            try bench.mend()
            let first = try bench.run(Self.copiesAndTable) { $0.shard = other }
            #expect(first.waiting == ["table"])
            #expect(bench.data("table.csv") == nil)
            #expect(try bench.run(Self.copiesAndTable) { $0.shard = own }.exitStatus == 0)
            #expect(bench.lines("table.csv") == ["item", "a", "b", "e", "h"])
        }
    }

    @Test("With --fresh, shards do their own items again and take the others' as they are")
    func freshShards() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            let (own, other) = try shards("b")
            for round in 0..<2 {
                let first = try bench.run(Self.copiesAndTable) {
                    $0.shard = own; $0.fresh = true
                }
                #expect(first.skipped == 0 && first.done > 0 && first.waiting == ["table"], "round \(round)")
                let second = try bench.run(Self.copiesAndTable) {
                    $0.shard = other; $0.fresh = true
                }
                #expect(second.skipped == 0 && second.done > 0 && second.waiting.isEmpty, "round \(round)")
                #expect(first.done + second.done == 4)
                #expect(bench.lines("table.csv") == ["item", "a", "b", "e", "h"])
                try FileManager.default.removeItem(at: bench.output.appending(path: "table.csv"))
            }
        }
    }

    @Test("What is made from a table waits with it for the other shards, and is then done")
    func laterPassWaits() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            let (own, other) = try shards("b")
            let pipeline = """
                stages:
                  table: {uses: test.count, in: slices}
                  rows: {uses: test.rows, in: {image: slices, table: table}}
                outputs: {rows: {from: rows, as: "{stem}.csv"}}
                """
            let first = try bench.run(pipeline) { $0.shard = own }
            #expect(first.exitStatus == 0 && first.waiting == ["table"], "\(first.failures)")
            #expect(try bench.run(pipeline) { $0.shard = other }.exitStatus == 0)
            #expect(try bench.run(pipeline) { $0.shard = own }.exitStatus == 0)
            for item in ["a", "b", "e", "h"] { #expect(bench.lines("\(item).csv") == ["rows", "4"]) }
        }
    }

    @Test("The number of items that is announced is that of the shard")
    func announcedItems() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            let counts = Lock((announced: 0, ended: 0))
            for shard in ["1/2", "2/2"] {
                _ = try bench.runner(Self.copiesAndTable, { $0.shard = Shard(parsing: shard) }) { event in
                    counts.withLock {
                        if case .started(_, let items, _) = event { $0.announced += items }
                        if case .itemFinished = event { $0.ended += 1 }
                    }
                }.run()
                counts.withLock { #expect($0.announced == $0.ended) }
            }
            counts.withLock { #expect($0.ended == 4) }
        }
    }

    @Test("Turns are planned for every pass that an item needs, so that none ends beyond their number")
    func plannedTurns() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            let pipeline = """
                stages:
                  table: {uses: test.count, in: slices}
                  rows: {uses: test.rows, in: {image: slices, table: table}}
                  copy: {uses: test.copy, in: slices}
                outputs:
                  rows: {from: rows, as: "{stem}.csv"}
                  copies: {from: copy, as: "{stem}.png", with: {bits: 8}}
                """
            func counts() throws -> (items: Int, planned: Int, ended: Int) {
                let counts = Lock((items: 0, planned: 0, ended: 0))
                _ = try bench.runner(pipeline) { event in
                    counts.withLock {
                        if case .started(_, let items, _) = event { $0.items += items }
                        if case .planned(let turns) = event { $0.planned += turns }
                        if case .itemFinished = event { $0.ended += 1 }
                    }
                }.run()
                return counts.withLock { $0 }
            }
            // Once for the copies and the table, once for what is made of the table.
            let first = try counts()
            #expect(first.items == 4 && first.planned == 8 && first.ended == 8)
            let again = try counts()
            #expect(again.items == 4 && again.planned == again.ended)
        }
    }

    @Test("A run of everything and a shard of it do not work in one folder at once")
    func wholeBesideShard() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            #expect(try bench.run(Self.copiesAndTable) { $0.shard = Shard(parsing: "1/2") }.exitStatus == 0)
            let path = bench.output.appending(path: ".lucency/lock").path
            let shared = try #require(try FileSystem.lock(path, isShared: true))
            #expect(try bench.run(Self.copiesAndTable) { $0.shard = Shard(parsing: "2/2") }.exitStatus == 0)
            #expect(throws: Diagnostic.self) { try bench.run(Self.copiesAndTable) }
            withExtendedLifetime(shared) {}
        }
    }
}
