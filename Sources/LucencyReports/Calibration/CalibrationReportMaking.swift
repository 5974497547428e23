import LucencyCalibration
import LucencyFoundation

extension CalibrationReport {
    /// Makes a report of what the cases of one or several runs added up to.
    ///
    /// Intervals are over cases. Runs are compared with the first on the cases that both have.
    /// - Parameters:
    ///   - runs: by name, in the order in which they are shown; all measured by the same settings.
    /// - Throws: `Diagnostic` when no run has a case, names repeat, or runs have different classes.
    public init(
        title: String, runs: [(name: String, evidence: CalibrationEvidence)], bootstrap: Bootstrap,
        problems: [Problem] = [],
        provenance: [Fact] = [], pool: ThreadPool = .serial
    ) throws(Diagnostic) {
        guard let conventions = runs.lazy.compactMap(\.evidence.summary.conventions).first, let first = runs.first
        else {
            throw Diagnostic(.noItems, "no case could be judged, so there is nothing to report")
        }
        guard Set(runs.map(\.name)).count == runs.count else {
            throw Diagnostic(.duplicateName, "two runs have the same name")
        }
        for run in runs {
            guard let other = run.evidence.summary.conventions, other.classes != conventions.classes else { continue }
            throw Diagnostic(
                .channelMismatch,
                "the runs have different classes: \(conventions.classes.joined(separator: ", ")) and, in '\(run.name)', "
                    + other.classes.joined(separator: ", "))
        }
        let region = first.evidence.settings.region
        var made: [Run] = []
        for run in runs {
            let maker = RunMaker(evidence: run.evidence, region: region, bootstrap: bootstrap)
            made.append(try maker.run(named: run.name, pool: pool))
        }
        var comparisons: [Comparison] = []
        for run in made.dropFirst() { comparisons += try Self.compared(run, with: made[0], bootstrap: bootstrap) }
        self.init(
            title: title, classes: conventions.classes,
            settings: Settings(
                bins: conventions.bins, region: region.rawValue, regionDefinition: region.definition,
                boundary: conventions.boundary, level: bootstrap.level, resamples: bootstrap.resamples,
                seed: bootstrap.seed),
            runs: made, comparisons: comparisons, problems: problems, provenance: provenance)
    }

    /// The metrics by which runs are compared.
    private static let compared: [ReportedMetric] = [.ece, .cece, .overconfidence, .brier, .nll, .dice]

    private static func compared(_ run: Run, with baseline: Run, bootstrap: Bootstrap) throws(Diagnostic)
        -> [Comparison]
    {
        let others = Dictionary(baseline.cases.map { ($0.name, $0.values) }) { first, _ in first }
        var rows: [Comparison] = []
        for metric in compared {
            let differences = run.cases.compactMap { item -> Double? in
                guard let mine = item.values[metric], let its = others[item.name]?[metric] else { return nil }
                return mine.isFinite && its.isFinite ? mine - its : nil
            }
            guard !differences.isEmpty else { continue }
            let outcome = try PairedComparison(bootstrap: bootstrap, flips: bootstrap.resamples)(differences)
            rows.append(
                Comparison(
                    run: run.name, baseline: baseline.name, metric: metric, difference: outcome.mean,
                    low: outcome.interval?.lower, high: outcome.interval?.upper, p: outcome.cases > 1 ? outcome.p : nil,
                    cases: outcome.cases, lower: outcome.lower, higher: outcome.higher))
        }
        return rows
    }
}

/// Turns the evidence of a run into the rows of a report.
private struct RunMaker {
    let evidence: CalibrationEvidence
    let region: CalibrationRegion
    let bootstrap: Bootstrap

    private var summary: CalibrationSummary { evidence.summary }

