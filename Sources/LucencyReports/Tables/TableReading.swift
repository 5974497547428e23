import LucencyFoundation

extension Table {
    /// The table that a CSV text holds, as `csv` writes it: a column whose fields are all numbers (or missing) holds
    /// numbers, any other one texts.
    ///
    /// Digits with zeros in front (`000017`) and quoted fields are texts. Units are taken from headers such as `hd95 (mm)`.
    /// - Throws: `Diagnostic` when two columns differ only in their unit.
    public init(_ file: CSVFile) throws(Diagnostic) {
        do throws(Diagnostic) {
            try self.init(columns: file.header.map { Column(label: $0) })
        } catch { throw error.located(in: file.name) }
        let isNumeric = columns.indices.map { column in
            file.records.allSatisfy { $0.fields[column].isMissing || $0.fields[column].number != nil }
        }
        for record in file.records {
            try append(
                zip(record.fields, isNumeric).map { field, isNumeric in
                    field.isMissing ? .missing : isNumeric ? field.number ?? .missing : .text(field.text)
                })
        }
    }

    /// The index of a column, by its name or label.
    /// - Throws: `Diagnostic` naming what is near or there.
    public func index(of column: String) throws(Diagnostic) -> Int {
        if let index = columns.firstIndex(where: { $0.name == column || $0.label == column }) { return index }
        throw .noColumn(column, among: columns.map(\.name), in: nil)
    }
}

extension Table.Column {
    /// A column from its header: `area (mm²)`.
    init(label: String) {
        guard label.last == ")", let open = label.lastIndex(of: "("), label[..<open].last == " " else {
            self.init(label)
            return
        }
        let name = label[..<open].dropLast(), unit = label[label.index(after: open)...].dropLast()
        let hasUnit = !name.isEmpty && !unit.isEmpty && !unit.contains(")")
        self.init(hasUnit ? String(name) : label, unit: hasUnit ? String(unit) : nil)
    }
}

extension CSVFile.Field {
    /// Nothing at all, not even an empty text.
    fileprivate var isMissing: Bool { text.isEmpty && !isQuoted }

    /// The number that is written here, or nil.
    fileprivate var number: Table.Cell? {
        guard !isQuoted else { return nil }
        switch text {
        case "nan": return .number(.nan)
        case "inf": return .number(.infinity)
        case "-inf": return .number(-.infinity)
        default: break
        }
        var digits = text.utf8[...]
        if digits.first == UInt8(ascii: "-") { digits = digits.dropFirst() }
        let isDigit = { (byte: UInt8) in (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
        guard let first = digits.first, isDigit(first), digits.allSatisfy({ isDigit($0) || ".eE+-".utf8.contains($0) })
        else { return nil }
        if first == UInt8(ascii: "0"), let second = digits.dropFirst().first, isDigit(second) { return nil }
        if let value = Int(text) { return text == "-0" ? .number(-0.0) : .integer(value) }
        return Double(text).map { .number($0) }
    }
}
