import LucencyFoundation

/// Deals groups of items out to folds of given shares, so that all folds get their share of every stratum.
///
/// Larger groups are dealt first, among equal ones those of one stratum after the other, then in an order that the seed
/// draws from their names. Each goes where it raises Σ (count − share)² / share least, over all strata and over all items
/// together; among equals to the fold with the fewest items of its share, then to the first. For single items that is the
/// divisor method of Webster: in folds of equal shares the items of a stratum, and all items, differ by at most one. Where
/// groups hold several items no rule can promise that; this one stays near.
///
/// What an item gets depends on the seed, the shares and the set of all items with their groups and strata, on no order.
public struct FoldAssignment: Sendable, Hashable {
    /// What part of the items each fold should get; 0 for a fold that stays empty.
    public var shares: [Double]
    public var seed: UInt64

    public init(shares: [Double], seed: UInt64 = 0) {
        self.shares = shares
        self.seed = seed
    }

    /// So many folds of equal shares.
    public init(folds: Int, seed: UInt64 = 0) {
        self.init(shares: Array(repeating: 1 / Double(max(1, folds)), count: max(1, folds)), seed: seed)
    }

    /// The fold of each item, from 0.
    /// - Parameters:
    ///   - items: names, all different.
    ///   - groups: for each item the group that stays together; nil takes each item by itself.
    ///   - strata: for each item the class to spread evenly.
    public func callAsFunction(_ items: [String], groups: [String]? = nil, strata: [String]? = nil) -> [Int] {
        let names = Set(strata ?? []).sorted(by: bytewise)
        let numbers = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { a, _ in a })
        var units: [String: Unit] = [:]
        for index in items.indices {
            let name = groups?[index] ?? items[index]
            let stratum = strata.flatMap { numbers[$0[index]] }
            units[name, default: Unit(name, seed: seed)].add(index, stratum)
        }
        var deal = Deal(shares, items: items.count, strata: names.count)
        for unit in units.values { for (stratum, count) in unit.strata { deal.sizes[stratum] += count } }
        var folds = [Int](repeating: 0, count: items.count)
        for unit in units.values.sorted(by: Unit.comesBefore) {
            let fold = deal.add(unit)
            for item in unit.items { folds[item] = fold }
        }
        return folds
    }

    /// Items that stay together.
    private struct Unit {
        let name: String
        let rank: UInt64
        var items: [Int] = []
        /// Items of each stratum.
        var strata: [Int: Int] = [:]

        init(_ name: String, seed: UInt64) {
            self.name = name
            var random = PhiloxStream(seed: seed, stream: "split \(name)")
            rank = random.next()
        }

        mutating func add(_ item: Int, _ stratum: Int?) {
            items.append(item)
            if let stratum { strata[stratum, default: 0] += 1 }
        }

        /// The stratum of most items, the first of equals.
        var mainStratum: Int {
            strata.max { ($0.value, -$0.key) < ($1.value, -$1.key) }?.key ?? 0
        }

        static func comesBefore(_ left: Unit, _ right: Unit) -> Bool {
            if left.items.count != right.items.count { return left.items.count > right.items.count }
            let strata = (left.mainStratum, right.mainStratum)
            if strata.0 != strata.1 { return strata.0 < strata.1 }
            return left.rank != right.rank ? left.rank < right.rank : bytewise(left.name, right.name)
        }
    }

    /// What the folds have got so far.
    private struct Deal {
        let shares: [Double]
        let items: Int
        /// Items of each stratum, over all folds.
        var sizes: [Int]
        private var totals: [Int]
        private var counts: [[Int]]

        init(_ shares: [Double], items: Int, strata: Int) {
            self.shares = shares
            self.items = items
            sizes = Array(repeating: 0, count: strata)
            totals = Array(repeating: 0, count: shares.count)
            counts = Array(repeating: sizes, count: shares.count)
        }

        mutating func add(_ unit: Unit) -> Int {
            let size = unit.items.count
            let strata = unit.strata.sorted { $0.key < $1.key }
            var best: (cost: Double, filled: Double, fold: Int)?
            for (fold, share) in shares.enumerated() where share > 0 {
                var cost = Self.rise(from: totals[fold], by: size, of: share * Double(items))
                for (stratum, count) in strata {
                    cost += Self.rise(from: counts[fold][stratum], by: count, of: share * Double(sizes[stratum]))
                }
                let filled = Double(totals[fold]) / share
                if best.map({ (cost, filled) < ($0.cost, $0.filled) }) ?? true { best = (cost, filled, fold) }
            }
            let fold = best?.fold ?? 0
            totals[fold] += size
            for (stratum, count) in strata { counts[fold][stratum] += count }
            return fold
        }

        /// How much (count − wanted)² / wanted rises, without what is the same in all folds.
        private static func rise(from count: Int, by more: Int, of wanted: Double) -> Double {
            Double(more * (2 * count + more)) / wanted
        }
    }
}

/// The order of names, the same on every system.
private func bytewise(_ left: String, _ right: String) -> Bool { left.utf8.lexicographicallyPrecedes(right.utf8) }
