import LucencyFoundation

/// Turns a declaration into a plan: resolves names and variants, decodes parameters, wires ports, and reports
/// everything that is wrong on the way.
struct PlanBuilder {
    /// A stage or source before variants are chosen, with `like` followed.
    private struct Entry {
        let name: String
        let place: Diagnostic.Place
        let uses: LocatedYAML
        let with: LocatedYAML?
        let inputs: LocatedYAML?
        let over: [String]
        let overPlace: Diagnostic.Place?
        let isSource: Bool
        /// Names of stages and sources it may read, with where they are named.
        var references: [(name: String, place: Diagnostic.Place)] = []
        /// Variants whose choice makes another instance of it.
        var variants: Set<String> = []
    }

    private static let stageKeys = ["uses", "like", "in", "with", "over"]

    let declaration: PipelineDeclaration
    let catalog: Catalog
    var decoding: Decoding
    var substitution: Substitution
    private var entries: [String: Entry] = [:]
    private var nodes: [PlanNode] = []
    private var nodeIDs: [String: [Combination: Int]] = [:]
    private var usedNodes: Set<String> = []

    init(_ declaration: PipelineDeclaration, catalog: Catalog, decoding: Decoding) {
        self.declaration = declaration
        self.catalog = catalog
        self.decoding = decoding
        substitution = Substitution(declaration, inputFolder: decoding.inputFolder)
    }

    /// The plan, or nil if something is wrong; `decoding` then says what.
    mutating func build() -> Plan? {
        for source in declaration.sources { readEntry(source, isSource: true) }
        for stage in declaration.stages { readEntry(stage, isSource: false) }
        for name in Array(entries.keys) { findReferences(of: name) }
        let order = sortedEntries()
        for name in order {
            guard spreadVariants(of: name), let entry = entries[name] else { continue }
            for combination in combinations(of: entry.variants) { makeNode(entry, combination) }
        }
        let outputs = declaration.outputs.flatMap { makeOutputs($0) }
        checkCollisions()
        // What is broken is often unused only because of that.
        guard !decoding.hasErrors else { return nil }
        warnAboutUnused()
        return Plan(
            name: declaration.name, summary: declaration.summary, seed: declaration.seed, nodes: nodes, outputs: outputs)
    }

    // MARK: Entries

    private mutating func readEntry(_ declared: PipelineDeclaration.Named, isSource: Bool) {
        // A source (or a stage) may be a parameter as a whole: `train: $data`.
        var tree = declared.tree
        if tree.entries == nil, substitution.variantsUsed(by: tree).isEmpty {
            tree = substitution.resolve(tree, [:], &decoding)
        }
        let what = isSource ? "a source" : "a stage"
        let allowed = isSource ? ["uses", "with"] : Self.stageKeys
        guard let given = tree.entries else {
            decoding.error(
                .wrongKind, "\(what) is a mapping, found \(tree.shown)", at: tree.place,
                remedy: "write `\(declared.name): {uses: NAME\(isSource ? "" : ", in: STAGE")}`")
            return
        }
        for entry in given where !allowed.contains(entry.key) {
            decoding.error(
                .unknownKey, "\(what) has no '\(entry.key)'", at: entry.keyPlace,
                remedy: nearestName(to: entry.key, in: allowed).map { "did you mean '\($0)'?" }
                    ?? "it has: \(allowed.joined(separator: ", "))\(entry.key == "uses" ? "" : "; parameters stand under `with:`")")
        }
        guard let (uses, with) = usesAndWith(declared.name, tree, declared.place, seen: []) else { return }
        var over: [String] = []
        if let value = tree["over"] {
            over = [String].decode(value, &decoding) ?? []
            for name in over where !declaration.variants.contains(where: { $0.name == name }) {
                decoding.error(
                    .variantMisuse, "there is no variant '\(name)' to gather", at: value.place,
                    remedy: nearestName(to: name, in: declaration.variants.map(\.name)).map { "did you mean '\($0)'?" })
            }
        }
        entries[declared.name] = Entry(
            name: declared.name, place: declared.place, uses: uses, with: with, inputs: tree["in"], over: over,
            overPlace: tree["over"]?.place, isSource: isSource)
    }

