/// One thing that is wrong (or worth knowing), told to a person: what, where, why and what to do.
///
/// Every target throws `Diagnostic`, so that the terminal, the manifest and an embedding program say the same thing.
public struct Diagnostic: Error, Hashable, Sendable {
    /// How bad it is. Only `.error` makes a check or an item fail.
    public enum Severity: String, Comparable, Sendable {
        case note, warning, error

        public static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }
        private var rank: Int { self == .note ? 0 : self == .warning ? 1 : 2 }
    }

    /// Where it is: a file, and within it a line and column (text) or a part such as `page 3` (images).
    public struct Place: Hashable, Sendable {
        /// The file as the user named it, or an option such as `--set epochs`.
        public var file: String
        /// 1-based line and column; 0 where the file has none.
        public var line: Int
        public var column: Int
        /// The line of text itself, shown with a caret below `column`.
        public var sourceLine: String?
        /// A part of a binary file: `page 3`, `row 17`.
        public var part: String?

        public init(file: String, line: Int = 0, column: Int = 0, sourceLine: String? = nil, part: String? = nil) {
            self.file = file
            self.line = line
            self.column = column
            self.sourceLine = sourceLine
            self.part = part
        }

        // The line of text follows from where it stands, and may be long.
        public static func == (left: Place, right: Place) -> Bool {
            left.file == right.file && left.line == right.line && left.column == right.column && left.part == right.part
        }
        public func hash(into hasher: inout Hasher) {
            hasher.combine(file)
            hasher.combine(line)
            hasher.combine(column)
            hasher.combine(part)
        }
    }

    public var severity: Severity
    public var code: DiagnosticCode
    /// What is wrong, with the offending value.
    public var message: String
    public var place: Place?
    /// What to do about it.
    public var remedy: String?

    public init(
        _ code: DiagnosticCode, _ message: String, at place: Place? = nil, remedy: String? = nil,
        severity: Severity = .error
    ) {
        self.severity = severity
        self.code = code
        self.message = message
        self.place = place
        self.remedy = remedy
    }

    /// The same diagnostic with a file name, unless it already has a place: readers know the file, algorithms do not.
    public func located(in file: String, part: String? = nil) -> Diagnostic {
        guard place == nil else { return self }
        var copy = self
        copy.place = Place(file: file, part: part)
        return copy
    }

    /// `a → b → c`, of a long chain only its ends.
    public static func chain(_ names: some Collection<String>) -> String {
        let shown = names.count <= 12 ? Array(names) : Array(names.prefix(8)) + ["…"] + Array(names.suffix(3))
        return shown.joined(separator: " → ")
    }

    /// Any error as a diagnostic: itself when it is one, several as one under the first one's code and place, else `fallback`
    /// with the error's own words.
    public static func wrapping(_ error: any Error, as fallback: DiagnosticCode) -> Diagnostic {
        if let diagnostic = error as? Diagnostic { return diagnostic }
        guard let list = error as? DiagnosticList, var joined = list.diagnostics.first else {
            return Diagnostic(fallback, "\(error)")
        }
        joined.message = list.diagnostics.map(\.message).joined(separator: "; ")
        let remedies = list.diagnostics.compactMap(\.remedy)
        joined.remedy = remedies.isEmpty ? nil : remedies.joined(separator: "; ")
        joined.severity = list.diagnostics.map(\.severity).max() ?? joined.severity
        return joined
    }
}

extension Diagnostic: CustomStringConvertible {
    /// One line: `FILE:LINE:COL: error: message [LC0213]`.
    public var headline: String {
        var text = ""
        if let place {
            text += place.file
            if place.line > 0 { text += ":\(place.line):\(place.column)" }
            if let part = place.part { text += " (\(part))" }
            text += ": "
        }
        return Self.visible(text + "\(severity.rawValue): \(message) [\(code.rawValue)]")
    }

    /// The headline, the source line with a caret, and the remedy.
    public var description: String {
        var lines = [headline]
        if let place, place.line > 0, let source = place.sourceLine, !source.isEmpty {
            let excerpt = Self.excerpt(of: source, around: place.column)
            let before = Self.visible(excerpt.before), after = Self.visible(excerpt.after)
            // Tabs stay tabs below tabs, so that the caret stands under its column at any tab width.
            let lead = before.map { $0 == "\t" ? "\t" : " " }.joined()
            lines.append("    " + before + after)
            lines.append("    " + lead + "^")
        }
        if let remedy { lines.append("    help: \(Self.visible(remedy))") }
        return lines.joined(separator: "\n")
    }

    /// The text with control characters, which would reach into the terminal, written out.
    private static func visible(_ text: String) -> String {
        func isHidden(_ scalar: Unicode.Scalar) -> Bool {
            scalar.properties.generalCategory == .control && scalar != "\n" && scalar != "\t"
        }
        guard text.unicodeScalars.contains(where: isHidden) else { return text }
        return text.unicodeScalars.map { isHidden($0) ? "\\u{\(String($0.value, radix: 16))}" : String($0) }.joined()
    }

    /// The text before and from a column (in Unicode scalars, from 1), of a long line only what stands near it.
    private static func excerpt(of line: String, around column: Int) -> (before: String, after: String) {
        let scalars = line.unicodeScalars
        let place = scalars.index(scalars.startIndex, offsetBy: max(0, column - 1), limitedBy: scalars.endIndex)
        let middle = place ?? scalars.endIndex
        guard line.utf8.count > 400 else { return (String(scalars[..<middle]), String(scalars[middle...])) }
        let start = scalars.index(middle, offsetBy: -60, limitedBy: scalars.startIndex) ?? scalars.startIndex
        let end = scalars.index(middle, offsetBy: 60, limitedBy: scalars.endIndex) ?? scalars.endIndex
        return (
            (start == scalars.startIndex ? "" : "…") + String(scalars[start..<middle]),
            String(scalars[middle..<end]) + (end == scalars.endIndex ? "" : "…")
        )
    }
}

/// Several diagnostics thrown together, in the order in which they should be read.
public struct DiagnosticList: Error, CustomStringConvertible, Sendable {
    public var diagnostics: [Diagnostic]

    public init(_ diagnostics: [Diagnostic]) {
        self.diagnostics = diagnostics
    }

    public var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}
