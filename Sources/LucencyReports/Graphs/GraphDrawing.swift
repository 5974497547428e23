import LucencyFoundation

/// A directed graph without cycles, to be drawn: boxes with words in them and arrows between.
///
/// Knows nothing of pipelines; whoever has a graph describes it in these words and takes `svg`, `dot` or `text`.
/// All three depend only on the nodes and edges and their order.
public struct GraphDrawing: Sendable, Hashable {
    /// What a box stands for; decides its shape and colour.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case source, stage, collector, output, model
    }

    /// A box.
    public struct Node: Sendable, Hashable {
        /// Unique within the drawing.
        public var id: String
        /// The words in bold.
        public var label: String
        /// Smaller lines below, separated by `\n`; may be empty.
        public var detail: String
        public var kind: Kind

        public init(id: String, label: String, detail: String = "", kind: Kind) {
            self.id = id
            self.label = label
            self.detail = detail
            self.kind = kind
        }
    }

    /// An arrow. Its label stands at its head, as the name of the port that it enters.
    public struct Edge: Sendable, Hashable {
        public var from: String
        public var to: String
        public var label: String

        public init(from: String, to: String, label: String = "") {
            self.from = from
            self.to = to
            self.label = label
        }
    }

    public let title: String
    public let nodes: [Node]
    public let edges: [Edge]
    /// Edges as pairs of indices into `nodes`.
    let links: [(from: Int, to: Int)]
    /// Indices of the nodes such that every edge points forward; otherwise in the order given.
    let order: [Int]

    /// The most nodes and edges that are drawn.
    public static let limits = (nodes: 500, edges: 2000)

    /// - Throws: `Diagnostic` when an id occurs twice, an edge names no node, edges go round in a cycle, or the graph is
    ///   larger than `limits`.
    public init(title: String = "", nodes: [Node], edges: [Edge]) throws(Diagnostic) {
        guard nodes.count <= Self.limits.nodes, edges.count <= Self.limits.edges else {
            throw Diagnostic(
                .tooLarge,
                "a graph of \(nodes.count) nodes and \(edges.count) edges is not drawn; at most \(Self.limits.nodes) nodes and \(Self.limits.edges) edges are"
            )
        }
        var index: [String: Int] = [:]
        for (position, node) in nodes.enumerated() {
            guard index.updateValue(position, forKey: node.id) == nil else {
                throw Diagnostic(.duplicateName, "two nodes of the graph are called \(node.id)")
            }
        }
        var links: [(from: Int, to: Int)] = []
        for edge in edges {
            guard let from = index[edge.from], let to = index[edge.to] else {
                let missing = index[edge.from] == nil ? edge.from : edge.to
                throw Diagnostic(.unknownReference, "an edge of the graph names \(missing), which is no node")
            }
            links.append((from, to))
        }
        guard let order = Self.topologicalOrder(count: nodes.count, links: links) else {
            throw Diagnostic(.cycle, "the graph has a cycle, so it cannot be drawn from top to bottom")
        }
        self.title = title
        self.nodes = nodes
        self.edges = edges
        self.links = links
        self.order = order
    }

    public static func == (left: GraphDrawing, right: GraphDrawing) -> Bool {
        left.title == right.title && left.nodes == right.nodes && left.edges == right.edges
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(title)
        hasher.combine(nodes)
        hasher.combine(edges)
    }

    /// Depth first from the last to the first, so that chains stay together and ties keep the order given.
    private static func topologicalOrder(count: Int, links: [(from: Int, to: Int)]) -> [Int]? {
        var inputs = [[Int]](repeating: [], count: count)
        for link in links { inputs[link.to].append(link.from) }
        var state = [UInt8](repeating: 0, count: count)  // 0 not seen, 1 on the path, 2 placed
        var order: [Int] = []
        for start in 0..<count where state[start] == 0 {
            var path = [(node: start, next: 0)]
            state[start] = 1
            while let (node, next) = path.last {
                if next < inputs[node].count {
                    path[path.count - 1].next += 1
                    let input = inputs[node][next]
                    if state[input] == 1 { return nil }
                    if state[input] == 0 {
                        state[input] = 1
                        path.append((input, 0))
                    }
                } else {
                    state[node] = 2
                    order.append(node)
                    path.removeLast()
                }
            }
        }
        return order
    }
}
