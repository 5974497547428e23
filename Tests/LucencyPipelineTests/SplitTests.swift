import Foundation
import Lucency
import Support
import Testing

/// How items are dealt out to folds and parts, from their names alone.
@Suite struct SplitTests {
    private func names(_ count: Int) -> [String] { (0..<count).map { "case\($0)" } }

    private func sizes<Key: Hashable>(_ keys: [Key]) -> [Key: Int] {
        Dictionary(keys.map { ($0, 1) }, uniquingKeysWith: +)
    }

    @Test(arguments: [(10, 5), (23, 5), (24, 7), (7, 7), (101, 2)])
    func `every item is in one of the folds, which differ by one at most`(count: Int, folds: Int) {
        let assigned = FoldAssignment(folds: folds, seed: 3)(names(count))
        let sizes = sizes(assigned)
        #expect(assigned.count == count && Set(assigned) == Set(0..<folds))
        #expect((sizes.values.max() ?? 0) - (sizes.values.min() ?? 0) <= 1)
    }

    @Test func `folds depend on names and the seed, not on the order of the list`() {
        let items = names(40), strata = (0..<40).map { $0 % 3 == 0 ? "rare" : "common" }
        let groups = (0..<40).map { "patient\($0 / 3)" }
        let folds = FoldAssignment(folds: 5, seed: 1)(items, groups: groups, strata: strata)
        let byName = Dictionary(zip(items, folds), uniquingKeysWith: { a, _ in a })
        for seed in 0..<5 {
            var random = PhiloxStream(seed: UInt64(seed))
            let order = items.indices.shuffled(using: &random)
            let again = FoldAssignment(folds: 5, seed: 1)(
                order.map { items[$0] }, groups: order.map { groups[$0] }, strata: order.map { strata[$0] })
            #expect(again == order.map { byName[items[$0]] })
        }
        #expect(FoldAssignment(folds: 5, seed: 2)(items, groups: groups, strata: strata) != folds)
    }

