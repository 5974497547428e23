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
        try requireAll(Set(folds), of: assignment, units: groups ?? items, parts)
        return items.indices.map { index in
            Membership(
                part: parts[folds[index]], testFold: hasFolds ? folds[index] + 1 : nil, group: groups?[index],
                stratum: strata?[index])
        }
    }

    private func requireAll(
        _ filled: Set<Int>, of assignment: FoldAssignment, units names: [String], _ parts: [Part]
    ) throws(Diagnostic) {
        guard let empty = assignment.shares.indices.first(where: { assignment.shares[$0] > 0 && !filled.contains($0) })
        else { return }
        let units = Set(names).count
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

    /// What two sources must have in common so that no item of theirs may be in two parts.
    var rule: ItemSplit {
        var rule = self
        rule.part = .training
        if case .folds(let count, let test, _) = division {
            rule.division = .folds(count, test: test, validation: false)
        }
        return rule
    }
}
