import LucencyFoundation
import LucencyReports
import Support
import Testing

@Suite struct CalibrationVerdictTests {
    private func words(_ report: CalibrationReport) throws -> String {
        try MarkupDocument(report.page()).elements.filter { $0.ancestors.contains("section") }.map(\.text)
            .joined(separator: "\n")
    }

    private func changed(
        ece: Double, gap: Double, low: Double, high: Double, over: Double? = nil, cases: Int = 30
    ) -> CalibrationReport {
        var report = sampleReport(runs: ["model"], cases: cases)
        report.runs[0].summaries[.ece] = .init(mean: ece, low: ece * 0.9, high: ece * 1.1, cases: cases)
        report.runs[0].summaries[.gap] = .init(mean: gap, low: low, high: high, cases: cases)
        report.runs[0].summaries[.overconfidence] = .init(mean: over ?? max(0, gap), cases: cases)
        report.runs[0].summaries[.underconfidence] = .init(mean: ece - (over ?? max(0, gap)), cases: cases)
        return report
    }

    @Test func `over- and under-confidence are said when the interval lies on one side of 0`() throws {
        #expect(try words(changed(ece: 0.06, gap: 0.05, low: 0.04, high: 0.06)).contains("over-confident: it claims"))
        #expect(
            try words(changed(ece: 0.06, gap: -0.05, low: -0.06, high: -0.04)).contains("under-confident: it is right"))
        #expect(
            try words(changed(ece: 0.06, gap: 0.05, low: -0.01, high: 0.11, over: 0.05)).contains("is not clear from"))
        #expect(
            try words(changed(ece: 0.06, gap: 0.001, low: -0.01, high: 0.012, over: 0.03)).contains("mixed: too sure"))
        #expect(
            try words(changed(ece: 0.008, gap: 0.001, low: -0.01, high: 0.012)).contains("agrees with its accuracy"))
    }

    @Test func `one case gets no verdict, few cases a warning`() throws {
        let single = try words(sampleReport(runs: ["model"], cases: 1))
        #expect(single.contains("a single case") && !single.contains("over-confident: it claims"))
        #expect(try words(sampleReport(runs: ["model"], cases: 6)).contains("Only 6 cases"))
        #expect(try !words(sampleReport(runs: ["model"], cases: 60)).contains("Only 60"))
    }

    @Test func `borders, classes and temperature are told where they matter`() throws {
        let text = try words(sampleReport(runs: ["model"]))
        #expect(text.contains("The error sits at the borders: within 2 px of one it is 24.0 times"))
        #expect(text.contains("“spleen” is calibrated worst"))
        #expect(text.contains("A temperature of 1.62 would take the ECE"))
        #expect(text.contains("Where its confidence is above 0.93"))
    }

    @Test func `runs differ only where interval and test agree`() throws {
        let text = try words(sampleReport())
        #expect(text.contains("ECE is 0.027 lower than that of cross-entropy, which is better"))
        #expect(text.contains("Dice: no clear difference from cross-entropy"))
    }
}
