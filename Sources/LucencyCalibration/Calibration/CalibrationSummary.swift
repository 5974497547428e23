import LucencyFoundation

/// One number over cases. `n + infinite + undefined` is the number of cases.
public struct CalibrationScore: Hashable, Codable, Sendable {
    /// Cases that the mean is of.
    public var n: Int
    public var mean: Score
    /// Divided by n − 1; undefined below two cases.
    public var standardDeviation: Score
    public var median: Score
    /// Cases left out because the value is infinite, or there was nothing to measure.
    public var infinite: Int
    public var undefined: Int
    /// The value over the pixels of all cases together, which is not the mean of the cases' values.
    public var pooled: Score
    /// For each case, in the order of names, its value; nil where it is left out.
    public var caseValues: [Double?]

    /// The values that the mean is of.
    public var values: [Double] { caseValues.compactMap { $0 } }

    package init(_ scores: [Score], pooled: Score) {
        caseValues = scores.map(\.value)
        let values = scores.compactMap(\.value)
        infinite = scores.count { $0 == .infinite }
        undefined = scores.count { $0 == .undefined }
        n = values.count
        self.pooled = pooled
        guard n > 0 else {
            (mean, standardDeviation, median) = (.undefined, .undefined, .undefined)
            return
        }
        let mean = values.reduce(0, +) / Double(n)
        self.mean = .value(mean)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        standardDeviation = Score(n > 1 ? (squares / Double(n - 1)).squareRoot() : nil)
        median = .value(SurfaceDistances.quantile(values.sorted(), 0.5))
    }
}

/// Cases put together. Summaries of parts of a data set merge into that of the whole, in any order, to the same bytes:
/// histograms hold whole numbers, and everything else is summed in the order of the cases' names.
public struct CalibrationSummary: Hashable, Sendable {
    /// By ascending name.
    public private(set) var cases: [CalibrationCase] = []
    /// Of all cases together, in the order of the conventions' regions.
    public private(set) var histograms: [RegionHistograms] = []

    public init() {}

    public var conventions: CalibrationConventions? { cases.first?.conventions }

    /// - Throws: `Diagnostic` when a case of this name is there already, was made by other conventions, or there are more
    ///   pixels than histograms hold.
    public mutating func add(_ measurement: CalibrationMeasurement) throws(Diagnostic) {
        let place = try self.place(of: measurement.result)
        try add(measurement.histograms)
        cases.insert(measurement.result, at: place)
    }

    /// - Throws: as `add`.
    public mutating func merge(_ other: CalibrationSummary) throws(Diagnostic) {
        // All is looked at first, so that nothing is half merged, and nothing copied.
        for result in other.cases { _ = try place(of: result) }
        guard !other.cases.isEmpty else { return }
        try add(other.histograms)
        for result in other.cases { cases.insert(result, at: try place(of: result)) }
    }

    private func place(of result: CalibrationCase) throws(Diagnostic) -> Int {
        if let first = cases.first, first.conventions != result.conventions {
            throw Diagnostic(
                .badArgument,
                "cases \"\(first.name)\" and \"\(result.name)\" were measured differently: "
                    + Self.difference(first.conventions, result.conventions),
                remedy: "give every case the same classes, bins, boundary, mask and true probabilities")
        }
        return try cases.place(of: result)
    }

    private static func difference(_ a: CalibrationConventions, _ b: CalibrationConventions) -> String {
        if a.classes != b.classes {
            return "classes \(a.classes.joined(separator: ", ")) and \(b.classes.joined(separator: ", "))"
        }
        if a.bins != b.bins { return "\(a.bins) and \(b.bins) bins" }
        if a.boundary != b.boundary { return "boundaries of \(a.boundary) and \(b.boundary)" }
        if a.regions != b.regions { return "one with and one without a mask" }
        if a.hasPosterior != b.hasPosterior { return "one with and one without true probabilities" }
        if a.hasClean != b.hasClean { return "one with and one without probabilities of the case without noise" }
        return "labels \(a.labels) and \(b.labels), background \(a.background) and \(b.background)"
    }

    private mutating func add(_ other: [RegionHistograms]) throws(Diagnostic) {
        guard !histograms.isEmpty else {
            histograms = other
            return
        }
        var sums = histograms
        guard sums.count == other.count else {
            throw Diagnostic(.badArgument, "histograms of \(sums.count) and \(other.count) regions do not add up")
        }
        for region in sums.indices { try sums[region].merge(other[region]) }
        histograms = sums
    }

