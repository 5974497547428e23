/// A drawing with a text alternative, to stand alone in a file or inside a page.
public struct Chart: Sendable {
    public let title: String
    /// What the drawing shows, in words, for those who do not see it.
    public let description: String
    let width: Double
    let height: Double
    let body: [Markup]

    /// The drawing inside a page, whose style sheet holds `ChartStyle`.
    /// - Parameter id: unique on the page, a name in letters and digits.
    func figure(id: String) -> Markup { svg(id: id, standsAlone: false) }

    /// Drawings side by side in one, each below its title.
    public static func row(_ charts: [Chart], title: String) -> Chart {
        var left = 0.0
        var parts: [Markup] = []
        for chart in charts {
            parts.append(.tag("text", ["x": number(left + 12), "y": "20", "font-size": "14"], chart.title))
            parts.append(.tag("g", ["transform": "translate(\(number(left)) 28)"], chart.body))
            left += chart.width + 12
        }
        return Chart(
            title: title, description: charts.map { "\($0.title): \($0.description)" }.joined(separator: " "),
            width: max(1, left), height: (charts.map(\.height).max() ?? 0) + 28, body: parts)
    }

    /// The drawing as a file of its own, readable on light and dark pages; equal values give equal bytes.
    public var svg: String { svg(id: "chart", standsAlone: true).text }

    private func svg(id: String, standsAlone: Bool) -> Markup {
        let size = "0 0 \(Self.number(width)) \(Self.number(height))"
        return .tag(
            "svg",
            [
                "xmlns": "http://www.w3.org/2000/svg", "viewBox": size, "class": "chart", "role": "img",
                "width": standsAlone ? Self.number(width) : nil, "height": standsAlone ? Self.number(height) : nil,
                "aria-labelledby": "\(id)-title \(id)-text",
            ],
            [.tag("title", ["id": "\(id)-title"], title), .tag("desc", ["id": "\(id)-text"], description)]
                + (standsAlone
                    ? [
                        .style(ChartStyle.sheet),
                        .tag("rect", ["class": "paper", "width": "100%", "height": "100%"]),
                    ] : [])
                + body)
    }

    /// A coordinate to a tenth of a pixel.
    static func number(_ value: Double) -> String {
        let tenths = (value * 10).rounded()
        guard tenths.isFinite, abs(tenths) < 1e12 else { return "0" }
        return tenths.truncatingRemainder(dividingBy: 10) == 0 ? "\(Int(tenths / 10))" : "\(tenths / 10)"
    }
}

/// The colours and strokes of charts, by class, for light and dark pages.
///
/// Series are Okabe and Ito's colours (2008), darkened on light paper until each has a contrast of 4.5 and more, and they
/// differ in dash or shape as well.
enum ChartStyle {
    static let sheet: StaticString = """
        svg.chart {
          --paper: #ffffff; --ink: #1c1e21; --soft: #565c63; --rule: #dcdfe3; --band: #eef0f2;
          --s0: #0068a6; --s1: #b84700; --s2: #007152; --s3: #a3427f; --s4: #7a5a00; --s5: #4b5a67;
          font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
          font-size: 12.5px; font-variant-numeric: tabular-nums;
        }
        svg.chart text { fill: var(--ink); }
        svg.chart .soft { fill: var(--soft); }
        svg.chart .paper { fill: var(--paper); }
        svg.chart .rule { stroke: var(--rule); stroke-width: 1; fill: none; }
        svg.chart .frame { stroke: var(--soft); stroke-width: 1; fill: none; }
        svg.chart .ideal { stroke: var(--soft); stroke-width: 1.2; stroke-dasharray: 5 4; fill: none; }
        svg.chart .band { fill: var(--band); }
        svg.chart .end { text-anchor: end; }
        svg.chart .mid { text-anchor: middle; }
        svg.chart .bar { fill: var(--soft); fill-opacity: 0.55; }
        svg.chart .over { fill: var(--s1); fill-opacity: 0.28; }
        svg.chart .under { fill: var(--s0); fill-opacity: 0.28; }
        svg.chart .level { stroke: var(--ink); stroke-width: 2.4; fill: none; }
        svg.chart .whisker { stroke: var(--ink); stroke-width: 1; fill: none; }
        svg.chart .line { fill: none; stroke-width: 2.2; stroke-linejoin: round; }
        svg.chart .dot { fill-opacity: 0.6; stroke: var(--paper); stroke-width: 0.6; }
        svg.chart .s0 { --c: var(--s0); } svg.chart .s1 { --c: var(--s1); } svg.chart .s2 { --c: var(--s2); }
        svg.chart .s3 { --c: var(--s3); } svg.chart .s4 { --c: var(--s4); } svg.chart .s5 { --c: var(--s5); }
        svg.chart .line { stroke: var(--c); } svg.chart .dot { fill: var(--c); }
        @media (prefers-color-scheme: dark) {
          svg.chart {
            --paper: #15171a; --ink: #e9eaec; --soft: #a9afb7; --rule: #363b42; --band: #22262b;
            --s0: #6cbdf0; --s1: #f2a65a; --s2: #3fcf9f; --s3: #e8a3cd; --s4: #e6d34a; --s5: #b4bec8;
          }
        }
        @media print {
          svg.chart {
            --paper: #ffffff; --ink: #1c1e21; --soft: #565c63; --rule: #dcdfe3; --band: #eef0f2;
            --s0: #0068a6; --s1: #b84700; --s2: #007152; --s3: #a3427f; --s4: #7a5a00; --s5: #4b5a67;
          }
        }

        """

    static let seriesCount = 6
    /// The class of the i-th series.
    static func series(_ index: Int) -> String { "s\(index % seriesCount)" }
    /// Dashes tell lines apart without colours.
    static func dash(_ index: Int) -> String? {
        let dashes: [String?] = [nil, "7 4", "2 3", "10 3 2 3", "4 2", "12 4"]
        return dashes[index % dashes.count]
    }
}