    func run(named name: String, pool: ThreadPool) throws(Diagnostic) -> CalibrationReport.Run {
        var run = CalibrationReport.Run(name: name)
        guard let conventions = summary.conventions, let pooled = summary.pooled(region) else { return run }
        run.cases = summary.cases.map { item in
            var values: [ReportedMetric: Double] = [:]
            for metric in ReportedMetric.allCases {
                switch metric.score(of: item, in: region) {
                case .value(let value): values[metric] = value
                case .infinite: values[metric] = .infinity
                case .undefined: break
                }
            }
            return CalibrationReport.Case(name: item.name, pixels: item[region]?.total ?? 0, values: values)
        }
        let known = ReportedMetric.allCases.filter { metric in
            switch metric {
            case .posteriorKL, .posteriorL1: conventions.hasPosterior
            case .cleanKL, .cleanL1: conventions.hasClean
            default: true
            }
        }
        for metric in known {
            run.summaries[metric] = try summary(
                of: summary.cases.map { metric.score(of: $0, in: region) }, pooled: metric.score(of: pooled))
        }
        let order = [region] + CalibrationRegion.allCases.filter { $0 != region }
        for other in order where conventions.regions.contains(other) { run.regions.append(try row(of: other)) }
        for (plane, name) in conventions.classes.enumerated() {
            run.classes.append(try row(ofClass: plane, name: name))
        }
        run.forecast = forecast
        run.coverage = CalibrationReport.thinned(
            (summary.riskCoverage(region)?.points ?? []).map { .init(coverage: $0.coverage, risk: $0.risk) })
        run.temperature = try evidence.samples.temperature(bins: conventions.bins, pool: pool)
        return run
    }

    private func summary(of scores: [Score], pooled: Score?) throws(Diagnostic) -> CalibrationReport.Summary {
        let values = scores.compactMap(\.value)
        var summary = CalibrationReport.Summary(
            mean: nil, cases: values.count, leftOut: scores.count - values.count, pooled: Self.number(pooled))
        guard !values.isEmpty else { return summary }
        let mean = values.reduce(0, +) / Double(values.count)
        summary.mean = mean
        let sorted = values.sorted()
        summary.median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
        guard values.count > 1 else { return summary }
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        summary.standardDeviation = (squares / Double(values.count - 1)).squareRoot()
        let interval = try bootstrap.interval(of: values)
        (summary.low, summary.high) = (interval?.lower, interval?.upper)
        return summary
    }

    /// Infinite scores stay infinite.
    private static func number(_ score: Score?) -> Double? {
        switch score {
        case .value(let value): value
        case .infinite: .infinity
        case .undefined, nil: nil
        }
    }

    private func row(of region: CalibrationRegion) throws(Diagnostic) -> CalibrationReport.Region {
        let pooled = summary.pooled(region)
        return CalibrationReport.Region(
            name: region.rawValue, definition: region.definition, pixels: pooled?.total ?? 0,
            error: try summary(
                of: summary.cases.map { $0[region]?[.ece] ?? .undefined }, pooled: pooled?[.ece]),
            gap: try summary(
                of: summary.cases.map { $0[region]?.top.gap ?? .undefined }, pooled: pooled?.top.gap),
            accuracy: pooled?[.accuracy].value,
            reliability: pooled.map {
                Self.bins(
                    $0.top,
                    ResampledRatios(
                        summary.cases.compactMap { $0[region]?.top }, bootstrap: bootstrap
                    ).intervals)
            } ?? [])
    }

    private var forecast: CalibrationReport.Forecast? {
        let bins = summary.cases.compactMap { $0[.all]?.top }
        // Pixels of confidence 0 are expected to be wrong too.
        let expected = bins.map { Double($0.total) - $0.confidences.reduce(0, +) }
        let actual = bins.map { Double($0.total - $0.hits.reduce($0.zeroHits, +)) }
        let total = bins.reduce(0.0) { $0 + Double($1.total) }
        guard total > 0 else { return nil }
        let interval = ResampledRatios(
            columns: [expected], over: [actual], stream: "forecast", bootstrap: bootstrap
        ).intervals[0]
        return CalibrationReport.Forecast(
            expected: max(0, expected.reduce(0, +)) / total, actual: actual.reduce(0, +) / total, low: interval?.low,
            high: interval?.high)
    }

