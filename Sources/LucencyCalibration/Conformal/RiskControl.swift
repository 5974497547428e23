import LucencyFoundation
import LucencyImaging

/// Two masks of one structure with a promise each, by conformal risk control.
///
/// The outer mask holds the pixels whose probability of the structure reaches a threshold: of the structure's pixels it
/// misses at most `outer.risk` in expectation over further cases. The inner mask has a higher threshold: the pixels in it
/// that are not the structure's are, as a share of the structure's size, at most `inner.risk` in expectation.
public struct RiskControl: Hashable, Codable, Sendable {
    /// The names of the map's classes, and the one that is the structure.
    public var classes: [String]
    public var structure: String
    public var outerThreshold: Float
    public var outer: ConformalGuarantee
    /// Above 1 where no threshold can promise as much; the mask is empty then.
    public var innerThreshold: Float
    public var inner: ConformalGuarantee

    /// - Returns: label maps of 0 and 1 on the map's grid.
    /// - Throws: `Diagnostic` when the map has other classes.
    public func callAsFunction(_ map: ProbabilityMap) throws(Diagnostic) -> (inner: LabelMap, outer: LabelMap) {
        guard map.classes == classes, let plane = classes.firstIndex(of: structure) else {
            throw Diagnostic(
                .channelMismatch,
                "the thresholds were chosen for the classes \(classes.joined(separator: ", ")), the map has "
                    + map.classes.joined(separator: ", "),
                remedy: "choose them on predictions of the same model")
        }
        let count = map.size.count, table = [Int32(1): LabelClass(name: structure)]
        func mask(_ threshold: Float) throws(Diagnostic) -> LabelMap {
            let labels = AlignedBuffer<Int32>(count: count) { out in
                map.values.withUnsafeBufferPointer { values in
                    let first = plane &* count
                    for index in 0..<count { out[index] = values[first &+ index] >= threshold ? 1 : 0 }
                }
            }
            return try LabelMap(geometry: map.geometry, labels: labels, table: table)
        }
        return (try mask(innerThreshold), try mask(outerThreshold))
    }
}

/// Gathers what `RiskControl` is chosen from, case by case. Parts of a data set merge to the same in any order.
public struct RiskControlSample: Hashable, Codable, Sendable {
    /// The name of the class that is the structure; empty: the last.
    public let structure: String
    /// The label of each plane; empty: as the references name the classes, or 0, 1, 2, ….
    public let labels: [Int32]
    public let ignoredLabel: Int32?
    private var classes: [String] = []
    private var missed = LossCurves()
    private var invented = LossCurves()

    public init(structure: String = "", labels: [Int32] = [], ignoredLabel: Int32? = nil) {
        (self.structure, self.labels, self.ignoredLabel) = (structure, labels, ignoredLabel)
    }

    /// Cases with the structure.
    public var caseCount: Int { missed.counted.count }

    /// - Throws: `Diagnostic` when there is no such class, classes differ from the other cases', a label has no class, the
    ///   name is there already, or the maps lie on different grids.
    public mutating func add(
        _ name: String, probabilities map: ProbabilityMap, reference: LabelMap
    ) throws(Diagnostic) {
        guard let plane = structure.isEmpty ? map.classes.count - 1 : map.classes.firstIndex(of: structure) else {
            throw Diagnostic(
                .badLabel, "there is no class '\(structure)'",
                remedy: "the classes are \(map.classes.joined(separator: ", "))")
        }
        try reference.geometry.requireMatch(map.geometry, "the probabilities and the reference")
        let labels = PixelTruth.labels(labels, of: map.classes, in: reference)
        guard labels.count == map.classes.count, labels.count < 255 else {
            throw Diagnostic(.badArgument, "\(labels.count) labels do not name \(map.classes.count) classes")
        }
        let truth = try PixelTruth(reference, labels: labels, ignoring: ignoredLabel)
        let count = map.size.count
        var one = self
        (one.classes, one.missed, one.invented) = (map.classes, LossCurves(), LossCurves())
        truth.classes.withUnsafeBufferPointer { truth in
            map.values.withUnsafeBufferPointer { values in
                var total = 0
                for index in 0..<count where Int(truth[index]) == plane { total &+= 1 }
                one.missed = LossCurves(name, total: total, pixels: count) { index in
                    Int(truth[index]) == plane ? values[plane &* count &+ index] : nil
                }
                one.invented = LossCurves(name, total: total, pixels: count) { index in
                    Int(truth[index]) == plane || truth[index] == PixelTruth.ignored
                        ? nil : values[plane &* count &+ index]
                }
            }
        }
        try merge(one)
    }

    /// - Throws: as `add`.
    public mutating func merge(_ other: RiskControlSample) throws(Diagnostic) {
        guard structure == other.structure, labels == other.labels, ignoredLabel == other.ignoredLabel else {
            throw Diagnostic(.badArgument, "samples of different structures or labels do not add up")
        }
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
        try sum.invented.merge(other.invented)
        self = sum
    }

    /// Chooses the thresholds.
    /// - Parameters:
    ///   - outer: the share of the structure's pixels that the outer mask may miss, on average.
    ///   - inner: the share of the structure's size that false pixels of the inner mask may reach, on average.
    /// - Throws: `Diagnostic` when a risk is not between 0 and 1, or there are too few cases to promise it.
    public func choose(outer: Double, inner: Double) throws(Diagnostic) -> RiskControl {
        let cases = caseCount
        try ConformalGuarantee.require(risk: outer, cases: cases, of: "a false-negative rate")
        try ConformalGuarantee.require(risk: inner, cases: cases, of: "a share of false pixels")
        let name = structure.isEmpty ? classes.last ?? "" : structure
        let low = missed.largestThreshold(risk: outer), high = invented.smallestThreshold(risk: inner)
        return RiskControl(
            classes: classes, structure: name, outerThreshold: low.threshold,
            outer: ConformalGuarantee(
                "In a further case with \(name), the outer mask misses at most \(outer) of its pixels in expectation.",
                risk: outer, cases: cases, leftOut: missed.leftOut, observed: low.observed),
            innerThreshold: high.threshold,
            inner: ConformalGuarantee(
                "In a further case with \(name), the pixels of the inner mask that are not \(name) are at most \(inner) of "
                    + "its size in expectation.",
                risk: inner, cases: cases, leftOut: invented.leftOut, observed: high.observed))
    }
}
