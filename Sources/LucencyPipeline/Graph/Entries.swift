import LucencyFoundation

/// Stages and sources as they are written: `like`, references, variants, order.
extension PlanBuilder {
    /// Reads what is declared, where the whole of it may be a parameter or a variant: `train: $data`. For a variant it is
    /// read once for each choice.
    mutating func readEntry(_ declared: PipelineDeclaration.Named, isSource: Bool) {
        let heads = substitution.headVariants(of: declared.tree)
        var first: Entry?
        var forms: [Combination: Entry] = [:]
        for combination in combinations(of: heads, at: declared.place) where !substitution.isExhausted {
            guard let form = form(of: declared, combination, isSource: isSource) else { return }
            let over = first?.over ?? form.over
            guard form.over == over, heads.isDisjoint(with: over) else {
                let variant = heads.sorted().joined(separator: ", ")
                decoding.error(
                    .variantMisuse, "`over` must be the same whatever '\(variant)' is, and cannot gather it",
                    at: form.overPlace ?? form.place)
                return
            }
            first = first ?? form
            forms[combination] = form
        }
        guard var entry = first else { return }
        entry.heads = heads
        entry.forms = heads.isEmpty ? [:] : forms
        entries[declared.name] = entry
    }

    /// What is declared, for one choice of the variants that stand for the whole of it.
    private mutating func form(
        of declared: PipelineDeclaration.Named, _ combination: Combination, isSource: Bool
    ) -> Entry? {
        let what = isSource ? "a source" : "a stage"
        let tree = substitution.head(declared.tree, combination, &decoding)
        let allowed = isSource ? Self.sourceKeys : Self.stageKeys
        guard let given = tree.entries else {
            decoding.error(
                .wrongKind, "\(what) is a mapping, found \(tree.shown)", at: tree.place,
                remedy: "write `\(declared.name): {uses: NAME\(isSource ? "" : ", in: STAGE")}`")
            return nil
        }
        for entry in given where !allowed.contains(entry.key) {
            decoding.error(
                .unknownKey, "\(what) has no '\(entry.key)'", at: entry.keyPlace,
                remedy: nearestName(to: entry.key, in: allowed).map { "did you mean '\($0)'?" }
                    ?? "it has: \(allowed.joined(separator: ", "))\(entry.key == "uses" ? "" : "; parameters stand under `with:`")"
            )
        }
        guard let (uses, with) = usesAndWith(declared.name, tree, declared.place, combination, isSource: isSource)
        else { return nil }
        var over: [String] = []
        if let value = tree["over"], let variant = substitution.variantsUsed(by: value).min() {
            decoding.error(
                .variantMisuse, "what is gathered cannot depend on the variant '\(variant)'", at: value.place,
                remedy: "write the names of variants: `over: [\(variant)]`")
        } else if let value = tree["over"] {
            over = [String].decode(substitution.resolve(value, [:], &decoding), &decoding) ?? []
            for name in over where !declaration.variants.contains(where: { $0.name == name }) {
                decoding.error(
                    .variantMisuse, "there is no variant '\(name)' to gather", at: value.place,
                    remedy: nearestName(to: name, in: declaration.variants.map(\.name)).map { "did you mean '\($0)'?" })
            }
        }
        return Entry(
            name: declared.name, place: declared.place, uses: uses, with: with, inputs: tree["in"], over: over,
            overPlace: tree["over"]?.place, isSource: isSource)
    }

    // MARK: Like

    /// Follows `like` to the stage (or source) that says what it uses; the `with:` on the way, the farthest first.
    private mutating func usesAndWith(
        _ name: String, _ tree: LocatedYAML, _ place: Diagnostic.Place, _ combination: Combination, isSource: Bool
    ) -> (LocatedYAML, [LocatedYAML])? {
        let kind = isSource ? "source" : "stage", all = isSource ? sources : stages
        var tree = tree, place = place
        var chain = [name]
        var with = [tree["with"]]
        while let like = tree["like"] {
            if let uses = tree["uses"] {
                decoding.error(
                    .unknownKey, "'\(chain.last ?? name)' has both `uses` and `like`", at: uses.place,
                    remedy: "keep one")
                return nil
            }
            guard let other = like.scalar, let target = all[other] else {
                let near = like.scalar.flatMap { nearestName(to: $0, in: all.keys) }
                decoding.error(
                    .unknownReference, "there is no \(kind) \(like.shown) to be like", at: like.place,
                    remedy: near.map { "did you mean '\($0)'?" })
                return nil
            }
            guard !chain.contains(other) else {
                decoding.error(
                    .cycle,
                    "'\(other)' is like itself: \(Diagnostic.chain(chain.drop { $0 != other } + [other]))",
                    at: like.place)
                return nil
            }
            guard chain.count <= Substitution.maximumDepth else {
                decoding.error(
                    .yamlTooLarge, "more than \(Substitution.maximumDepth) \(kind)s are like each other in a row",
                    at: like.place)
                return nil
            }
            chain.append(other)
            place = target.place
            if let variant = substitution.headVariants(of: target.tree).subtracting(combination.keys).min() {
                decoding.error(
                    .variantMisuse, "what '\(other)' is depends on the variant '\(variant)', so nothing can be like it",
                    at: like.place, remedy: "let the variant stand under `uses` or `with` of '\(other)'")
                return nil
            }
            tree = substitution.head(target.tree, combination, &decoding)
            with.append(tree["with"])
        }
        guard let uses = tree["uses"] else {
            decoding.error(
                .missingKey, "'\(chain.last ?? name)' does not say what it uses", at: place,
                remedy: "add `uses: NAME`; `lucency stages` lists the names")
            return nil
        }
        return (uses, with.compactMap { $0 }.reversed())
    }

