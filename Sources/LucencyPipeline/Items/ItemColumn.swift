import LucencyFoundation

/// What a table says of each item: the patient that it is of, say.
public struct ItemColumn: Sendable, Hashable {
    /// One row of the table.
    public struct Row: Sendable {
        public var item: String
        public var value: String
        /// Its line in the file, from 1.
        public var line: Int

        public init(item: String, value: String, line: Int) {
            self.item = item
            self.value = value
            self.line = line
        }
    }

    public let file: String
    public let column: String
    private var exact: [String: String] = [:]
    /// By the name without extension, where no two rows share it.
    private var loose: [String: String] = [:]

    /// - Parameter hasGaps: whether a row may have an empty value; it is then the item's value.
    /// - Throws: `Diagnostic` when a row has no item or no value, or two rows say different things of one item.
    public init(file: String, column: String, rows: [Row], hasGaps: Bool = false) throws(Diagnostic) {
        self.file = file
        self.column = column
        var lines: [String: Int] = [:]
        for row in rows {
            let place = Diagnostic.Place(file: file, line: row.line, column: 1)
            guard !row.item.isEmpty, hasGaps || !row.value.isEmpty else {
                throw Diagnostic(
                    .badValue, row.item.isEmpty ? "the row names no item" : "'\(row.item)' has no '\(column)'",
                    at: place, remedy: "fill the field, or remove the row")
            }
            if let other = exact[row.item], other != row.value {
                throw Diagnostic(
                    .duplicateName,
                    "'\(row.item)' has the \(column) '\(row.value)' here and '\(other)' in line \(lines[row.item] ?? 0)",
                    at: place, remedy: "remove the row that is wrong")
            }
            exact[row.item] = row.value
            lines[row.item] = row.line
        }
        var stems: [String: Set<String>] = [:]
        for item in exact.keys {
            // A dot in a folder's name begins no extension.
            let name = FileSystem.name(of: item)
            stems[item.dropLast(name.count) + FileSystem.stem(of: name), default: []].insert(item)
        }
        for (stem, items) in stems where items.count == 1 && exact[stem] == nil {
            loose[stem] = items.first.flatMap { exact[$0] }
        }
    }

    /// The value of each item: of its relative name with or without extension, else of its bare stem if no other item has
    /// the same.
    /// - Throws: `Diagnostic` when items are not in the table.
    public func values(of items: [String]) throws(Diagnostic) -> [String] {
        let stems = Dictionary(items.map { (FileSystem.name(of: $0), 1) }, uniquingKeysWith: +)
        var values: [String] = []
        var lost: [String] = []
        for item in items {
            let stem = FileSystem.name(of: item)
            if let value = exact[item] ?? loose[item] ?? (stems[stem] == 1 ? exact[stem] ?? loose[stem] : nil) {
                values.append(value)
            } else {
                lost.append(item)
            }
        }
        guard let first = lost.first else { return values }
        throw Diagnostic(
            .unmatchedFiles, "\(lost.count) of \(items.count) items are not in the table, the first is '\(first)'",
            at: .init(file: file),
            remedy: "add a row for each item, named as in {relative}, or leave items out by `list`")
    }
}
