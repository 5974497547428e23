import ArgumentParser
import Lucency

struct StagesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stages", abstract: "List stages and components, or explain one.",
        discussion: """
            Examples: lucency stages
                      lucency stages segment.threshold
            """)

    @Argument(help: "Stage, source, collector or component.")
    var name: String?

    @Flag(help: "Print everything as JSON.")
    var json = false

    private struct Entry {
        let kind: String
        let id: String
        let summary: String
        let source: String?
        let forms: [(inputs: [Port], outputs: [Port])]
        let parameters: [ParameterDescription]
    }

    private var entries: [Entry] {
        let catalog = Catalog.standard
        return catalog.sources.map {
            Entry(
                kind: "sources", id: $0.about.id, summary: $0.about.summary, source: nil, forms: [],
                parameters: $0.parameters)
        }
            + catalog.stages.map {
                Entry(
                    kind: "stages", id: $0.about.id, summary: $0.about.summary, source: $0.about.source,
                    forms: $0.forms,
                    parameters: $0.parameters)
            }
            + catalog.collectors.map {
                Entry(
                    kind: "collectors", id: $0.about.id, summary: $0.about.summary, source: $0.about.source,
                    forms: [($0.inputs, $0.outputs)], parameters: $0.parameters)
            }
            + catalog.components.flatMap { kind in
                kind.entries.map {
                    Entry(
                        kind: kind.name, id: $0.id, summary: $0.summary, source: nil, forms: [],
                        parameters: $0.parameters)
                }
            }
    }

    func run() throws {
        guard let name else {
            if json { return Terminal.out(Catalog.standard.json.prettyText) }
            var kind = ""
            let width = entries.map(\.id.count).max() ?? 0
            for entry in entries {
                if entry.kind != kind {
                    if !kind.isEmpty { Terminal.out("") }
                    kind = entry.kind
                    Terminal.out(kind)
                }
                Terminal.out("  \(entry.id)\(String(repeating: " ", count: width - entry.id.count))  \(entry.summary)")
            }
            return
        }
        let found = entries.filter { $0.id == name }
        guard !found.isEmpty else {
            let near = nearestName(to: name, in: entries.map(\.id))
            Terminal.error("there is no stage or component '\(name)'\(near.map { "; did you mean '\($0)'?" } ?? "")")
            throw ExitCode(1)
        }
        if json {
            let lists = Catalog.standard.json
            let all =
                ["sources", "stages", "collectors"].flatMap { lists[$0]?.arrayValue ?? [] }
                + (lists["components"]?.arrayValue ?? []).flatMap { $0["entries"]?.arrayValue ?? [] }
            return Terminal.out(JSONValue.array(all.filter { $0["id"]?.stringValue == name }).prettyText)
        }
        for entry in found { explain(entry) }
    }

    private func explain(_ entry: Entry) {
        Terminal.out("\(entry.id): \(entry.summary)")
        if let source = entry.source { Terminal.out("    source: \(source)") }
        for form in entry.forms {
            func list(_ ports: [Port]) -> String {
                ports.isEmpty
                    ? "nothing"
                    : ports.map { port in
                        let more = port.isOptional ? ", optional" : port.isList ? ", one or more" : ""
                        return "\(port.name) (\(port.type.name)\(more))"
                    }.joined(separator: ", ")
            }
            Terminal.out("    \(list(form.inputs)) → \(list(form.outputs))")
        }
        for parameter in entry.parameters {
            let value = parameter.defaultValue.map { $0 == .null ? "" : ", default \(shown($0))" } ?? ", required"
            let range = parameter.range.map { ", \($0)" } ?? ""
            Terminal.out("    \(parameter.name): \(parameter.type)\(range)\(value)")
            Terminal.out("        \(parameter.help)")
        }
    }

    private func shown(_ value: JSONValue) -> String {
        if let uses = value["uses"]?.stringValue { return uses }
        return value.stringValue ?? value.text
    }
}
