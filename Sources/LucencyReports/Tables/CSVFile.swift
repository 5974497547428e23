import LucencyFoundation

/// The records of a CSV text (RFC 4180; lines may end in `\n`, `\r\n` or `\r`), as they stand there.
///
/// The first record is the header. Empty lines do not count.
public struct CSVFile: Sendable {
    /// One field. Quotes tell an empty text from a missing value, and a text of digits from a number.
    public struct Field: Sendable, Hashable {
        public var text: String
        public var isQuoted: Bool
    }

    /// One line, or several where a quoted field has line breaks.
    public struct Record: Sendable {
        /// The first line, from 1.
        public let line: Int
        public let fields: [Field]
    }

    public static let maximumBytes = 16 << 20
    public static let maximumColumns = 1000

    public let name: String
    public let header: [String]
    public let records: [Record]

    /// Reads a file.
    /// - Throws: `Diagnostic` when it cannot be read, is larger than `maximumBytes` or no UTF-8; and as `init(parsing:)`.
    public init(path: String) throws(Diagnostic) {
        try self.init(parsing: try FileSystem.text(path, limit: Self.maximumBytes), name: path)
    }

    /// - Parameter name: the file's, for messages.
    /// - Throws: `Diagnostic` with the line when a quote is not closed or text follows a closing one, a record has another
    ///   number of fields than the header, there are too many columns or none, or two of one name.
    public init(parsing text: String, name: String) throws(Diagnostic) {
        var parser = CSVParser(text)
        guard let first = try parser.next(name) else {
            throw Diagnostic(.damagedFile, "the table is empty", at: .init(file: name))
        }
        self.name = name
        header = first.fields.map(\.text)
        func fault(_ message: String, _ line: Int, remedy: String? = nil) -> Diagnostic {
            Diagnostic(.damagedFile, message, at: .init(file: name, line: line, column: 1), remedy: remedy)
        }
        guard header.count <= Self.maximumColumns else {
            throw fault("\(header.count) columns are more than \(Self.maximumColumns)", first.line)
        }
        var seen: Set<String> = []
        for column in header where !seen.insert(column).inserted {
            throw fault("two columns are called '\(column)'", first.line, remedy: "rename or remove one")
        }
        if header.count == 1, let separator = header[0].first(where: { $0 == ";" || $0 == "\t" }) {
            throw fault(
                "the fields are separated by \(separator == ";" ? "semicolons" : "tabs")", first.line,
                remedy: "save the table with commas between fields")
        }
        var records: [Record] = []
        while let record = try parser.next(name) {
            guard record.fields.count == header.count else {
                throw fault(
                    "the line has \(record.fields.count) fields, the header \(header.count)", record.line,
                    remedy: "a field that has a comma in it needs quotes")
            }
            records.append(record)
        }
        self.records = records
    }

    /// The index of a column, by its name, or by its name without a unit: `hd95` finds `hd95 (mm)`.
    /// - Throws: `Diagnostic` naming what is near or there.
    public func index(of column: String) throws(Diagnostic) -> Int {
        if let index = header.firstIndex(of: column)
            ?? header.firstIndex(where: { Table.Column(label: $0).name == column })
        {
            return index
        }
        throw .noColumn(column, among: header, in: name)
    }
}

extension Diagnostic {
    /// A table lacks a column.
    static func noColumn(_ column: String, among names: [String], in file: String?) -> Diagnostic {
        let near = nearestName(to: column, in: names).map { "did you mean '\($0)'?" }
        let shown = names.prefix(12).joined(separator: ", ") + (names.count > 12 ? ", …" : "")
        return Diagnostic(
            .unknownReference, "there is no column '\(column)'", at: file.map { Place(file: $0) },
            remedy: near ?? "it has: \(shown)")
    }
}

/// Walks through the bytes of a CSV text.
private struct CSVParser {
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1

    init(_ text: String) {
        bytes = Array(text.utf8)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipLineEnd() {
        let first = current
        position += 1
        if first == 0x0D, current == 0x0A { position += 1 }
        line += 1
    }

    /// The next record that is no empty line; nil at the end.
    mutating func next(_ name: String) throws(Diagnostic) -> CSVFile.Record? {
        while let byte = current, byte == 0x0A || byte == 0x0D { skipLineEnd() }
        guard current != nil else { return nil }
        let start = line
        var fields: [CSVFile.Field] = []
        while true {
            fields.append(try field(name))
            guard current == 0x2C else { break }
            position += 1
        }
        if current != nil { skipLineEnd() }
        return CSVFile.Record(line: start, fields: fields)
    }

    private mutating func field(_ name: String) throws(Diagnostic) -> CSVFile.Field {
        guard current == 0x22 else {
            let start = position
            while let byte = current, byte != 0x2C, byte != 0x0A, byte != 0x0D { position += 1 }
            return .init(text: String(decoding: bytes[start..<position], as: UTF8.self), isQuoted: false)
        }
        let start = line
        var text: [UInt8] = []
        position += 1
        while true {
            guard let byte = current else {
                throw fault("the quote that begins here is never closed", name, start)
            }
            position += 1
            if byte == 0x22 {
                guard current == 0x22 else { break }
                position += 1
            } else if byte == 0x0A {
                line += 1
            }
            text.append(byte)
        }
        if let byte = current, byte != 0x2C, byte != 0x0A, byte != 0x0D {
            throw fault("something follows a closing quote", name, line)
        }
        return .init(text: String(decoding: text, as: UTF8.self), isQuoted: true)
    }

    private func fault(_ message: String, _ name: String, _ line: Int) -> Diagnostic {
        Diagnostic(
            .damagedFile, message, at: .init(file: name, line: line, column: 1),
            remedy: "a quote within a quoted field is written twice")
    }
}
