extension GraphDrawing {
    /// The graph as one SVG document: layers from top to bottom, no fonts or files from outside, readable on light and
    /// dark pages (it follows the reader's preference). The same graph always gives the same bytes.
    public var svg: String { GraphSVG(self).text }
}

/// Writes a laid-out graph as SVG.
struct GraphSVG {
    private let drawing: GraphDrawing
    private let lines: [[String]]
    private let layout: GraphLayout
    private let heights: [Double]
    private var out = ""

    private static let margin = 24.0
    private static let labelSize = 13.0, detailSize = 11.0, headSize = 10.0
    private static let lineHeight = 15.0
    /// Longest line of words inside a box, in characters; the whole text is in its tooltip.
    private static let longestLine = 44

    init(_ drawing: GraphDrawing) {
        self.drawing = drawing
        let lines = drawing.nodes.map { node in
            let detail = node.detail.split(whereSeparator: \.isNewline).map { Self.shortened(String($0)) }
            return [Self.shortened(node.label)] + detail.prefix(5)
        }
        let heads = drawing.edges.map { edge in
            edge.label.isEmpty ? 22 : max(22, Self.width(Self.shortened(edge.label), size: Self.headSize) + 14)
        }
        var incoming = [Double](repeating: 0, count: drawing.nodes.count)
        var outgoing = [Double](repeating: 0, count: drawing.nodes.count)
        for (edge, link) in drawing.links.enumerated() {
            incoming[link.to] += heads[edge]
            outgoing[link.from] += 10
        }
        let widths = lines.indices.map { index in
            let label = Self.width(lines[index][0], size: Self.labelSize) * 1.08
            let details = lines[index].dropFirst().map { Self.width($0, size: Self.detailSize) }
            return (max(84, ([label] + details).max().map { $0 + 32 } ?? 0, incoming[index] + 12, outgoing[index] + 24))
                .rounded(.up)
        }
        self.lines = lines
        heights = lines.map { 34 + Double($0.count - 1) * Self.lineHeight }
        layout = GraphLayout(order: drawing.order, links: drawing.links, widths: widths, headWidths: heads)
    }

    var text: String {
        var copy = self
        return copy.draw()
    }

    private mutating func draw() -> String {
        let titleHeight = drawing.title.isEmpty ? 0.0 : 34.0
        let (tops, bottoms) = verticals(from: Self.margin + titleHeight)
        let right = layout.cells.map { $0.x + $0.width / 2 }.max() ?? 0
        let legendTop = (bottoms.last ?? Self.margin + titleHeight) + 22
        let kinds = GraphDrawing.Kind.allCases.filter { kind in drawing.nodes.contains { $0.kind == kind } }
        let legendWidth = kinds.reduce(0.0) { $0 + Self.width($1.rawValue, size: Self.headSize) + 36 }
        let titleWidth = Self.width(drawing.title, size: 16) * 1.08
        let width = max(right, legendWidth, titleWidth) + 2 * Self.margin
        let height = legendTop + 12 + Self.margin
        // A narrow graph stands in the middle below a long title.
        let shift = (width - right) / 2

        line(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"lucency-graph\" role=\"img\" width=\"\(n(width))\" "
                + "height=\"\(n(height))\" viewBox=\"0 0 \(n(width)) \(n(height))\">")
        line("<title>\(Self.escaped(drawing.title.isEmpty ? "graph" : drawing.title))</title>")
        line("<style>\(Self.style)</style>")
        line("<rect class=\"page\" width=\"\(n(width))\" height=\"\(n(height))\"/>")
        if !drawing.title.isEmpty {
            line(
                "<text class=\"title\" x=\"\(n(width / 2))\" y=\"\(n(Self.margin + 14))\">\(Self.escaped(drawing.title))</text>"
            )
        }
        for segment in layout.segments { draw(segment, shift, tops, bottoms) }
        for segment in layout.segments where layout.cells[segment.lower].node != nil {
            drawHead(of: segment, shift, tops)
        }
        for cell in layout.cells { if let node = cell.node { draw(node, cell, shift, tops[cell.layer]) } }
        var x = (width - legendWidth) / 2
        for kind in kinds {
            line("<g class=\"\(kind.rawValue)\">\(Self.outline(kind, x, legendTop, 18, 12))</g>")
            line("<text class=\"port\" x=\"\(n(x + 24))\" y=\"\(n(legendTop + 10))\">\(kind.rawValue)</text>")
            x += Self.width(kind.rawValue, size: Self.headSize) + 36
        }
        line("</svg>")
        return out
    }

