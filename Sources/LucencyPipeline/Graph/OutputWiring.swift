import LucencyFoundation

/// What the run writes, under which names.
extension PlanBuilder {
    static let outputKeys = ["from", "as", "with"]

    mutating func makeOutputs(_ declared: PipelineDeclaration.Named) -> [PlanOutput] {
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
        for combination in combinations(of: direct, at: declared.place) where !substitution.isExhausted {
            let name = substitution.resolve(from, combination, &decoding).scalar?.split(separator: ".").first
            if let name { variants.formUnion(entries[String(name)]?.variants ?? []) }
        }
        var outputs: [PlanOutput] = []
        for combination in combinations(of: variants, at: declared.place) {
            guard admit(1, at: declared.place) else { break }
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
                        ? "'\(text)' has no file extension"
                        : "\(article(type.name)) cannot be written as '.\(template.fileExtension)'",
                    at: path.place,
                    remedy: known.isEmpty
                        ? "\(type.name) has no writer"
                        : "it can be written as: \(known.map { "." + $0 }.joined(separator: ", "))")
                continue
            }
            outputs.append(
                PlanOutput(
                    name: declared.name, place: path.place, input: input, template: template, combination: combination,
                    writer: writer.configure(with, path.place, &decoding)))
        }
        return outputs
    }

    mutating func check(
        _ template: OutputTemplate, of name: String, from node: PlanNode, _ variants: Set<String>,
        at place: Diagnostic.Place
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
            } else if declaration.variants.contains(where: { $0.name == placeholder }), !variants.contains(placeholder)
            {
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
}
