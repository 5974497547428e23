import LucencyFoundation

/// Confidences and whether they were right, counted in the slots of a `ConfidenceScale`. Counts and sums are whole numbers
/// (confidences in units of 2⁻²⁸, rounded), so histograms merge in any order to the same bytes.
public struct ConfidenceHistogram: Hashable, Sendable {
    /// Sums may hold this many confidences of 1: 6.8 · 10¹⁰ pixels.
    static let capacity: UInt64 = 1 << 36
    static let unit = 0x1p-28

    package let scale: ConfidenceScale
    package private(set) var counts: [UInt64]
    package private(set) var hits: [UInt64]
    package private(set) var sums: [UInt64]

    /// An empty histogram.
    /// - Parameter bins: equal-width bins that can be told apart, 1 to 100.
    public init(bins: Int) { self.init(scale: ConfidenceScale(bins: bins)) }

    package init(scale: ConfidenceScale) {
        self.scale = scale
        counts = Array(repeating: 0, count: scale.slots)
        hits = counts
        sums = counts
    }

    /// Of pairs of a confidence in 0...1 and whether it was right; others are clamped.
    public init(bins: Int, _ pairs: some Sequence<(confidence: Float, isCorrect: Bool)>) {
        self.init(bins: bins)
        for pair in pairs {
            let confidence = pair.confidence > 0 ? min(1, pair.confidence) : 0
            add(
                slot: scale.slot(of: confidence), count: 1, hits: pair.isCorrect ? 1 : 0,
                sum: Self.fixed(confidence))
        }
    }

    /// A confidence in 0...1 in units of 2⁻²⁸: the bits that remain when 2²⁴ is added, whose last one has that value.
    @inline(__always)
    static func fixed(_ confidence: Float) -> UInt64 {
        (Double(confidence) + 0x1p24).bitPattern &- 0x1p24.bitPattern
    }

    package mutating func add(slot: Int, count: UInt64, hits: UInt64, sum: UInt64) {
        counts[slot] &+= count
        self.hits[slot] &+= hits
        sums[slot] &+= sum
    }

    /// Adds another histogram of as many bins.
    /// - Throws: `Diagnostic` when the bins differ, or there are more pixels than the sums can hold.
    public mutating func merge(_ other: ConfidenceHistogram) throws(Diagnostic) {
        guard scale == other.scale else {
            throw Diagnostic(.badArgument, "histograms of \(scale.bins) and \(other.scale.bins) bins do not add up")
        }
        guard total + other.total < Self.capacity else {
            throw Diagnostic(
                .tooLarge, "more than \(Self.capacity) pixels do not fit a histogram",
                remedy: "evaluate parts of the data set apart")
        }
        for slot in counts.indices where other.counts[slot] > 0 {
            add(slot: slot, count: other.counts[slot], hits: other.hits[slot], sum: other.sums[slot])
        }
    }

    /// Pairs counted.
    public var total: UInt64 { counts.reduce(0, &+) }

    /// The equal-width bins. Exact, but for confidences rounded to multiples of 2⁻²⁸.
    public var reliability: ReliabilityBins {
        var bins = ReliabilityBins(count: scale.bins)
        for (slot, bin) in scale.binOfSlot.enumerated() where counts[slot] > 0 {
            bins.add(
                to: bin, count: Int(counts[slot]), hits: Int(hits[slot]), confidence: Double(sums[slot]) * Self.unit)
        }
        return bins
    }

    /// The bins of the confidences above `ConfidenceScale.threshold` alone.
    public var reliabilityAboveThreshold: ReliabilityBins {
        var copy = self
        for slot in 0..<scale.firstAboveThreshold { (copy.counts[slot], copy.hits[slot], copy.sums[slot]) = (0, 0, 0) }
        return copy.reliability
    }
}

/// The slots in use: `[slot, count, hits, sum]`.
extension ConfidenceHistogram: Codable {
    private enum CodingKeys: String, CodingKey { case bins, slots }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(scale.bins, forKey: .bins)
        let rows = counts.indices.filter { counts[$0] > 0 }.map { [UInt64($0), counts[$0], hits[$0], sums[$0]] }
        try container.encode(rows, forKey: .slots)
    }

    /// Refuses numbers that no confidences give.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let bins = try container.decode(Int.self, forKey: .bins)
        let rows = try container.decode([[UInt64]].self, forKey: .slots)
        let damaged = DecodingError.dataCorruptedError(
            forKey: .slots, in: container, debugDescription: "not a histogram of confidences")
        guard (1...ConfidenceScale.maximumBins).contains(bins), rows.count <= 1 << 20 else { throw damaged }
        self.init(bins: bins)
        for row in rows {
            guard row.count == 4, row[0] < UInt64(counts.count), row[1] < Self.capacity, row[2] <= row[1],
                row[3] <= row[1] << 28
            else { throw damaged }
            add(slot: Int(row[0]), count: row[1], hits: row[2], sum: row[3])
        }
        guard total < Self.capacity else { throw damaged }
    }
}