    private func row(ofClass plane: Int, name: String) throws(Diagnostic) -> CalibrationReport.ClassRow {
        let pooled = summary.pooled(.all), pooledRegion = summary.pooled(region)
        func bins(_ region: RegionCalibration?) -> ReliabilityBins? {
            region.flatMap { $0.classes.indices.contains(plane) ? $0.classes[plane].bins : nil }
        }
        let cases = summary.cases, size = summary.size(ofClass: plane)
        let ratios = cases.map { item -> Score in
            guard item.sizes.indices.contains(plane), item.sizes[plane].reference > 0 else { return .undefined }
            return .value(item.sizes[plane].expected / Double(item.sizes[plane].reference))
        }
        return CalibrationReport.ClassRow(
            name: name, pixels: size.reference, presentCases: ratios.count { $0 != .undefined },
            error: try summary(
                of: cases.map { bins($0[.all])?.expectedError ?? .undefined }, pooled: bins(pooled)?.expectedError),
            regionError: try summary(
                of: cases.map { bins($0[region])?.expectedError ?? .undefined },
                pooled: bins(pooledRegion)?.expectedError),
            gap: try summary(of: cases.map { bins($0[.all])?.gap ?? .undefined }, pooled: bins(pooled)?.gap),
            dice: try summary(
                of: cases.map { $0.dice(plane) },
                pooled: .ratio(
                    2 * cases.reduce(0) { $0 + $1.confusion[plane * $1.sizes.count + plane] },
                    size.predicted + size.reference)),
            sizeRatio: try summary(
                of: ratios, pooled: size.reference > 0 ? .value(size.expected / Double(size.reference)) : .undefined),
            reliability: bins(pooled).map { Self.bins($0, []) } ?? [])
    }

    private static func bins(
        _ bins: ReliabilityBins, _ intervals: [(low: Double, high: Double)?]
    ) -> [ReliabilityDiagram.Bin] {
        bins.counts.indices.map { index in
            let limits = bins.limits(of: index), count = bins.counts[index], divisor = Double(max(1, count))
            let interval = intervals.indices.contains(index) ? intervals[index] : nil
            return ReliabilityDiagram.Bin(
                low: limits.lowerBound, high: limits.upperBound, count: count,
                confidence: bins.confidences[index] / divisor, accuracy: Double(bins.hits[index]) / divisor,
                accuracyLow: interval?.low, accuracyHigh: interval?.high)
        }
    }
}

extension ReliabilityBins {
    /// Mean confidence minus share of right pairs.
    fileprivate var gap: Score {
        guard let confidence = meanConfidence.value, let accuracy = accuracy.value else { return .undefined }
        return .value(confidence - accuracy)
    }
}

extension ReportedMetric {
    fileprivate func score(of item: CalibrationCase, in region: CalibrationRegion) -> Score {
        self == .dice ? item.dice : item[region].map { score(of: $0) } ?? .undefined
    }

    /// Of a region; Dice is not one of regions.
    fileprivate func score(of region: RegionCalibration) -> Score {
        switch self {
        case .ece: region[.ece]
        case .gap: region.top.gap
        case .overconfidence: region[.overconfidence]
        case .underconfidence: region[.underconfidence]
        case .mce: region[.mce]
        case .aece: region[.aece]
        case .cece: region[.cece]
        case .brier: region[.brier]
        case .nll: region[.nll]
        case .aurc: region[.aurc]
        case .dice: .undefined
        case .posteriorKL: region[.posteriorKL]
        case .cleanKL: region[.cleanKL]
        case .posteriorL1: region[.posteriorL1]
        case .cleanL1: region[.cleanL1]
        }
    }
}