    /// Top and bottom of each layer. Between layers lie a zone where edges curve and one where labelled heads stand.
    private func verticals(from start: Double) -> (tops: [Double], bottoms: [Double]) {
        var tops: [Double] = [], bottoms: [Double] = []
        var y = start
        for (index, layer) in layout.layers.enumerated() {
            let entering = layout.segments.filter { layout.cells[$0.lower].layer == index }
            if index > 0 {
                let reach = entering.map { abs(Self.lowerX($0, layout) - Self.upperX($0, layout)) }.max() ?? 0
                y += max(30, min(84, 22 + reach * 0.12)).rounded()
            }
            y += headZone(above: index)
            tops.append(y)
            y += layer.compactMap { layout.cells[$0].node.map { heights[$0] } }.max() ?? 0
            bottoms.append(y)
        }
        return (tops, bottoms)
    }

    /// Height of the zone above a layer that labels of heads stand in.
    private func headZone(above layer: Int) -> Double {
        let labelled = layout.segments.contains {
            let cell = layout.cells[$0.lower]
            return cell.layer == layer && cell.node != nil && !drawing.edges[$0.edge].label.isEmpty
        }
        return labelled ? 24 : 10
    }

    private static func upperX(_ segment: GraphLayout.Segment, _ layout: GraphLayout) -> Double {
        layout.cells[segment.upper].x + segment.upperPort
    }

    private static func lowerX(_ segment: GraphLayout.Segment, _ layout: GraphLayout) -> Double {
        layout.cells[segment.lower].x + segment.lowerPort
    }

    private mutating func draw(_ segment: GraphLayout.Segment, _ shift: Double, _ tops: [Double], _ bottoms: [Double]) {
        let upper = layout.cells[segment.upper], lower = layout.cells[segment.lower]
        let x0 = Self.upperX(segment, layout) + shift, x1 = Self.lowerX(segment, layout) + shift
        let y0 = upper.node.map { tops[upper.layer] + heights[$0] } ?? tops[upper.layer]
        let curveTop = bottoms[upper.layer], curveBottom = tops[lower.layer] - headZone(above: lower.layer)
        let end = lower.node == nil ? tops[lower.layer] : tops[lower.layer] - 6
        let middle = (curveTop + curveBottom) / 2
        var path = "M\(n(x0)) \(n(y0))"
        if x0 != x1 {
            path += "V\(n(curveTop))C\(n(x0)) \(n(middle)) \(n(x1)) \(n(middle)) \(n(x1)) \(n(curveBottom))"
        }
        line("<path class=\"edge\" d=\"\(path)V\(n(end))\"/>")
    }

    private mutating func drawHead(of segment: GraphLayout.Segment, _ shift: Double, _ tops: [Double]) {
        let x = Self.lowerX(segment, layout) + shift, y = tops[layout.cells[segment.lower].layer]
        line("<path class=\"head\" d=\"M\(n(x)) \(n(y))l-4 -8h8z\"/>")
        let label = drawing.edges[segment.edge].label
        guard !label.isEmpty else { return }
        let shown = Self.shortened(label)
        let width = Self.width(shown, size: Self.headSize) + 6
        line("<rect class=\"page\" x=\"\(n(x - width / 2))\" y=\"\(n(y - 23))\" width=\"\(n(width))\" height=\"14\"/>")
        line("<text class=\"port mid\" x=\"\(n(x))\" y=\"\(n(y - 12.5))\">\(Self.escaped(shown))</text>")
    }

    private mutating func draw(_ index: Int, _ cell: GraphLayout.Cell, _ shift: Double, _ top: Double) {
        let node = drawing.nodes[index]
        let left = cell.x + shift - cell.width / 2
        line("<g class=\"\(node.kind.rawValue)\">")
        let whole = ([node.label] + node.detail.split(whereSeparator: \.isNewline).map(String.init))
            .joined(separator: "\n")
        line("<title>\(Self.escaped("\(node.kind.rawValue) \(whole)"))</title>")
        line(Self.outline(node.kind, left, top, cell.width, heights[index]))
        let x = n(cell.x + shift)
        for (row, words) in lines[index].enumerated() {
            let y = n(top + 21 + Double(row) * Self.lineHeight + (row > 0 ? 2 : 0))
            line("<text class=\"\(row == 0 ? "label" : "detail")\" x=\"\(x)\" y=\"\(y)\">\(Self.escaped(words))</text>")
        }
        line("</g>")
    }