    /// Follows `like`. Own `with:` values win over those of the stage it is like.
    private mutating func usesAndWith(
        _ name: String, _ tree: LocatedYAML, _ place: Diagnostic.Place, seen: [String]
    ) -> (LocatedYAML, LocatedYAML?)? {
        guard let like = tree["like"] else {
            guard let uses = tree["uses"] else {
                decoding.error(
                    .missingKey, "'\(name)' does not say what it uses", at: place,
                    remedy: "add `uses: NAME`; `lucency stages` lists the names")
                return nil
            }
            return (uses, tree["with"])
        }
        if let uses = tree["uses"] {
            decoding.error(.unknownKey, "'\(name)' has both `uses` and `like`", at: uses.place, remedy: "keep one")
            return nil
        }
        guard let other = like.scalar, let target = declaration.stages.first(where: { $0.name == other }) else {
            let near = like.scalar.flatMap { nearestName(to: $0, in: declaration.stages.map(\.name)) }
            decoding.error(
                .unknownReference, "there is no stage \(like.shown) to be like", at: like.place,
                remedy: near.map { "did you mean '\($0)'?" })
            return nil
        }
        guard !seen.contains(other), other != name else {
            decoding.error(.cycle, "'\(name)' is like itself: \((seen + [other]).joined(separator: " → "))", at: like.place)
            return nil
        }
        guard let (uses, with) = usesAndWith(other, target.tree, target.place, seen: seen + [name]) else { return nil }
        guard let own = tree["with"], let ownEntries = own.entries else { return (uses, with) }
        let kept = (with?.entries ?? []).filter { entry in !ownEntries.contains { $0.key == entry.key } }
        return (uses, LocatedYAML(.mapping(kept + ownEntries), at: own.place))
    }

    // MARK: References and order

    private mutating func findReferences(of name: String) {
        guard var entry = entries[name] else { return }
        entry.variants = substitution.variantsUsed(by: entry.uses)
        if let with = entry.with { entry.variants.formUnion(substitution.variantsUsed(by: with)) }
        if let inputs = entry.inputs {
            let own = substitution.variantsUsed(by: inputs)
            entry.variants.formUnion(own)
            for combination in combinations(of: own) {
                let resolved = substitution.resolve(inputs, combination, &decoding)
                let values = resolved.scalar != nil ? [resolved] : resolved.entries?.map(\.value) ?? []
                for value in values {
                    guard let target = value.scalar?.split(separator: ".").first.map(String.init) else { continue }
                    if entries[target] != nil { entry.references.append((target, value.place)) }
                }
            }
        }
        entries[name] = entry
    }

    /// Depth-first in the file's order; cycles are reported once and left out.
    private mutating func sortedEntries() -> [String] {
        var order: [String] = []
        var state: [String: Bool] = [:]  // false: being visited, true: done
        let names = declaration.sources.map(\.name) + declaration.stages.map(\.name)
        func visit(_ name: String, _ path: [String], _ builder: inout PlanBuilder) {
            guard let entry = builder.entries[name], state[name] == nil else { return }
            state[name] = false
            for reference in entry.references {
                if state[reference.name] == false {
                    let start = (path + [name]).firstIndex(of: reference.name) ?? 0
                    let loop = ((path + [name])[start...] + [reference.name]).joined(separator: " → ")
                    builder.decoding.error(
                        .cycle, "the stages form a circle: \(loop)", at: reference.place,
                        remedy: "a stage can only read what does not depend on it")
                    continue
                }
                visit(reference.name, path + [name], &builder)
            }
            state[name] = true
            order.append(name)
        }
        for name in names { visit(name, [], &self) }
        return order
    }

    /// Adds the variants of everything it reads; takes away what `over` gathers.
    private mutating func spreadVariants(of name: String) -> Bool {
        guard var entry = entries[name] else { return false }
        for reference in entry.references { entry.variants.formUnion(entries[reference.name]?.variants ?? []) }
        for gathered in entry.over where !entry.variants.contains(gathered) {
            guard declaration.variants.contains(where: { $0.name == gathered }) else { continue }
            decoding.error(
                .variantMisuse, "nothing that '\(name)' reads depends on the variant '\(gathered)'",
                at: entry.overPlace ?? entry.place)
        }
        entry.variants.subtract(entry.over)
        entries[name] = entry
        return true
    }

    /// All choices of values for some variants, in the file's order.
    private func combinations(of names: Set<String>) -> [Combination] {
        var result: [Combination] = [[:]]
        for variant in declaration.variants where names.contains(variant.name) {
            result = result.flatMap { base in
                variant.values.map { base.merging([variant.name: $0.name]) { $1 } }
            }
        }
        return result
    }

    // MARK: Nodes

