import LucencyFoundation
import LucencyImaging

/// What a run knows between passes.
struct RunState: Sendable {
    let plan: Plan
    let keys: Keys
    let store: OutputStore
    let listings: [Int: ItemListing]
    let options: RunOptions

    var summary = RunSummary()
    /// Values of whole nodes, per output port.
    var wholes: [Int: [any PortValue]] = [:]
    /// Collectors whose value something needs.
    var neededWholes: Set<Int> = []
    var states: [ItemRun.Feed: [String: any Sendable]] = [:]
    var failedFeeds: [ItemRun.Feed: Set<String>] = [:]
    private var wholeKeys: [Int: String] = [:]
    private let nodesOfOutputs: [Int: [Int]]
    private let nodesOfFeeds: [ItemRun.Feed: [Int]]

    init(plan: Plan, keys: Keys, store: OutputStore, listings: [Int: ItemListing], options: RunOptions) {
        self.plan = plan
        self.keys = keys
        self.store = store
        self.listings = listings
        self.options = options
        var ofOutputs: [Int: [Int]] = [:]
        for output in plan.outputs {
            let node = output.input.node
            ofOutputs[node] = ofOutputs[node] ?? plan.upstream(of: [node], itemsOnly: true)
        }
        nodesOfOutputs = ofOutputs
        var ofFeeds: [ItemRun.Feed: [Int]] = [:]
        for node in plan.nodes {
            guard case .collector(_, let groups) = node.kind else { continue }
            for row in node.rows.indices {
                for group in groups.indices {
                    let feed = ItemRun.Feed(collector: node.id, row: row, group: group)
                    let wires = zip(node.inputPorts, node.rows[row]).filter { $0.0.group == groups[group] }
                    ofFeeds[feed] = plan.upstream(of: wires.compactMap { $0.1?.node }, itemsOnly: true)
                }
            }
        }
        nodesOfFeeds = ofFeeds
        for node in plan.nodes where node.scope == .whole && !node.isCollector {
            wholeKeys[node.id] = keys.part(of: node)
        }
    }

    /// Nodes that some targets need, in running order.
    func nodes(for targets: ItemRun.Targets) -> [Int] {
        var nodes = Set<Int>()
        for target in targets.outputs { nodes.formUnion(nodesOfOutputs[target.output.input.node] ?? []) }
        for feed in targets.feeds { nodes.formUnion(nodesOfFeeds[feed] ?? []) }
        return nodes.sorted()
    }

    /// Parts of the key of an item's outputs.
    func parts(of item: SourceItem, outputs: [PlanOutput]) throws -> [String: String] {
        var nodes = Set<Int>()
        for output in outputs { nodes.formUnion(nodesOfOutputs[output.input.node] ?? []) }
        return try keys.parts(of: item, nodes: nodes.sorted(), outputs: outputs, wholes: wholeKeys)
    }

    // MARK: Needs

    /// Finds out, from keys alone, which collectors have to run: those with outputs that are not current, and those
    /// that items need which are not current.
    mutating func findNeeds(_ batches: [Runner.Batch]) throws {
        for node in plan.nodes where node.isCollector { wholeKeys[node.id] = try wholeKey(of: node) }
        var pending: [Int] = []
        for output in plan.outputs where plan.nodes[output.input.node].scope == .whole {
            let node = plan.nodes[output.input.node]
            let outputs = plan.outputs.filter { $0.input.node == node.id }
            let paths = try outputs.map { try $0.template.path($0.combination) }
            if !store.isCurrent(try wholeRecord(of: node, outputs), paths: paths, fresh: options.fresh) {
                pending.append(node.id)
            }
        }
        for batch in batches where batch.pass > 0 && !batch.outputs.isEmpty {
            let nodes = nodes(for: .init(outputs: batch.outputs.map { ($0, "") }, feeds: []))
            let reads = nodes.flatMap { plan.nodes[$0].rows.joined().compactMap { $0?.node } }
            let wholes = Set(reads.filter { plan.nodes[$0].scope == .whole })
            guard !wholes.isEmpty else { continue }
            for item in batch.items {
                var record = ManifestRecord(type: "item", name: item.relative, key: "", parts: [:], status: .done)
                record.source = plan.nodes[batch.source].label
                record.pass = batch.pass
                // A file that cannot be hashed makes the item fail later, with its message.
                guard let parts = try? parts(of: item, outputs: batch.outputs) else { continue }
                record.key = keys.key(parts)
                if !store.isCurrent(record, paths: nil, fresh: options.fresh) {
                    pending += wholes
                    break
                }
            }
        }
        while let next = pending.popLast() {
            guard neededWholes.insert(next).inserted else { continue }
            let node = plan.nodes[next]
            if node.isCollector {
                let upstream = plan.upstream(of: node.rows.joined().compactMap { $0?.node }, itemsOnly: true)
                let reads = upstream.flatMap { plan.nodes[$0].rows.joined().compactMap { $0?.node } }
                pending += reads.filter { plan.nodes[$0].scope == .whole }
            } else {
                pending += node.rows.joined().compactMap { $0?.node }
            }
        }
    }

