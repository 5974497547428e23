import LucencyFoundation

/// Where a node takes a value from.
package struct PlanInput: Hashable, Sendable {
    package let node: Int
    package let output: Int
}

/// A stage, collector or source for one combination of variants, wired.
package struct PlanNode: Sendable {
    enum Kind: Sendable {
        case source(ConfiguredSource)
        case stage(ConfiguredStage, form: Int)
        case collector(ConfiguredCollector, groups: [String])
    }

    /// Whether a value exists once per item of a source, or once per run.
    package enum Scope: Hashable, Sendable {
        case item(source: Int)
        case whole
    }

    package let id: Int
    package let name: String
    package let combination: Combination
    let place: Diagnostic.Place
    let about: StageAbout
    let kind: Kind
    package let parameters: JSONValue
    let isRandom: Bool
    package let isShardable: Bool
    package let seed: UInt64
    let inputPorts: [Port]
    let outputPorts: [Port]
    /// One row of inputs per port; collectors have a row for each combination that `over` gathers.
    package let rows: [[PlanInput?]]
    package let rowTags: [Combination]
    package let scope: Scope

    /// `predict` or `predict[method=nacl]`.
    package var label: String { Self.label(name, combination) }

    var isCollector: Bool { if case .collector = kind { true } else { false } }
}

/// A file, or one file per item, that the run writes.
package struct PlanOutput: Sendable {
    package let name: String
    let place: Diagnostic.Place
    let input: PlanInput
    let template: OutputTemplate
    package let combination: Combination
    let writer: ConfiguredWriter
}

/// A pipeline that was checked: every name resolved, every parameter decoded, every wire fitting.
public struct Plan: Sendable {
    public let name: String
    public let summary: String
    public let seed: UInt64
    package let nodes: [PlanNode]
    package let outputs: [PlanOutput]

    /// For each node, the greatest number of collectors on a way to it: what must be finished before it can run.
    let depth: [Int]

    init(name: String, summary: String, seed: UInt64, nodes: [PlanNode], outputs: [PlanOutput]) {
        self.name = name
        self.summary = summary
        self.seed = seed
        self.nodes = nodes
        self.outputs = outputs
        var depth = [Int](repeating: 0, count: nodes.count)
        for node in nodes {
            let upstream = node.rows.joined().compactMap { $0 }.map { depth[$0.node] }.max() ?? 0
            depth[node.id] = node.isCollector ? upstream + 1 : upstream
        }
        self.depth = depth
    }

    /// Whether `--input` must be given.
    public var needsInput: Bool {
        nodes.contains { if case .source(let source) = $0.kind { source.needsInput } else { false } }
    }

    /// Everything that flows into something that a collector needs.
    var collectorWires: [PlanInput] {
        let needed = upstream(of: nodes.filter(\.isCollector).map(\.id), itemsOnly: false)
        return needed.flatMap { nodes[$0].rows.joined().compactMap { $0 } }
    }

    /// The item stages that values come through on their way to each input port of a node, in running order. Names and
    /// wires do not count: stages with equal parameters do the same.
    func histories(of node: PlanNode) -> [String: JSONValue] {
        var histories: [String: JSONValue] = [:]
        for (port, input) in zip(node.inputPorts, node.rows.first ?? []) {
            if let input, nodes[input.node].scope != .whole { histories[port.name] = history(of: input.node) }
        }
        return histories
    }

    /// The item stages on the way to an item node, and itself.
    func history(of node: Int) -> JSONValue {
        .array(
            upstream(of: [node], itemsOnly: true).compactMap { id in
                guard case .stage = nodes[id].kind else { return nil }
                return ["uses": .string(nodes[id].about.id), "with": nodes[id].parameters]
            })
    }

    /// Nodes that some nodes need, including themselves, in running order; stops at whole values when `itemsOnly`.
    func upstream(of targets: some Sequence<Int>, itemsOnly: Bool) -> [Int] {
        var needed = Set<Int>()
        var pending = Array(targets)
        while let next = pending.popLast() {
            if itemsOnly, nodes[next].scope == .whole { continue }
            guard needed.insert(next).inserted else { continue }
            for input in nodes[next].rows.joined() { if let input { pending.append(input.node) } }
        }
        return needed.sorted()
    }
}
