import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a recalibration is fitted to, gathered case by case: for each class a histogram of all its pixels, and the
/// log-probabilities of some pixels of each case, drawn evenly over the case by its name. Samples of parts of a data set
/// merge to the same bytes in any order.
public struct RecalibrationSample: Hashable, Sendable {
    /// How cases are sampled. Only samples of equal settings merge.
    public struct Settings: Hashable, Codable, Sendable {
        /// Which pixels count: all, the reference's foreground, or that and the prediction's.
        public var region = CalibrationRegion.all
        /// The label of each plane; empty: as the references name the classes, or 0, 1, 2, ….
        public var labels: [Int32] = []
        /// The label of background.
        public var background: Int32 = 0
        public var ignoredLabel: Int32?
        /// Pixels kept of each case, at most; they count for all of the region.
        public var pixelsPerCase = 2048
        public var seed: UInt64 = 0
        /// Equal-width bins that histogram binning can have.
        public var bins = 15

        public init() {}
    }

    /// The kept pixels of a case.
    struct Case: Hashable, Codable, Sendable {
        var name: String
        /// Pixels of the region.
        var count: Int
        var logits: [Float]
        var labels: [UInt8]
    }

    /// More points than this are thinned evenly before a fit.
    static let maximumPoints = 1 << 20

    public let settings: Settings
    public private(set) var classes: [String] = []
    /// The place of background among the classes.
    private(set) var background = 0
    /// By ascending name.
    private(set) var cases: [Case] = []
    private(set) var histograms: [ConfidenceHistogram] = []

    public init(_ settings: Settings) {
        self.settings = settings
    }

    public var caseCount: Int { cases.count }

    /// Adds a case.
    /// - Throws: `Diagnostic` when the name is there already, classes differ from the others', a label has no class, the
    ///   maps lie on different grids, or the settings are not possible.
    public mutating func add(
        _ name: String, probabilities map: ProbabilityMap, reference: LabelMap, pool: ThreadPool = .serial
    ) throws(Diagnostic) {
        var one = RecalibrationSample(settings)
        try one.sample(name, map, reference, pool)
        try merge(one)
    }

    /// - Throws: as `add`.
    public mutating func merge(_ other: RecalibrationSample) throws(Diagnostic) {
        guard settings == other.settings else {
            throw Diagnostic(.badArgument, "samples of different settings do not add up")
        }
        guard !other.cases.isEmpty else { return }
        guard !cases.isEmpty else {
            self = other
            return
        }
        guard classes == other.classes, background == other.background else {
            throw Diagnostic(
                .channelMismatch,
                "cases have the classes \(classes.joined(separator: ", ")) and \(other.classes.joined(separator: ", "))"
            )
        }
        let all = (cases + other.cases).sorted { $0.name < $1.name }
        if let (twice, _) = zip(all, all.dropFirst()).first(where: { $0.name == $1.name }) {
            throw Diagnostic(.duplicateName, "there are two cases named \"\(twice.name)\"")
        }
        var sums = histograms
        for plane in sums.indices { try sums[plane].merge(other.histograms[plane]) }
        (cases, histograms) = (all, sums)
    }

    private mutating func sample(
        _ name: String, _ map: ProbabilityMap, _ reference: LabelMap, _ pool: ThreadPool
    ) throws(Diagnostic) {
        let pixels = try RegionPixels(
            map, reference, region: settings.region, labels: settings.labels, background: settings.background,
            ignoring: settings.ignoredLabel, pool: pool)
        guard (1...ConfidenceScale.maximumBins).contains(settings.bins), settings.pixelsPerCase >= 1 else {
            throw Diagnostic(
                .badArgument, "\(settings.bins) bins and \(settings.pixelsPerCase) pixels a case are not possible",
                remedy: "give 1 to \(ConfidenceScale.maximumBins) bins and at least one pixel")
        }
        let count = map.size.count, planes = map.classes.count
        classes = map.classes
        var one = Case(name: name, count: 0, logits: [], labels: [])
        var counted: [ConfidenceHistogram] = []
        map.values.withUnsafeBufferPointer { values in
            for index in 0..<count where pixels.contains(index) { one.count &+= 1 }
            let kept = min(one.count, settings.pixelsPerCase)
            var random = PhiloxStream(seed: settings.seed, stream: "recalibration/" + name)
            // One of each of `kept` runs of the region's pixels.
            func target(_ number: Int) -> Int {
                guard number < kept else { return .max }
                let first = number * one.count / kept, next = (number + 1) * one.count / kept
                return min(next - 1, first + Int(random.uniform() * Double(next - first)))
            }
            var ordinal = 0, number = 0, wanted = target(0)
            for index in 0..<count where pixels.contains(index) {
                if ordinal == wanted {
                    for plane in 0..<planes {
                        one.logits.append(logf(max(values[plane &* count &+ index], Recalibration.smallest)))
                    }
                    one.labels.append(pixels.truth[index])
                    number += 1
                    wanted = target(number)
                }
                ordinal &+= 1
            }
            let scale = ConfidenceScale(bins: settings.bins)
            counted = (0..<planes).map { plane in
                ConfidenceHistogram(scale: scale, count) { index in
                    pixels.contains(index)
                        ? (values[plane &* count &+ index], Int(pixels.truth[index]) == plane) : nil
                }
            }
        }
        (cases, histograms, background) = ([one], counted, pixels.background)
    }

    /// The kept pixels of all cases, each with the weight of those that it stands for.
    func points() -> LogitPoints {
        var points = LogitPoints(classCount: classes.count)
        let total = cases.reduce(0) { $0 + $1.labels.count }
        let step = max(1, (total + Self.maximumPoints - 1) / Self.maximumPoints)
        for one in cases where !one.labels.isEmpty {
            let kept = (one.labels.count + step - 1) / step
            let weight = Float(Double(one.count) / Double(kept))
            for place in stride(from: 0, to: one.labels.count, by: step) {
                points.append(
                    one.logits[place * classes.count..<(place + 1) * classes.count], one.labels[place], weight)
            }
        }
        return points
    }
}

extension RecalibrationSample: Codable {
    private enum CodingKeys: String, CodingKey { case settings, classes, background, cases, histograms }

    /// Refuses what `add` does not give.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        settings = try container.decode(Settings.self, forKey: .settings)
        classes = try container.decode([String].self, forKey: .classes)
        background = try container.decode(Int.self, forKey: .background)
        cases = try container.decode([Case].self, forKey: .cases)
        histograms = try container.decode([ConfidenceHistogram].self, forKey: .histograms)
        let fits =
            histograms.count == classes.count
            && (cases.isEmpty || (2...254).contains(classes.count) && classes.indices.contains(background))
            && zip(cases, cases.dropFirst()).allSatisfy { $0.name < $1.name }
            && cases.allSatisfy { one in
                one.logits.count == one.labels.count * classes.count && one.count >= one.labels.count
                    && one.logits.allSatisfy(\.isFinite) && one.labels.allSatisfy { Int($0) < classes.count }
            }
            && histograms.allSatisfy { $0.scale.bins == settings.bins }
        guard fits else {
            throw DecodingError.dataCorruptedError(
                forKey: .cases, in: container, debugDescription: "not a sample for recalibration")
        }
    }
}
