import LucencyFoundation

/// One `--set KEY=YAML`.
public struct Setting: Sendable {
    public let key: String
    public let value: LocatedYAML

    /// Reads `KEY=YAML`.
    /// - Throws: `Diagnostic` when there is no `=`, or what follows is not YAML.
    public init(parsing text: String) throws(Diagnostic) {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
            throw Diagnostic(.usage, "--set \(text): expected KEY=YAML")
        }
        key = String(text[..<equals])
        value = try YAMLReader.read(
            String(text[text.index(after: equals)...]), name: "--set \(key)", base: .workingDirectory)
    }
}

/// A pipeline file as it was written: names, trees and places, nothing resolved yet.
struct PipelineDeclaration {
    struct Named {
        let name: String
        let place: Diagnostic.Place
        let tree: LocatedYAML
    }

    struct Variant {
        let name: String
        let place: Diagnostic.Place
        /// In the file's order.
        let values: [(name: String, value: LocatedYAML)]
    }

    static let version = 1
    static let maximumVariants = 64
    static let keys = [
        "lucency", "name", "summary", "seed", "parameters", "variants", "sources", "stages", "outputs",
    ]

    var name = ""
    var summary = ""
    var seed: UInt64 = 0
    var parameters: [Named] = []
    var variants: [Variant] = []
    var sources: [Named] = []
    var stages: [Named] = []
    var outputs: [Named] = []

    /// Applies `--set` options to a tree. A key without a dot is a parameter (or one of the file's own plain keys).
    static func applying(_ settings: [Setting], to tree: LocatedYAML) throws(Diagnostic) -> LocatedYAML {
        var tree = tree
        for setting in settings {
            let option = "--set \(setting.key)"
            var path = setting.key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            if path.count == 1, !["seed", "name", "summary"].contains(path[0]) { path.insert("parameters", at: 0) }
            if path[0] == "parameters", path.count > 1, tree["parameters"]?[path[1]] == nil {
                let known = tree["parameters"]?.entries?.map(\.key) ?? []
                throw Diagnostic(
                    .usage, "\(option): the pipeline has no parameter '\(path[1])'",
                    remedy: nearestName(to: path[1], in: known).map { "did you mean '\($0)'?" }
                        ?? (known.isEmpty
                            ? "it has none; a dotted path such as `stages.NAME.with.PARAMETER` reaches any value"
                            : "it has: \(known.joined(separator: ", "))"))
            }
            guard keys.contains(path[0]) else {
                throw Diagnostic(
                    .usage, "\(option): '\(path[0])' is not a part of a pipeline",
                    remedy: "a path begins with parameters, variants, sources, stages or outputs")
            }
            tree = try tree.setting(path[...], to: setting.value, option: option)
        }
        return tree
    }

