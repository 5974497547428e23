import Foundation
import LucencyFoundation
import LucencyReports
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite struct GraphDrawingTests {
    static func pipeline() throws -> GraphDrawing {
        try GraphDrawing(
            title: "em-membranes-evaluate",
            nodes: [
                .init(id: "images", label: "images", detail: "folder\ntest.txt: 4 of 30 items", kind: .source),
                .init(id: "truth", label: "truth", detail: "folder, paired by stem", kind: .source),
                .init(id: "flat", label: "flatten", detail: "fourier.highpass\ncutoff: 64 px", kind: .stage),
                .init(id: "smooth", label: "smooth", detail: "fourier.lowpass\ncutoff: 6 px", kind: .stage),
                .init(id: "net", label: "unet", detail: "models/unet-em.lucency", kind: .model),
                .init(
                    id: "mask", label: "mask", detail: "segment.threshold\nmethod: sauvola, window: 51 px", kind: .stage
                ),
                .init(id: "clean", label: "clean", detail: "morphology: open, 2 px", kind: .stage),
                .init(id: "objects", label: "objects", detail: "components", kind: .stage),
                .init(id: "measure", label: "measure", detail: "measure", kind: .collector),
                .init(
                    id: "score", label: "score", detail: "evaluate.segmentation\nDice, IoU, HD95, ASSD",
                    kind: .collector),
                .init(id: "overlay", label: "overlay", detail: "overlay", kind: .stage),
                .init(id: "o1", label: "overlays/{stem}.png", kind: .output),
                .init(id: "o2", label: "masks/{stem}.png", kind: .output),
                .init(id: "o3", label: "objects.csv", kind: .output),
                .init(id: "o4", label: "scores.csv", kind: .output),
            ],
            edges: [
                .init(from: "images", to: "flat"), .init(from: "flat", to: "smooth"),
                .init(from: "smooth", to: "mask"), .init(from: "net", to: "mask", label: "model"),
                .init(from: "mask", to: "clean"), .init(from: "clean", to: "objects"),
                .init(from: "objects", to: "measure", label: "labels"),
                .init(from: "images", to: "measure", label: "image"),
                .init(from: "clean", to: "score", label: "prediction"),
                .init(from: "truth", to: "score", label: "truth"),
                .init(from: "images", to: "overlay", label: "image"),
                .init(from: "clean", to: "overlay", label: "labels"),
                .init(from: "overlay", to: "o1"), .init(from: "clean", to: "o2"), .init(from: "measure", to: "o3"),
                .init(from: "score", to: "o4"),
            ])
    }

    @Test func `text lists every node below what it reads`() throws {
        let drawing = try GraphDrawing(
            title: "small",
            nodes: [
                .init(id: "m", label: "masks/{stem}.png", kind: .output),
                .init(id: "t", label: "threshold", detail: "segment.threshold\notsu", kind: .stage),
                .init(id: "i", label: "images", detail: "folder", kind: .source),
            ], edges: [.init(from: "t", to: "m", label: "labels"), .init(from: "i", to: "t")])
        #expect(
            drawing.text == """
                small
                source  images            folder
                stage   threshold         segment.threshold · otsu  ← images
                output  masks/{stem}.png                            ← labels: threshold

                """)
    }

    @Test func `dot escapes quotes, backslashes and line breaks`() throws {
        let drawing = try GraphDrawing(
            nodes: [
                .init(id: "a\"b", label: "x\\y", detail: "1\n2", kind: .stage),
                .init(id: "c", label: "c", kind: .model),
            ],
            edges: [.init(from: "a\"b", to: "c", label: "p")])
        #expect(drawing.dot.contains(#""a\"b" [label="x\\y\n1\n2", shape=box"#))
        #expect(drawing.dot.contains(#""a\"b" -> "c" [label="p"];"#))
    }

    @Test func `SVG is well-formed whatever the words are`() throws {
        let drawing = try GraphDrawing(
            title: "<&>\"' \u{1}\u{FFFE}]]>",
            nodes: [
                .init(id: "<a>", label: "</text><script>", detail: "&amp; \u{0}", kind: .source),
                .init(id: "b", label: "日本語 ñ 👩🏽‍🔬", detail: String(repeating: "long ", count: 40), kind: .output),
            ], edges: [.init(from: "<a>", to: "b", label: "<&>")])
        #expect(try parse(drawing.svg).contains("script") == false)
        let pipeline = try Self.pipeline()
        let names = try parse(pipeline.svg)
        #expect(names.filter { $0 == "svg" }.count == 1)
    }

    @Test func `SVG draws each node, no two of which overlap, and the same bytes every time`() throws {
        let drawing = try Self.pipeline()
        let svg = drawing.svg
        #expect(svg == (try Self.pipeline().svg))
        let boxes = try nodeBoxes(of: svg)
        #expect(boxes.count == drawing.nodes.count)
        for i in boxes.indices {
            for j in boxes.indices where j > i { #expect(!boxes[i].intersects(boxes[j])) }
        }
    }

    @Test func `a node stands below all that it reads`() throws {
        let drawing = try Self.pipeline()
        let boxes = try nodeBoxes(of: drawing.svg)
        for edge in drawing.edges {
            let from = try #require(drawing.nodes.firstIndex { $0.id == edge.from })
            let to = try #require(drawing.nodes.firstIndex { $0.id == edge.to })
            #expect(boxes[from].maxY < boxes[to].minY)
        }
    }

    @Test func `empty graphs, single nodes and wide fans are drawn`() throws {
        #expect(try parse(GraphDrawing(nodes: [], edges: []).svg).first == "svg")
        let leaves = (0..<40).map { GraphDrawing.Node(id: "\($0)", label: "leaf \($0)", kind: .output) }
        let fan = try GraphDrawing(
            nodes: [.init(id: "r", label: "r", kind: .source)] + leaves,
            edges: leaves.map { .init(from: "r", to: $0.id, label: "p") })
        #expect(try nodeBoxes(of: fan.svg).count == 41)
        let funnel = try GraphDrawing(
            nodes: leaves + [.init(id: "r", label: "r", kind: .collector)],
            edges: leaves.map { .init(from: $0.id, to: "r", label: "port") })
        #expect(try nodeBoxes(of: funnel.svg).count == 41)
    }

    @Test func `repeated ids, unknown nodes, cycles and huge graphs are refused`() throws {
        let a = GraphDrawing.Node(id: "a", label: "a", kind: .stage),
            b = GraphDrawing.Node(id: "b", label: "b", kind: .stage)
        #expect(throws: Diagnostic.self) { try GraphDrawing(nodes: [a, a], edges: []) }
        let unknown = #expect(throws: Diagnostic.self) {
            try GraphDrawing(nodes: [a], edges: [.init(from: "a", to: "c")])
        }
        #expect(unknown?.message == "an edge of the graph names c, which is no node")
        let cycle = #expect(throws: Diagnostic.self) {
            try GraphDrawing(nodes: [a, b], edges: [.init(from: "a", to: "b"), .init(from: "b", to: "a")])
        }
        #expect(cycle?.code == .cycle)
        #expect(throws: Diagnostic.self) { try GraphDrawing(nodes: [a], edges: [.init(from: "a", to: "a")]) }
        let many = (0...GraphDrawing.limits.nodes).map { GraphDrawing.Node(id: "\($0)", label: "", kind: .stage) }
        let large = #expect(throws: Diagnostic.self) { try GraphDrawing(nodes: many, edges: []) }
        #expect(large?.code == .tooLarge)
    }

    /// Element names in document order; throws when the text is no well-formed XML.
    private func parse(_ svg: String) throws -> [String] {
        try elements(of: svg).map(\.name)
    }

    private func elements(of svg: String) throws -> [(name: String, attributes: [String: String])] {
        final class Collector: NSObject, XMLParserDelegate {
            var found: [(name: String, attributes: [String: String])] = []
            func parser(
                _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
                attributes: [String: String]
            ) { found.append((name, attributes)) }
        }
        let parser = XMLParser(data: Data(svg.utf8))
        let collector = Collector()
        parser.delegate = collector
        if !parser.parse() { throw parser.parserError ?? CocoaError(.fileReadCorruptFile) }
        return collector.found
    }

    /// The boxes of nodes (not those of the legend) in the order of the nodes.
    private func nodeBoxes(of svg: String) throws -> [CGRect] {
        var boxes: [CGRect] = []
        var titled = false
        for (name, attributes) in try elements(of: svg) {
            if name == "title" { titled = true }
            if name == "g" || name == "style" { titled = false }
            guard attributes["class"] == "box", titled else { continue }
            titled = false
            if name == "rect" {
                let numbers = ["x", "y", "width", "height"].map { Double(attributes[$0] ?? "") ?? .nan }
                boxes.append(CGRect(x: numbers[0], y: numbers[1], width: numbers[2], height: numbers[3]))
            } else {
                boxes.append(extent(of: attributes["d"] ?? ""))
            }
        }
        return boxes
    }

    /// The extent of a path of M, h, v, l and z.
    private func extent(of path: String) -> CGRect {
        var x = 0.0, y = 0.0, xs: [Double] = [], ys: [Double] = []
        var rest = Substring(path)
        while let command = rest.popFirst(), command != "z" {
            let text = rest.prefix { !$0.isLetter }
            rest = rest.dropFirst(text.count)
            let numbers = text.split(separator: " ").compactMap { Double($0) }
            switch command {
            case "M": (x, y) = (numbers[0], numbers[1])
            case "h": x += numbers[0]
            case "v": y += numbers[0]
            default: (x, y) = (x + numbers[0], y + numbers[1])
            }
            xs.append(x)
            ys.append(y)
        }
        let left = xs.min() ?? 0, top = ys.min() ?? 0
        return CGRect(x: left, y: top, width: (xs.max() ?? 0) - left, height: (ys.max() ?? 0) - top)
    }
}