    private mutating func makeNode(_ entry: Entry, _ combination: Combination) {
        let uses = substitution.resolve(entry.uses, combination, &decoding)
        let with = entry.with.map { substitution.resolve($0, combination, &decoding) }
        guard let id = uses.scalar else {
            decoding.error(.wrongKind, "`uses` names a stage, found \(uses.shown)", at: uses.place)
            return
        }
        let number = nodes.count
        let seed = combination["seed"].flatMap { name in
            declaration.variants.first { $0.name == "seed" }?.values.first { $0.name == name }?.value.scalar
        }.flatMap(UInt64.init) ?? declaration.seed
        func append(
            _ about: StageAbout, _ kind: PlanNode.Kind, _ parameters: JSONValue, inputs: [Port], outputs: [Port],
            rows: [[PlanInput?]], tags: [Combination] = [[:]], scope: PlanNode.Scope, isRandom: Bool, isShardable: Bool = true,
            _ builder: inout PlanBuilder
        ) {
            builder.nodes.append(
                PlanNode(
                    id: number, name: entry.name, combination: combination, place: entry.place, about: about, kind: kind,
                    parameters: parameters, isRandom: isRandom, isShardable: isShardable, seed: seed, inputPorts: inputs,
                    outputPorts: outputs, rows: rows, rowTags: tags, scope: scope))
            builder.nodeIDs[entry.name, default: [:]][combination] = number
        }

        if entry.isSource {
            guard let descriptor = catalog.source(id) else {
                unknown(id, at: uses.place, "source", catalog.sources.map(\.about.id), others: catalog.stageNames)
                return
            }
            let (source, parameters) = descriptor.configure(with, uses.place, &decoding)
            append(
                descriptor.about, .source(source), parameters, inputs: [], outputs: source.ports, rows: [],
                scope: .item(source: number), isRandom: false, &self)
            return
        }
        if let descriptor = catalog.stage(id) {
            if !entry.over.isEmpty {
                decoding.error(
                    .variantMisuse, "'\(entry.name)' works item by item and cannot gather variants",
                    at: entry.overPlace ?? entry.place, remedy: "`over` belongs to collectors")
            }
            let errorsBefore = decoding.diagnostics.count
            let stage = descriptor.configure(with, uses.place, &decoding)
            for file in stage.files where decoding.diagnostics.count == errorsBefore {
                if !FileSystem.isFile(file) {
                    decoding.error(.missingFile, "there is no file '\(file)'", at: with?.place ?? uses.place)
                }
            }
            guard
                let (form, row) = wire(
                    entry, combination, entry.inputs, forms: descriptor.forms.map(\.inputs), owner: id)
            else { return }
            let sources = Set(row.compactMap { $0 }.compactMap { input -> Int? in
                if case .item(let source) = nodes[input.node].scope { source } else { nil }
            })
            guard sources.count <= 1 else {
                mixed(entry, sources)
                return
            }
            append(
                descriptor.about, .stage(stage, form: form), stage.parameters, inputs: descriptor.forms[form].inputs,
                outputs: descriptor.forms[form].outputs, rows: [row],
                scope: sources.first.map { .item(source: $0) } ?? .whole, isRandom: descriptor.isRandom, &self)
            return
        }
        guard let descriptor = catalog.collector(id) else {
            unknown(id, at: uses.place, "stage", catalog.stageNames, others: catalog.sources.map(\.about.id))
            return
        }
        let collector = descriptor.configure(with, uses.place, &decoding)
        var rows: [[PlanInput?]] = []
        let tags = combinations(of: Set(entry.over))
        for tag in tags {
            guard
                let (_, row) = wire(
                    entry, combination.merging(tag) { $1 }, entry.inputs, forms: [descriptor.inputs], owner: id)
            else { return }
            for group in descriptor.groups {
                var sources = Set<Int>()
                for (port, input) in zip(descriptor.inputs, row) where port.group == group {
                    guard let input else { continue }
                    if case .item(let source) = nodes[input.node].scope {
                        sources.insert(source)
                    } else {
                        decoding.error(
                            .portMismatch, "'\(port.name)' of \(id) reads a stream of items, not a single value",
                            at: entry.inputs?.place ?? entry.place)
                    }
                }
                if sources.count > 1 { mixed(entry, sources) }
            }
            rows.append(row)
        }
        append(
            descriptor.about, .collector(collector, groups: descriptor.groups), collector.parameters,
            inputs: descriptor.inputs, outputs: descriptor.outputs, rows: rows, tags: tags, scope: .whole,
            isRandom: descriptor.isRandom, isShardable: descriptor.isShardable, &self)
    }