    init(_ tree: LocatedYAML, _ decoding: inout Decoding) {
        guard let entries = tree.entries else {
            decoding.error(.wrongKind, "a pipeline is a mapping, found \(tree.shown)", at: tree.place)
            return
        }
        for entry in entries where !Self.keys.contains(entry.key) {
            decoding.error(
                .unknownKey, "a pipeline has no '\(entry.key)'", at: entry.keyPlace,
                remedy: nearestName(to: entry.key, in: Self.keys).map { "did you mean '\($0)'?" }
                    ?? "it has: \(Self.keys.joined(separator: ", "))")
        }
        if let version = tree["lucency"] {
            if version.plainScalar.flatMap(Int.init) != Self.version {
                decoding.error(
                    .unsupportedVersion, "format version \(version.shown) is not known", at: version.place,
                    remedy: "this lucency reads version \(Self.version)")
            }
        } else {
            decoding.error(
                .missingKey, "the format version is missing", at: tree.place,
                remedy: "begin the file with `lucency: \(Self.version)`")
        }
        name = tree["name"].flatMap { String.decode($0, &decoding) } ?? ""
        summary = tree["summary"].flatMap { String.decode($0, &decoding) } ?? ""
        if let value = tree["seed"] {
            if let number = value.plainScalar.flatMap(UInt64.init) {
                seed = number
            } else {
                decoding.error(
                    .badValue, "expected a seed (0 or a positive whole number), found \(value.shown)", at: value.place)
            }
        }
        parameters = Self.named("parameters", tree, &decoding)
        sources = Self.named("sources", tree, &decoding)
        stages = Self.named("stages", tree, &decoding)
        outputs = Self.named("outputs", tree, &decoding)
        let declaredVariants = Self.named("variants", tree, &decoding)
        if declaredVariants.count > Self.maximumVariants {
            decoding.error(
                .yamlTooLarge, "\(declaredVariants.count) variants; the limit is \(Self.maximumVariants)",
                at: tree["variants"]?.place)
        }
        for declared in declaredVariants.prefix(Self.maximumVariants) {
            if let variant = Self.variant(declared, &decoding) { variants.append(variant) }
        }
        let parameterNames = Set(parameters.map(\.name)), sourceNames = Set(sources.map(\.name))
        for variant in variants where parameterNames.contains(variant.name) {
            decoding.error(
                .duplicateName, "'\(variant.name)' is both a parameter and a variant", at: variant.place)
        }
        for stage in stages where sourceNames.contains(stage.name) {
            decoding.error(.duplicateName, "'\(stage.name)' is both a source and a stage", at: stage.place)
        }
        if sources.isEmpty, stages.isEmpty {
            decoding.error(.missingKey, "the pipeline has neither sources nor stages", at: tree.place)
        }
        if outputs.isEmpty {
            decoding.error(
                .missingKey, "the pipeline writes nothing", at: tree["outputs"]?.place ?? tree.place,
                remedy: "add `outputs: {masks: {from: STAGE, as: \"masks/{stem}.png\"}}`")
        }
    }

    private static func named(_ key: String, _ tree: LocatedYAML, _ decoding: inout Decoding) -> [Named] {
        guard let section = tree[key], !section.isNull else { return [] }
        guard let entries = section.entries else {
            decoding.error(.wrongKind, "'\(key)' is a mapping from names, found \(section.shown)", at: section.place)
            return []
        }
        return entries.filter { entry in
            let valid =
                entry.key.first?.isLetter == true
                && entry.key.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
            if !valid {
                decoding.error(
                    .badValue, "'\(entry.key)' is not a name", at: entry.keyPlace,
                    remedy: "names begin with a letter and hold letters, digits, '-' and '_'")
            }
            return valid
        }.map { Named(name: $0.key, place: $0.keyPlace, tree: $0.value) }
    }

    private static func variant(_ declared: Named, _ decoding: inout Decoding) -> Variant? {
        var values: [(String, LocatedYAML)] = []
        if let entries = declared.tree.entries {
            values = entries.map { ($0.key, $0.value) }
        } else if let elements = declared.tree.elements {
            for element in elements {
                guard let name = element.scalar else {
                    decoding.error(
                        .variantMisuse, "a value that is not a plain word or number needs a name", at: element.place,
                        remedy: "write the variant as a mapping: `{first: …, second: …}`")
                    return nil
                }
                values.append((name, element))
            }
        }
        guard !values.isEmpty else {
            decoding.error(
                .variantMisuse, "a variant is a mapping from names to values, or a list of values",
                at: declared.tree.place)
            return nil
        }
        for (name, value) in values {
            if name.isEmpty || name.contains("/") || name.contains("..") || name.contains("=") || name.hasPrefix(".") {
                decoding.error(.variantMisuse, "'\(name)' cannot be part of a file name", at: value.place)
                return nil
            }
            if declared.name == "seed", value.plainScalar.flatMap(UInt64.init) == nil {
                decoding.error(
                    .badValue, "a seed is 0 or a positive whole number, found \(value.shown)", at: value.place)
                return nil
            }
        }
        var names: Set<String> = []
        for (name, value) in values where !names.insert(name).inserted {
            decoding.error(.duplicateName, "'\(name)' occurs twice", at: value.place)
            return nil
        }
        return Variant(name: declared.name, place: declared.place, values: values)
    }
}
