import LucencyFoundation
import Yams

/// Reads YAML text into located values, with limits so that a hostile file can neither exhaust memory nor the stack.
public enum YAMLReader {
    static let maximumBytes = 1 << 20
    static let maximumDepth = 64
    static let maximumValues = 50_000

    /// Reads one document.
    /// - Throws: `Diagnostic` with the position for syntax errors, duplicate keys and exceeded limits.
    public static func read(_ text: String, name: String) throws(Diagnostic) -> LocatedYAML {
        let source = SourceText(name: name, text: text)
        try checkLimits(of: text, source)
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw diagnostic(for: error, source)
        } catch {
            throw Diagnostic(.yamlSyntax, "\(error)", at: source.place(line: 1, column: 1))
        }
        var budget = maximumValues
        guard let node else { return LocatedYAML(.scalar("", plain: true), at: source.place(line: 1, column: 1)) }
        return try convert(node, source, depth: 0, budget: &budget)
    }

    /// Yams builds its tree recursively and compares keys deeply, so what could blow up there is refused beforehand.
    private static func checkLimits(of text: String, _ source: SourceText) throws(Diagnostic) {
        guard text.utf8.count <= maximumBytes else {
            throw Diagnostic(
                .yamlTooLarge, "\(text.utf8.count) bytes of YAML; the limit is \(maximumBytes)",
                at: source.place(line: 1, column: 1))
        }
        var depth = 0
        for (number, line) in source.lines.enumerated() {
            var column = 0
            for byte in line.utf8 {
                column += 1
                if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") { depth += 1 }
                if byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") { depth = max(0, depth - 1) }
                if depth > maximumDepth {
                    throw tooDeep(source.place(line: number + 1, column: column))
                }
            }
            let content = line.drop { $0 == " " || $0 == "-" }
            if content.hasPrefix("? ") || content == "?" || content.hasPrefix("*") && content.contains(":") {
                throw Diagnostic(
                    .yamlSyntax, "keys must be plain names",
                    at: source.place(line: number + 1, column: line.count - content.count + 1))
            }
            if line.prefix(while: { $0 == " " || $0 == "-" }).count > 16 * maximumDepth {
                throw tooDeep(source.place(line: number + 1, column: 1))
            }
        }
    }

    private static func tooDeep(_ place: Diagnostic.Place) -> Diagnostic {
        Diagnostic(.yamlTooLarge, "nested deeper than \(maximumDepth) levels", at: place)
    }

    private static func convert(
        _ node: Node, _ source: SourceText, depth: Int, budget: inout Int
    ) throws(Diagnostic) -> LocatedYAML {
        let place = source.place(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
        guard depth <= maximumDepth else { throw tooDeep(place) }
        budget -= 1
        guard budget > 0 else {
            throw Diagnostic(
                .yamlTooLarge, "more than \(maximumValues) values", at: place,
                remedy: "aliases (*name) that repeat each other multiply; write the values out")
        }
        switch node {
        case .scalar(let scalar):
            return LocatedYAML(.scalar(scalar.string, plain: scalar.style == .plain), at: place)
        case .sequence(let sequence):
            var elements: [LocatedYAML] = []
            for element in sequence {
                elements.append(try convert(element, source, depth: depth + 1, budget: &budget))
            }
            return LocatedYAML(.sequence(elements), at: place)
        case .mapping(let mapping):
            var entries: [LocatedYAML.Entry] = []
            for (key, value) in mapping {
                let keyPlace = source.place(line: key.mark?.line ?? 1, column: key.mark?.column ?? 1)
                guard case .scalar(let name) = key else {
                    throw Diagnostic(
                        .yamlSyntax, "keys must be plain names", at: keyPlace,
                        remedy: "a text that begins with { or [ needs quotes: \"{stem}.png\"")
                }
                let value = try convert(value, source, depth: depth + 1, budget: &budget)
                entries.append(.init(key: name.string, keyPlace: keyPlace, value: value))
            }
            return LocatedYAML(.mapping(entries), at: place)
        case .alias:
            throw Diagnostic(.yamlSyntax, "unresolved alias", at: place)
        }
    }

    private static func diagnostic(for error: YamlError, _ source: SourceText) -> Diagnostic {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            let place = source.place(line: mark.line, column: mark.column)
            let isPlaceholder = unquotedPlaceholder(in: source, upTo: mark.line)
            return Diagnostic(
                .yamlSyntax, problem, at: isPlaceholder ?? place,
                remedy: isPlaceholder == nil ? nil : "a text that begins with { needs quotes: \"{stem}.png\"")
        case .duplicatedKeysInMapping(let duplicates, _):
            let key = duplicates.first ?? ""
            return Diagnostic(.yamlSyntax, "the key '\(key)' is given twice", at: secondUse(of: key, source))
        case .reader(let problem, let offset, _, _):
            return Diagnostic(
                .yamlSyntax, "\(problem)\(offset.map { " at byte \($0)" } ?? "")", at: source.place(line: 1, column: 1))
        default:
            return Diagnostic(.yamlSyntax, "\(error)", at: source.place(line: 1, column: 1))
        }
    }

    /// `as: {stem}.png` without quotes is YAML's own syntax error somewhere behind it; the true place is the brace.
    private static func unquotedPlaceholder(in source: SourceText, upTo line: Int) -> Diagnostic.Place? {
        for number in stride(from: min(line, source.lines.count), through: max(1, line - 1), by: -1) {
            let text = source.lines[number - 1]
            // `--set KEY={stem}.png` begins with the brace itself.
            let start =
                text.hasPrefix("{") ? text.index(after: text.startIndex) : text.firstRange(of: ": {")?.upperBound
            guard let start, let end = text[start...].firstIndex(of: "}") else { continue }
            let name = text[start..<end]
            if !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" }) {
                return source.place(
                    line: number, column: text.distance(from: text.startIndex, to: start))
            }
        }
        return nil
    }

    /// Yams reports the mapping, not the key; the second line that begins with the key is where the slip is.
    private static func secondUse(of key: String, _ source: SourceText) -> Diagnostic.Place {
        var firstIndent: [Int: Int] = [:]
        for (index, line) in source.lines.enumerated() {
            let content = line.drop { $0 == " " }
            guard content.hasPrefix(key + ":") else { continue }
            let indent = line.count - content.count
            if firstIndent[indent] != nil { return source.place(line: index + 1, column: indent + 1) }
            firstIndent[indent] = index
        }
        return source.place(line: (firstIndent.values.first ?? 0) + 1, column: 1)
    }
}
