import LucencyCalibration
import LucencyFoundation

/// Compares two tables of cases, case by case: the second, B, with the first, A.
public struct CaseComparison: Sendable {
    /// Columns that tell rows apart, the first names the case; empty takes `Table.namingColumns`.
    public var match: [String] = []
    /// Columns by which to compare apart, such as `class`; where it is empty, the rows of a case are averaged.
    public var by: [String] = []
    /// Columns of numbers to compare; empty takes all.
    public var values: [String] = []
    /// Columns of numbers of which less is better, beside the distances of segmentations.
    public var lowerIsBetter: Set<String> = []
    /// For cases, what they belong to: cases of one group are drawn together. nil where cases are independent.
    public var groups: [String: String]?
    public var method = PairedComparison()

    public init() {}

    /// What comparing gives.
    public struct Result: Sendable {
        /// A row for each column of numbers (and what `by` tells apart).
        public var summary: Table
        /// A row for each pair of rows and column of numbers: a, b, b − a.
        public var differences: Table
        /// Rows without a partner, by their key.
        public var onlyA: [String]
        public var onlyB: [String]
    }

    /// - Parameters:
    ///   - a: the table that is compared with, the baseline.
    ///   - rowsA, rowsB: the rows that count; nil takes all.
    ///   - names: of the tables, for messages.
    /// - Throws: `Diagnostic` when a column is missing, rows of a table cannot be told apart, no row has a partner, or a case
    ///   has no group.
    public func callAsFunction(
        _ a: Table, _ b: Table, rowsA: [Int]? = nil, rowsB: [Int]? = nil, names: (a: String, b: String) = ("A", "B")
    ) throws(Diagnostic) -> Result {
        let left = try CaseRows(a, match: match, rows: rowsA, name: names.a)
        let right = try CaseRows(b, match: match.isEmpty ? left.match : match, rows: rowsB, name: names.b)
        let pairs = left.keys.compactMap { key -> (key: [String], a: [Table.Cell], b: [Table.Cell])? in
            guard let first = left.indices[key], let second = right.indices[key] else { return nil }
            return (key, a.rows[first], b.rows[second])
        }
        guard !pairs.isEmpty else {
            throw Diagnostic(
                .unmatchedFiles,
                "no row of '\(names.a)' has the same \(left.match.joined(separator: ", ")) as one of '\(names.b)'",
                remedy: "compare predictions of the same cases")
        }
        let by = try self.by.map { (name) throws(Diagnostic) in try a.index(of: name) }
        let columns = try a.measurements(values, besides: left.match + self.by).filter { column in
            !values.isEmpty || b.columns.contains { $0.name == a.columns[column].name }
        }
        do throws(Diagnostic) {
            _ = try b.measurements(columns.map { a.columns[$0].name }, besides: [])
        } catch { throw error.located(in: names.b) }
        var summary = try Table(
            title: "comparison",
            columns: (self.by + ["metric", "unit", "cases"] + (groups == nil ? [] : ["groups"]) + [
                "a", "b", "difference", "lower", "upper", "sd", "median", "p", "better", "equal", "worse", "left_out",
            ]).map { .init($0) })
        var differences = try Table(
            title: "differences", columns: (left.match + ["metric", "unit", "a", "b", "difference"]).map { .init($0) })
        let kinds = pairs.map { pair in by.map { pair.a[$0].name } }
        for kind in kinds.firstOfEach {
            for column in columns {
                let about = a.columns[column], other = try b.index(of: about.name)
                guard about.unit == b.columns[other].unit else {
                    throw Diagnostic(
                        .badArgument, "'\(about.label)' and '\(b.columns[other].label)' are in different units",
                        remedy: "measure both in the same unit")
                }
                let unit = about.unit.map { Table.Cell.text($0) } ?? .missing
                var sums = (a: CaseMeans(), b: CaseMeans(), difference: CaseMeans())
                var leftOut = 0
                for (pair, itsKind) in zip(pairs, kinds) where itsKind == kind {
                    let first = pair.a[column], second = pair.b[other]
                    let difference = first.finite.flatMap { first in second.finite.map { $0 - first } }
                    try differences.append(
                        pair.key.map { .text($0) } + [.text(about.name), unit, first, second, Table.Cell(difference)])
                    guard let difference, let first = first.finite, let second = second.finite else {
                        leftOut += 1
                        continue
                    }
                    sums.a.add(first, of: pair.key[0])
                    sums.b.add(second, of: pair.key[0])
                    sums.difference.add(difference, of: pair.key[0])
                }
                try summary.append(
                    kind.map { .text($0) } + [.text(about.name), unit]
                        + row(sums.a, sums.b, sums.difference, of: about.name, leftOut: leftOut))
            }
        }
        return Result(
            summary: summary, differences: differences,
            onlyA: left.keys.filter { right.indices[$0] == nil }.map { $0.joined(separator: ", ") },
            onlyB: right.keys.filter { left.indices[$0] == nil }.map { $0.joined(separator: ", ") })
    }

    private func row(
        _ a: CaseMeans, _ b: CaseMeans, _ difference: CaseMeans, of metric: String, leftOut: Int
    ) throws(Diagnostic) -> [Table.Cell] {
        guard !difference.isEmpty else {
            return [.integer(0)] + (groups == nil ? [] : [.integer(0)]) + Array(repeating: .missing, count: 8)
                + [.integer(0), .integer(0), .integer(0), .integer(leftOut)]
        }
        let means = difference.means
        let outcome = try method(means.map(\.value), groups: try groupNames(of: means.map(\.name), in: groups))
        func mean(_ values: CaseMeans) -> Table.Cell {
            .number(values.means.reduce(0) { $0 + $1.value } / Double(means.count))
        }
        let isLower = lowerIsBetter.contains(metric) || SegmentationMetric(rawValue: metric)?.isDistance == true
        let (better, worse) = isLower ? (outcome.lower, outcome.higher) : (outcome.higher, outcome.lower)
        return [.integer(outcome.cases)] + (groups == nil ? [] : [.integer(outcome.units)]) + [
            mean(a), mean(b), .number(outcome.mean), Table.Cell(outcome.interval?.lower),
            Table.Cell(outcome.interval?.upper), Table.Cell(outcome.standardDeviation), .number(outcome.median),
            .number(outcome.p), .integer(better), .integer(outcome.equal), .integer(worse), .integer(leftOut),
        ]
    }
}

extension [[String]] {
    /// Without those that were there before.
    var firstOfEach: [[String]] {
        var seen: Set<[String]> = []
        return filter { seen.insert($0).inserted }
    }
}
