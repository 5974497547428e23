import ArgumentParser
import Lucency

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Print the JSON Schema of pipelines, for editors that complete and check.",
        discussion: """
            Example: lucency schema > lucency.schema.json
            Then begin a pipeline with: # yaml-language-server: $schema=lucency.schema.json
            """)

    func run() throws { Terminal.out(Catalog.standard.schema.prettyText) }
}
