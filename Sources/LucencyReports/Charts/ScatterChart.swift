/// Points of one or several series, such as Dice against calibration error of each case.
///
/// Where there are more points than `limit`, cells of a grid are drawn instead, darker where more points fall, so that
/// the drawing stays small however many cases there are.
public struct ScatterChart: Sendable {
    public struct Series: Sendable {
        public let name: String
        public let points: [(x: Double, y: Double, label: String)]

        public init(_ name: String, points: [(Double, Double, String)]) {
            self.name = name
            self.points = points.map { (x: $0.0, y: $0.1, label: $0.2) }
        }
    }

    public var title: String
    public var xLabel: String
    public var yLabel: String
    public var series: [Series] = []
    /// Points of all series that are drawn one by one.
    public var limit = 1000

    public init(title: String, xLabel: String, yLabel: String) {
        self.title = title
        self.xLabel = xLabel
        self.yLabel = yLabel
    }

    /// Whether points are gathered in cells.
    public var isGathered: Bool { series.reduce(0) { $0 + $1.points.count } > limit }

    private static let columns = 56, rows = 40

    public var chart: Chart {
        let left = 58.0, top = 10.0, wide = 340.0, high = 240.0
        let finite = series.map { $0.points.filter { $0.x.isFinite && $0.y.isFinite } }
        let frame = ChartFrame(
            x: Axis(covering: finite.joined().map(\.x)),
            y: Axis(covering: finite.joined().map(\.y), includingZero: true), left: left, top: top, width: wide,
            height: high)
        var parts = frame.grid(xLabel: xLabel, yLabel: yLabel)
        for (index, points) in finite.enumerated() {
            parts += isGathered ? cells(points, index, frame) : dots(points, index, frame)
        }
        let legend = ChartLegend(series.count > 1 ? series.map(\.name) : [], width: wide + 20)
        parts += legend.draw(x: left - 6, y: top + high + 48) { index, x, y in
            .tag("path", ["class": "dot \(ChartStyle.series(index))", "d": Self.shape(index, x, y, 4.5)])
        }
        return Chart(
            title: title, description: words(finite), width: left + wide + 18, height: top + high + 48 + legend.height,
            body: parts)
    }

    private func dots(_ points: [(x: Double, y: Double, label: String)], _ index: Int, _ frame: ChartFrame) -> [Markup]
    {
        let radius = points.count > 200 ? 2.6 : 3.8
        return points.map { point in
            let words = "\(point.label): \(NumberText.fixed(point.x, 3)), \(NumberText.fixed(point.y, 3))"
            return .tag(
                "path",
                [
                    "class": "dot \(ChartStyle.series(index))",
                    "d": Self.shape(index, frame.x(point.x), frame.y(point.y), radius),
                ], [.tag("title", words)])
        }
    }

    /// One path for each of four darknesses.
    private func cells(_ points: [(x: Double, y: Double, label: String)], _ index: Int, _ frame: ChartFrame) -> [Markup]
    {
        var counts: [Int: Int] = [:]
        func cell(_ part: Double, _ count: Int) -> Int { max(0, min(count - 1, Int(part * Double(count)))) }
        for point in points {
            let column = cell(frame.x.part(point.x), Self.columns), row = cell(frame.y.part(point.y), Self.rows)
            counts[row * Self.columns + column, default: 0] += 1
        }
        let most = counts.values.max() ?? 1
        let width = frame.width / Double(Self.columns), height = frame.height / Double(Self.rows)
        var paths = ["", "", "", ""]
        for (place, count) in counts.sorted(by: { $0.key < $1.key }) {
            // A darkness for each quarter of the way from 1 to the most, by the square root of the count.
            let level = min(3, Int((Double(count) / Double(most)).squareRoot() * 4))
            let x = frame.left + Double(place % Self.columns) * width
            let y = frame.top + frame.height - Double(place / Self.columns + 1) * height
            paths[level] += "M\(Chart.number(x)) \(Chart.number(y))h\(Chart.number(width))v\(Chart.number(height))"
            paths[level] += "h-\(Chart.number(width))z"
        }
        return paths.enumerated().filter { !$0.element.isEmpty }.map { level, path in
            .tag(
                "path",
                [
                    "class": "dot \(ChartStyle.series(index))", "fill-opacity": "\([0.22, 0.42, 0.66, 0.95][level])",
                    "d": path,
                ])
        }
    }

    /// A circle, square, triangle, diamond, cross or flat bar around a place: series differ by shape as well as colour.
    private static func shape(_ index: Int, _ x: Double, _ y: Double, _ r: Double) -> String {
        let n = Chart.number
        switch index % ChartStyle.seriesCount {
        case 0: return "M\(n(x - r)) \(n(y))a\(n(r)) \(n(r)) 0 1 0 \(n(2 * r)) 0a\(n(r)) \(n(r)) 0 1 0 \(n(-2 * r)) 0z"
        case 1: return "M\(n(x - r)) \(n(y - r))h\(n(2 * r))v\(n(2 * r))h\(n(-2 * r))z"
        case 2: return "M\(n(x)) \(n(y - r * 1.2))l\(n(r * 1.2)) \(n(r * 2.1))h\(n(-2.4 * r))z"
        case 3:
            return
                "M\(n(x)) \(n(y - r * 1.4))l\(n(r * 1.4)) \(n(r * 1.4))l\(n(-r * 1.4)) \(n(r * 1.4))l\(n(-r * 1.4)) \(n(-r * 1.4))z"
        case 4:
            let a = r * 0.45, b = r * 0.85
            return "M\(n(x - a)) \(n(y - a - b))h\(n(2 * a))v\(n(b))h\(n(b))v\(n(2 * a))h\(n(-b))v\(n(b))h\(n(-2 * a))"
                + "v\(n(-b))h\(n(-b))v\(n(-2 * a))h\(n(b))z"
        default: return "M\(n(x - r * 1.3)) \(n(y - r * 0.6))h\(n(2.6 * r))v\(n(1.2 * r))h\(n(-2.6 * r))z"
        }
    }

    private func words(_ finite: [[(x: Double, y: Double, label: String)]]) -> String {
        zip(series, finite).map { series, points in
            guard let worst = points.max(by: { $0.y < $1.y }) else { return "\(series.name) has no points." }
            let mean = (
                x: points.reduce(0) { $0 + $1.x } / Double(points.count),
                y: points.reduce(0) { $0 + $1.y } / Double(points.count)
            )
            return "\(series.name): \(NumberText.plural(points.count, "point")), mean \(xLabel) "
                + "\(NumberText.fixed(mean.x, 3)), mean \(yLabel) \(NumberText.fixed(mean.y, 3)); the highest \(yLabel) is "
                + "\(NumberText.fixed(worst.y, 3)) (\(worst.label))."
        }.joined(separator: " ")
    }
}
