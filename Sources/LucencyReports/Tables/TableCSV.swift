extension Table {
    /// The table as CSV (RFC 4180, except that lines end in `\n`): a header of column labels, then the rows.
    ///
    /// Numbers are the shortest that read back equal, with a point; `nan`, `inf` and `-inf` where they are not finite.
    /// A missing value is an empty field, an empty text is `""`. The title is not written. Texts are written as they
    /// are: a text that starts with `=`, `+`, `-` or `@` may be taken for a formula by a spreadsheet, and changing it
    /// here would change the data for every other reader; `spreadsheetCSV` guards those.
    public var csv: String { csv { $0 } }

    /// As `csv`, for spreadsheets: a text that one would take for a formula (it begins with `=`, `+`, `-`, `@`, a tab or a
    /// line end) gets an apostrophe in front, so that a file name cannot run anything. Numbers are untouched.
    public var spreadsheetCSV: String {
        csv { text in
            guard let first = text.unicodeScalars.first, "=+-@\t\r\n＝＋－＠".unicodeScalars.contains(first) else {
                return text
            }
            return "'" + text
        }
    }

    private func csv(_ guarded: (String) -> String) -> String {
        var text = ""
        Self.write(columns.map { Self.field(guarded($0.label)) }, to: &text)
        for row in rows { Self.write(row.map { $0.csvField(guarded) }, to: &text) }
        return text
    }

    private static func write(_ fields: [String], to text: inout String) {
        // The only field of a line is never left empty, since readers skip blank lines.
        text += fields == [""] ? "\"\"" : fields.joined(separator: ",")
        text += "\n"
    }

    fileprivate static func field(_ value: String) -> String {
        let special = value.utf8.contains { $0 == 0x2C || $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }
        guard special || value.isEmpty || value.first == " " || value.last == " " else { return value }
        var quoted = "\""
        for scalar in value.unicodeScalars {
            if scalar == "\"" { quoted += "\"" }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }
}

extension Table.Cell {
    fileprivate func csvField(_ guarded: (String) -> String) -> String {
        switch self {
        case .text(let value): Table.field(guarded(value))
        case .integer(let value): String(value)
        case .number(let value): Self.exact(value)
        case .missing: ""
        }
    }

    /// The shortest digits that read back as the same number; whole numbers without a fraction.
    static func exact(_ value: Double) -> String {
        if value.isNaN { return "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "inf" }
        if value == 0 { return value.sign == .minus ? "-0" : "0" }
        if value == value.rounded(), abs(value) < 0x1p54 { return String(Int(value)) }
        return "\(value)"
    }
}
