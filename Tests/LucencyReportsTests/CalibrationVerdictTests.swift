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
        expected: Double, actual: Double, low: Double, high: Double, ece: Double = 0.06, cases: Int = 30
    ) -> CalibrationReport {
        var report = sampleReport(runs: ["model"], cases: cases)
        report.runs[0].summaries[.ece] = .init(mean: ece, low: ece * 0.9, high: ece * 1.1, cases: cases)
        report.runs[0].forecast = .init(expected: expected, actual: actual, low: low, high: high)
        return report
    }

    @Test func `over- and under-confidence are said when the interval lies on one side of 1`() throws {
        #expect(
            try words(changed(expected: 0.012, actual: 0.028, low: 0.38, high: 0.49)).contains(
                "over-confident: it expects to get 1.2\u{202F}% of all pixels wrong, and gets 2.8\u{202F}% wrong."))
        #expect(
            try words(changed(expected: 0.04, actual: 0.03, low: 1.2, high: 1.5)).contains(
                "under-confident: it expects"))
        #expect(
            try words(changed(expected: 0.034, actual: 0.028, low: 1.14, high: 1.25)).contains(
                "slightly under-confident"))
        #expect(try words(changed(expected: 0.012, actual: 0.028, low: 0.2, high: 1.1)).contains("is not clear from"))
        #expect(try words(changed(expected: 0.03, actual: 0.031, low: 0.9, high: 1.1)).contains("knows how often"))
        #expect(
            try words(changed(expected: 0.001, actual: 0.002, low: 0.4, high: 0.6)).contains(
                "0.10\u{202F}% of all pixels"))
    }

    @Test func `the error is given over all pixels and around the objects`() throws {
        let text = try words(changed(expected: 0.03, actual: 0.03, low: 0.9, high: 1.1, ece: 0.0712))
        #expect(
            text.contains("Its calibration error (ECE) is 0.010 over all pixels, and 0.071 on and around the objects."))
    }

    @Test func `nothing wrong is no reason to divide by zero`() throws {
        var report = sampleReport(runs: ["model"])
        report.runs[0].forecast = .init(expected: 0.01, actual: 0)
        #expect(report.runs[0].forecast?.ratio == nil)
        #expect(try words(report).contains("is not clear from"))
    }

    @Test func `one case gets no verdict, few cases a warning`() throws {
        let single = try words(sampleReport(runs: ["model"], cases: 1))
        #expect(single.contains("a single case") && !single.contains("over-confident:"))
        #expect(try words(sampleReport(runs: ["model"], cases: 6)).contains("Only 6 cases"))
        #expect(try !words(sampleReport(runs: ["model"], cases: 60)).contains("Only 60"))
    }

    @Test func `borders, classes and temperature are told where they matter`() throws {
        let text = try words(sampleReport(runs: ["model"]))
        #expect(text.contains("The error sits at the borders: within 2 px of one it is 24.0 times"))
        #expect(text.contains("The probabilities of “spleen” add up to 1.31 times its true size."))
        #expect(!text.contains("The probabilities of “liver” add up"))
        #expect(text.contains("A temperature of 1.62 would take the ECE over all pixels"))
        #expect(text.contains("Where its confidence is above 0.93"))
    }

    @Test func `runs differ only where interval and test agree`() throws {
        let text = try words(sampleReport())
        #expect(text.contains("ECE is 0.027 lower than that of “cross-entropy”, which is better"))
        #expect(text.contains("Dice: no clear difference from “cross-entropy”"))
    }
}
