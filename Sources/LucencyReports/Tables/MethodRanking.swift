import LucencyFoundation

/// Compares methods by the figures of several tables: a row for each method, for each figure its mean over repetitions
/// (seeds), their standard deviation, and the rank among the methods.
///
/// Ranks of equal means are shared (their average). The mean rank is over all figures for which a direction is given.
public struct MethodRanking: Sendable {
    /// A figure: where it stands, and which direction is good.
    public struct Figure: Hashable, Sendable {
        public enum Direction: String, Hashable, Sendable, CaseIterable { case higher, lower, none }

        /// Its column in the result.
        public var name: String
        /// The column that holds it.
        public var value: String
        /// What other columns must hold in rows that count: `["metric": "dice"]`. An empty text asks for an empty cell, or for
        /// a table without that column.
        public var filter: [String: String]
        public var better: Direction
        /// Whether it is left out where no table has it, instead of an error.
        public var isOptional: Bool

        public init(
            _ name: String, value: String, filter: [String: String] = [:], better: Direction = .lower,
            isOptional: Bool = false
        ) {
            self.name = name
            self.value = value
            self.filter = filter
            self.better = better
            self.isOptional = isOptional
        }
    }

    /// Columns that together name a method. A table that lacks one of them says the same for all its values.
    public var by: [String]
    /// The column that names the repetition.
    public var over: String
    public var figures: [Figure]

    public init(by: [String], over: String, figures: [Figure]) {
        self.by = by
        self.over = over
        self.figures = figures
    }

    /// - Throws: `Diagnostic` when no table has a figure, or a method has it twice for one repetition.
    public func callAsFunction(_ tables: [Table], title: String = "methods") throws(Diagnostic) -> Table {
        guard !by.isEmpty else { throw Diagnostic(.badArgument, "no column says what a method is") }
        let figures = figures.filter { figure in !figure.isOptional || tables.contains { figure.stands(in: $0) } }
        var columns = by.map { Table.Column($0) } + [Table.Column(over + "s")]
        for figure in figures {
            columns.append(.init(figure.name))
            columns.append(.init(figure.name + " sd"))
            if figure.better != .none { columns.append(.init(figure.name + " rank")) }
        }
        if figures.contains(where: { $0.better != .none }) { columns.append(.init("mean rank")) }

        let methods = try self.methods(in: tables)
        var repetitions = [Int](repeating: 0, count: methods.count)
        var cells = [[Table.Cell]](repeating: [], count: methods.count)
        var ranks = [[Double]](repeating: [], count: methods.count)
        for figure in figures {
            let values = try methods.map { (method) throws(Diagnostic) in try self.values(figure, method, tables) }
            let means = values.map { $0.isEmpty ? nil : $0.reduce(0, +) / Double($0.count) }
            let places = figure.better == .none ? nil : Self.ranks(means, isHigherBetter: figure.better == .higher)
            for index in methods.indices {
                repetitions[index] = max(repetitions[index], values[index].count)
                cells[index].append(means[index].map { .number($0) } ?? .missing)
                cells[index].append(Self.deviation(values[index]).map { .number($0) } ?? .missing)
                guard let places else { continue }
                cells[index].append(places[index].map { .number($0) } ?? .missing)
                if let place = places[index] { ranks[index].append(place) }
            }
        }
        var result = try Table(title: title, columns: columns)
        for (index, method) in methods.enumerated() {
            var row = method.map { Table.Cell.text($0) } + [.integer(repetitions[index])] + cells[index]
            if figures.contains(where: { $0.better != .none }) {
                let all = ranks[index]
                row.append(all.isEmpty ? .missing : .number(all.reduce(0, +) / Double(all.count)))
            }
            try result.append(row)
        }
        return result
    }

    /// The methods in the order in which tables name them; those of a table that lacks a column are not counted.
    private func methods(in tables: [Table]) throws(Diagnostic) -> [[String]] {
        var found: [[String]] = [], seen = Set<[String]>()
        for table in tables {
            let places = by.compactMap { name in table.columns.firstIndex { $0.name == name } }
            guard places.count == by.count else { continue }
            for row in table.rows {
                let method = places.map { row[$0].plainText }
                if seen.insert(method).inserted { found.append(method) }
            }
        }
        guard !found.isEmpty else {
            throw Diagnostic(
                .badArgument, "no table has the columns \(by.joined(separator: ", ")), which name the methods",
                remedy: "gather the variants: `over: [\(by.joined(separator: ", "))]`")
        }
        return found
    }

    /// A figure of a method, one for each repetition in which it is defined.
    private func values(_ figure: Figure, _ method: [String], _ tables: [Table]) throws(Diagnostic) -> [Double] {
        var byRepetition: [(name: String, value: Double)] = []
        var isKnown = false
        for table in tables {
            func column(_ name: String) -> Int? { table.columns.firstIndex { $0.name == name } }
            guard let value = column(figure.value) else { continue }
            let names = zip(by, method).compactMap { name, text in column(name).map { ($0, text) } }
            for row in figure.rows(of: table) {
                isKnown = true
                guard names.allSatisfy({ row[$0.0].plainText == $0.1 }), let number = row[value].doubleValue else {
                    continue
                }
                let repetition = column(over).map { row[$0].plainText } ?? ""
                guard !byRepetition.contains(where: { $0.name == repetition }) else {
                    throw Diagnostic(
                        .duplicateName,
                        "'\(figure.name)' stands twice for \(method.joined(separator: ", ")), \(over) \(repetition)",
                        remedy: "narrow it down by `where`")
                }
                byRepetition.append((repetition, number))
            }
        }
        guard isKnown else {
            let filter = figure.filter.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" }
            throw Diagnostic(
                .badArgument,
                "no table has '\(figure.name)': a column '\(figure.value)'"
                    + (filter.isEmpty ? "" : " where " + filter.joined(separator: ", ")))
        }
        return byRepetition.map(\.value)
    }

    /// Ranks from 1, the best; equals share theirs. nil stays nil.
    private static func ranks(_ values: [Double?], isHigherBetter: Bool) -> [Double?] {
        values.map { value in
            guard let value else { return nil }
            let others = values.compactMap { $0 }
            let better = others.count { isHigherBetter ? $0 > value : $0 < value }
            let equal = others.count { $0 == value }
            return Double(better) + Double(equal + 1) / 2
        }
    }

    /// The sample's standard deviation; nil for fewer than two.
    private static func deviation(_ values: [Double]) -> Double? {
        guard values.count > 1 else { return nil }
        let mean = values.reduce(0, +) / Double(values.count)
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
    }
}

extension MethodRanking.Figure {
    /// The rows that count.
    fileprivate func rows(of table: Table) -> [[Table.Cell]] {
        let filters = filter.map { name, text in (table.columns.firstIndex { $0.name == name }, text) }
        return table.rows.filter { row in
            filters.allSatisfy { place, text in place.map { row[$0].plainText == text } ?? text.isEmpty }
        }
    }

    fileprivate func stands(in table: Table) -> Bool {
        table.columns.contains { $0.name == value } && !rows(of: table).isEmpty
    }
}

extension Table.Cell {
    /// What a filter compares with.
    fileprivate var plainText: String {
        switch self {
        case .text(let text): text
        case .integer(let value): String(value)
        case .number(let value): value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
        case .missing: ""
        }
    }
}