    private mutating func unknown(
        _ id: String, at place: Diagnostic.Place, _ kind: String, _ names: [String], others: [String]
    ) {
        if others.contains(id) {
            decoding.error(
                .unknownStage, "'\(id)' is not a \(kind)", at: place,
                remedy: kind == "stage" ? "sources stand under `sources:`" : "stages stand under `stages:`")
            return
        }
        decoding.error(
            .unknownStage, "there is no \(kind) '\(id)'", at: place,
            remedy: nearestName(to: id, in: names).map { "did you mean '\($0)'?" } ?? "`lucency stages` lists them")
    }

    private mutating func mixed(_ entry: Entry, _ sources: Set<Int>) {
        let names = sources.sorted().map { "'\(nodes[$0].label)'" }.joined(separator: " and ")
        decoding.error(
            .mixedSources, "'\(entry.name)' mixes items of different sources: \(names)",
            at: entry.inputs?.place ?? entry.place,
            remedy: "the inputs of one item must come from one source; give a source further ports (`labels`, `also`)")
    }

    // MARK: Wires

    /// Resolves `in:` against each form; the first form whose ports fit wins.
    private mutating func wire(
        _ entry: Entry, _ combination: Combination, _ yaml: LocatedYAML?, forms: [[Port]], owner: String
    ) -> (form: Int, row: [PlanInput?])? {
        let yaml = yaml.map { substitution.resolve($0, combination, &decoding) }
        var given: [(port: String?, place: Diagnostic.Place, value: LocatedYAML)] = []
        if let yaml, !yaml.isNull {
            if yaml.scalar != nil {
                given = [(nil, yaml.place, yaml)]
            } else if let entries = yaml.entries {
                given = entries.map { ($0.key, $0.keyPlace, $0.value) }
            } else {
                decoding.error(
                    .wrongKind, "`in` is a value or a mapping from ports, found \(yaml.shown)", at: yaml.place,
                    remedy: "write `in: STAGE` or `in: {PORT: STAGE.PORT}`")
                return nil
            }
        }
        var resolved: [(port: String?, place: Diagnostic.Place, input: PlanInput, text: String)] = []
        var failed = false
        for item in given {
            guard let input = resolve(item.value, combination) else { failed = true; continue }
            resolved.append((item.port, item.place, input, item.value.scalar ?? ""))
        }
        // Which form? The one whose ports have the given names and types.
        func type(_ input: PlanInput) -> PortType { nodes[input.node].outputPorts[input.output].type }
        let fitting = forms.firstIndex { ports in
            resolved.allSatisfy { item in
                ports.contains { (item.port == nil || $0.name == item.port) && $0.type == type(item.input) }
            }
        }
        let form = fitting ?? 0
        let ports = forms[form]
        var row = [PlanInput?](repeating: nil, count: ports.count)
        for item in resolved {
            let index: Int?
            if let name = item.port {
                index = ports.firstIndex { $0.name == name }
                if index == nil {
                    let names = Array(Set(forms.joined().map(\.name))).sorted()
                    decoding.error(
                        .extraInput, "\(owner) has no input '\(name)'", at: item.place,
                        remedy: nearestName(to: name, in: names).map { "did you mean '\($0)'?" }
                            ?? (names.isEmpty ? "it has none" : "it has: \(names.joined(separator: ", "))"))
                    failed = true
                    continue
                }
            } else {
                let required = ports.indices.filter { !ports[$0].isOptional }
                if required.count > 1 {
                    decoding.error(
                        .missingInput,
                        "\(owner) has \(required.count) inputs: \(required.map { ports[$0].name }.joined(separator: ", "))",
                        at: item.place,
                        remedy: "write `in: {\(required.map { "\(ports[$0].name): …" }.joined(separator: ", "))}`")
                    failed = true
                    continue
                }
                index = required.first ?? ports.indices.first
                if index == nil {
                    decoding.error(.extraInput, "\(owner) takes no input", at: item.place)
                    failed = true
                    continue
                }
            }
            guard let index else { continue }
            if ports[index].type != type(item.input) {
                let accepted = Array(Set(forms.joined().filter { $0.name == ports[index].name }.map(\.type.name))).sorted()
                decoding.error(
                    .portMismatch,
                    "'\(item.text)' is \(article(type(item.input).name)), but '\(ports[index].name)' of \(owner) takes "
                        + article(accepted.joined(separator: " or ")),
                    at: item.place, remedy: portRemedy(item.input, wanted: ports[index].type))
                failed = true
                continue
            }
            row[index] = item.input
        }
        for (port, input) in zip(ports, row) where input == nil && !port.isOptional {
            if !failed {
                decoding.error(
                    .missingInput, "\(owner) needs the input '\(port.name)' (\(port.type.name))",
                    at: given.isEmpty ? entry.place : given[0].place,
                    remedy: "add `in: {\(port.name): STAGE}`")
            }
            failed = true
        }
        return failed ? nil : (form, row)
    }

