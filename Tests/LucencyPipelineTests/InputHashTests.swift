import Foundation
import Lucency
import Support
import Testing

/// A source of images of one pixel that notes who asks for their hashes.
private final class Watched: Sendable {
    let hashed = Lock<[String]>([])
    /// How many hashes have begun, and whether each saw another begin before it ended.
    let begun = Monitor(0)
    let sawOther = Lock(true)
    let isMeeting: Bool

    init(isMeeting: Bool = false) { self.isMeeting = isMeeting }

    private struct Settings: Sendable {}

    var descriptor: SourceDescriptor {
        SourceDescriptor("test.watched", "Four images.", prototype: Settings(), parameters: []) { _, _, _ in
            ConfiguredSource(ports: [Port("image", Image.portType)], needsInput: false) { _ in
                ItemListing(items: ["a", "b", "c", "d"].map(self.item))
            }
        }
    }

    private func item(_ name: String) -> SourceItem {
        let image = ItemLoader(paths: [], reader: "") {
            ValueEstimate(geometry: try Geometry(size: GridSize(1, 1)), channels: 1)
        } contentHashes: {
            self.hashed.withLock { $0.append(name) }
            self.begun.update { $0 += 1 }
            if self.isMeeting { self.meet() }
            return [name]
        } load: {
            try Image(geometry: Geometry(size: GridSize(1, 1)), colorModel: .gray, pixels: AlignedBuffer([1]))
        }
        return SourceItem(relative: name, name: name, loaders: ["image": image])
    }

    /// Waits, not for ever, until a second hash has begun.
    private func meet() {
        for _ in 0..<500 where begun.update({ $0 }) < 2 { Thread.sleep(forTimeInterval: 0.01) }
        if begun.update({ $0 }) < 2 { sawOther.withLock { $0 = false } }
    }
}

@Suite("Hashes of inputs")
struct InputHashTests {
    private static let pipeline = """
        stages: {even: {uses: test.copy, in: s}, table: {uses: test.count, in: s}}
        outputs: {copies: {from: even, as: "{stem}.png"}, table: {from: table, as: "table.csv"}}
        """

    @Test("`why` hashes only the item it is asked about, unless the item reads a collected value")
    func explanationsHashLittle() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder), watched = Watched()
            let runner = try bench.runner(
                Self.pipeline, sources: "s: {uses: test.watched}", more: [watched.descriptor]
            ) { _ in }
            _ = try runner.explain("b")
            #expect(watched.hashed.withLock { $0 } == ["b"])
        }
    }

    @Test("A run hashes what goes into a collected value on its threads")
    func hashesInParallel() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder), watched = Watched(isMeeting: true)
            let summary = try bench.runner(
                Self.pipeline, sources: "s: {uses: test.watched}", more: [watched.descriptor], { $0.threads = 2 }
            ) { _ in }.run()
            #expect(summary.exitStatus == 0)
            #expect(watched.sawOther.withLock { $0 })
            #expect(watched.hashed.withLock { $0.sorted() } == ["a", "b", "c", "d"])
        }
    }

    @Test("An item that only feeds a collector is explained by the value that it goes into")
    func itemsThatOnlyFeed() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            let table = """
                stages: {table: {uses: test.count, in: slices}}
                outputs: {table: {from: table, as: "table.csv"}}
                """
            #expect(try bench.run(table).exitStatus == 0)
            let runner = try bench.runner(table) { _ in }
            let explanation = try #require(try runner.explain("b").first)
            #expect(explanation.onlyFeeds == "table" && explanation.changes.isEmpty)
            try FileManager.default.removeItem(at: bench.output.appending(path: "table.csv"))
            #expect(try runner.explain("b").first?.changes.count == 1)
            #expect(throws: Diagnostic.self) { try runner.explain("nobody") }
        }
    }

    @Test("The manifest gives each file of an item of several channels its own hash")
    func hashOfEachChannel() throws {
        try withTemporaryFolder { folder in
            let bench = try Workbench(folder)
            for (old, new) in [("a", "s_0"), ("b", "s_1")] {
                try FileManager.default.moveItem(
                    at: bench.images.appending(path: "\(old).png"), to: bench.images.appending(path: "\(new).png"))
            }
            try bench.run(
                RecordTests.copies,
                sources: #"slices: {uses: folder, with: {images: {t1: "*_0.png", t2: "*_1.png"}}}"#)
            let inputs = try #require(try Manifest(of: bench.output.path).records.first?.inputs)
            #expect(inputs.count == 2)
            for input in inputs { #expect(try input.sha256 == FileSystem.hash(of: input.path)) }
        }
    }
}
