import Foundation
import Lucency
import LucencyStages
import Support
import Testing

@Suite struct PhantomSourceTests {
    private func file(_ with: String) throws -> PipelineFile {
        try PipelineFile(
            text: """
                lucency: 1
                sources: {p: {uses: phantom, with: {world: {uses: membranes, with: {width: 32, height: 32}}, \(with)}}}
                outputs: {images: {from: p.image, as: "{stem}.png"}}
                """, name: "test.yaml", folder: ".", catalog: .standard)
    }

    private func names(_ with: String) throws -> [String] {
        let made = try file(with)
        let plan = try #require(made.plan, "\(DiagnosticList(made.diagnostics))")
        return try Runner(plan, options: RunOptions(output: "")) { _ in }.dryRun().items.map(\.name)
    }

    @Test(arguments: [
        ("keep: {seed: 1}", "`keep` has neither `count` nor `fraction`"),
        ("keep: {}", "`keep` has neither `count` nor `fraction`"),
        ("keep: {count: 2, fraction: 0.5}", "`keep` has `count` and `fraction`"),
        ("keep: {fraction: 0}", "'fraction' must be above 0 and at most 1, found 0"),
        ("keep: {fraction: 1.5}", "'fraction' must be above 0 and at most 1, found 1.5"),
        ("keep: {count: 0}", "'count' must be at least 1, found 0"),
    ])
    func `a choice that says nothing, or two things, is refused with its place`(with: String, message: String) throws {
        let made = try file(with)
        #expect(made.diagnostics.count == 1 && made.plan == nil, "\(DiagnosticList(made.diagnostics))")
        #expect(made.diagnostics.first?.message.contains(message) == true, "\(DiagnosticList(made.diagnostics))")
        #expect(made.diagnostics.first?.place?.line == 2)
    }

    @Test func `where all items are kept there is no rest`() throws {
        for keep in ["count: 5", "fraction: 1"] {
            let error = #expect(throws: Diagnostic.self) { try names("count: 5, keep: {\(keep), part: rest}") }
            #expect(error?.code == .noItems && error?.message == "all 5 items are kept, nothing remains")
            #expect(try names("count: 5, keep: {\(keep)}").count == 5)
        }
    }

    @Test func `two of a hundred thousand items are chosen by their names, and the rest are all others`() throws {
        let kept = try names("count: 100000, first: 20, keep: {count: 2}")
        #expect(kept.count == 2 && kept == kept.sorted())
        let fewer = try names("count: 100000, first: 20, keep: {count: 1}")
        #expect(fewer.count == 1 && kept.contains(fewer[0]))
        let few = try names("count: 30, keep: {count: 3}"), rest = try names("count: 30, keep: {count: 3, part: rest}")
        #expect(rest.count == 27 && Set(few).isDisjoint(with: rest))
        // The same choice as ever: by SHA-256 of "keep 000000" and so on.
        let ranks = (0..<30).map { index in
            let name = (index < 10 ? "00000" : "0000") + String(index)
            var random = PhiloxStream(seed: 0, stream: "keep \(name)")
            return (random.next(), name)
        }
        #expect(few == ranks.sorted { $0.0 < $1.0 }.prefix(3).map(\.1).sorted())
    }

    private struct Forgetful: Phantom {
        var products: [PhantomProduct] {
            [PhantomProduct("image", .floatImage(channels: 1), "There."), PhantomProduct("label", .labels, "Missing.")]
        }
        var geometry: Geometry { get throws { try Geometry(size: GridSize(2, 2)) } }
        func render(
            _ wanted: Set<String>, draws: inout PhantomDraws, pool: ThreadPool
        ) throws -> [String: PhantomValue] {
            ["image": .image(try Image(geometry: geometry, pixels: AlignedBuffer(repeating: 1, count: 4)))]
        }
    }

    @Test func `a phantom that forgets a product is told by its name`() throws {
        func render(_ wanted: Set<String>) throws -> Set<String> {
            Set(try PhantomSource.render(Forgetful(), seed: 1, index: 0, wanted, pool: .serial).keys)
        }
        #expect(try render(["image", "parameters"]) == ["image", "parameters"])
        let error = #expect(throws: Diagnostic.self) { try render(["image", "label"]) }
        #expect(error?.code == .stageFailed && error?.message.contains("'label'") == true)
    }

    // MARK: Memory

    private struct NoSettings: Sendable {}

    /// Predicted bytes of an item of 100 × 100 pixels (float32).
    private func predicted(scratch: Int) throws -> Int {
        let source = SourceDescriptor("test.heavy", "One image.", prototype: NoSettings(), parameters: []) { _, _, _ in
            ConfiguredSource(ports: ["image", "other"].map { Port($0, Image.portType) }, needsInput: false) { _ in
                let item = SourceItem(computed: "a", scratchBytes: { $0 == ["image"] ? scratch : 7 }) {
                    let image = ItemLoader(paths: [], reader: "") {
                        ValueEstimate(geometry: try Geometry(size: GridSize(100, 100)), channels: 1)
                    } contentHashes: {
                        ["a"]
                    } load: {
                        try Image(
                            geometry: Geometry(size: GridSize(100, 100)),
                            pixels: AlignedBuffer(repeating: 1, count: 10_000))
                    }
                    return ["image": image, "other": image]
                }
                return ItemListing(items: [item])
            }
        }
        var catalog = Catalog.standard
        catalog.sources.append(source)
        let text = """
            lucency: 1
            sources: {s: {uses: test.heavy}}
            outputs: {images: {from: s.image, as: "{stem}.png"}}
            """
        let plan = try #require(
            try PipelineFile(text: text, name: "test.yaml", folder: ".", catalog: catalog).plan)
        let items = try Runner(plan, options: RunOptions(output: "")) { _ in }.dryRun().items
        return try #require(items.first).memory.get()
    }

    @Test func `memory that only loading needs counts towards an item's peak`() throws {
        #expect(try predicted(scratch: 0) == 40_000)
        #expect(try predicted(scratch: 1_000_000) == 1_040_000)
        #expect(try predicted(scratch: .max) >= .max / 4)
    }
}