    /// Another output of the same node with the wanted kind, as a hint.
    private func portRemedy(_ input: PlanInput, wanted: PortType) -> String? {
        let node = nodes[input.node]
        guard let port = node.outputPorts.first(where: { $0.type == wanted }) else { return nil }
        return "did you mean '\(node.name).\(port.name)'?"
    }

    private func article(_ noun: String) -> String {
        noun.hasSuffix("s") ? noun : (["a", "e", "i", "o", "u"].contains(noun.prefix(1)) ? "an " : "a ") + noun
    }

    /// `STAGE` or `STAGE.PORT` as a wire.
    private mutating func resolve(_ yaml: LocatedYAML, _ combination: Combination) -> PlanInput? {
        guard let text = yaml.scalar, !yaml.isNull else {
            decoding.error(
                .wrongKind, "expected STAGE or STAGE.PORT, found \(yaml.shown)", at: yaml.place)
            return nil
        }
        let parts = text.split(separator: ".", maxSplits: 1).map(String.init)
        guard let name = parts.first, let entry = entries[name] else {
            let known = declaration.sources.map(\.name) + declaration.stages.map(\.name)
            if let name = parts.first, known.contains(name) { return nil }  // it is broken itself, and said so
            decoding.error(
                .unknownReference, "there is no source or stage '\(parts.first ?? text)'", at: yaml.place,
                remedy: nearestName(to: parts.first ?? text, in: known).map { "did you mean '\($0)'?" })
            return nil
        }
        usedNodes.insert(name)
        let choice = combination.filter { entry.variants.contains($0.key) }
        guard let id = nodeIDs[name]?[choice] else { return nil }  // broken itself, or part of a cycle
        let ports = nodes[id].outputPorts
        guard parts.count == 2 else {
            guard !ports.isEmpty else { return nil }
            return PlanInput(node: id, output: 0)
        }
        guard let index = ports.firstIndex(where: { $0.name == parts[1] }) else {
            decoding.error(
                .unknownReference, "'\(name)' has no output '\(parts[1])'", at: yaml.place,
                remedy: nearestName(to: parts[1], in: ports.map(\.name)).map { "did you mean '\(name).\($0)'?" }
                    ?? "it has: \(ports.map(\.name).joined(separator: ", "))")
            return nil
        }
        return PlanInput(node: id, output: index)
    }

    // MARK: Outputs

    private static let outputKeys = ["from", "as", "with"]

    private mutating func makeOutputs(_ declared: PipelineDeclaration.Named) -> [PlanOutput] {
        guard let given = declared.tree.entries else {
            decoding.error(
                .wrongKind, "an output is a mapping, found \(declared.tree.shown)", at: declared.tree.place,
                remedy: "write `\(declared.name): {from: STAGE, as: \"NAME.png\"}`")
            return []
        }
        for entry in given where !Self.outputKeys.contains(entry.key) {
            decoding.error(
                .unknownKey, "an output has no '\(entry.key)'", at: entry.keyPlace,
                remedy: nearestName(to: entry.key, in: Self.outputKeys).map { "did you mean '\($0)'?" }
                    ?? "it has: \(Self.outputKeys.joined(separator: ", "))")
        }
        guard let from = declared.tree["from"], let path = declared.tree["as"] else {
            decoding.error(
                .missingKey, "the output '\(declared.name)' needs `from` and `as`", at: declared.place,
                remedy: "write `\(declared.name): {from: STAGE, as: \"NAME.png\"}`")
            return []
        }
        let with = declared.tree["with"]
        let direct = [from, path, with].compactMap { $0 }.reduce(into: Set<String>()) {
            $0.formUnion(substitution.variantsUsed(by: $1))
        }
        var variants = direct
        for combination in combinations(of: direct) {
            let name = substitution.resolve(from, combination, &decoding).scalar?.split(separator: ".").first
            if let name { variants.formUnion(entries[String(name)]?.variants ?? []) }
        }
        var outputs: [PlanOutput] = []
        for combination in combinations(of: variants) {
            let from = substitution.resolve(from, combination, &decoding)
            let path = substitution.resolve(path, combination, &decoding)
            let with = with.map { substitution.resolve($0, combination, &decoding) }
            let input = resolve(from, combination)
            guard let text = String.decode(path, &decoding) else { continue }
            let template: OutputTemplate
            do throws(Diagnostic) {
                template = try OutputTemplate(parsing: text)
            } catch {
                var located = error
                located.place = path.place
                decoding.report(located)
                continue
            }
            guard let input else { continue }
            let node = nodes[input.node]
            guard check(template, of: declared.name, from: node, variants, at: path.place) else { continue }
            let type = node.outputPorts[input.output].type
            guard let writer = catalog.writer(for: type, extension: template.fileExtension) else {
                let known = catalog.writers.filter { $0.type == type }.flatMap(\.fileExtensions)
                decoding.error(
                    .badTemplate,
                    template.fileExtension.isEmpty
                        ? "'\(text)' has no file extension" : "\(article(type.name)) cannot be written as '.\(template.fileExtension)'",
                    at: path.place,
                    remedy: known.isEmpty
                        ? "\(type.name) has no writer" : "it can be written as: \(known.map { "." + $0 }.joined(separator: ", "))")
                continue
            }
            outputs.append(
                PlanOutput(
                    name: declared.name, place: path.place, input: input, template: template, combination: combination,
                    writer: writer.configure(with, path.place, &decoding)))
        }
        return outputs
    }

