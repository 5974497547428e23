/// The rectangle that a chart's values lie in, with axes, rules and labels.
struct ChartFrame {
    let x: Axis
    let y: Axis
    let left, top, width, height: Double

    /// A value's place on the drawing.
    func x(_ value: Double) -> Double { left + x.part(value) * width }
    func y(_ value: Double) -> Double { top + (1 - y.part(value)) * height }

    /// Rules, frame and labels; what is drawn after lies above them.
    /// - Parameter showsX: whether numbers stand below the x axis.
    func grid(xLabel: String?, yLabel: String?, showsX: Bool = true) -> [Markup] {
        let n = Chart.number
        var parts: [Markup] = []
        for tick in y.ticks {
            parts.append(.tag("path", ["class": "rule", "d": "M\(n(left)) \(n(y(tick)))h\(n(width))"]))
            parts.append(.tag("text", ["class": "end", "x": n(left - 7), "y": n(y(tick) + 4)], y.text(tick)))
        }
        if showsX {
            for tick in x.ticks {
                parts.append(.tag("text", ["class": "mid", "x": n(x(tick)), "y": n(top + height + 17)], x.text(tick)))
            }
        }
        parts.append(.tag("path", ["class": "frame", "d": "M\(n(left)) \(n(top + height))h\(n(width))"]))
        if let xLabel {
            parts.append(
                .tag("text", ["class": "mid soft", "x": n(left + width / 2), "y": n(top + height + 36)], xLabel))
        }
        if let yLabel {
            let place = "translate(13 \(n(top + height / 2))) rotate(-90)"
            parts.append(.tag("text", ["class": "mid soft", "transform": place], yLabel))
        }
        return parts
    }
}

/// Names of series beside their marks, in lines as wide as the chart allows.
struct ChartLegend {
    let names: [String]
    let width: Double
    private let rows: [[Int]]

    init(_ names: [String], width: Double) {
        self.names = names.map(Self.shortened)
        self.width = width
        var rows: [[Int]] = [], used = Double.infinity
        for index in names.indices {
            let need = Self.width(of: self.names[index])
            if used + need > width {
                rows.append([])
                used = 0
            }
            rows[rows.count - 1].append(index)
            used += need
        }
        self.rows = rows
    }

    var height: Double { Double(rows.count) * 19 }

    /// - Parameter mark: what stands before the name of a series, around a place.
    func draw(x left: Double, y top: Double, mark: (_ series: Int, _ x: Double, _ y: Double) -> Markup) -> [Markup] {
        var parts: [Markup] = []
        for (row, members) in rows.enumerated() {
            var x = left
            for index in members {
                let y = top + Double(row) * 19 + 8
                parts.append(mark(index, x + 11, y))
                parts.append(.tag("text", ["x": Chart.number(x + 27), "y": Chart.number(y + 4)], names[index]))
                x += Self.width(of: names[index])
            }
        }
        return parts
    }

    private static func width(of name: String) -> Double { 41 + 6.9 * Double(name.count) }

    private static func shortened(_ name: String) -> String { name.count > 34 ? name.prefix(33) + "…" : name }
}
