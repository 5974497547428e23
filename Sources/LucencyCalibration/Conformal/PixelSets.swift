import LucencyFoundation
import LucencyImaging

/// For each pixel the set of classes that it may be: those whose probability reaches a threshold (and always the most
/// probable one). In a further case the expected share of pixels whose true class is not in their set is at most `risk`.
///
/// Pixels of one image are alike, so the promise is made about cases: it is conformal risk control of the share of pixels
/// not covered, which needs exchangeable cases and nothing of pixels.
public struct PixelSets: Hashable, Codable, Sendable {
    /// The names of the map's classes.
    public var classes: [String]
    /// Which pixels the share is of.
    public var region: CalibrationRegion
    public var threshold: Float
    public var guarantee: ConformalGuarantee

    /// What the sets are in one image.
    public struct Result: Sendable {
        /// How many classes each pixel's set has, 1 or more.
        public let sizes: LabelMap
        /// For each class a plane of 1 where it is in the set and 0 elsewhere; `classes × z × y × x`.
        public let members: AlignedBuffer<UInt8>
    }

    /// - Throws: `Diagnostic` when the map has other classes.
    public func callAsFunction(_ map: ProbabilityMap, pool: ThreadPool = .serial) throws(Diagnostic) -> Result {
        try CalibrationEvaluation.require(map)
        guard map.classes == classes else {
            throw Diagnostic(
                .channelMismatch,
                "the threshold was chosen for the classes \(classes.joined(separator: ", ")), the map has "
                    + map.classes.joined(separator: ", "),
                remedy: "choose it on predictions of the same model")
        }
        let decisions = PixelDecisions(map, pool: pool), count = map.size.count, planes = classes.count
        var sizes = AlignedBuffer<Int32>(count: count) { $0.initialize(repeating: 0) }
        let members = AlignedBuffer<UInt8>(count: count * planes) { members in
            sizes.withUnsafeMutableBufferPointer { sizes in
                decisions.classes.withUnsafeBufferPointer { answers in
                    map.values.withUnsafeBufferPointer { values in
                        for plane in 0..<planes {
                            for index in 0..<count {
                                let value = values[plane &* count &+ index]
                                let isIn = value >= threshold || Int(answers[index]) == plane
                                members[plane &* count &+ index] = isIn ? 1 : 0
                                sizes[index] &+= isIn ? 1 : 0
                            }
                        }
                    }
                }
            }
        }
        return Result(sizes: try LabelMap(geometry: map.geometry, labels: sizes), members: members)
    }
}

/// Gathers what `PixelSets` is chosen from, case by case. Parts of a data set merge to the same in any order.
public struct PixelSetsSample: Hashable, Codable, Sendable {
    /// `all`, `foreground` (of the reference) or `foregroundUnion`.
    public let region: CalibrationRegion
    /// The label of each plane; empty: as the references name the classes, or 0, 1, 2, ….
    public let labels: [Int32]
    public let background: Int32
    public let ignoredLabel: Int32?
    private var classes: [String] = []
    private var missed = LossCurves()

    public init(
        region: CalibrationRegion = .all, labels: [Int32] = [], background: Int32 = 0, ignoredLabel: Int32? = nil
    ) {
        (self.region, self.labels, self.background, self.ignoredLabel) = (region, labels, background, ignoredLabel)
    }

    /// Cases with a pixel of the region.
    public var caseCount: Int { missed.counted.count }

    /// - Throws: `Diagnostic` when the region is none of the three, classes differ from the other cases', a label has no
    ///   class, the name is there already, or the maps lie on different grids.
    public mutating func add(
        _ name: String, probabilities map: ProbabilityMap, reference: LabelMap, pool: ThreadPool = .serial
    ) throws(Diagnostic) {
        try CalibrationEvaluation.require(map)
        guard [.all, .foreground, .foregroundUnion].contains(region) else {
            throw Diagnostic(
                .badArgument, "sets are not promised for the region '\(region.rawValue)'",
                remedy: "take all, foreground or foreground-union")
        }
        try reference.geometry.requireMatch(map.geometry, "the probabilities and the reference")
        let labels = PixelTruth.labels(labels, of: map.classes, in: reference)
        guard labels.count == map.classes.count, let background = labels.firstIndex(of: background) else {
            throw Diagnostic(
                .badLabel,
                "\(labels.count) labels for \(map.classes.count) classes, with \(self.background) as background, do not fit"
            )
        }
        let truth = try PixelTruth(reference, labels: labels, ignoring: ignoredLabel)
        let decisions = PixelDecisions(map, pool: pool), count = map.size.count, region = region
        var one = self
        one.classes = map.classes
        one.missed = truth.classes.withUnsafeBufferPointer { truth in
            decisions.classes.withUnsafeBufferPointer { answers in
                map.values.withUnsafeBufferPointer { values in
                    func belongs(_ index: Int) -> Bool {
                        guard truth[index] != PixelTruth.ignored else { return false }
                        return region == .all || Int(truth[index]) != background
                            || region == .foregroundUnion && Int(answers[index]) != background
                    }
                    var total = 0
                    for index in 0..<count where belongs(index) { total &+= 1 }
                    // The most probable class is always in the set, so a right pixel is never lost.
                    return LossCurves(name, total: total, pixels: count) { index in
                        belongs(index) && answers[index] != truth[index]
                            ? values[Int(truth[index]) &* count &+ index] : nil
                    }
                }
            }
        }
        try merge(one)
    }

    /// - Throws: as `add`.
    public mutating func merge(_ other: PixelSetsSample) throws(Diagnostic) {
        guard region == other.region, labels == other.labels, background == other.background,
            ignoredLabel == other.ignoredLabel
        else { throw Diagnostic(.badArgument, "samples of different regions or labels do not add up") }
        guard !other.classes.isEmpty else { return }
        guard classes.isEmpty || classes == other.classes else {
            throw Diagnostic(
                .channelMismatch,
                "cases have the classes \(classes.joined(separator: ", ")) and \(other.classes.joined(separator: ", "))"
            )
        }
        var sum = self
        sum.classes = other.classes
        try sum.missed.merge(other.missed)
        self = sum
    }

    /// Chooses the threshold.
    /// - Parameter risk: the share of pixels whose class may be missing from their set, on average.
    /// - Throws: `Diagnostic` when the risk is not between 0 and 1, or there are too few cases to promise it.
    public func choose(risk: Double) throws(Diagnostic) -> PixelSets {
        try ConformalGuarantee.require(risk: risk, cases: caseCount, of: "a share of pixels not covered")
        let chosen = missed.largestThreshold(risk: risk)
        return PixelSets(
            classes: classes, region: region, threshold: chosen.threshold,
            guarantee: ConformalGuarantee(
                "In a further case, at most \(risk) of the pixels (\(region.definition)) have a class that is not in their "
                    + "set, in expectation.",
                risk: risk, cases: caseCount, leftOut: missed.leftOut, observed: chosen.observed))
    }
}
