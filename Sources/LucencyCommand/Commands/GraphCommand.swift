import ArgumentParser
import Lucency

struct GraphCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "graph", abstract: "Draw a pipeline.",
        discussion: "Example: lucency graph pipelines/em-membranes.yaml --format svg > pipeline.svg")

    enum Format: String, CaseIterable, ExpressibleByArgument { case svg, dot, text }

    @OptionGroup var pipeline: PipelineArguments

    @Option(help: "Form of the drawing.")
    var format: Format = .text

    func run() throws {
        try reporting {
            let file = try pipeline.load()
            guard let plan = file.plan else { throw DiagnosticList(file.diagnostics) }
            let graph = PlanGraph(plan)
            let nodes = graph.nodes.map { node in
                GraphDrawing.Node(
                    id: node.id, label: node.label, detail: node.detail,
                    kind: GraphDrawing.Kind(rawValue: node.kind.rawValue) ?? .stage)
            }
            let edges = graph.edges.map { GraphDrawing.Edge(from: $0.from, to: $0.to, label: $0.label) }
            let drawing = try GraphDrawing(nodes: nodes, edges: edges)
            switch format {
            case .svg: Terminal.out(drawing.svg)
            case .dot: Terminal.out(drawing.dot)
            case .text: Terminal.out(drawing.text)
            }
        }
    }
}
