/// Curves over a common axis, drawn as one SVG document without fonts or files from outside.
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
    public var lines: [Line] = []

    public init(title: String, xLabel: String) {
        self.title = title
        self.xLabel = xLabel
    }

    private static let width = 640.0, height = 360.0
    private static let left = 56.0, right = 150.0, top = 40.0, bottom = 44.0
    /// Colours that stay apart for the colour-blind (Okabe and Ito 2008).
    private static let colors = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999"]

    /// The chart; equal values give equal bytes.
    public var svg: String {
        let points = lines.flatMap(\.points).filter { $0.x.isFinite && $0.y.isFinite }
        let xs = Ticks(points.map(\.x)), ys = Ticks(points.map(\.y))
        let wide = Self.width - Self.left - Self.right, high = Self.height - Self.top - Self.bottom
        func x(_ value: Double) -> String { Self.number(Self.left + xs.part(value) * wide) }
        func y(_ value: Double) -> String { Self.number(Self.top + (1 - ys.part(value)) * high) }
        var out = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" \
            font-family="sans-serif" font-size="12">
            <rect width="100%" height="100%" fill="#ffffff"/>
            <text x="\(Self.number(Self.left))" y="22" font-size="15">\(Self.escaped(title))</text>

            """
        for tick in ys.values {
            out += "<path d=\"M\(Self.number(Self.left)) \(y(tick))h\(Self.number(wide))\" stroke=\"#dddddd\"/>\n"
            out +=
                "<text x=\"\(Self.number(Self.left - 6))\" y=\"\(y(tick))\" dy=\"4\" text-anchor=\"end\">"
                + "\(ys.text(tick))</text>\n"
        }
        for tick in xs.values {
            out +=
                "<text x=\"\(x(tick))\" y=\"\(Self.number(Self.height - Self.bottom + 18))\" "
                + "text-anchor=\"middle\">\(xs.text(tick))</text>\n"
        }
        out +=
            "<text x=\"\(Self.number(Self.left + wide / 2))\" y=\"\(Self.number(Self.height - 8))\" "
            + "text-anchor=\"middle\">\(Self.escaped(xLabel))</text>\n"
        for (index, line) in lines.enumerated() {
            let color = Self.colors[index % Self.colors.count]
            var path = "", isDown = false
            for point in line.points {
                guard point.x.isFinite, point.y.isFinite else {
                    isDown = false
                    continue
                }
                path += "\(isDown ? "L" : "M")\(x(point.x)) \(y(point.y))"
                isDown = true
            }
            out += "<path d=\"\(path)\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"2\"/>\n"
            let place = Self.top + 12 + 20 * Double(index), start = Self.width - Self.right + 14
            out +=
                "<path d=\"M\(Self.number(start)) \(Self.number(place))h18\" stroke=\"\(color)\" stroke-width=\"3\"/>\n"
            out +=
                "<text x=\"\(Self.number(start + 24))\" y=\"\(Self.number(place + 4))\">\(Self.escaped(line.name))</text>\n"
        }
        return out + "</svg>\n"
    }

    private static func number(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
    }

    /// Round numbers along an axis.
    private struct Ticks {
        let values: [Double]
        private let low: Double
        private let high: Double
        private let step: Double

        init(_ numbers: [Double]) {
            let least = numbers.min() ?? 0, greatest = numbers.max() ?? 1
            let span = greatest > least ? greatest - least : max(1, least.magnitude)
            var step = 1.0
            while step * 5 > span { step /= 10 }
            while step * 50 < span { step *= 10 }
            for factor in [2.0, 5, 10] where step * 6 < span && span <= step * factor * 6.5 {
                step *= factor
                break
            }
            self.step = step
            low = (least / step).rounded(.down) * step
            high = max((greatest / step).rounded(.up) * step, low + step)
            let count = Int(((high - low) / step).rounded())
            let every = max(1, (count + 6) / 7)
            values = stride(from: 0, through: count, by: every).map { [low] in low + Double($0) * step }
        }

        func part(_ value: Double) -> Double { (value - low) / (high - low) }

        func text(_ value: Double) -> String {
            if step >= 1 { return "\(Int(value.rounded()))" }
            var scale = 1.0
            while step * scale < 0.999 { scale *= 10 }
            return "\((value * scale).rounded() / scale)"
        }
    }
}
