import LucencyFoundation

/// Where a relative path starts.
public enum PathBase: Sendable {
    /// In the folder of the pipeline file.
    case pipelineFile
    /// In the working directory: what was written on the command line.
    case workingDirectory
}

/// A text file that positions refer to.
public final class SourceText: Sendable {
    /// The file as the user named it, or an option such as `--set epochs`.
    public let name: String
    let base: PathBase
    let lines: [String]

    public init(name: String, text: String, base: PathBase = .pipelineFile) {
        self.name = name
        self.base = base
        lines = Self.lines(of: text)
    }

    /// Lines as libyaml counts them: it breaks at CR LF, CR, LF, NEL, LS and PS.
    private static func lines(of text: String) -> [String] {
        var lines: [String] = []
        var line = String.UnicodeScalarView()
        var last: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n" where last == "\r": break
            case "\r", "\n", "\u{85}", "\u{2028}", "\u{2029}":
                lines.append(String(line))
                line = String.UnicodeScalarView()
            default: line.append(scalar)
            }
            last = scalar
        }
        return lines + [String(line)]
    }

    func place(line: Int, column: Int) -> Diagnostic.Place {
        let source = line >= 1 && line <= lines.count ? lines[line - 1] : nil
        return Diagnostic.Place(file: name, line: line, column: column, sourceLine: source)
    }
}

/// A YAML value that knows where it stands, so that every complaint about it can.
public struct LocatedYAML: Sendable {
    /// The three kinds of YAML value.
    public indirect enum Content: Sendable {
        /// The text and whether it was written without quotes (only then can it be a number, a boolean or null).
        case scalar(String, plain: Bool)
        case sequence([LocatedYAML])
        case mapping([Entry])
    }

    /// A key with its value.
    public struct Entry: Sendable {
        public let key: String
        public let keyPlace: Diagnostic.Place
        public var value: LocatedYAML
    }

    public var content: Content
    public let place: Diagnostic.Place
    /// Where a relative path that is written here starts.
    public var base: PathBase

    public init(_ content: Content, at place: Diagnostic.Place, base: PathBase = .pipelineFile) {
        self.content = content
        self.place = place
        self.base = base
    }

    /// The text of a scalar.
    public var scalar: String? { if case .scalar(let text, _) = content { text } else { nil } }

    /// The text of a scalar written without quotes.
    public var plainScalar: String? { if case .scalar(let text, true) = content { text } else { nil } }

    /// Whether nothing stands here: `null`, `~` or an empty value.
    public var isNull: Bool { plainScalar.map { ["", "~", "null", "Null", "NULL"].contains($0) } ?? false }

    /// The members of a mapping.
    public var entries: [Entry]? { if case .mapping(let entries) = content { entries } else { nil } }

    /// The elements of a sequence.
    public var elements: [LocatedYAML]? { if case .sequence(let elements) = content { elements } else { nil } }

    /// The value of a key.
    public subscript(key: String) -> LocatedYAML? { entries?.first { $0.key == key }?.value }

    /// `a mapping`, `a list`, `'text'`: for messages.
    public var shown: String {
        switch content {
        case .scalar(let text, _): isNull ? "nothing" : "'\(text.prefix(60))'"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    /// The same value with keys sorted and positions dropped, for hashing and printing.
    public var canonical: JSONValue {
        switch content {
        case .scalar(let text, let plain):
            if isNull { return .null }
            guard plain else { return .string(text) }
            if let integer = Int(text) { return .integer(integer) }
            if let number = Double(text), number.isFinite { return .number(number) }
            return text == "true" ? true : text == "false" ? false : .string(text)
        case .sequence(let elements): return .array(elements.map(\.canonical))
        case .mapping(let entries):
            return .object(Dictionary(entries.map { ($0.key, $0.value.canonical) }, uniquingKeysWith: { $1 }))
        }
    }

    /// This mapping with another's values in place of its own, mappings within them likewise, key by key.
    public func merged(with other: LocatedYAML) -> LocatedYAML {
        guard var entries, let new = other.entries else { return other }
        for entry in new {
            if let index = entries.firstIndex(where: { $0.key == entry.key }) {
                entries[index].value = entries[index].value.merged(with: entry.value)
            } else {
                entries.append(entry)
            }
        }
        var copy = self
        copy.content = .mapping(entries)
        return copy
    }

    /// The same tree with one value replaced or added, for `--set a.b.c=YAML`.
    ///
    /// A number as key steps into a list (from 0).
    /// - Throws: `Diagnostic` when the path leads through a scalar, past the end of a list, or too deep.
    public func setting(_ path: ArraySlice<String>, to value: LocatedYAML, option: String) throws(Diagnostic)
        -> LocatedYAML
    {
        guard let key = path.first else { return value }
        guard path.count <= YAMLReader.maximumDepth else {
            throw Diagnostic(.usage, "\(option): the path has more than \(YAMLReader.maximumDepth) steps")
        }
        var copy = self
        switch content {
        case .mapping(var entries):
            if let index = entries.firstIndex(where: { $0.key == key }) {
                entries[index].value = try entries[index].value.setting(path.dropFirst(), to: value, option: option)
            } else {
                let empty = LocatedYAML(.mapping([]), at: value.place)
                let new = try empty.setting(path.dropFirst(), to: value, option: option)
                entries.append(Entry(key: key, keyPlace: value.place, value: new))
            }
            copy.content = .mapping(entries)
        case .sequence(var elements):
            guard let index = Int(key), elements.indices.contains(index) else {
                throw Diagnostic(.usage, "\(option): '\(key)' is not an element of a list of \(elements.count)")
            }
            elements[index] = try elements[index].setting(path.dropFirst(), to: value, option: option)
            copy.content = .sequence(elements)
        case .scalar where isNull:
            return try LocatedYAML(.mapping([]), at: place).setting(path, to: value, option: option)
        case .scalar(let text, _):
            throw Diagnostic(.usage, "\(option): '\(key)' leads into the plain value '\(text)'")
        }
        return copy
    }
}
