extension GraphDrawing {
    /// The graph in Graphviz' language.
    public var dot: String {
        var lines = ["digraph \(Self.quoted(title.isEmpty ? "graph" : title)) {"]
        lines.append("    rankdir=TB;")
        lines.append("    node [fontname=\"Helvetica,Arial,sans-serif\", fontsize=11, style=filled, fillcolor=white];")
        lines.append("    edge [fontname=\"Helvetica,Arial,sans-serif\", fontsize=9];")
        for node in nodes {
            let words = node.detail.isEmpty ? node.label : node.label + "\n" + node.detail
            lines.append("    \(Self.quoted(node.id)) [label=\(Self.quoted(words)), \(node.kind.dotShape)];")
        }
        for edge in edges {
            let label = edge.label.isEmpty ? "" : " [label=\(Self.quoted(edge.label))]"
            lines.append("    \(Self.quoted(edge.from)) -> \(Self.quoted(edge.to))\(label);")
        }
        return lines.joined(separator: "\n") + "\n}\n"
    }

    /// The graph for a terminal: one line per node, each below all that it reads, with its inputs behind an arrow.
    ///
    /// ```
    /// source  images   folder
    /// stage   smooth   fourier.lowpass    ← images
    /// output  masks    masks/{stem}.png   ← mask: smooth
    /// ```
    public var text: String {
        var rows: [[String]] = []
        for index in order {
            let node = nodes[index]
            let inputs = edges.indices.filter { links[$0].to == index }.map { edge in
                (edges[edge].label.isEmpty ? "" : edges[edge].label + ": ") + nodes[links[edge].from].label
            }
            let detail = node.detail.split(whereSeparator: \.isNewline).joined(separator: " · ")
            rows.append([
                node.kind.rawValue, node.label, detail, inputs.isEmpty ? "" : "← " + inputs.joined(separator: ", "),
            ])
        }
        let widths = (0..<4).map { column in rows.map { $0[column].count }.max() ?? 0 }
        var text = title.isEmpty ? "" : title + "\n"
        for row in rows {
            var line = ""
            for column in 0..<4 where widths[column] > 0 {
                line += row[column] + String(repeating: " ", count: widths[column] - row[column].count + 2)
            }
            while line.last == " " { line.removeLast() }
            text += line + "\n"
        }
        return text
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for character in text {
            switch character {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case _ where character.isNewline: quoted += "\\n"
            default: quoted.append(character)
            }
        }
        return quoted + "\""
    }
}

extension GraphDrawing.Kind {
    fileprivate var dotShape: String {
        switch self {
        case .source: "shape=oval, color=\"#2f7d4f\""
        case .stage: "shape=box, style=\"filled,rounded\", color=\"#3567a8\""
        case .collector: "shape=box, peripheries=2, color=\"#8a5a13\""
        case .output: "shape=note, color=\"#666f7a\""
        case .model: "shape=octagon, color=\"#7a4a9e\""
        }
    }
}
