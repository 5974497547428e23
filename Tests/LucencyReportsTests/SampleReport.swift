import LucencyFoundation
import LucencyReports

/// A made-up report in which every number has its place.
func sampleReport(
    runs names: [String] = ["cross-entropy", "nacl"], cases count: Int = 30, caseNames: [String] = [],
    gap: Double = 0.05
) -> CalibrationReport {
    var random = PhiloxStream(seed: 7, stream: "sample")
    typealias Summary = CalibrationReport.Summary
    func summary(_ mean: Double, _ width: Double = 0.008) -> Summary {
        count > 1
            ? Summary(
                mean: mean, low: mean - width, high: mean + width, standardDeviation: width * 2, median: mean * 0.98,
                cases: count, pooled: mean * 0.93)
            : Summary(mean: mean, median: mean, cases: count, pooled: mean)
    }
    func bins(_ gap: Double, _ seedCount: Double) -> [ReliabilityDiagram.Bin] {
        (0..<15).map { index in
            let low = Double(index) / 15, high = Double(index + 1) / 15, middle = (low + high) / 2
            let accuracy = max(0.01, min(0.99, middle - gap * 4 * middle * (1 - middle) - gap * 0.3))
            let pixels =
                index < 4 ? 0 : Int(seedCount * (middle * middle * middle * 20 + 0.02) * (index == 14 ? 40 : 1))
            return ReliabilityDiagram.Bin(
                low: low, high: high, count: pixels, confidence: middle, accuracy: accuracy,
                accuracyLow: accuracy - 0.03,
                accuracyHigh: accuracy + 0.025)
        }
    }
    let runs = names.enumerated().map { index, name -> CalibrationReport.Run in
        let scale = index == 0 ? 1.0 : 0.45
        let cases = (0..<count).map { number -> CalibrationReport.Case in
            let dice = 0.55 + 0.42 * random.uniform(),
                ece = max(0.001, gap * scale * (1.9 - dice) + 0.01 * random.uniform())
            return CalibrationReport.Case(
                name: number < caseNames.count ? caseNames[number] : "patient\(number)/slice\(number % 7)",
                pixels: 4000 + number * 37,
                values: [
                    .ece: ece, .gap: ece * 0.9, .overconfidence: ece * 0.95, .underconfidence: ece * 0.05,
                    .mce: ece * 4,
                    .aece: ece * 0.97, .cece: ece * 0.4, .brier: ece + 0.1,
                    .nll: number == 3 ? .infinity : ece * 5,
                    .dice: dice,
                ])
        }
        return CalibrationReport.Run(
            name: name,
            summaries: [
                .ece: summary(gap * scale), .gap: summary(gap * scale * 0.9),
                .overconfidence: summary(gap * scale * 0.95),
                .underconfidence: summary(gap * scale * 0.05, 0.001), .mce: summary(0.31),
                .aece: summary(gap * scale),
                .cece: summary(gap * scale * 0.4), .brier: summary(0.14), .nll: summary(0.29),
                .aurc: summary(0.021),
                .dice: summary(0.86, 0.02),
            ],
            forecast: .init(
                expected: 0.02, actual: 0.02 + gap * scale * 0.4,
                low: count > 1 ? 0.02 / (0.02 + gap * scale * 0.4) - 0.1 : nil,
                high: count > 1 ? 0.02 / (0.02 + gap * scale * 0.4) + 0.1 : nil),
            regions: [
                .init(
                    name: "all", definition: "every pixel", pixels: 9_402_226, error: summary(gap * scale * 0.2),
                    gap: summary(gap * scale * 0.2), accuracy: 0.975, reliability: bins(gap * scale, 90000)),
                .init(
                    name: "foreground-union", definition: "pixels that are foreground in either", pixels: 1_204_113,
                    error: summary(gap * scale), gap: summary(gap * scale * 0.9), accuracy: 0.871,
                    reliability: bins(gap * scale * 2, 9000)),
                .init(
                    name: "boundary", definition: "near a change of label", pixels: 201_113,
                    error: summary(gap * scale * 2.4), gap: summary(gap * scale * 2.2), accuracy: 0.61,
                    reliability: bins(gap, 900)),
                .init(
                    name: "interior", definition: "the rest", pixels: 8_201_113, error: summary(gap * scale * 0.1),
                    gap: summary(gap * scale * 0.09), accuracy: 0.992, reliability: bins(gap * 0.1, 9000)),
            ],
            classes: ["background", "liver", "left kidney", "spleen"].enumerated().map { place, name in
                .init(
                    name: name, pixels: 4_000_000 / (place * place * 7 + 1), presentCases: count - place,
                    error: summary(gap * scale * 0.1), regionError: summary(gap * scale * 0.3),
                    gap: summary(gap * scale * 0.2),
                    dice: summary(0.95 - 0.05 * Double(place), 0.02),
                    sizeRatio: summary(place == 3 ? 1.31 : 1.04, 0.05),
                    reliability: bins(gap * scale, 3000))
            },
            cases: cases,
            coverage: (1...150).map {
                .init(coverage: Double($0) / 150, risk: 0.002 + 0.12 * scale * (Double($0) / 150) * (Double($0) / 150))
            },
            temperature: .init(
                value: 1.62, errorBefore: gap * scale, errorAfter: gap * scale * 0.3, logLossBefore: 0.31,
                logLossAfter: 0.26))
    }
    var report = CalibrationReport(
        title: "Calibration report", classes: ["background", "liver", "left kidney", "spleen"],
        settings: .init(
            bins: 15, region: "foreground-union",
            regionDefinition: "pixels that are not background in the reference or in the prediction", boundary: "2 px",
            level: 0.95, resamples: 10_000, seed: 1),
        runs: runs, provenance: [.init("lucency", "0.1.0"), .init("labels", "data/labels")])
    for run in runs.dropFirst() {
        for metric in [ReportedMetric.ece, .dice, .nll] {
            report.comparisons.append(
                .init(
                    run: run.name, baseline: names[0], metric: metric, difference: metric == .dice ? 0.002 : -0.027,
                    low: metric == .dice ? -0.004 : -0.031, high: metric == .dice ? 0.008 : -0.022,
                    p: metric == .dice ? 0.41 : 0.0002, cases: count, lower: count - 2, higher: 2))
        }
    }
    report.problems = [
        .init(run: names[0], item: "patient99/slice1", message: "the prediction is 64 × 64, the label 128 × 128")
    ]
    return report
}
