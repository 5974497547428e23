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
    /// - Throws: `Diagnostic` as `indices(of:)`.
    public func callAsFunction(_ items: [SourceItem]) throws(Diagnostic) -> [SourceItem] {
        try indices(of: items.map(\.relative)).map { items[$0] }
    }

    /// Which items are chosen, ascending, from the names of all (`SourceItem.relative`).
    /// - Throws: `Diagnostic` when there are fewer items than should be kept, or none would remain.
    public func indices(of items: [String]) throws(Diagnostic) -> [Int] {
        let wanted = count ?? fraction.map { max(1, Int((Double(items.count) * $0).rounded())) } ?? items.count
        guard wanted <= items.count else {
            throw Diagnostic(
                .badArgument, "\(wanted) items should be kept, but there are only \(items.count)",
                remedy: "lower `keep: {count: …}`, or give a `fraction`")
        }
        guard !isRest || items.isEmpty || wanted < items.count else {
            throw Diagnostic(
                .noItems, "all \(items.count) items are kept, nothing remains",
                remedy: "keep fewer than \(items.count), so that `part: rest` has some")
        }
        let ranked = items.map { item in
            var random = PhiloxStream(seed: seed, stream: "keep \(item)")
            return random.next()
        }
        var isKept = [Bool](repeating: false, count: items.count)
        let order = items.indices.sorted {
            ranked[$0] != ranked[$1] ? ranked[$0] < ranked[$1] : items[$0] < items[$1]
        }
        for index in order.prefix(wanted) { isKept[index] = true }
        return items.indices.filter { isKept[$0] != isRest }
    }
}