    /// A shape of its own for each kind, so that colour is not needed to tell them apart.
    private static func outline(_ kind: GraphDrawing.Kind, _ x: Double, _ y: Double, _ w: Double, _ h: Double) -> String
    {
        func box(_ inset: Double, _ radius: Double, _ style: String = "box") -> String {
            "<rect class=\"\(style)\" x=\"\(n(x + inset))\" y=\"\(n(y + inset))\" width=\"\(n(w - 2 * inset))\" "
                + "height=\"\(n(h - 2 * inset))\" rx=\"\(n(radius))\"/>"
        }
        let cut = min(10, h / 3)
        switch kind {
        case .source: return box(0, min(h / 2, 18))
        case .stage: return box(0, min(5, h / 4))
        case .collector: return box(0, 1) + box(min(3, h / 5), 0, "inner")
        case .output:
            return
                "<path class=\"box\" d=\"M\(n(x)) \(n(y))h\(n(w - cut))l\(n(cut)) \(n(cut))v\(n(h - cut))h\(n(-w))z\"/>"
                + "<path class=\"inner\" d=\"M\(n(x + w - cut)) \(n(y))v\(n(cut))h\(n(cut))\"/>"
        case .model:
            return
                "<path class=\"box\" d=\"M\(n(x + cut)) \(n(y))h\(n(w - 2 * cut))l\(n(cut)) \(n(cut))v\(n(h - 2 * cut))"
                + "l\(n(-cut)) \(n(cut))h\(n(2 * cut - w))l\(n(-cut)) \(n(-cut))v\(n(2 * cut - h))z\"/>"
        }
    }

    private mutating func line(_ text: String) { out += text + "\n" }

    // MARK: Words

    /// Cuts the middle out of long words.
    private static func shortened(_ text: String) -> String {
        guard text.count > longestLine else { return text }
        return "\(text.prefix(longestLine * 2 / 3))…\(text.suffix(longestLine / 3 - 1))"
    }

    /// A generous estimate of a text's width, for the wider ones of the usual sans-serif faces.
    static func width(_ text: String, size: Double) -> Double {
        var ems = 0.0
        for scalar in text.unicodeScalars {
            switch scalar {
            case "i", "j", "l", "I", ".", ",", ":", ";", "'", "|", "!", " ", "·": ems += 0.33
            case "f", "t", "r", "(", ")", "[", "]", "{", "}", "/", "\\", "-", "\"", "*": ems += 0.42
            case "m", "w", "M", "W", "@", "%", "—", "…": ems += 0.96
            case "A"..."Z", "→", "←", "×", "=", "+", "<", ">", "≥", "≤": ems += 0.74
            case _ where scalar.value >= 0x1100 && scalar.properties.isIdeographic: ems += 1.02
            default: ems += 0.61
            }
        }
        return ems * size
    }

    /// Text as it may stand in an element or attribute; characters that XML forbids become U+FFFD.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "\n", "\t": escaped.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: escaped += "\u{FFFD}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    // Colours by kind: line, fill on white; line, fill on dark.
    private static let colors: [(GraphDrawing.Kind, String, String, String, String)] = [
        (.source, "#2f7d4f", "#eaf6ee", "#6fbf8d", "#16291e"),
        (.stage, "#3567a8", "#ebf2fb", "#7aa7e0", "#172334"),
        (.collector, "#8a5a13", "#fbf3e4", "#d9a85a", "#30240f"),
        (.output, "#666f7a", "#f4f5f7", "#9aa4b0", "#22262b"),
        (.model, "#7a4a9e", "#f5eefa", "#b68ad6", "#291b34"),
    ]

    private static let style: String = {
        let root = ".lucency-graph"
        func colored(_ kind: GraphDrawing.Kind, _ line: String, _ fill: String) -> String {
            "\(root) .\(kind.rawValue) .box{stroke:\(line);fill:\(fill)}\(root) .\(kind.rawValue) .inner{stroke:\(line)}"
        }
        return "\(root){font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}"
            + "\(root) .page{fill:#fff}\(root) text{fill:#1c2128}\(root) .box{stroke-width:1.4}"
            + "\(root) .inner{fill:none;stroke-width:1}\(root) .edge{fill:none;stroke:#7d8794;stroke-width:1.4}"
            + "\(root) .head{fill:#7d8794}\(root) .label{font-size:\(n(labelSize))px;font-weight:600;text-anchor:middle}"
            + "\(root) .detail{font-size:\(n(detailSize))px;fill:#525c68;text-anchor:middle}"
            + "\(root) .port{font-size:\(n(headSize))px;fill:#525c68}\(root) .mid{text-anchor:middle}"
            + "\(root) .title{font-size:16px;font-weight:600;text-anchor:middle}"
            + colors.map { colored($0.0, $0.1, $0.2) }.joined()
            + "@media (prefers-color-scheme:dark){\(root) .page{fill:#14171b}\(root) text{fill:#e6e9ed}"
            + "\(root) .detail,\(root) .port{fill:#a6b0bb}\(root) .edge{stroke:#8b96a3}\(root) .head{fill:#8b96a3}"
            + colors.map { colored($0.0, $0.3, $0.4) }.joined() + "}"
    }()
}

/// A length with at most one decimal.
private func n(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    let (whole, rest) = abs(tenths).quotientAndRemainder(dividingBy: 10)
    return (tenths < 0 ? "-" : "") + String(whole) + (rest == 0 ? "" : ".\(rest)")
}
