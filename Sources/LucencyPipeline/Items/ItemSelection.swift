import LucencyFoundation

/// Some of a source's items, chosen by a seed and their names: the few that are labelled, say.
///
/// Fewer items are always a part of more under the same seed, so that experiments with 5 and 10 labelled items share 5.
public struct ItemSelection: Sendable, Hashable {
    /// How many items; wins over `fraction`.
    public var count: Int?
    /// Which part of all items, rounded, but at least one.
    public var fraction: Double?
    public var seed: UInt64
    /// Take all the others instead.
    public var isRest: Bool

    public init(count: Int? = nil, fraction: Double? = nil, seed: UInt64 = 0, isRest: Bool = false) {
        self.count = count
        self.fraction = fraction
        self.seed = seed
        self.isRest = isRest
    }

    /// The chosen items, in the order given.
    /// - Throws: `Diagnostic` when there are fewer items than should be kept.
    public func callAsFunction(_ items: [SourceItem]) throws(Diagnostic) -> [SourceItem] {
        let wanted = count ?? fraction.map { max(1, Int((Double(items.count) * $0).rounded())) } ?? items.count
        guard wanted <= items.count else {
            throw Diagnostic(
                .badArgument, "\(wanted) items should be kept, but there are only \(items.count)",
                remedy: "lower `keep: {count: …}`, or give a `fraction`")
        }
        let ranked = items.map { item -> (rank: UInt64, name: String) in
            var random = PhiloxStream(seed: seed, stream: "keep \(item.relative)")
            return (random.next(), item.relative)
        }
        let kept = Set(ranked.sorted { ($0.rank, $0.name) < ($1.rank, $1.name) }.prefix(wanted).map(\.name))
        return items.filter { kept.contains($0.relative) != isRest }
    }
}

extension ConfiguredSource {
    /// The same source with only the chosen items.
    public func keeping(_ selection: ItemSelection?) -> ConfiguredSource {
        guard let selection else { return self }
        let list = self.list
        return ConfiguredSource(ports: ports, needsInput: needsInput, files: files) { context in
            var listing = try list(context)
            listing.items = try selection(listing.items)
            return listing
        }
    }
}
