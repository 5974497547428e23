import LucencyFoundation

/// Which output of which node flows into which port.
extension PlanBuilder {
    /// Resolves `in:` against each form; the first form whose ports fit wins.
    /// - Parameter gathering: combinations of the variants that `over` names; a port that takes a list takes one value for
    ///   each.
    mutating func wire(
        _ entry: Entry, _ combination: Combination, _ yaml: LocatedYAML?, forms: [[Port]], owner: String,
        gathering: [Combination] = [[:]]
    ) -> (form: Int, row: [PlanInput?])? {
        let yaml = yaml.map { substitution.resolve($0, combination, &decoding) }
        var given: [(port: String?, place: Diagnostic.Place, value: LocatedYAML)] = []
        if let yaml, !yaml.isNull {
            if let entries = yaml.entries {
                given = entries.map { ($0.key, $0.keyPlace, $0.value) }
            } else {
                given = [(nil, yaml.place, yaml)]
            }
        }
        var resolved: [(port: String?, place: Diagnostic.Place, input: PlanInput, text: String)] = []
        var failed = false
        let lists = forms.joined().filter(\.isList).map(\.name)
        for item in given {
            let isList = item.port.map(lists.contains) ?? forms.contains { $0.first?.isList ?? false }
            for value in isList ? item.value.elements ?? [item.value] : [item.value] {
                for tag in isList ? gathering : [[:]] {
                    if let input = resolve(value, combination.merging(tag) { $1 }) {
                        resolved.append((item.port, item.place, input, value.scalar ?? ""))
                    } else {
                        failed = true
                    }
                }
            }
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
                let accepted = Array(Set(forms.joined().filter { $0.name == ports[index].name }.map(\.type.name)))
                    .sorted()
                decoding.error(
                    .portMismatch,
                    "'\(item.text)' is \(article(type(item.input).name)), but '\(ports[index].name)' of \(owner) takes "
                        + article(accepted.joined(separator: " or ")),
                    at: item.place, remedy: portRemedy(item.input, wanted: ports[index].type))
                failed = true
                continue
            }
            // A list stands last, so what it takes further goes behind it.
            if ports[index].isList, row[index] != nil { row.append(item.input) } else { row[index] = item.input }
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
    func portRemedy(_ input: PlanInput, wanted: PortType) -> String? {
        let node = nodes[input.node]
        guard let port = node.outputPorts.first(where: { $0.type == wanted }) else { return nil }
        return "did you mean '\(node.name).\(port.name)'?"
    }

    func article(_ noun: String) -> String {
        noun.hasSuffix("s") ? noun : (["a", "e", "i", "o", "u"].contains(noun.prefix(1)) ? "an " : "a ") + noun
    }

    /// `STAGE` or `STAGE.PORT` as a wire.
    mutating func resolve(_ yaml: LocatedYAML, _ combination: Combination) -> PlanInput? {
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
}
