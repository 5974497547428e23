import LucencyFoundation

/// Divides a source's items into training, validation and test by their names; a source takes one of the parts.
///
/// Sources that share a declaration and list the same items never share an item, nor a group. Which fold an item is in
/// depends on the seed, the number of folds and the set of all items, not on how they are listed.
public struct ItemSplit: Sendable, Hashable {
    public enum Part: String, CaseIterable, Sendable { case training, validation, test }

    /// How items are divided.
    public enum Division: Sendable, Hashable {
        /// Folds of equal size, of which number `test` (from 1) is the test part. `validation` makes the next one (after the
        /// last the first) the validation part; all others are for training.
        case folds(Int, test: Int, validation: Bool)
        /// Parts of given shares, which add up to 1.
        case fractions(training: Double, validation: Double, test: Double)
    }

    /// What is known of an item after dividing.
    public struct Membership: Sendable, Hashable {
        public var part: Part
        /// The fold in which it is for testing, from 1; nil without folds.
        public var testFold: Int?
        public var group: String?
        public var stratum: String?
    }

    public var division: Division
    public var part: Part
    public var seed: UInt64
    /// Items of one group are never in different parts.
    public var groups: ItemColumn?
    /// Classes that are spread evenly.
    public var strata: ItemColumn?

    public init(
        _ division: Division, part: Part, seed: UInt64 = 0, groups: ItemColumn? = nil, strata: ItemColumn? = nil
    ) {
        self.division = division
        self.part = part
        self.seed = seed
        self.groups = groups
        self.strata = strata
    }

    /// Where each item belongs.
    /// - Throws: `Diagnostic` when an item is not in the table of groups or strata, or a part would be empty.
    public func divide(_ items: [String]) throws(Diagnostic) -> [Membership] {
        let groups = try groups?.values(of: items), strata = try strata?.values(of: items)
        let assignment: FoldAssignment
        let parts: [Part]
        var hasFolds = false
        switch division {
        case .folds(let count, let test, let validation):
            assignment = FoldAssignment(folds: count, seed: seed)
            parts = (1...max(1, count)).map { fold in
                fold == test ? .test : validation && fold == test % count + 1 ? .validation : .training
            }
            hasFolds = true
        case .fractions(let training, let validation, let test):
            assignment = FoldAssignment(shares: [training, validation, test], seed: seed)
            parts = [.training, .validation, .test]
        }
        let folds = assignment(items, groups: groups, strata: strata)
        try requireAll(Set(folds), of: assignment, units: Set(groups ?? items).count, parts)
        return items.indices.map { index in
            Membership(
                part: parts[folds[index]], testFold: hasFolds ? folds[index] + 1 : nil, group: groups?[index],
                stratum: strata?[index])
        }
    }

    private func requireAll(
        _ filled: Set<Int>, of assignment: FoldAssignment, units: Int, _ parts: [Part]
    ) throws(Diagnostic) {
        guard let empty = assignment.shares.indices.first(where: { assignment.shares[$0] > 0 && !filled.contains($0) })
        else { return }
        let what = groups.map { "groups (different values of '\($0.column)')" } ?? "items"
        switch division {
        case .folds(let count, _, _):
            throw Diagnostic(
                .noItems, "\(count) folds need at least \(count) \(what), but there are \(units)",
                remedy: "use at most \(units) folds, or add items")
        case .fractions:
            throw Diagnostic(
                .noItems, "the \(parts[empty].rawValue) part would be empty: there are only \(units) \(what)",
                remedy: "raise its fraction, or add items")
        }
    }

    /// Whether two sources divide in the same way, whatever part they take.
    func isSameDivision(as other: ItemSplit) -> Bool {
        var copy = other
        copy.part = part
        return copy == self
    }
}

extension Runner {
    /// Refuses sources that share a split and still have an item (or group) in different parts, because they list different
    /// items: what is trained on would be tested on.
    func checkSplits(_ listings: [Int: ItemListing]) throws(Diagnostic) {
        var seen: [(split: ItemSplit, units: [String: PlanNode])] = []
        for node in plan.nodes {
            guard case .source(let source) = node.kind, let split = source.split, let listing = listings[node.id]
            else { continue }
            let names = listing.items.map(\.relative)
            let units = Set(try split.groups?.values(of: names) ?? names)
            for other in seen where other.split.isSameDivision(as: split) && other.split.part != split.part {
                guard let shared = units.filter({ other.units[$0] != nil }).min(), let node2 = other.units[shared]
                else {
                    continue
                }
                throw Diagnostic(
                    .mixedSources,
                    "'\(shared)' is in '\(node2.label)' (\(other.split.part.rawValue)) and in '\(node.label)' "
                        + "(\(split.part.rawValue)): the sources share a split, but do not list the same items",
                    at: node.place,
                    remedy:
                        "let both list the same items before splitting; if they are different data, give their splits "
                        + "different seeds")
            }
            seen.append((split, Dictionary(units.map { ($0, node) }, uniquingKeysWith: { a, _ in a })))
        }
    }
}