    private mutating func check(
        _ template: OutputTemplate, of name: String, from node: PlanNode, _ variants: Set<String>, at place: Diagnostic.Place
    ) -> Bool {
        let known = OutputTemplate.itemPlaceholders + declaration.variants.map(\.name)
        var sound = true
        for placeholder in template.placeholders {
            if !known.contains(placeholder) {
                decoding.error(
                    .badTemplate, "there is no placeholder '{\(placeholder)}'", at: place,
                    remedy: nearestName(to: placeholder, in: known).map { "did you mean '{\($0)}'?" }
                        ?? "placeholders are \(known.map { "{\($0)}" }.joined(separator: ", "))")
                sound = false
            } else if OutputTemplate.itemPlaceholders.contains(placeholder), node.scope == .whole {
                decoding.error(
                    .badTemplate, "'{\(placeholder)}' names an item, but '\(node.name)' exists once per run", at: place)
                sound = false
            } else if declaration.variants.contains(where: { $0.name == placeholder }), !variants.contains(placeholder) {
                decoding.error(
                    .badTemplate, "'\(node.name)' does not depend on the variant '\(placeholder)'", at: place)
                sound = false
            }
        }
        guard sound else { return false }
        if case .item = node.scope, !template.placeholders.contains(where: OutputTemplate.itemPlaceholders.contains) {
            decoding.error(
                .outputCollision, "every item would write '\(template.text)'", at: place,
                remedy: "use {stem}, {relative}, {name} or {index} in it")
            return false
        }
        for variant in variants.sorted() where !template.placeholders.contains(variant) {
            decoding.error(
                .outputCollision, "every '\(variant)' would write '\(template.text)'", at: place,
                remedy: "use {\(variant)} in it")
            return false
        }
        return true
    }

    // MARK: Leftovers

    private mutating func warnAboutUnused() {
        func warn(_ message: String, _ place: Diagnostic.Place, _ builder: inout PlanBuilder) {
            builder.decoding.report(Diagnostic(.unused, message, at: place, severity: .warning))
        }
        for parameter in declaration.parameters where !substitution.usedParameters.contains(parameter.name) {
            warn("the parameter '\(parameter.name)' is never used", parameter.place, &self)
        }
        for variant in declaration.variants where !substitution.usedVariants.contains(variant.name) {
            warn("nothing depends on the variant '\(variant.name)'", variant.place, &self)
        }
        for entry in declaration.sources + declaration.stages where !usedNodes.contains(entry.name) {
            warn("nothing reads '\(entry.name)'", entry.place, &self)
        }
    }

    private mutating func checkCollisions() {
        // Two outputs with the same name would overwrite each other; the place of the later one is shown.
        var seen: [String: String] = [:]
        for output in declaration.outputs {
            guard let path = output.tree["as"]?.scalar else { continue }
            if let other = seen[path] {
                decoding.error(
                    .outputCollision, "'\(output.name)' and '\(other)' both write '\(path)'",
                    at: output.tree["as"]?.place)
            }
            seen[path] = output.name
        }
    }
}
