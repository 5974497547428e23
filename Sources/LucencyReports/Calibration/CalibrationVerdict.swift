/// What the numbers of a run say, in plain words.
///
/// The rules, which are ours:
/// - Below 2 cases there is no interval, and no verdict beyond the numbers; below 20 the text warns that the interval is
///   too narrow, as percentile intervals of few values are.
/// - The *size* of the error goes by the mean ECE: below 0.02 small, below 0.05 moderate, below 0.10 large, else very large.
/// - The *direction* goes by confidence − accuracy: over-confident (under-confident) where its mean is beyond 0.01 (−0.01)
///   and its interval lies wholly on that side of 0. Otherwise, where the error is not small, it is "mixed" if over- and
///   under-confidence each make a quarter of it and more, else "not clear".
/// - Border, class and temperature are told where they differ enough to matter (1.5 times, 1.5 times, a tenth of the error).
/// - A difference between runs is called one when its interval excludes 0 and p is below 0.05.
struct CalibrationVerdict {
    enum Direction { case over, under, mixed, unclear, small }

    let run: CalibrationReport.Run
    let settings: CalibrationReport.Settings

    static let fewCases = 20

    private var error: CalibrationReport.Summary? { run.summaries[.ece] }
    private var gap: CalibrationReport.Summary? { run.summaries[.gap] }

    var direction: Direction {
        guard let ece = error?.mean, let gap, let mean = gap.mean, let low = gap.low, let high = gap.high else {
            return .unclear
        }
        if mean > 0.01, low > 0 { return .over }
        if mean < -0.01, high < 0 { return .under }
        if ece < 0.02 { return .small }
        let over = run.summaries[.overconfidence]?.mean ?? 0, under = run.summaries[.underconfidence]?.mean ?? 0
        return over >= 0.25 * ece && under >= 0.25 * ece ? .mixed : .unclear
    }

    private var size: String {
        switch error?.mean ?? 0 {
        case ..<0.02: "small"
        case ..<0.05: "moderate"
        case ..<0.1: "large"
        default: "very large"
        }
    }

    /// The judgement in one sentence.
    var headline: String {
        guard let error, let ece = error.mean, error.cases > 0 else {
            return "Nothing can be said: in no case was there a pixel to judge."
        }
        let number = NumberText.fixed(ece, ece < 0.01 ? 4 : 3)
        guard error.cases > 1 else {
            return
                "There is a single case, with a calibration error of \(number): too little to say how the model behaves."
        }
        switch direction {
        case .over:
            return "The model is over-confident: it claims more than it keeps. The error is \(size) (ECE \(number))."
        case .under:
            return
                "The model is under-confident: it is right more often than it says. The error is \(size) (ECE \(number))."
        case .small:
            return "The model’s confidence agrees with its accuracy on the whole; the error is small (ECE \(number))."
        case .mixed:
            return
                "The error is \(size) (ECE \(number)), and mixed: too sure at some levels of confidence, not sure enough "
                + "at others."
        case .unclear:
            return
                "The error is \(size) (ECE \(number)); whether the model is over- or under-confident is not clear from "
                + "these cases."
        }
    }

    /// Further findings, most important first.
    var findings: [String] {
        [doubt, sureness, border, worstClass, temperature, leftOut].compactMap { $0 }
    }

    private var doubt: String? {
        guard let cases = error?.cases, cases > 1, cases < Self.fewCases else { return nil }
        return "Only \(cases) cases: the intervals are too narrow at such numbers. Take this as a first look."
    }

    /// How often the model is right where it is surest.
    private var sureness: String? {
        guard let bin = run.reliability.last(where: { $0.count > 0 }), bin.low >= 0.8 else { return nil }
        let share = Double(bin.count) / Double(max(1, run.reliability.reduce(0) { $0 + $1.count }))
        return "Where its confidence is above \(NumberText.fixed(bin.low, 2)) "
            + "(\(NumberText.percent(share)) of the pixels), it claims \(NumberText.percent(bin.confidence, 1)) and is right "
            + "in \(NumberText.percent(bin.accuracy, 1))."
    }

    private var border: String? {
        guard let border = run.regions.first(where: { $0.name == "boundary" })?.error.mean,
            let interior = run.regions.first(where: { $0.name == "interior" })?.error.mean
        else { return nil }
        let numbers = "(ECE \(NumberText.fixed(border, 3)) against \(NumberText.fixed(interior, 3)))"
        if border > 1.5 * interior, border >= 0.02 {
            return "The error sits at the borders: within \(settings.boundary) of one it is "
                + (interior > 0 && border / interior < 100
                    ? "\(NumberText.fixed(border / interior, 1)) times that of the interior "
                    : "far above the interior’s ")
                + numbers + "."
        }
        if interior > 1.5 * border, interior >= 0.02 {
            return "The error is larger away from borders than near them \(numbers): whole regions are misjudged."
        }
        return nil
    }

    private var worstClass: String? {
        let known = run.classes.dropFirst().compactMap { row in row.error.mean.map { (row, $0) } }
        guard known.count > 1, let (row, worst) = known.max(by: { $0.1 < $1.1 }), worst >= 0.01 else { return nil }
        let others = known.filter { $0.0.name != row.name }.map(\.1)
        let mean = others.reduce(0, +) / Double(others.count)
        guard worst > 1.5 * mean else { return nil }
        return "Of the classes, “\(row.name)” is calibrated worst (ECE \(NumberText.fixed(worst, 3)); the others "
            + "\(NumberText.fixed(mean, 3)) on average)."
    }

    private var temperature: String? {
        guard let fit = run.temperature, let before = fit.errorBefore, let after = fit.errorAfter else { return nil }
        guard before - after > 0.1 * before, before >= 0.01 else {
            return
                "A single temperature would not help: the best one (\(NumberText.fixed(fit.value, 2))) leaves an ECE of "
                + "\(NumberText.fixed(after, 3))."
        }
        return "A temperature of \(NumberText.fixed(fit.value, 2)) would take the ECE of all pixels together from "
            + "\(NumberText.fixed(before, 3)) to \(NumberText.fixed(after, 3)). It was fitted on these very cases, so expect "
            + "less on others."
    }

    private var leftOut: String? {
        guard let error, error.leftOut > 0 else { return nil }
        return
            "\(NumberText.plural(error.leftOut, "case")) had no pixel in the region and \(error.leftOut == 1 ? "is" : "are") "
            + "not in the means."
    }
}

extension CalibrationReport {
    /// The judgement of each run in a sentence.
    public var verdicts: [(run: String, sentence: String)] {
        runs.map { ($0.name, CalibrationVerdict(run: $0, settings: settings).headline) }
    }
}

extension CalibrationReport.Comparison {
    /// Whether the data say that the runs differ.
    var isClear: Bool {
        guard let low, let high, let p else { return false }
        return (low > 0 || high < 0) && p < 0.05
    }

    /// The comparison in one sentence.
    var sentence: String {
        let amount = NumberText.fixed(abs(difference), abs(difference) < 0.01 ? 4 : 3)
        guard isClear else {
            return "\(metric.title): no clear difference from \(baseline) (\(NumberText.signed(difference, 3)), p "
                + "\(NumberText.pValue(p).hasPrefix("<") ? "" : "= ")\(NumberText.pValue(p)))."
        }
        let better = metric.lowerIsBetter.map { $0 == (difference < 0) }
        return "\(metric.title) is \(amount) \(difference < 0 ? "lower" : "higher") than that of \(baseline)"
            + (better.map { $0 ? ", which is better" : ", which is worse" } ?? "")
            + " (\(difference < 0 ? lower : higher) of \(cases) cases)."
    }
}
