import LucencyFoundation

/// Reads YAML text into located values, with limits so that a hostile file can neither exhaust memory nor the stack.
public enum YAMLReader {
    static let maximumBytes = 1 << 20
    static let maximumDepth = 64
    static let maximumValues = 50_000
    static let maximumKeyBytes = 1024

    /// Reads one document.
    /// - Parameter base: where relative paths in it start.
    /// - Throws: `Diagnostic` with the position for syntax errors, duplicate keys and exceeded limits.
    public static func read(
        _ text: String, name: String, base: PathBase = .pipelineFile
    ) throws(Diagnostic) -> LocatedYAML {
        guard text.utf8.count <= maximumBytes else {
            throw Diagnostic(
                .yamlTooLarge, "\(text.utf8.count) bytes of YAML; the limit is \(maximumBytes)",
                at: Diagnostic.Place(file: name, line: 1, column: 1))
        }
        // A byte order mark is no part of the text, and no column.
        let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        let source = SourceText(name: name, text: text, base: base)
        return try Array(text.utf8).withUnsafeBufferPointer { bytes throws(Diagnostic) in
            var builder = TreeBuilder(YAMLEvents(bytes, source), source)
            return try builder.document()
        }
    }

    static func tooDeep(_ place: Diagnostic.Place) -> Diagnostic {
        Diagnostic(.yamlTooLarge, "nested deeper than \(maximumDepth) levels", at: place)
    }
}

/// Puts events together, counting what it makes before it makes it.
private struct TreeBuilder {
    /// A value with what repeating it costs.
    private struct Built {
        let tree: LocatedYAML
        /// Levels below it, and values in it with itself.
        var height = 0
        var values = 1
    }

    private let events: YAMLEvents
    private let source: SourceText
    private var anchors: [String: Built] = [:]
    private var budget = YAMLReader.maximumValues

    init(_ events: YAMLEvents, _ source: SourceText) {
        self.events = events
        self.source = source
    }

    mutating func document() throws(Diagnostic) -> LocatedYAML {
        _ = try events.next()
        guard try events.next().kind == .documentStart else {
            return LocatedYAML(.scalar("", plain: true), at: source.place(line: 1, column: 1), base: source.base)
        }
        let root = try node(events.next(), depth: 0)
        _ = try events.next()
        let rest = try events.next()
        guard rest.kind == .streamEnd else {
            throw Diagnostic(
                .yamlSyntax, "a second document begins here", at: rest.place, remedy: "a file holds one document")
        }
        return root.tree
    }

    private mutating func node(_ event: YAMLEvents.Event, depth: Int) throws(Diagnostic) -> Built {
        if let tag = event.tag {
            throw Diagnostic(
                .yamlSyntax, "the tag '\(tag.prefix(60))' has no meaning here", at: event.place,
                remedy: "what a value is follows from where it stands; a text that begins with ! needs quotes")
        }
        guard depth <= YAMLReader.maximumDepth else { throw YAMLReader.tooDeep(event.place) }
        let made: Built
        switch event.kind {
        case .scalar(let text, let plain):
            try spend(1, at: event.place)
            // The system would end a path there.
            guard !text.utf8.contains(0) else {
                throw Diagnostic(.yamlSyntax, "the text contains a zero byte", at: event.place)
            }
            made = Built(tree: LocatedYAML(.scalar(text, plain: plain), at: event.place, base: source.base))
        case .sequenceStart: made = try sequence(event.place, depth)
        case .mappingStart: made = try mapping(event.place, depth)
        case .alias(let name):
            guard let original = anchors[name] else {
                throw Diagnostic(
                    .yamlSyntax, "there is no '&\(name)' for '*\(name)' before it", at: event.place,
                    remedy: "a text that begins with * needs quotes: \"*.png\"")
            }
            guard depth + original.height <= YAMLReader.maximumDepth else { throw YAMLReader.tooDeep(event.place) }
            try spend(original.values, at: event.place)
            return original
        default: throw Diagnostic(.yamlSyntax, "a value is missing", at: event.place)
        }
        if let anchor = event.anchor { anchors[anchor] = made }
        return made
    }

    private mutating func spend(_ values: Int, at place: Diagnostic.Place) throws(Diagnostic) {
        budget -= values
        guard budget > 0 else {
            throw Diagnostic(
                .yamlTooLarge, "more than \(YAMLReader.maximumValues) values", at: place,
                remedy: "aliases (*name) that repeat each other multiply; write the values out")
        }
    }

    private mutating func sequence(_ place: Diagnostic.Place, _ depth: Int) throws(Diagnostic) -> Built {
        let before = budget
        try spend(1, at: place)
        var elements: [LocatedYAML] = []
        var height = 0
        var event = try events.next()
        while event.kind != .sequenceEnd {
            let element = try node(event, depth: depth + 1)
            elements.append(element.tree)
            height = max(height, element.height + 1)
            event = try events.next()
        }
        return Built(
            tree: LocatedYAML(.sequence(elements), at: place, base: source.base), height: height,
            values: before - budget)
    }

    private mutating func mapping(_ place: Diagnostic.Place, _ depth: Int) throws(Diagnostic) -> Built {
        let before = budget
        try spend(1, at: place)
        var entries: [LocatedYAML.Entry] = []
        var names: Set<String> = []
        var height = 0
        var event = try events.next()
        while event.kind != .mappingEnd {
            let name = try key(event)
            guard names.insert(name).inserted else {
                throw Diagnostic(.yamlSyntax, "the key '\(name)' is given twice", at: event.place)
            }
            let value = try node(events.next(), depth: depth + 1)
            entries.append(.init(key: name, keyPlace: event.place, value: value.tree))
            height = max(height, value.height + 1)
            event = try events.next()
        }
        return Built(
            tree: LocatedYAML(.mapping(entries), at: place, base: source.base), height: height,
            values: before - budget)
    }

    private mutating func key(_ event: YAMLEvents.Event) throws(Diagnostic) -> String {
        guard case .scalar(let name, let plain) = event.kind, event.tag == nil else {
            var remedy = "a text that begins with { or [ needs quotes: \"{stem}.png\""
            if case .alias = event.kind { remedy = "an alias (*name) repeats a value and cannot be a key" }
            throw Diagnostic(.yamlSyntax, "keys must be plain names", at: event.place, remedy: remedy)
        }
        guard name.utf8.count <= YAMLReader.maximumKeyBytes else {
            throw Diagnostic(
                .yamlTooLarge, "a key of \(name.utf8.count) bytes; the limit is \(YAMLReader.maximumKeyBytes)",
                at: event.place)
        }
        if name == "<<", plain {
            throw Diagnostic(
                .yamlSyntax, "merge keys (<<) are not part of the format", at: event.place,
                remedy: "`like: STAGE` takes over another stage's parameters; $name repeats a value")
        }
        if let anchor = event.anchor {
            anchors[anchor] = Built(tree: LocatedYAML(.scalar(name, plain: plain), at: event.place, base: source.base))
        }
        return name
    }
}
