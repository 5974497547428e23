#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension Table {
    /// The table for a terminal: title, header, a rule and rows, in columns two spaces apart, numbers to the right.
    /// - Parameter digits: significant digits of numbers (1...17); nil writes all that are needed to read them back.
    public func text(digits: Int? = 4) -> String {
        let header = columns.map { Self.oneLine($0.label) }
        let body = rows.map { $0.map { Self.oneLine($0.shown(digits: digits, missing: "–")) } }
        let widths = columns.indices.map { column in
            ([header] + body).map { $0[column].count }.max() ?? 0
        }
        var lines = title.isEmpty ? [] : [title]
        lines.append(line(header, widths))
        lines.append(widths.map { String(repeating: "─", count: $0) }.joined(separator: "  "))
        lines += body.map { line($0, widths) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The table in Markdown (pipe tables), numbers to the right; the title is a bold line above.
    /// - Parameter digits: significant digits of numbers (1...17); nil writes all that are needed to read them back.
    public func markdown(digits: Int? = 4) -> String {
        func escaped(_ text: String) -> String {
            Self.oneLine(text).map { $0 == "|" ? "\\|" : String($0) }.joined()
        }
        let header = columns.map { escaped($0.label) }
        let body = rows.map { $0.map { escaped($0.shown(digits: digits, missing: "")) } }
        let widths = columns.indices.map { column in
            max(3, ([header] + body).map { $0[column].count }.max() ?? 0)
        }
        let rule = columns.indices.map { column in
            let dashes = String(repeating: "-", count: widths[column] - 1)
            return isNumeric(column) ? dashes + ":" : dashes + "-"
        }
        var lines = title.isEmpty ? [] : ["**\(escaped(title))**", ""]
        for cells in [header, rule] + body {
            let padded = cells.indices.map { pad(cells[$0], to: widths[$0], right: isNumeric($0)) }
            lines.append("| " + padded.joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Whether a column holds numbers and nothing else but missing values.
    private func isNumeric(_ column: Int) -> Bool {
        !rows.isEmpty && rows.allSatisfy { if case .text = $0[column] { false } else { true } }
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var text = cells.indices.map { pad(cells[$0], to: widths[$0], right: isNumeric($0)) }.joined(separator: "  ")
        while text.last == " " { text.removeLast() }
        return text
    }

    private func pad(_ text: String, to width: Int, right: Bool) -> String {
        let space = String(repeating: " ", count: max(0, width - text.count))
        return right ? space + text : text + space
    }

    private static func oneLine(_ text: String) -> String {
        String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 })
    }
}

extension Table.Cell {
    fileprivate func shown(digits: Int?, missing: String) -> String {
        switch self {
        case .text(let value): value
        case .integer(let value): String(value)
        case .number(let value): digits.map { Self.rounded(value, digits: $0) } ?? Self.exact(value)
        case .missing: missing
        }
    }

    /// A number to some significant digits; large whole parts are never cut to powers of ten below 10¹⁵.
    private static func rounded(_ value: Double, digits: Int) -> String {
        guard value.isFinite else { return exact(value) }
        let digits = Int32(max(1, min(17, digits)))
        let whole = abs(value) >= pow(10, Double(digits)) && abs(value) < 1e15
        return withVaList([whole ? 0 : digits, value]) { arguments in
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
                vsnprintf(buffer.baseAddress, buffer.count, whole ? "%.*f" : "%.*g", arguments)
                return buffer.baseAddress.map { String(cString: $0) } ?? ""
            }
        }
    }
}
