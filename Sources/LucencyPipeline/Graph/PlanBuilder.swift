import LucencyFoundation

/// Turns a declaration into a plan: resolves names and variants, decodes parameters, wires ports, and reports
/// everything that is wrong on the way.
struct PlanBuilder {
    /// A stage or source before variants are chosen, with `like` followed.
    struct Entry {
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

    static let stageKeys = ["uses", "like", "in", "with", "over"]

    let declaration: PipelineDeclaration
    let catalog: Catalog
    var decoding: Decoding
    var substitution: Substitution
    var entries: [String: Entry] = [:]
    var nodes: [PlanNode] = []
    var nodeIDs: [String: [Combination: Int]] = [:]
    var usedNodes: Set<String> = []

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
            name: declaration.name, summary: declaration.summary, seed: declaration.seed, nodes: nodes, outputs: outputs
        )
    }

    // MARK: Entries

    mutating func readEntry(_ declared: PipelineDeclaration.Named, isSource: Bool) {
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
                    ?? "it has: \(allowed.joined(separator: ", "))\(entry.key == "uses" ? "" : "; parameters stand under `with:`")"
            )
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
    mutating func usesAndWith(
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
            decoding.error(
                .cycle, "'\(name)' is like itself: \((seen + [other]).joined(separator: " → "))", at: like.place)
            return nil
        }
        guard let (uses, with) = usesAndWith(other, target.tree, target.place, seen: seen + [name]) else { return nil }
        guard let own = tree["with"], let ownEntries = own.entries else { return (uses, with) }
        let kept = (with?.entries ?? []).filter { entry in !ownEntries.contains { $0.key == entry.key } }
        return (uses, LocatedYAML(.mapping(kept + ownEntries), at: own.place))
    }

    // MARK: References and order

    mutating func findReferences(of name: String) {
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
    mutating func sortedEntries() -> [String] {
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
    mutating func spreadVariants(of name: String) -> Bool {
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
    func combinations(of names: Set<String>) -> [Combination] {
        var result: [Combination] = [[:]]
        for variant in declaration.variants where names.contains(variant.name) {
            result = result.flatMap { base in
                variant.values.map { base.merging([variant.name: $0.name]) { $1 } }
            }
        }
        return result
    }

    // MARK: Nodes

    mutating func makeNode(_ entry: Entry, _ combination: Combination) {
        let uses = substitution.resolve(entry.uses, combination, &decoding)
        let with = entry.with.map { substitution.resolve($0, combination, &decoding) }
        guard let id = uses.scalar else {
            decoding.error(.wrongKind, "`uses` names a stage, found \(uses.shown)", at: uses.place)
            return
        }
        let number = nodes.count
        let seed =
            combination["seed"].flatMap { name in
                declaration.variants.first { $0.name == "seed" }?.values.first { $0.name == name }?.value.scalar
            }.flatMap(UInt64.init) ?? declaration.seed
        func append(
            _ about: StageAbout, _ kind: PlanNode.Kind, _ parameters: JSONValue, inputs: [Port], outputs: [Port],
            rows: [[PlanInput?]], tags: [Combination] = [[:]], scope: PlanNode.Scope, isRandom: Bool,
            isShardable: Bool = true,
            _ builder: inout PlanBuilder
        ) {
            builder.nodes.append(
                PlanNode(
                    id: number, name: entry.name, combination: combination, place: entry.place, about: about,
                    kind: kind,
                    parameters: parameters, isRandom: isRandom, isShardable: isShardable, seed: seed,
                    inputPorts: inputs,
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
            let sources = Set(
                row.compactMap { $0 }.compactMap { input -> Int? in
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

    mutating func unknown(
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

    mutating func mixed(_ entry: Entry, _ sources: Set<Int>) {
        let names = sources.sorted().map { "'\(nodes[$0].label)'" }.joined(separator: " and ")
        decoding.error(
            .mixedSources, "'\(entry.name)' mixes items of different sources: \(names)",
            at: entry.inputs?.place ?? entry.place,
            remedy: "the inputs of one item must come from one source; give a source further ports (`labels`, `also`)")
    }

    // MARK: Leftovers

    mutating func warnAboutUnused() {
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

    mutating func checkCollisions() {
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
