import LucencyFoundation

/// Turns a declaration into a plan: resolves names and variants, decodes parameters, wires ports, and reports
/// everything that is wrong on the way.
struct PlanBuilder {
    /// A stage or source before variants are chosen, with `like` followed.
    struct Entry {
        let name: String
        let place: Diagnostic.Place
        let uses: LocatedYAML
        /// `with:` of the stage (or source) that this one is like in the end, and so on to its own, which wins.
        let with: [LocatedYAML]
        let inputs: LocatedYAML?
        let over: [String]
        let overPlace: Diagnostic.Place?
        let isSource: Bool
        /// Names of stages and sources it may read, with where they are named.
        var references: [(name: String, place: Diagnostic.Place)] = []
        /// Variants whose choice makes another instance of it.
        var variants: Set<String> = []
        /// Variants that stand for the whole of it, and what it is for each choice of them.
        var heads: Set<String> = []
        var forms: [Combination: Entry] = [:]

        /// What it is for a choice of variants.
        func form(_ combination: Combination) -> Entry { forms[combination.filter { heads.contains($0.key) }] ?? self }
    }

    static let sourceKeys = ["uses", "like", "with"]
    static let stageKeys = ["uses", "like", "in", "with", "over"]
    /// Choices of variants for one stage, source or output.
    static let maximumCombinations = 4096
    /// Stages, sources and outputs for all their combinations together.
    static let maximumInstances = 20_000

    let declaration: PipelineDeclaration
    let catalog: Catalog
    var decoding: Decoding
    var substitution: Substitution
    var entries: [String: Entry] = [:]
    var nodes: [PlanNode] = []
    var nodeIDs: [String: [Combination: Int]] = [:]
    var usedNodes: Set<String> = []
    /// Sources and stages as they are declared, by name.
    let sources: [String: PipelineDeclaration.Named]
    let stages: [String: PipelineDeclaration.Named]
    var instances = 0
    var knownCombinations: [Set<String>: [Combination]] = [:]

    init(_ declaration: PipelineDeclaration, catalog: Catalog, decoding: Decoding) {
        self.declaration = declaration
        self.catalog = catalog
        self.decoding = decoding
        substitution = Substitution(declaration, inputFolder: decoding.inputFolder)
        sources = Dictionary(declaration.sources.map { ($0.name, $0) }, uniquingKeysWith: { a, _ in a })
        stages = Dictionary(declaration.stages.map { ($0.name, $0) }, uniquingKeysWith: { a, _ in a })
    }

    /// The plan, or nil if something is wrong; `decoding` then says what.
    mutating func build() -> Plan? {
        for source in declaration.sources { readEntry(source, isSource: true) }
        for stage in declaration.stages { readEntry(stage, isSource: false) }
        for entry in declaration.sources + declaration.stages where !substitution.isExhausted {
            findReferences(of: entry.name)
        }
        for name in sortedEntries() {
            guard spreadVariants(of: name), let entry = entries[name] else { continue }
            let combinations = combinations(of: entry.variants.union(entry.over), at: entry.place)
            guard admit(combinations.count, at: entry.place) else { break }
            for combination in self.combinations(of: entry.variants, at: entry.place) where !combinations.isEmpty {
                makeNode(entry, combination)
            }
        }
        var outputs: [PlanOutput] = []
        for output in declaration.outputs where admit(0, at: output.place) { outputs += makeOutputs(output) }
        checkCollisions(outputs)
        if let place = substitution.exhaustedAt {
            decoding.error(
                .yamlTooLarge, "more than \(Substitution.maximumValues) values with parameters and variants put in",
                at: place, remedy: "lists of $names that repeat each other multiply, and so do variants")
        }
        // What is broken is often unused only because of that.
        guard !decoding.hasErrors else { return nil }
        warnAboutUnused()
        return Plan(
            name: declaration.name, summary: declaration.summary, seed: declaration.seed, nodes: nodes, outputs: outputs
        )
    }

    // MARK: Nodes

    mutating func makeNode(_ entry: Entry, _ combination: Combination) {
        let entry = entry.form(combination)
        let uses = substitution.resolve(entry.uses, combination, &decoding)
        let with = merged(entry.with, combination).map { substitution.resolve($0, combination, &decoding) }
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
        let tags = combinations(of: Set(entry.over), at: entry.overPlace ?? entry.place)
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

    /// Two outputs of one name would overwrite each other; the place of the later one is shown.
    mutating func checkCollisions(_ outputs: [PlanOutput]) {
        var seen: [String: PlanOutput] = [:]
        let items = Dictionary(OutputTemplate.itemPlaceholders.map { ($0, "{\($0)}") }, uniquingKeysWith: { a, _ in a })
        for output in outputs {
            // Everything filled in but the item's names.
            guard let path = try? output.template.path(items.merging(output.combination) { $1 }) else { continue }
            guard let other = seen.updateValue(output, forKey: path), other.name != output.name else { continue }
            let isWhole = nodes[output.input.node].scope == .whole
            decoding.error(
                .outputCollision, "'\(output.name)' and '\(other.name)' both write '\(path)'", at: output.place,
                remedy: isWhole
                    ? "give one of them another name (`as`)"
                    : "give each a folder of its own, such as \"\(output.name)/\(path)\"")
        }
    }
}
