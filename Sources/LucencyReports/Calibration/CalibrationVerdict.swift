/// What the numbers of a run say, in plain words.
///
/// The rules, which are ours:
/// - *Direction* goes by the errors that the model expects over those it makes (`Forecast`): over-confident where the interval
///   of the ratio lies below 1, under-confident where it lies above 1, "slightly" where the ratio is within 0.8 to 1.25. Where
///   the interval holds 1, they agree if it lies within 0.8 to 1.25, and otherwise the direction is not clear.
/// - Sizes of errors are given as numbers, without a word: what is small depends on the use.
/// - A single case has no interval and gets no verdict; below 20 cases the text warns that percentile intervals of so few are
///   too narrow.
/// - Border, sizes of classes and temperature are told where they differ enough to matter (1.5 times; a tenth, with an interval
///   that excludes 1; a tenth of the error).
/// - A difference between runs is called one when its interval excludes 0 and p is below 0.05.
struct CalibrationVerdict {
    enum Direction { case over, under, agreeing, unclear }

    let run: CalibrationReport.Run
    let settings: CalibrationReport.Settings

    static let fewCases = 20

    private var error: CalibrationReport.Summary? { run.summaries[.ece] }

    var direction: Direction {
        guard let low = run.forecast?.low, let high = run.forecast?.high else { return .unclear }
        if high < 1 { return .over }
        if low > 1 { return .under }
        return low >= 0.8 && high <= 1.25 ? .agreeing : .unclear
    }

    /// The judgement in a sentence or two.
    var headline: String {
        guard let forecast = run.forecast, !run.cases.isEmpty else {
            return "Nothing can be said: in no case was there a pixel to judge."
        }
        let digits = max(forecast.expected, forecast.actual) < 0.01 ? 2 : 1
        let expected = NumberText.percent(forecast.expected, digits)
        let actual = NumberText.percent(forecast.actual, digits)
        guard run.cases.count > 1 else {
            return "There is a single case, of which the model expects to get \(expected) of the pixels wrong and gets "
                + "\(actual) wrong: too little to say how it behaves."
        }
        let first: String
        let slightly = (0.8...1.25).contains(forecast.ratio ?? 0) ? "slightly " : ""
        switch direction {
        case .over:
            first =
                "The model is \(slightly)over-confident: it expects to get \(expected) of all pixels wrong, and gets \(actual) wrong."
        case .under:
            first =
                "The model is \(slightly)under-confident: it expects to get \(expected) of all pixels wrong, and gets only "
                + "\(actual) wrong."
        case .agreeing:
            first =
                "The model knows how often it is wrong: it expects \(expected) of all pixels, and gets \(actual) wrong."
        case .unclear:
            first =
                "The model expects to get \(expected) of all pixels wrong, and gets \(actual) wrong: whether it is over- "
                + "or under-confident is not clear from these cases."
        }
        guard let all = region("all")?.error.mean, let ece = error?.mean else { return first }
        func number(_ value: Double) -> String { NumberText.fixed(value, value < 0.01 ? 4 : 3) }
        let whole = first + " Its calibration error (ECE) is \(number(all)) over all pixels"
        return settings.region == "all" ? whole + "." : whole + ", and \(number(ece)) on and around the objects."
    }

    /// Further findings, most important first.
    var findings: [String] {
        ([doubt, sureness, border] + sizes + [temperature, leftOut]).compactMap { $0 }
    }

    private var doubt: String? {
        guard run.cases.count > 1, run.cases.count < Self.fewCases else { return nil }
        return "Only \(run.cases.count) cases: the intervals are too narrow at such numbers. Take this as a first look."
    }

    private func region(_ name: String) -> CalibrationReport.Region? { run.regions.first { $0.name == name } }

    /// How often the model is right where it is surest.
    private var sureness: String? {
        guard let all = region("all"), let bin = all.reliability.last(where: { $0.count > 0 }), bin.low >= 0.8 else {
            return nil
        }
        let share = Double(bin.count) / Double(max(1, all.pixels))
        return
            "Where its confidence is above \(NumberText.fixed(bin.low, 2)) (\(NumberText.percent(share, 1)) of the pixels), "
            + "it expects \(NumberText.percent(1 - bin.confidence, 2)) to be wrong, and "
            + "\(NumberText.percent(1 - bin.accuracy, 2)) are."
    }

    private var border: String? {
        guard let border = region("boundary")?.error.mean, let interior = region("interior")?.error.mean else {
            return nil
        }
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

    /// Classes whose probabilities add up to another size than they have; the two worst.
    private var sizes: [String?] {
        let wrong = run.classes.dropFirst().filter { row in
            guard let mean = row.sizeRatio.mean, let low = row.sizeRatio.low, let high = row.sizeRatio.high else {
                return false
            }
            return abs(mean - 1) > 0.1 && (low > 1 || high < 1)
        }
        func distance(_ row: CalibrationReport.ClassRow) -> Double { abs((row.sizeRatio.mean ?? 1) - 1) }
        return wrong.sorted { (distance($0), $1.name) > (distance($1), $0.name) }.prefix(2).map { row in
            "The probabilities of “\(row.name)” add up to \(NumberText.fixed(row.sizeRatio.mean, 2)) times its true size."
        }
    }

    private var temperature: String? {
        guard let fit = run.temperature, let before = fit.errorBefore, let after = fit.errorAfter else { return nil }
        let value = NumberText.fixed(fit.value, 2)
        guard before - after > 0.1 * before, abs(fit.value - 1) > 0.02 else {
            return "A single temperature would not help: with the best one (\(value)) the ECE over all pixels is "
                + "\(NumberText.fixed(after, 4)), now \(NumberText.fixed(before, 4))."
        }
        return "A temperature of \(value) would take the ECE over all pixels from \(NumberText.fixed(before, 4)) to "
            + "\(NumberText.fixed(after, 4)). It was fitted on these very cases, so expect less on others."
    }

    private var leftOut: String? {
        guard let error, error.leftOut > 0 else { return nil }
        return
            "\(NumberText.plural(error.leftOut, "case")) had no pixel in the region and \(error.leftOut == 1 ? "is" : "are") "
            + "not in the means."
    }
}

extension CalibrationReport {
    /// The judgement of each run in a sentence or two.
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
        let decimals = abs(difference) < 0.01 ? 4 : 3
        guard isClear else {
            let shown = NumberText.pValue(p)
            return
                "\(metric.title): no clear difference from “\(baseline)” (\(NumberText.signed(difference, decimals)), p "
                + "\(shown.hasPrefix("<") ? "" : "= ")\(shown))."
        }
        let better = metric.lowerIsBetter.map { $0 == (difference < 0) }
        return
            "\(metric.title) is \(NumberText.fixed(abs(difference), decimals)) \(difference < 0 ? "lower" : "higher") than "
            + "that of “\(baseline)”" + (better.map { $0 ? ", which is better" : ", which is worse" } ?? "")
            + " (in \(difference < 0 ? lower : higher) of \(cases) cases)."
    }
}
