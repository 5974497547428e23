import CYaml
import LucencyFoundation

/// The pieces of a YAML text one after the other, as libyaml finds them.
///
/// libyaml itself works with a bounded stack; that nothing is built behind its back (Yams composes whole trees, follows
/// aliases and compares keys deeply) is what lets the reader stop at its limits.
final class YAMLEvents {
    struct Event {
        enum Kind: Equatable {
            case streamStart, streamEnd, documentStart, documentEnd
            case sequenceStart, sequenceEnd, mappingStart, mappingEnd
            case scalar(String, plain: Bool)
            case alias(String)
        }

        let kind: Kind
        /// Name given by `&name`.
        let anchor: String?
        /// Type given by `!name`.
        let tag: String?
        let place: Diagnostic.Place
    }

    private let source: SourceText
    private let bytes: UnsafeBufferPointer<UInt8>
    private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)

    /// - Parameter bytes: UTF-8; must outlive this object.
    init(_ bytes: UnsafeBufferPointer<UInt8>, _ source: SourceText) {
        self.source = source
        self.bytes = bytes
        parser.initialize(to: yaml_parser_t())
        _ = yaml_parser_initialize(parser)
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    /// - Throws: `Diagnostic` for what is not YAML.
    func next() throws(Diagnostic) -> Event {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw failure() }
        defer { yaml_event_delete(&event) }
        let place = source.place(line: Int(event.start_mark.line) + 1, column: Int(event.start_mark.column) + 1)
        func made(
            _ kind: Event.Kind, _ anchor: UnsafePointer<UInt8>? = nil, _ tag: UnsafePointer<UInt8>? = nil
        ) -> Event {
            Event(
                kind: kind, anchor: anchor.map { String(cString: $0) }, tag: tag.map { String(cString: $0) },
                place: place)
        }
        switch event.type {
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            return made(.scalar(text, plain: scalar.style == YAML_PLAIN_SCALAR_STYLE), scalar.anchor, scalar.tag)
        case YAML_SEQUENCE_START_EVENT:
            return made(.sequenceStart, event.data.sequence_start.anchor, event.data.sequence_start.tag)
        case YAML_MAPPING_START_EVENT:
            return made(.mappingStart, event.data.mapping_start.anchor, event.data.mapping_start.tag)
        case YAML_ALIAS_EVENT: return made(.alias(String(cString: event.data.alias.anchor)))
        case YAML_SEQUENCE_END_EVENT: return made(.sequenceEnd)
        case YAML_MAPPING_END_EVENT: return made(.mappingEnd)
        case YAML_DOCUMENT_START_EVENT: return made(.documentStart)
        case YAML_DOCUMENT_END_EVENT: return made(.documentEnd)
        case YAML_STREAM_START_EVENT: return made(.streamStart)
        default: return made(.streamEnd)
        }
    }

    // MARK: What is not YAML

    private func failure() -> Diagnostic {
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "the text is not YAML"
        let mark = parser.pointee.problem_mark
        guard parser.pointee.error != YAML_READER_ERROR else {
            return Diagnostic(.yamlSyntax, problem, at: place(ofByte: parser.pointee.problem_offset))
        }
        let place = source.place(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
        if problem.hasPrefix("Maximum nesting level") { return YAMLReader.tooDeep(place) }
        if let brace = unquotedPlaceholder(upTo: place.line) {
            return Diagnostic(
                .yamlSyntax, problem, at: brace, remedy: "a text that begins with { needs quotes: \"{stem}.png\"")
        }
        let context = parser.pointee.context.map { String(cString: $0) } ?? ""
        let start = source.place(
            line: Int(parser.pointee.context_mark.line) + 1, column: Int(parser.pointee.context_mark.column) + 1)
        if context.contains("quoted scalar"), problem.contains("unexpected end") {
            return Diagnostic(.yamlSyntax, "the quotes that begin here are not closed", at: start)
        }
        if context.contains("alias"), start.character == "*" {
            return Diagnostic(
                .yamlSyntax, problem, at: start, remedy: "a text that begins with * needs quotes: \"*.png\"")
        }
        return Diagnostic(.yamlSyntax, problem, at: place)
    }

    private func place(ofByte offset: Int) -> Diagnostic.Place {
        let before = SourceText(
            name: source.name, text: String(decoding: bytes.prefix(max(0, offset)), as: UTF8.self))
        return source.place(line: before.lines.count, column: (before.lines.last?.unicodeScalars.count ?? 0) + 1)
    }

    /// `as: {stem}.png` without quotes is YAML's own syntax error somewhere behind it; the true place is the brace.
    private func unquotedPlaceholder(upTo line: Int) -> Diagnostic.Place? {
        for number in stride(from: min(line, source.lines.count), through: max(1, line - 1), by: -1) {
            let text = source.lines[number - 1]
            // `--set KEY={stem}.png` begins with the brace itself.
            let start =
                text.hasPrefix("{") ? text.index(after: text.startIndex) : text.firstRange(of: ": {")?.upperBound
            guard let start, let end = text[start...].firstIndex(of: "}") else { continue }
            let name = text[start..<end]
            if !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" }) {
                return source.place(line: number, column: text[..<start].unicodeScalars.count)
            }
        }
        return nil
    }
}

extension Diagnostic.Place {
    /// What stands at the place.
    fileprivate var character: Unicode.Scalar? { sourceLine?.unicodeScalars.dropFirst(max(0, column - 1)).first }
}