    /// A collector's key: itself, and for every row, group and item what flows into it.
    private func wholeKey(of node: PlanNode) throws -> String {
        var hash = SHA256()
        hash.update(keys.part(of: node))
        for feed in nodesOfFeeds.keys.filter({ $0.collector == node.id }).sorted(by: {
            ($0.row, $0.group) < ($1.row, $1.group)
        }) {
            guard let source = source(of: feed) else { continue }
            for item in listings[source]?.items ?? [] {
                hash.update("\n\(feed.row) \(feed.group) \(item.relative) ")
                // An unreadable file counts with its name: it will fail, and the collector goes on without it.
                hash.update((try? feedKey(of: feed, item)) ?? "unreadable")
            }
        }
        return hash.hexDigest()
    }

    private func source(of feed: ItemRun.Feed) -> Int? {
        for id in nodesOfFeeds[feed] ?? [] { if case .item(let source) = plan.nodes[id].scope { return source } }
        return nil
    }

    private func feedKey(of feed: ItemRun.Feed, _ item: SourceItem) throws -> String {
        let node = plan.nodes[feed.collector]
        guard case .collector(_, let groups) = node.kind else { return "" }
        var parts = try keys.parts(of: item, nodes: nodesOfFeeds[feed] ?? [], outputs: [], wholes: wholeKeys)
        for (port, input) in zip(node.inputPorts, node.rows[feed.row]) where port.group == groups[feed.group] {
            guard let input else { continue }
            parts["wire \(port.name)"] = "\(plan.nodes[input.node].label).\(input.output)"
            if case .source(let source) = plan.nodes[input.node].kind,
                let loader = item.loaders[source.ports[input.output].name]
            {
                parts["input \(source.ports[input.output].name)"] = try loader.contentHash()
                parts["reader of \(source.ports[input.output].name)"] = loader.reader
            }
        }
        parts["collector"] = keys.part(of: node)
        parts["row"] = JSONValue.object(node.rowTags[feed.row].mapValues { .string($0) }).text
        parts["group"] = groups[feed.group]
        parts["item"] = item.relative
        return keys.key(parts)
    }

    // MARK: Partial states

    /// An item's state that an earlier, interrupted run or another shard kept.
    func keptState(of feed: ItemRun.Feed, _ item: SourceItem) throws -> (any Sendable)? {
        guard case .collector(let collector, _) = plan.nodes[feed.collector].kind, let decode = collector.decode,
            !options.fresh, let json = store.state(try feedKey(of: feed, item))
        else { return nil }
        return try? decode(json)
    }

    /// Keeps an item's state for a later run or another shard.
    func keep(_ state: any Sendable, of feed: ItemRun.Feed, _ item: SourceItem) throws {
        guard case .collector(let collector, _) = plan.nodes[feed.collector].kind, let encode = collector.encode else {
            return
        }
        try store.keepState(try encode(state), try feedKey(of: feed, item))
    }

    /// The states of all items in the order row, group, item; nil while other shards still owe some.
    func collectedStates(of node: PlanNode, _ batches: [Runner.Batch]) throws -> [any Sendable]? {
        guard case .collector(_, let groups) = node.kind else { return [] }
        var all: [any Sendable] = []
        for row in node.rows.indices {
            for group in groups.indices {
                let feed = ItemRun.Feed(collector: node.id, row: row, group: group)
                guard let source = source(of: feed) else { continue }
                for item in listings[source]?.items ?? [] {
                    if let state = states[feed]?[item.relative] {
                        all.append(state)
                    } else if options.shard.map({ !$0.contains(item.relative) }) ?? false {
                        if let state = try keptState(of: feed, item) {
                            all.append(state)
                        } else if !store.hasFailed(item.relative) {
                            return nil
                        }
                    }
                }
            }
        }
        return all
    }

    // MARK: Records

    /// The record that a whole value's outputs will have.
    func wholeRecord(of node: PlanNode, _ outputs: [PlanOutput]) throws -> ManifestRecord {
        var parts = ["value": wholeKeys[node.id] ?? keys.part(of: node), "stage \(node.label)": keys.part(of: node)]
        for output in outputs {
            parts["output \(PlanNode.label(output.name, output.combination))"] = SHA256.hex(
                of:
                    "\(output.template.text) \(output.writer.parameters.text) \(output.writer.revision) \(output.input.output)"
            )
        }
        return ManifestRecord(type: "whole", name: node.label, key: keys.key(parts), parts: parts, status: .failed)
    }

    mutating func fail(_ node: PlanNode, _ diagnostic: Diagnostic, _ send: (RunEvent) -> Void) {
        summary.failures.append((node.label, diagnostic))
        send(.wholeFinished(name: node.label, seconds: 0, diagnostic: diagnostic))
    }
}