    /// One `with:` out of several for one choice of variants: whoever stands later wins, name by name.
    mutating func merged(_ layers: [LocatedYAML], _ combination: Combination) -> LocatedYAML? {
        var result: LocatedYAML?
        for layer in layers {
            let layer = substitution.head(layer, combination, &decoding)
            guard !layer.isNull else { continue }
            guard let below = result?.entries, let own = layer.entries else {
                result = layer
                continue
            }
            let names = Set(own.map(\.key))
            result = LocatedYAML(.mapping(below.filter { !names.contains($0.key) } + own), at: layer.place)
        }
        return result
    }

    // MARK: References and order

    mutating func findReferences(of name: String) {
        guard var entry = entries[name] else { return }
        entry.variants = entry.heads
        for combination in combinations(of: entry.heads, at: entry.place) where !substitution.isExhausted {
            findReferences(of: entry.form(combination), &entry)
        }
        entries[name] = entry
    }

    private mutating func findReferences(of form: Entry, _ entry: inout Entry) {
        entry.variants.formUnion(substitution.variantsUsed(by: form.uses))
        // Only what is left after merging counts: a value that is replaced makes no other instance.
        let heads = form.with.reduce(into: Set<String>()) { $0.formUnion(substitution.headVariants(of: $1)) }
        entry.variants.formUnion(heads)
        for combination in combinations(of: heads, at: form.place) where !substitution.isExhausted {
            if let with = merged(form.with, combination) {
                entry.variants.formUnion(substitution.variantsUsed(by: with))
            }
        }
        if let inputs = form.inputs {
            let own = substitution.variantsUsed(by: inputs)
            entry.variants.formUnion(own)
            for combination in combinations(of: own, at: inputs.place) where !substitution.isExhausted {
                let resolved = substitution.resolve(inputs, combination, &decoding)
                let values = resolved.scalar != nil ? [resolved] : resolved.entries?.map(\.value) ?? []
                for value in values {
                    guard let target = value.scalar?.split(separator: ".").first.map(String.init) else { continue }
                    if entries[target] != nil { entry.references.append((target, value.place)) }
                }
            }
        }
    }

    /// Depth-first in the file's order; cycles are reported once and left out.
    mutating func sortedEntries() -> [String] {
        var order: [String] = []
        var isDone: [String: Bool] = [:]  // false: being visited
        for start in declaration.sources.map(\.name) + declaration.stages.map(\.name) {
            guard entries[start] != nil, isDone[start] == nil else { continue }
            var path = [(name: start, next: 0)]
            isDone[start] = false
            while let (name, next) = path.last {
                guard let references = entries[name]?.references, next < references.count else {
                    isDone[name] = true
                    order.append(name)
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next += 1
                let reference = references[next]
                if isDone[reference.name] == false {
                    let loop = path.map(\.name).drop { $0 != reference.name } + [reference.name]
                    decoding.error(
                        .cycle, "the stages form a circle: \(Diagnostic.chain(loop))", at: reference.place,
                        remedy: "a stage can only read what does not depend on it")
                } else if isDone[reference.name] == nil {
                    isDone[reference.name] = false
                    path.append((reference.name, 0))
                }
            }
        }
        return order
    }

    // MARK: Variants

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

    /// All choices of values for some variants, in the file's order; none, with a complaint, where they are too many.
    mutating func combinations(of names: Set<String>, at place: Diagnostic.Place) -> [Combination] {
        if let known = knownCombinations[names] { return known }
        let chosen = declaration.variants.filter { names.contains($0.name) }
        var count = 1
        for variant in chosen {
            // Each factor is at most the number of values in a file, so this cannot overflow before it is too many.
            count *= variant.values.count
            guard count <= Self.maximumCombinations else {
                decoding.error(
                    .yamlTooLarge,
                    "the variants \(chosen.map(\.name).joined(separator: ", ")) have more than "
                        + "\(Self.maximumCombinations) combinations",
                    at: place, remedy: "leave some values to runs of their own")
                return []
            }
        }
        let combinations = chosen.reduce([[:]]) { combinations, variant in
            combinations.flatMap { base in variant.values.map { base.merging([variant.name: $0.name]) { $1 } } }
        }
        knownCombinations[names] = combinations
        return combinations
    }

    /// Whether so many more instances keep within the limit of a pipeline.
    mutating func admit(_ count: Int, at place: Diagnostic.Place) -> Bool {
        instances += count
        guard instances > Self.maximumInstances else { return !substitution.isExhausted && !decoding.isFull }
        decoding.error(
            .yamlTooLarge,
            "more than \(Self.maximumInstances) stages, sources and outputs, each combination of variants counted",
            at: place, remedy: "leave some variants to runs of their own")
        return false
    }
}
