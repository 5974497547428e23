import LucencyReports
import Support
import Testing

@Suite struct ChartTests {
    @Test func `empty bins are not drawn`() throws {
        let bins = (0..<4).map {
            ReliabilityDiagram.Bin(
                low: Double($0) / 4, high: Double($0 + 1) / 4, count: $0 == 1 ? 0 : 10, confidence: 0.5, accuracy: 0.4)
        }
        let drawing = try MarkupDocument(ReliabilityDiagram(title: "t", bins: bins).chart.svg)
        #expect(drawing.all("path").count { $0.attributes["class"] == "level" } == 3)
        #expect(drawing.all("rect").count { $0.attributes["class"] == "bar" } == 3)
        #expect(drawing.all("desc").first?.text.contains("3 of 4 bins hold pixels") == true)
    }

    @Test func `a diagram of nothing says so`() throws {
        let drawing = try MarkupDocument(ReliabilityDiagram(title: "t", bins: []).chart.svg)
        #expect(drawing.all("desc").first?.text == "No bin holds a pixel.")
    }

    @Test func `gaps below the diagonal are orange, above it blue`() throws {
        let bin = { (accuracy: Double) in
            ReliabilityDiagram.Bin(low: 0.5, high: 1, count: 5, confidence: 0.8, accuracy: accuracy)
        }
        let over = try MarkupDocument(ReliabilityDiagram(title: "t", bins: [bin(0.6)]).chart.svg)
        let under = try MarkupDocument(ReliabilityDiagram(title: "t", bins: [bin(0.9)]).chart.svg)
        #expect(over.all("rect").contains { $0.attributes["class"] == "over" })
        #expect(under.all("rect").contains { $0.attributes["class"] == "under" })
    }

    @Test func `many points become few marks`() throws {
        var chart = ScatterChart(title: "t", xLabel: "x", yLabel: "y")
        chart.series = [
            .init("a", points: (0..<50_000).map { (Double($0 % 997) / 997, Double($0 % 1009) / 1009, "case \($0)") })
        ]
        #expect(chart.isGathered)
        #expect(chart.chart.svg.utf8.count < 120_000)
        chart.series = [.init("a", points: [(0.5, 0.5, "one"), (.nan, 1, "not shown")])]
        #expect(try MarkupDocument(chart.chart.svg).all("path").count { $0.attributes["class"] == "dot s0" } == 1)
    }

    @Test func `curves are interrupted where there is no number`() throws {
        var chart = LineChart(title: "curves & <more>", xLabel: "epoch")
        chart.lines = [.init("loss", points: [(1, 2), (2, .nan), (3, 1), (4, 0.5)])]
        let drawing = try MarkupDocument(chart.svg)
        let line = try #require(drawing.all("path").first { $0.attributes["class"] == "line s0" })
        #expect(line.attributes["d"]?.count { $0 == "M" } == 2)
        #expect(drawing.all("title").first?.text == "curves & <more>")
        #expect(chart.svg == chart.svg)
    }

    @Test func `axes of constant, single and huge values are drawn`() throws {
        for values in [[1.0, 1.0], [0, 0], [1e-9, 2e-9], [1e12, 3e12], [-5, 5]] {
            var chart = LineChart(title: "t", xLabel: "x")
            chart.lines = [.init("a", points: values.enumerated().map { (Double($0), $1) })]
            _ = try MarkupDocument(chart.svg)
        }
    }
}
