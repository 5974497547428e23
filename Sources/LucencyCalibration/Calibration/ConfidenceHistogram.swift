import LucencyFoundation

/// Confidences and whether they were right, counted in the slots of a `ConfidenceScale`. Counts and sums are whole numbers
/// (confidences in units of 2⁻²⁸, rounded), so histograms merge in any order to the same bytes.
public struct ConfidenceHistogram: Hashable, Sendable {
    /// What lies in one slot.
    package struct Slot: Hashable, Sendable {
        package var index: Int
        package var count: UInt64
        /// How many were right.
        package var hits: UInt64
        package var sum: UInt64

        /// The excess of confidence over right answers.
        var gap: Double { Double(sum) * ConfidenceHistogram.unit - Double(hits) }
        var confidence: Double { Double(sum) * ConfidenceHistogram.unit / Double(count) }
    }

    /// Sums may hold this many confidences of 1: 6.8 · 10¹⁰ pixels.
    static let capacity: UInt64 = 1 << 36
    static let unit = 0x1p-28
    /// Leading bits of places: of answers, and of single classes, of which there are more histograms.
    static let answerFraction = 4, classFraction = 3

    package let scale: ConfidenceScale
    /// The slots that hold something, ascending.
    package private(set) var slots: [Slot] = []

    /// An empty histogram.
    /// - Parameter bins: equal-width bins that can be told apart, 1 to 100.
    public init(bins: Int) { self.init(scale: ConfidenceScale(bins: bins)) }

    package init(scale: ConfidenceScale) {
        self.scale = scale
    }

    /// Of pairs of a confidence in 0...1 and whether it was right; others are clamped.
    public init(bins: Int, _ pairs: some Sequence<(confidence: Float, isCorrect: Bool)>) {
        let pairs = Array(pairs)
        self.init(scale: ConfidenceScale(bins: bins), pairs.count) { index in
            let confidence = pairs[index].confidence
            return (confidence > 0 ? min(1, confidence) : 0, pairs[index].isCorrect)
        }
    }

    /// Of pairs of a confidence in 0...1 and whether it was right; nil leaves one out.
    init(scale: ConfidenceScale, _ count: Int, _ pair: (Int) -> (Float, Bool)?) {
        self.init(scale: scale)
        var counts = Array(repeating: Slot(index: 0, count: 0, hits: 0, sum: 0), count: scale.slots)
        scale.edges.withUnsafeBufferPointer { edges in
            let finder = scale.finder(edges)
            for index in 0..<count {
                guard let (value, isRight) = pair(index) else { continue }
                let slot = finder.slot(of: value)
                counts[slot].count &+= 1
                counts[slot].hits &+= isRight ? 1 : 0
                counts[slot].sum &+= Self.fixed(value)
            }
        }
        for (index, slot) in counts.enumerated() where slot.count > 0 {
            append(Slot(index: index, count: slot.count, hits: slot.hits, sum: slot.sum))
        }
    }

    /// A confidence in 0...1 in units of 2⁻²⁸: the bits that remain when 2²⁴ is added, whose last one has that value.
    @inline(__always)
    static func fixed(_ confidence: Float) -> UInt64 {
        (Double(confidence) + 0x1p24).bitPattern &- 0x1p24.bitPattern
    }

    /// Adds a slot behind all others.
    mutating func append(_ slot: Slot) { slots.append(slot) }

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
        var sum: [Slot] = []
        sum.reserveCapacity(max(slots.count, other.slots.count))
        var here = 0, there = 0
        while here < slots.count || there < other.slots.count {
            let mine = here < slots.count ? slots[here].index : .max
            let theirs = there < other.slots.count ? other.slots[there].index : .max
            var slot = mine <= theirs ? slots[here] : other.slots[there]
            if mine == theirs {
                slot.count &+= other.slots[there].count
                slot.hits &+= other.slots[there].hits
                slot.sum &+= other.slots[there].sum
            }
            here += mine <= theirs ? 1 : 0
            there += theirs <= mine ? 1 : 0
            sum.append(slot)
        }
        slots = sum
    }

    /// Pairs counted.
    public var total: UInt64 { slots.reduce(0) { $0 &+ $1.count } }
    /// Right pairs.
    public var hits: UInt64 { slots.reduce(0) { $0 &+ $1.hits } }
    /// The sum of confidences.
    public var confidenceSum: Double { Double(slots.reduce(0) { $0 &+ $1.sum }) * Self.unit }

    /// The equal-width bins. Exact, but for confidences rounded to multiples of 2⁻²⁸.
    public var reliability: ReliabilityBins { reliability(from: 0) }

    /// The bins of the confidences above `ConfidenceScale.threshold` alone.
    public var reliabilityAboveThreshold: ReliabilityBins { reliability(from: scale.firstAboveThreshold) }

    private func reliability(from first: Int) -> ReliabilityBins {
        var bins = ReliabilityBins(count: scale.bins)
        for slot in slots where slot.index >= first {
            bins.add(
                to: scale.binOfSlot[slot.index], count: Int(slot.count), hits: Int(slot.hits),
                confidence: Double(slot.sum) * Self.unit)
        }
        return bins
    }
}

/// The slots in use, as lists of equal length.
extension ConfidenceHistogram: Codable {
    private enum CodingKeys: String, CodingKey { case bins, fraction, slots, counts, hits, sums }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(scale.bins, forKey: .bins)
        try container.encode(scale.fraction, forKey: .fraction)
        try container.encode(slots.map(\.index), forKey: .slots)
        try container.encode(slots.map(\.count), forKey: .counts)
        try container.encode(slots.map(\.hits), forKey: .hits)
        try container.encode(slots.map(\.sum), forKey: .sums)
    }

    /// Refuses numbers that no confidences give.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let bins = try container.decode(Int.self, forKey: .bins)
        let fraction = try container.decode(Int.self, forKey: .fraction)
        let indices = try container.decode([Int].self, forKey: .slots)
        let counts = try container.decode([UInt64].self, forKey: .counts)
        let hits = try container.decode([UInt64].self, forKey: .hits)
        let sums = try container.decode([UInt64].self, forKey: .sums)
        let damaged = DecodingError.dataCorruptedError(
            forKey: .slots, in: container, debugDescription: "not a histogram of confidences")
        guard (1...ConfidenceScale.maximumBins).contains(bins), (1...12).contains(fraction) else { throw damaged }
        self.init(scale: ConfidenceScale(bins: bins, fraction: fraction))
        guard indices.count == counts.count, indices.count == hits.count, indices.count == sums.count,
            scale.fraction == fraction, indices.allSatisfy({ (0..<scale.slots).contains($0) }),
            zip(indices, indices.dropFirst()).allSatisfy({ $0 < $1 })
        else { throw damaged }
        for (place, index) in indices.enumerated() {
            guard counts[place] > 0, counts[place] < Self.capacity, hits[place] <= counts[place],
                sums[place] <= counts[place] << 28
            else { throw damaged }
            append(Slot(index: index, count: counts[place], hits: hits[place], sum: sums[place]))
        }
        guard total < Self.capacity else { throw damaged }
    }
}