    @Test(arguments: 0..<20)
    func `strata of single items differ by one at most in each fold, and so do folds`(seed: Int) {
        var random = PhiloxStream(seed: UInt64(seed), stream: "strata")
        let folds = random.int(in: 2...9), count = random.int(in: 20...200)
        let strata = (0..<count).map { _ in String(Int(random.uniform() * random.uniform() * 6)) }
        let assigned = FoldAssignment(folds: folds, seed: UInt64(seed))(names(count), strata: strata)
        for stratum in Set(strata) {
            let counts = (0..<folds).map { fold in zip(assigned, strata).count { $0 == fold && $1 == stratum } }
            #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1, "\(stratum): \(counts)")
        }
        let counts = (0..<folds).map { fold in assigned.count { $0 == fold } }
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1, "\(counts)")
    }

    @Test(arguments: 0..<20)
    func `a group is never in two folds, and folds are about as large`(seed: Int) {
        var random = PhiloxStream(seed: UInt64(seed), stream: "groups")
        let groups = (0..<300).map { _ in "patient\(random.int(in: 0...59))" }
        let assigned = FoldAssignment(folds: 5, seed: UInt64(seed))(names(300), groups: groups)
        let pairs = Set(zip(groups, assigned).map { "\($0) \($1)" })
        #expect(pairs.count == Set(groups).count)
        let counts = (0..<5).map { fold in assigned.count { $0 == fold } }
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 3, "\(counts)")
    }

    @Test func `classes of grouped items are spread too`() {
        // Thirty patients of four images; ten of them have the rare class.
        let groups = (0..<120).map { "patient\($0 / 4)" }, strata = (0..<120).map { $0 / 4 < 10 ? "rare" : "common" }
        let assigned = FoldAssignment(folds: 5, seed: 4)(names(120), groups: groups, strata: strata)
        for fold in 0..<5 {
            #expect(zip(assigned, strata).count { $0 == fold && $1 == "rare" } == 8)
            #expect(assigned.count { $0 == fold } == 24)
        }
    }

    @Test(arguments: [(20, [14, 3, 3]), (100, [70, 15, 15]), (7, [5, 1, 1])])
    func `fractions are kept as near as whole items can`(count: Int, expected: [Int]) {
        let assigned = FoldAssignment(shares: [0.7, 0.15, 0.15], seed: 1)(names(count))
        #expect((0..<3).map { part in assigned.count { $0 == part } } == expected)
    }

    // MARK: Parts

    private func parts(_ division: ItemSplit.Division, _ items: [String]) throws -> [ItemSplit.Part] {
        try ItemSplit(division, part: .test, seed: 1).divide(items).map(\.part)
    }

    @Test func `each item is tested in one fold, validated in the one before, and trained on in all others`() throws {
        let items = names(13)
        var tested: [String: [Int]] = [:], validated: [String: [Int]] = [:]
        for fold in 1...4 {
            let plain = try parts(.folds(4, test: fold, validation: false), items)
            let parts = try parts(.folds(4, test: fold, validation: true), items)
            #expect(plain == parts.map { $0 == .validation ? .training : $0 })
            for (item, part) in zip(items, parts) {
                if part == .test { tested[item, default: []].append(fold) }
                if part == .validation { validated[item, default: []].append(fold) }
            }
        }
        #expect(items.allSatisfy { tested[$0]?.count == 1 && validated[$0]?.count == 1 })
        #expect(items.allSatisfy { (validated[$0]?[0] ?? 0) % 4 + 1 == tested[$0]?[0] })
        let members = try ItemSplit(.folds(4, test: 2, validation: true), part: .test, seed: 1).divide(items)
        #expect(members.map(\.testFold) == items.map { tested[$0]?[0] })
    }

    @Test func `too few items for the folds, or for a part, is said`() throws {
        let few = #expect(throws: Diagnostic.self) { try parts(.folds(5, test: 1, validation: false), names(4)) }
        #expect(few?.message == "5 folds need at least 5 items, but there are 4")
        let rest = #expect(throws: Diagnostic.self) {
            try parts(.fractions(training: 0.8, validation: 0, test: 0.2), names(2))
        }
        #expect(rest?.message == "the test part would be empty: there are only 2 items")
        let column = try ItemColumn(
            file: "p.csv", column: "patient",
            rows: names(9).enumerated().map { .init(item: $1, value: "\($0 % 3)", line: $0 + 2) })
        let groups = #expect(throws: Diagnostic.self) {
            try ItemSplit(.folds(5, test: 1, validation: false), part: .test, groups: column).divide(names(9))
        }
        #expect(groups?.message == "5 folds need at least 5 groups (different values of 'patient'), but there are 3")
    }

    // MARK: Tables

    private func column(_ rows: [(String, String)]) throws -> ItemColumn {
        try ItemColumn(
            file: "p.csv", column: "patient",
            rows: rows.enumerated().map { .init(item: $1.0, value: $1.1, line: $0 + 2) })
    }

    @Test func `items are found by relative name, with an extension, or by a stem that is clear`() throws {
        let column = try column([
            ("a/1", "p"), ("b/1.png", "q"), ("2.tif", "r"), ("v1.2", "s"), ("v1.3", "t"), ("2.tif", "r"),
        ])
        #expect(try column.values(of: ["a/1", "b/1", "c/2", "v1.2", "v1.3"]) == ["p", "q", "r", "s", "t"])
        // Two items of one stem need their folders.
        let error = #expect(throws: Diagnostic.self) { try column.values(of: ["c/2", "d/2", "a/1"]) }
        #expect(error?.message == "2 of 3 items are not in the table, the first is 'c/2'")
        #expect(error?.place?.file == "p.csv")
    }

    @Test func `rows that disagree, or say nothing, are refused with their line`() throws {
        let twice = #expect(throws: Diagnostic.self) { try column([("a", "p"), ("b", "p"), ("a", "q")]) }
        #expect(twice?.message == "'a' has the patient 'q' here and 'p' in line 2" && twice?.place?.line == 4)
        #expect(try column([("a", "p"), ("a", "p")]).values(of: ["a"]) == ["p"])
        #expect(throws: Diagnostic.self) { try column([("a", "")]) }
        #expect(throws: Diagnostic.self) { try column([("", "p")]) }
    }
}
