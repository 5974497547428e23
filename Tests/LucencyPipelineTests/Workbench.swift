import Foundation
import Lucency
import Support
import Testing

/// A folder with four small images, and stages that fail for an item as long as a file tells them to.
struct Workbench {
    let root: URL
    var images: URL { root.appending(path: "images") }
    var output: URL { root.appending(path: "out") }

    init(_ root: URL) throws {
        self.root = root
        try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
        for (index, name) in ["a", "b", "e", "h"].enumerated() {
            let pixels = AlignedBuffer<Float>(repeating: Float(10 * index + 1), count: 64)
            let image = try Image(geometry: Geometry(size: GridSize(8, 8)), colorModel: .gray, pixels: pixels)
            try PNGFormat().write(image, to: images.appending(path: "\(name).png").path, options: WriteOptions(bits: 8))
        }
    }

    /// Makes a stage (`copy` or `count`) fail for an item until `mend` is called.
    func fail(_ stage: String, _ item: String) throws { try Data().write(to: root.appending(path: "\(stage)-\(item)")) }

    func mend() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: root.path) where name.contains("-") {
            try FileManager.default.removeItem(at: root.appending(path: name))
        }
    }

    /// Runs a pipeline given as text; `{uses: folder}` reads the images.
    @discardableResult
    func run(
        _ text: String, sources: String = "slices: {uses: folder}", _ change: (inout RunOptions) -> Void = { _ in }
    ) throws -> RunSummary {
        try runner(text, sources: sources, change) { _ in }.run()
    }

    func runner(
        _ text: String, sources: String = "slices: {uses: folder}", more: [SourceDescriptor] = [],
        _ change: (inout RunOptions) -> Void = { _ in }, sink: @escaping @Sendable (RunEvent) -> Void
    ) throws -> Runner {
        var catalog = self.catalog
        catalog.sources += more
        let file = try PipelineFile(
            text: "lucency: 1\nsources: {\(sources)}\n" + text, name: "test.yaml", folder: root.path,
            catalog: catalog, inputFolder: images.path)
        let plan = try #require(file.plan, "\(DiagnosticList(file.diagnostics))")
        var options = RunOptions(output: output.path)
        options.source.inputFolder = images.path
        change(&options)
        return Runner(plan, options: options, sink: sink)
    }

    func data(_ path: String) -> Data? { try? Data(contentsOf: output.appending(path: path)) }

    /// Lines of a text file below the output folder.
    func lines(_ path: String) -> [String] {
        data(path).map { String(decoding: $0, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init) } ?? []
    }

    private struct Settings: Sendable { var level = 1 }
    private static let level = Parameter<Settings>("level", \.level, in: .within(0...1000), help: "A number.")

    private var catalog: Catalog {
        let root = self.root
        @Sendable func check(_ stage: String, _ item: String) throws {
            guard FileManager.default.fileExists(atPath: root.appending(path: "\(stage)-\(item)").path) else { return }
            throw Diagnostic(.stageFailed, "told to fail")
        }
        var catalog = Catalog.standard
        catalog.stages += [
            StageDescriptor(
                "test.copy", "Adds a number to the image.", prototype: Settings(), inputs: ["image"],
                outputs: ["image"],
                parameters: [Self.level]
            ) { stage, context in
                { (image: Image) throws -> Image in
                    try check("copy", context.item)
                    let pixels = image.pixels.withUnsafeBufferPointer { $0.map { $0 + Float(stage.level) } }
                    return try Image(geometry: image.geometry, pixels: AlignedBuffer(pixels))
                }
            },
            StageDescriptor(
                "test.rows", "A table with as many rows as another.", prototype: Settings(),
                inputs: ["image", "table"], outputs: ["table"]
            ) { _, _ in
                { (_: Image, table: Table) throws -> Table in
                    try Table(columns: [.init("rows")], rows: [[.integer(table.rows.count)]])
                }
            },
            StageDescriptor(
                "test.constant", "A table with one number.", prototype: Settings(), inputs: [], outputs: ["table"],
                parameters: [Self.level]
            ) { stage, _ in
                { () throws -> Table in try Table(columns: [.init("level")], rows: [[.integer(stage.level)]]) }
            },
            StageDescriptor(
                "test.same", "The same table.", prototype: Settings(), inputs: ["table"], outputs: ["table"]
            ) { _, _ in
                { (table: Table) throws -> Table in table }
            },
        ]
        catalog.collectors.append(
            CollectorDescriptor(
                "test.count", "A row per item.", prototype: Settings(),
                groups: [
                    StreamGroup<Settings, [String]>("images", ports: ["image"]) {
                        (_: Settings, state: inout [String], tag: ItemTag, _: StageContext, _: Image) in
                        try check("count", tag.item)
                        state.append(tag.item)
                    }
                ],
                outputs: ["table"],
                coding: StateCoding(
                    encode: { .array($0.map { .string($0) }) },
                    decode: { ($0.arrayValue ?? []).compactMap(\.stringValue) }),
                initial: { _ in [] }, merge: { _, total, next in total += next },
                finish: { (_: Settings, items: [String], _: StageContext) throws -> Table in
                    try Table(columns: [.init("item")], rows: items.map { [.text($0)] })
                }))
        return catalog
    }
}
