import LucencyFoundation

/// A choice of one value for each of some variants: `["method": "nacl"]`.
public typealias Combination = [String: String]

/// Replaces `$name` by values and `${name}` within texts. `$$` stands for a dollar sign.
///
/// Names that stand for each other repeatedly multiply: depth, the length of a text and all that is put in for one
/// pipeline are limited.
struct Substitution {
    static let maximumDepth = YAMLReader.maximumDepth
    static let maximumTextBytes = 1 << 16
    static let maximumValues = 1_000_000

    private let parameters: [String: LocatedYAML]
    /// For each variant its values by their names.
    private let variants: [String: [String: LocatedYAML]]
    /// For each name the variants that its value depends on, also through others.
    private let reached: [String: Set<String>]
    private(set) var usedParameters: Set<String> = []
    private(set) var usedVariants: Set<String> = []
    private var budget = Self.maximumValues

    /// Where the limit for all that is put in was met.
    private(set) var exhaustedAt: Diagnostic.Place?
    var isExhausted: Bool { exhaustedAt != nil }

    /// - Parameter inputFolder: what `${input}` stands for, unless the pipeline has a parameter of that name.
    init(_ declaration: PipelineDeclaration, inputFolder: String?) {
        let folder = inputFolder.map { FileSystem.absolute($0) } ?? "/" + Decoding.missingInput
        let input = LocatedYAML(.scalar(folder, plain: false), at: .init(file: "--input"), base: .workingDirectory)
        parameters = Dictionary(
            [("input", input)] + declaration.parameters.map { ($0.name, $0.tree) }, uniquingKeysWith: { $1 })
        variants = Dictionary(
            declaration.variants.map { variant in
                (variant.name, Dictionary(variant.values.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 }))
            }, uniquingKeysWith: { $1 })
        reached = Self.reached(parameters, variants)
    }

    // MARK: Variants

    /// From each variant against the references: whatever leads to it depends on it, in circles too.
    private static func reached(
        _ parameters: [String: LocatedYAML], _ variants: [String: [String: LocatedYAML]]
    ) -> [String: Set<String>] {
        var users: [String: [String]] = [:], visited = 0
        for (name, value) in parameters where variants[name] == nil {
            for used in references(in: value, &visited) { users[used, default: []].append(name) }
        }
        for (name, variant) in variants {
            for used in variant.values.reduce(into: Set(), { $0.formUnion(references(in: $1, &visited)) }) {
                users[used, default: []].append(name)
            }
        }
        var reached: [String: Set<String>] = [:]
        for variant in variants.keys {
            var pending = [variant]
            while let name = pending.popLast() {
                guard reached[name, default: []].insert(variant).inserted else { continue }
                pending += users[name] ?? []
            }
        }
        return reached
    }

    /// The variants that a tree depends on, also through parameters and other variants.
    mutating func variantsUsed(by tree: LocatedYAML) -> Set<String> {
        var found: Set<String> = []
        for name in references(in: tree) { found.formUnion(reached[name] ?? []) }
        usedVariants.formUnion(found)
        return found
    }

    /// The variants that decide what stands here at all: those that a bare `$name` leads to.
    mutating func headVariants(of tree: LocatedYAML) -> Set<String> {
        var found: Set<String> = [], seen: Set<String> = []
        var pending = [tree]
        // Longer chains are refused where they are followed.
        for _ in 0...Self.maximumDepth where !pending.isEmpty {
            guard spend(pending.count, at: tree.place) else { break }
            let names = pending.compactMap { $0.scalar.flatMap(Self.wholeReference) }
            pending = []
            for name in names where reached[name] != nil && seen.insert(name).inserted {
                if let variant = variants[name] {
                    found.insert(name)
                    pending += variant.values
                } else if let value = parameters[name] {
                    pending.append(value)
                }
            }
        }
        usedVariants.formUnion(found)
        return found
    }

    private mutating func references(in tree: LocatedYAML) -> Set<String> {
        var visited = 0
        defer { _ = spend(visited, at: tree.place) }
        return Self.references(in: tree, &visited)
    }

    private static func references(in tree: LocatedYAML, _ visited: inout Int) -> Set<String> {
        var found: Set<String> = []
        var pending = [tree]
        while let next = pending.popLast() {
            visited += 1
            switch next.content {
            case .scalar(let text, _): if text.contains("$") { found.formUnion(references(in: text)) }
            case .sequence(let elements): pending += elements
            case .mapping(let entries): pending += entries.map(\.value)
            }
        }
        return found
    }

    // MARK: Values

    /// What a bare `$name` stands for, with everything inside it still as it was written.
    mutating func head(
        _ tree: LocatedYAML, _ combination: Combination, _ decoding: inout Decoding
    ) -> LocatedYAML {
        var tree = tree
        var open: [String] = []
        while let name = tree.scalar.flatMap(Self.wholeReference),
            let value = lookUp(name, combination, at: tree.place, open, &decoding)
        {
            open.append(name)
            tree = value
        }
        _ = spend(1 + (tree.entries?.count ?? 0), at: tree.place)
        return tree
    }

    /// The tree with everything replaced for one combination of variants.
    mutating func resolve(
        _ tree: LocatedYAML, _ combination: Combination, _ decoding: inout Decoding
    ) -> LocatedYAML {
        resolve(tree, combination, &decoding, open: [], depth: 0)
    }

    private mutating func resolve(
        _ tree: LocatedYAML, _ combination: Combination, _ decoding: inout Decoding, open: [String], depth: Int
    ) -> LocatedYAML {
        guard spend(1, at: tree.place) else { return tree }
        guard depth <= Self.maximumDepth else {
            decoding.report(YAMLReader.tooDeep(tree.place))
            return tree
        }
        var copy = tree
        switch tree.content {
        case .sequence(let elements):
            var resolved: [LocatedYAML] = []
            for element in elements {
                resolved.append(resolve(element, combination, &decoding, open: open, depth: depth + 1))
            }
            copy.content = .sequence(resolved)
        case .mapping(var entries):
            for index in entries.indices {
                entries[index].value = resolve(
                    entries[index].value, combination, &decoding, open: open, depth: depth + 1)
            }
            copy.content = .mapping(entries)
        case .scalar(let text, let plain):
            guard text.contains("$") else { return tree }
            func value(of name: String, _ names: inout Substitution) -> LocatedYAML? {
                guard let value = names.lookUp(name, combination, at: tree.place, open, &decoding) else { return nil }
                return names.resolve(value, combination, &decoding, open: open + [name], depth: depth + 1)
            }
            if let name = Self.wholeReference(text) {
                // The value keeps its own place: a wrong value is wrong where it is written.
                return value(of: name, &self) ?? tree
            }
            var result = ""
            for piece in Self.pieces(of: text) {
                switch piece {
                case .text(let text): result += text
                case .reference(let name):
                    guard let value = value(of: name, &self) else { return tree }
                    guard let text = value.scalar else {
                        decoding.error(
                            .badValue, "'${\(name)}' stands in a text, but its value is \(value.shown)", at: tree.place)
                        return tree
                    }
                    // A path starts where its beginning was written.
                    if result.isEmpty { copy.base = value.base }
                    result += text
                }
                guard result.utf8.count <= Self.maximumTextBytes else {
                    decoding.error(
                        .yamlTooLarge, "the text is longer than \(Self.maximumTextBytes) bytes with its parameters",
                        at: tree.place)
                    return tree
                }
            }
            guard spend(result.utf8.count / 64, at: tree.place) else { return tree }
            copy.content = .scalar(result, plain: plain && !text.contains("$$"))
        }
        return copy
    }

    /// What a name stands for; reports unknown names, circles and chains without end.
    private mutating func lookUp(
        _ name: String, _ combination: Combination, at place: Diagnostic.Place, _ open: [String],
        _ decoding: inout Decoding
    ) -> LocatedYAML? {
        guard !decoding.isFull else { return nil }
        if parameters[name] != nil { usedParameters.insert(name) }
        guard !open.contains(name) else {
            let kind = variants[name] == nil ? "parameter" : "variant"
            let circle = Diagnostic.chain(open.drop { $0 != name } + [name])
            decoding.error(.cycle, "the \(kind) '\(name)' refers to itself: \(circle)", at: place)
            return nil
        }
        guard open.count < Self.maximumDepth else {
            decoding.error(
                .yamlTooLarge, "parameters stand for each other more than \(Self.maximumDepth) times in a row",
                at: place)
            return nil
        }
        if let variant = variants[name] {
            if let choice = combination[name] { return variant[choice] }
            decoding.error(
                .variantMisuse, "'\(name)' is gathered by `over`, so it has no single value here", at: place,
                remedy: "leave it out of `over`, or use it in a stage before")
            return nil
        }
        if let value = parameters[name] { return value }
        let known = Array(parameters.keys) + variants.keys
        decoding.error(
            .unknownReference, "there is no parameter or variant '\(name)'", at: place,
            remedy: nearestName(to: name, in: known).map { "did you mean '$\($0)'?" }
                ?? "declare it under `parameters:`; a dollar sign itself is written $$")
        return nil
    }

    private mutating func spend(_ values: Int, at place: Diagnostic.Place) -> Bool {
        guard budget > 0 else { return false }
        budget -= values
        if budget <= 0 { exhaustedAt = place }
        return budget > 0
    }

    // MARK: Texts

    private static func references(in text: String) -> [String] {
        if let name = wholeReference(text) { return [name] }
        return pieces(of: text).compactMap { if case .reference(let name) = $0 { name } else { nil } }
    }

    /// `name` if the text is exactly `$name`.
    private static func wholeReference(_ text: String) -> String? {
        let name = text.utf8.dropFirst()
        guard text.utf8.first == UInt8(ascii: "$"), let first = name.first, isLetter(first) else { return nil }
        let isName = name.allSatisfy {
            isLetter($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-")
                || $0 == UInt8(ascii: "_")
        }
        return isName ? String(name) : nil
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private enum Piece {
        case text(String)
        case reference(String)
    }

    private static func pieces(of text: String) -> [Piece] {
        var pieces: [Piece] = []
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            pieces.append(.text(String(rest[..<dollar])))
            let after = rest[rest.index(after: dollar)...]
            if after.hasPrefix("$") {
                pieces.append(.text("$"))
                rest = after.dropFirst()
            } else if after.hasPrefix("{"), let end = after.firstIndex(of: "}") {
                pieces.append(.reference(String(after[after.index(after: after.startIndex)..<end])))
                rest = after[after.index(after: end)...]
            } else {
                pieces.append(.text("$"))
                rest = after
            }
        }
        pieces.append(.text(String(rest)))
        return pieces
    }
}
