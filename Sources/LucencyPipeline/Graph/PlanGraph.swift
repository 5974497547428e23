/// A plan as plain nodes and edges, for drawing.
public struct PlanGraph: Sendable {
    public enum Kind: String, Sendable { case source, stage, collector, output }

    public struct Node: Sendable {
        public let id: String
        public let label: String
        /// The stage it uses, or the file name template of an output.
        public let detail: String
        public let kind: Kind
    }

    public struct Edge: Sendable {
        public let from: String
        public let to: String
        /// Kind of value that flows.
        public let label: String
    }

    public let nodes: [Node]
    public let edges: [Edge]

    public init(_ plan: Plan) {
        var nodes: [Node] = []
        var edges: [Edge] = []
        func edge(_ input: PlanInput, to target: String) {
            let source = plan.nodes[input.node]
            let new = Edge(from: source.label, to: target, label: source.outputPorts[input.output].type.name)
            if !edges.contains(where: { $0.from == new.from && $0.to == new.to && $0.label == new.label }) {
                edges.append(new)
            }
        }
        for node in plan.nodes {
            let kind: Kind
            switch node.kind {
            case .source: kind = .source
            case .stage: kind = .stage
            case .collector: kind = .collector
            }
            nodes.append(Node(id: node.label, label: node.label, detail: node.about.id, kind: kind))
            for input in node.rows.joined() { if let input { edge(input, to: node.label) } }
        }
        for output in plan.outputs {
            let id = "output " + PlanNode.label(output.name, output.combination)
            nodes.append(
                Node(
                    id: id, label: PlanNode.label(output.name, output.combination), detail: output.template.text,
                    kind: .output))
            edge(output.input, to: id)
        }
        self.nodes = nodes
        self.edges = edges
    }
}