    /// The region over all pixels of all cases; nil where it was not measured.
    public func pooled(_ region: CalibrationRegion) -> RegionCalibration? {
        guard let conventions, let place = conventions.regions.firstIndex(of: region),
            histograms.indices.contains(place)
        else { return nil }
        let rows = cases.compactMap { $0[region] }
        let brier = conventions.classes.indices.map { plane in
            rows.reduce(into: BrierScore()) { sum, row in
                if row.classes.indices.contains(plane) { sum.merge(row.classes[plane].brier) }
            }
        }
        return RegionCalibration(
            region, histograms[place], brier: brier, background: conventions.background,
            logLoss: rows.reduce(into: LogLoss()) { $0.merge($1.logLoss) },
            posterior: conventions.hasPosterior
                ? rows.reduce(into: PosteriorDistance()) { sum, row in row.posterior.map { sum.merge($0) } } : nil,
            clean: conventions.hasClean
                ? rows.reduce(into: PosteriorDistance()) { sum, row in row.clean.map { sum.merge($0) } } : nil)
    }

    /// A region's metrics over cases, in the order asked for.
    public func scores(
        _ metrics: [CalibrationMetric] = CalibrationMetric.allCases, in region: CalibrationRegion
    ) -> [CalibrationScore] {
        let pooled = pooled(region), rows = cases.compactMap { $0[region] }
        return metrics.map { metric in
            CalibrationScore(rows.map { $0[metric] }, pooled: pooled?[metric] ?? .undefined)
        }
    }

    /// The same of one class against all others; metrics that single classes do not have are nil.
    public func scores(
        _ metrics: [CalibrationMetric] = CalibrationMetric.allCases, in region: CalibrationRegion, ofClass plane: Int
    ) -> [CalibrationScore?] {
        func of(_ row: RegionCalibration, _ metric: CalibrationMetric) -> Score? {
            row.classes.indices.contains(plane) ? row.classes[plane][metric] : nil
        }
        let pooled = pooled(region), rows = cases.compactMap { $0[region] }
        return metrics.map { metric in
            guard let together = pooled.flatMap({ of($0, metric) }) else { return nil }
            return CalibrationScore(rows.map { of($0, metric) ?? .undefined }, pooled: together)
        }
    }

    /// Sizes of one class, over all cases together.
    public func size(ofClass plane: Int) -> SizeEstimate {
        cases.reduce(into: SizeEstimate(expected: 0, predicted: 0, reference: 0)) { sum, result in
            if result.sizes.indices.contains(plane) { sum.merge(result.sizes[plane]) }
        }
    }

    /// How well each case-level confidence ranks the cases by their mean Dice.
    /// - Parameter threshold: a Dice below it is a failure.
    public func rankings(failureBelow threshold: Double = 0.7) -> [FailureRanking] {
        CaseAggregation.allCases.map { aggregation in
            FailureRanking(
                aggregation, cases.map { ($0.confidence[aggregation], $0.dice) }, threshold: threshold)
        }
    }

    /// The curve over the answers of all cases; nil where the region was not measured.
    public func riskCoverage(_ region: CalibrationRegion) -> RiskCoverage? {
        guard let place = conventions?.regions.firstIndex(of: region), histograms.indices.contains(place) else {
            return nil
        }
        return histograms[place].top.riskCoverage
    }
}

extension RegionHistograms {
    mutating func merge(_ other: RegionHistograms) throws(Diagnostic) {
        guard classes.count == other.classes.count else {
            throw Diagnostic(.badArgument, "\(classes.count) and \(other.classes.count) classes do not add up")
        }
        try top.merge(other.top)
        try foreground.merge(other.foreground)
        for plane in classes.indices { try classes[plane].merge(other.classes[plane]) }
    }
}

extension CalibrationSummary: Codable {
    private enum CodingKeys: String, CodingKey { case cases, histograms }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(cases, forKey: .cases)
        try container.encode(histograms, forKey: .histograms)
    }

    /// Refuses what `add` refuses, and histograms that are not those of the cases.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        for result in try container.decode([CalibrationCase].self, forKey: .cases) {
            cases.insert(result, at: try place(of: result))
        }
        histograms = try container.decode([RegionHistograms].self, forKey: .histograms)
        let regions = conventions?.regions ?? [], classes = conventions?.classes.count ?? 0
        let fits =
            histograms.count == regions.count
            && zip(regions, histograms).allSatisfy { region, counted in
                counted.classes.count == classes && counted.top.scale.bins == conventions?.bins
                    && Int(counted.top.total) == cases.reduce(0) { $0 + ($1[region]?.total ?? 0) }
            }
            && cases.allSatisfy { result in
                result.sizes.count == classes && result.confusion.count == classes * classes
                    && result.regions.allSatisfy { $0.classes.count == classes }
            }
        guard fits else {
            throw DecodingError.dataCorruptedError(
                forKey: .histograms, in: container, debugDescription: "the histograms are not those of the cases")
        }
    }
}
