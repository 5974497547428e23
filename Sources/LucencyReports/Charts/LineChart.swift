/// Curves over a common axis.
public struct LineChart: Sendable {
    /// One curve. Points that are not finite interrupt it.
    public struct Line: Sendable {
        public let name: String
        public let points: [(x: Double, y: Double)]

        public init(_ name: String, points: [(Double, Double)]) {
            self.name = name
            self.points = points.map { (x: $0.0, y: $0.1) }
        }
    }

    public var title: String
    public var xLabel: String
    public var yLabel: String?
    public var lines: [Line] = []
    /// Whether the y axis begins at 0.
    public var includesZero = false

    public init(title: String, xLabel: String, yLabel: String? = nil) {
        self.title = title
        self.xLabel = xLabel
        self.yLabel = yLabel
    }

    /// The chart as one SVG document without fonts or files from outside; equal values give equal bytes.
    public var svg: String { drawing(showsTitle: true).svg }

    /// The chart without its title above, as a page has one.
    public var chart: Chart { drawing(showsTitle: false) }

    private func drawing(showsTitle: Bool) -> Chart {
        let wide = showsTitle ? 560.0 : 340.0, high = showsTitle ? 280.0 : 240.0
        let left = 58.0, top = showsTitle ? 40.0 : 10.0, right = 18.0
        let n = Chart.number
        let points = lines.flatMap(\.points).filter { $0.x.isFinite && $0.y.isFinite }
        let frame = ChartFrame(
            x: Axis(covering: points.map(\.x)), y: Axis(covering: points.map(\.y), includingZero: includesZero),
            left: left, top: top, width: wide, height: high)
        var parts = frame.grid(xLabel: xLabel, yLabel: yLabel)
        if showsTitle { parts.append(.tag("text", ["x": n(left), "y": "22", "font-size": "15"], title)) }
        for (index, line) in lines.enumerated() {
            var path = "", isDown = false
            for point in line.points {
                guard point.x.isFinite, point.y.isFinite else {
                    isDown = false
                    continue
                }
                path += "\(isDown ? "L" : "M")\(n(frame.x(point.x))) \(n(frame.y(point.y)))"
                isDown = true
            }
            guard !path.isEmpty else { continue }
            parts.append(
                .tag(
                    "path",
                    [
                        "class": "line \(ChartStyle.series(index))", "stroke-dasharray": ChartStyle.dash(index),
                        "d": path,
                    ], [.tag("title", line.name)]))
        }
        let legend = ChartLegend(lines.count > 1 || showsTitle ? lines.map(\.name) : [], width: wide + 20)
        let legendTop = top + high + 48
        parts += legend.draw(x: left - 6, y: legendTop) { index, x, y in
            .tag(
                "path",
                [
                    "class": "line \(ChartStyle.series(index))", "stroke-dasharray": ChartStyle.dash(index),
                    "d": "M\(n(x - 11)) \(n(y))h22",
                ])
        }
        return Chart(
            title: title, description: words, width: left + wide + right, height: legendTop + legend.height, body: parts
        )
    }

    /// The curves in words: where each begins and ends.
    private var words: String {
        let sentences = lines.compactMap { line -> String? in
            let known = line.points.filter { $0.x.isFinite && $0.y.isFinite }
            guard let first = known.first, let last = known.last else { return nil }
            return "\(line.name) goes from \(short(first.y)) at \(xLabel) \(short(first.x)) to \(short(last.y)) at "
                + "\(short(last.x))."
        }
        return sentences.isEmpty ? "There are no points." : sentences.joined(separator: " ")
    }

    private func short(_ value: Double) -> String {
        let magnitude = abs(value)
        return NumberText.fixed(value, magnitude >= 100 ? 0 : magnitude >= 1 ? 2 : 4)
    }
}
