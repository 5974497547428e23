import LucencyFoundation

/// A choice of one value for each of some variants: `["method": "nacl"]`.
public typealias Combination = [String: String]

/// Replaces `$name` by values and `${name}` within texts. `$$` stands for a dollar sign.
struct Substitution {
    private let parameters: [String: LocatedYAML]
    private let variants: [PipelineDeclaration.Variant]
    private(set) var usedParameters: Set<String> = []
    private(set) var usedVariants: Set<String> = []

    /// - Parameter inputFolder: what `${input}` stands for, unless the pipeline has a parameter of that name.
    init(_ declaration: PipelineDeclaration, inputFolder: String?) {
        let folder = inputFolder.map { FileSystem.absolute($0) } ?? "/" + Decoding.missingInput
        let input = LocatedYAML(.scalar(folder, plain: false), at: .init(file: "--input"))
        parameters = Dictionary(
            [("input", input)] + declaration.parameters.map { ($0.name, $0.tree) }, uniquingKeysWith: { $1 })
        variants = declaration.variants
    }

    /// The variants that a tree depends on, also through parameters.
    mutating func variantsUsed(by tree: LocatedYAML) -> Set<String> {
        var found: Set<String> = []
        var open: Set<String> = []
        collect(tree, &found, &open)
        return found
    }

    private mutating func collect(_ tree: LocatedYAML, _ found: inout Set<String>, _ open: inout Set<String>) {
        switch tree.content {
        case .scalar(let text, _):
            for name in Self.references(in: text) {
                if variants.contains(where: { $0.name == name }) {
                    found.insert(name)
                    usedVariants.insert(name)
                } else if let value = parameters[name], open.insert(name).inserted {
                    collect(value, &found, &open)
                    open.remove(name)
                }
            }
        case .sequence(let elements): for element in elements { collect(element, &found, &open) }
        case .mapping(let entries): for entry in entries { collect(entry.value, &found, &open) }
        }
    }

    private static func references(in text: String) -> [String] {
        if let name = wholeReference(text) { return [name] }
        return pieces(of: text).compactMap { if case .reference(let name) = $0 { name } else { nil } }
    }

    /// The tree with everything replaced for one combination of variants.
    mutating func resolve(
        _ tree: LocatedYAML, _ combination: Combination, _ decoding: inout Decoding, open: [String] = []
    ) -> LocatedYAML {
        var copy = tree
        switch tree.content {
        case .sequence(let elements):
            var resolved: [LocatedYAML] = []
            for element in elements { resolved.append(resolve(element, combination, &decoding, open: open)) }
            copy.content = .sequence(resolved)
        case .mapping(var entries):
            for index in entries.indices {
                entries[index].value = resolve(entries[index].value, combination, &decoding, open: open)
            }
            copy.content = .mapping(entries)
        case .scalar(let text, let plain):
            guard text.contains("$") else { return tree }
            if let name = Self.wholeReference(text) {
                guard let value = value(of: name, combination, at: tree.place, &decoding, open) else { return tree }
                // The value keeps its own place: a wrong value is wrong where it is written.
                return value
            }
            var result = ""
            for piece in Self.pieces(of: text) {
                switch piece {
                case .text(let text): result += text
                case .reference(let name):
                    guard let value = value(of: name, combination, at: tree.place, &decoding, open) else { return tree }
                    guard let text = value.scalar else {
                        decoding.error(
                            .badValue, "'${\(name)}' stands in a text, but its value is \(value.shown)", at: tree.place)
                        return tree
                    }
                    result += text
                }
            }
            copy.content = .scalar(result, plain: plain && !text.contains("$$"))
        }
        return copy
    }

    private mutating func value(
        of name: String, _ combination: Combination, at place: Diagnostic.Place, _ decoding: inout Decoding,
        _ open: [String]
    ) -> LocatedYAML? {
        if let variant = variants.first(where: { $0.name == name }) {
            guard let chosen = combination[name], let value = variant.values.first(where: { $0.name == chosen })
            else { return nil }
            return resolve(value.value, combination, &decoding, open: open + [name])
        }
        guard let value = parameters[name] else {
            let known = Array(parameters.keys) + variants.map(\.name)
            decoding.error(
                .unknownReference, "there is no parameter or variant '\(name)'", at: place,
                remedy: nearestName(to: name, in: known).map { "did you mean '$\($0)'?" }
                    ?? "declare it under `parameters:`; a dollar sign itself is written $$")
            return nil
        }
        usedParameters.insert(name)
        guard !open.contains(name) else {
            decoding.error(.cycle, "the parameter '\(name)' refers to itself", at: value.place)
            return nil
        }
        return resolve(value, combination, &decoding, open: open + [name])
    }

    private static func isNameCharacter(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || character == "-" || character == "_")
    }

    /// `name` if the text is exactly `$name`.
    private static func wholeReference(_ text: String) -> String? {
        guard text.hasPrefix("$"), text.count > 1 else { return nil }
        let name = text.dropFirst()
        return name.first?.isLetter == true && name.allSatisfy(isNameCharacter) ? String(name) : nil
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
