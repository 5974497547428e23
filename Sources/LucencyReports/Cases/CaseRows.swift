import LucencyFoundation

/// The rows of a table of cases by what tells them apart: which case, which class.
///
/// Tables of cases have a row for each case (and class), names in columns of text and measurements in columns of numbers, as
/// `evaluate.segmentation` gives them.
struct CaseRows {
    let table: Table
    /// Columns that tell rows apart; the first names the case.
    let match: [String]
    /// By the texts of these columns, in the order of the table.
    let keys: [[String]]
    let indices: [[String]: Int]

    /// - Parameters:
    ///   - match: empty takes `namingColumns`.
    ///   - rows: those that count; nil takes all.
    ///   - name: of the table, for messages.
    /// - Throws: `Diagnostic` when a column is not there, or two rows cannot be told apart.
    init(_ table: Table, match: [String], rows: [Int]? = nil, name: String) throws(Diagnostic) {
        self.table = table
        do throws(Diagnostic) {
            self.match = match.isEmpty ? try table.namingColumns() : match
            let columns = try self.match.map { (name) throws(Diagnostic) in try table.index(of: name) }
            var keys: [[String]] = []
            var indices: [[String]: Int] = [:]
            for row in rows ?? Array(table.rows.indices) {
                let key = columns.map { table.rows[row][$0].name }
                if let other = indices.updateValue(row, forKey: key) {
                    let others = table.columns.indices.filter { !columns.contains($0) }
                    let differing = others.first {
                        if case .text = table.rows[row][$0] {
                            table.rows[row][$0] != table.rows[other][$0]
                        } else {
                            false
                        }
                    }
                    let columns = self.match.joined(separator: ", ")
                    throw Diagnostic(
                        .duplicateName, "two rows have the same \(columns): \(key.joined(separator: ", "))",
                        remedy: differing.map { "they differ in '\(table.columns[$0].name)': match it too" }
                            ?? "remove one of them")
                }
                keys.append(key)
            }
            self.keys = keys
            self.indices = indices
        } catch { throw error.located(in: name) }
    }
}

/// What cases belong to; nil where they are independent.
/// - Throws: `Diagnostic` when that is not known of one.
func groupNames(of cases: [String], in groups: [String: String]?) throws(Diagnostic) -> [String]? {
    guard let groups else { return nil }
    return try cases.map { (name) throws(Diagnostic) in
        if let group = groups[name] { return group }
        throw Diagnostic(.unmatchedFiles, "the group of the case '\(name)' is not known", remedy: "add a row for it")
    }
}

extension Table {
    /// What tells the rows of a table of cases apart where nobody says it: `case` (or `item`) and `class`; where these are
    /// not enough, also what stands in front of the case, the variants that were gathered.
    /// - Parameter excluded: a column that tells rows apart, too, and does not count.
    /// - Throws: `Diagnostic` when it has neither `case` nor `item`.
    public func namingColumns(without excluded: String? = nil) throws(Diagnostic) -> [String] {
        let names = columns.map(\.name)
        guard let place = names.firstIndex(where: { $0 == "case" || $0 == "item" }) else {
            throw Diagnostic(
                .unknownReference, "the table has no column 'case' or 'item'",
                remedy:
                    "say which column names the cases (`match`); it has: \(names.prefix(12).joined(separator: ", "))")
        }
        let short = [names[place]] + names[place...].filter { $0 == "class" }
        let known = names.indices.filter { short.contains(names[$0]) || names[$0] == excluded }
        var seen: Set<[String]> = []
        if rows.allSatisfy({ row in seen.insert(known.map { row[$0].name }).inserted }) { return short }
        return short + names[..<place].filter { $0 != excluded }
    }

    /// The columns of these names, or all that hold numbers.
    /// - Throws: `Diagnostic` when there is none, or one holds no numbers.
    func measurements(_ names: [String], besides others: [String]) throws(Diagnostic) -> [Int] {
        func isNumeric(_ column: Int) -> Bool {
            rows.allSatisfy { if case .text = $0[column] { false } else { true } }
        }
        let chosen = try names.map { (name) throws(Diagnostic) in try index(of: name) }
        if let bad = chosen.first(where: { !isNumeric($0) }) {
            throw Diagnostic(.badArgument, "the column '\(columns[bad].name)' does not hold numbers")
        }
        let found =
            names.isEmpty
            ? columns.indices.filter { isNumeric($0) && !others.contains(columns[$0].name) } : chosen
        guard !found.isEmpty else { throw Diagnostic(.badArgument, "the table has no column of numbers") }
        return found
    }
}

extension Table.Cell {
    /// The cell as a name.
    public var name: String {
        switch self {
        case .text(let value): value
        case .integer(let value): String(value)
        case .number(let value): Self.exact(value)
        case .missing: ""
        }
    }

    /// The number in the cell, if it is one that can be averaged.
    var finite: Double? { doubleValue.flatMap { $0.isFinite ? $0 : nil } }

    init(_ value: Double?) { self = value.map { .number($0) } ?? .missing }
}

/// Values of cases, those of one case averaged.
struct CaseMeans {
    private var values: [String: [Double]] = [:]

    mutating func add(_ value: Double, of name: String) { values[name, default: []].append(value) }

    var isEmpty: Bool { values.isEmpty }

    /// By ascending name.
    var means: [(name: String, value: Double)] {
        values.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map {
            ($0.key, $0.value.reduce(0, +) / Double($0.value.count))
        }
    }
}
