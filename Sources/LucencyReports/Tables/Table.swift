import LucencyFoundation

/// Rows of typed cells under named columns: what measurements and evaluations hand out.
///
/// Every row has one cell per column. Two tables that hold a NaN are unequal, as their numbers are.
public struct Table: Sendable, Hashable {
    /// A column's name and, for quantities, its unit (`mm`, `mm²`, `px`).
    public struct Column: Sendable, Hashable {
        public var name: String
        public var unit: String?

        public init(_ name: String, unit: String? = nil) {
            self.name = name
            self.unit = unit
        }

        /// The header as written: `area (mm²)`.
        public var label: String { unit.map { "\(name) (\($0))" } ?? name }
    }

    /// One value.
    public enum Cell: Sendable, Hashable {
        case text(String)
        case integer(Int)
        case number(Double)
        /// Not measured or not defined; not the same as zero or an empty text.
        case missing

        /// The number in the cell, also of an integer; nil for text and missing values.
        public var doubleValue: Double? {
            switch self {
            case .integer(let value): Double(value)
            case .number(let value): value
            case .text, .missing: nil
            }
        }
    }

    public var title: String
    public let columns: [Column]
    public private(set) var rows: [[Cell]]

    /// An empty table.
    /// - Throws: `Diagnostic` when two columns have the same name.
    public init(title: String = "", columns: [Column]) throws(Diagnostic) {
        var seen = Set<String>()
        for column in columns where !seen.insert(column.name).inserted {
            throw Diagnostic(.badArgument, "two columns of a table are called \(column.name)")
        }
        self.title = title
        self.columns = columns
        rows = []
    }

    /// A table with rows.
    /// - Throws: `Diagnostic` when two columns have the same name or a row's length is not the number of columns.
    public init(title: String = "", columns: [Column], rows: [[Cell]]) throws(Diagnostic) {
        try self.init(title: title, columns: columns)
        for row in rows { try append(row) }
    }

    /// Adds a row.
    /// - Throws: `Diagnostic` when its length is not the number of columns.
    public mutating func append(_ row: [Cell]) throws(Diagnostic) {
        guard row.count == columns.count else {
            throw Diagnostic(
                .sizeMismatch, "row \(rows.count + 1) has \(row.count) cells; the table has \(columns.count) columns")
        }
        rows.append(row)
    }

    /// This table's rows followed by another's.
    /// - Throws: `Diagnostic` naming the first column whose name or unit differs.
    public func appending(_ other: Table) throws(Diagnostic) -> Table {
        try requireSameColumns(as: other)
        var result = self
        result.rows += other.rows
        return result
    }

    /// All rows of tables with the same columns, in order; the title is the first table's unless given.
    /// - Throws: `Diagnostic` when there is no table, or columns differ (it names the first that does).
    public static func joined(_ tables: some Sequence<Table>, title: String? = nil) throws(Diagnostic) -> Table {
        var result: Table?
        for table in tables {
            guard let first = result else {
                result = table
                continue
            }
            try first.requireSameColumns(as: table)
            result?.rows += table.rows
        }
        guard var result else { throw Diagnostic(.badArgument, "there are no tables to join") }
        if let title { result.title = title }
        return result
    }

    /// The same rows behind a new first column that holds one value, such as the image that they were measured on.
    /// - Throws: `Diagnostic` when the name is taken.
    public func prefixed(by column: Column, value: Cell) throws(Diagnostic) -> Table {
        var result = try Table(title: title, columns: [column] + columns)
        result.rows = rows.map { [value] + $0 }
        return result
    }

    /// The cells of a column from top to bottom, or nil if there is none of that name.
    public func cells(of name: String) -> [Cell]? {
        guard let index = columns.firstIndex(where: { $0.name == name }) else { return nil }
        return rows.map { $0[index] }
    }

    /// Why the rows of another table cannot stand below those of this one; nil where they can.
    public func columnMismatch(with other: Table) -> String? {
        for (index, (mine, its)) in zip(columns, other.columns).enumerated() where mine != its {
            return "column \(index + 1) is \(mine.label) in one and \(its.label) in the other"
        }
        return columns.count == other.columns.count
            ? nil : "one has \(columns.count) columns, the other \(other.columns.count)"
    }

    private func requireSameColumns(as other: Table) throws(Diagnostic) {
        guard let mismatch = columnMismatch(with: other) else { return }
        throw Diagnostic(.badArgument, "tables cannot be joined: \(mismatch)")
    }
}

extension Table.Cell: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByNilLiteral
{
    public init(stringLiteral value: String) { self = .text(value) }
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .number(value) }
    public init(nilLiteral: ()) { self = .missing }
}
