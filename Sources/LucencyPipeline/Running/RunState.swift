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
    /// Collectors that cannot be finished before other shards have done their part.
    var waiting: Set<Int> = []
    /// Why whole values could not be made.
    var failedWholes: [Int: Diagnostic] = [:]
    /// Items that a collector went without, because they failed.
    private(set) var missing: [Int: [String]] = [:]
    /// Items that a collector left out, because they do not fit the others.
    private(set) var leftOut: [Int: [(item: String, reason: Diagnostic)]] = [:]
    var states: [ItemRun.Feed: [String: any Sendable]] = [:]
    /// Items whose states are merged already, and into what.
    var folded: [ItemRun.Feed: (items: Set<String>, fold: StateFold?)] = [:]
    var failedFeeds: [ItemRun.Feed: Set<String>] = [:]
    private var wholeKeys = WholeKeys()
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
        return try keys.parts(of: item, nodes: nodes.sorted(), outputs: outputs, wholeKey: wholeKey)
    }

    // MARK: Needs

    /// Finds out, from keys alone, which collectors have to run: those with outputs that are not current, and those
    /// that items need which are not current.
    mutating func findNeeds(_ batches: [Batch]) throws {
        var pending: [Int] = []
        for node in plan.nodes where node.scope == .whole {
            let outputs = plan.outputs.filter { $0.input.node == node.id }
            let paths = try outputs.map { try $0.template.path($0.combination) }
            if !outputs.isEmpty, !store.isCurrent(wholeRecord(of: node, outputs), at: paths) { pending.append(node.id) }
        }
        for batch in batches where batch.pass > 0 && !batch.outputs.isEmpty {
            let wholes = wholesRead(by: nodes(for: .init(outputs: batch.outputs.map { ($0, "") }, feeds: [])))
            guard !wholes.isEmpty else { continue }
            for item in batch.items {
                var record = batch.record(of: item, plan)
                // A file that cannot be hashed makes the item fail later, with its message.
                guard let parts = try? parts(of: item, outputs: batch.outputs) else { continue }
                record.key = keys.key(parts)
                if !store.isCurrent(record, at: try batch.outputs.map { try batch.path(of: $0, for: item) }) {
                    pending += wholes
                    break
                }
            }
        }
        while let next = pending.popLast() {
            guard neededWholes.insert(next).inserted else { continue }
            let node = plan.nodes[next]
            let inputs = node.rows.joined().compactMap { $0?.node }
            pending += inputs.filter { plan.nodes[$0].scope == .whole }
            if node.isCollector { pending += wholesRead(by: plan.upstream(of: inputs, itemsOnly: true)) }
        }
    }

    /// Whole values that flow into some nodes.
    func wholesRead(by nodes: [Int]) -> Set<Int> {
        Set(nodes.flatMap { plan.nodes[$0].rows.joined().compactMap { $0?.node } }).filter {
            plan.nodes[$0].scope == .whole
        }
    }

    /// Feeds of a batch's items into collectors that have to run.
    func wanted(by batch: Batch) -> [ItemRun.Feed] { batch.feeds.filter { neededWholes.contains($0.collector) } }

    // MARK: Keys

    /// The key of a whole value, found when it is first asked for: that of a collector takes the hashes of all its items.
    private func wholeKey(_ node: Int) -> String {
        if let known = wholeKeys[node] { return known }
        let key = wholeKey(of: plan.nodes[node])
        wholeKeys[node] = key
        return key
    }

    /// Keys that are known already, shared by all threads. Two that look for the same one find the same.
    private final class WholeKeys: Sendable {
        private let keys = Lock<[Int: String]>([:])

        subscript(node: Int) -> String? {
            get { keys.withLock { $0[node] } }
            set { keys.withLock { $0[node] = newValue } }
        }
    }

    /// Notes which items a collector had to go without. What is made from its value then has a key of its own, so that
    /// it is made again once they are there.
    mutating func goesWithout(
        _ items: [String], leftOut: [(item: String, reason: Diagnostic)], _ node: PlanNode
    ) {
        guard !items.isEmpty || !leftOut.isEmpty else { return }
        if !items.isEmpty { missing[node.id] = items }
        if !leftOut.isEmpty { self.leftOut[node.id] = leftOut }
        wholeKeys = WholeKeys()
    }

    /// A whole value's key: the stage itself, and what flows into it; for a collector that is, for every row and group,
    /// what becomes of each item.
    private func wholeKey(of node: PlanNode) -> String {
        var hash = SHA256()
        hash.update(keys.part(of: node))
        if node.isCollector {
            for feed in feeds(of: node) {
                for item in items(of: feed) {
                    hash.update("\n\(feed.row) \(feed.group) \(item.relative) \(feedKey(of: feed, item))")
                }
            }
        } else {
            for input in node.rows.joined() { hash.update("\n" + (input.map { wholeKey($0.node) } ?? "")) }
        }
        for name in (missing[node.id] ?? []) + (leftOut[node.id] ?? []).map(\.item) { hash.update("\nwithout \(name)") }
        return hash.hexDigest()
    }

    /// The feeds of a collector in the order in which their states are merged: row, group.
    private func feeds(of node: PlanNode) -> [ItemRun.Feed] {
        nodesOfFeeds.keys.filter { $0.collector == node.id }.sorted { ($0.row, $0.group) < ($1.row, $1.group) }
    }

    private func items(of feed: ItemRun.Feed) -> [SourceItem] {
        source(of: feed).flatMap { listings[$0]?.items } ?? []
    }

    private func source(of feed: ItemRun.Feed) -> Int? {
        for id in nodesOfFeeds[feed] ?? [] { if case .item(let source) = plan.nodes[id].scope { return source } }
        return nil
    }

    private func feedKey(of feed: ItemRun.Feed, _ item: SourceItem) -> String {
        let node = plan.nodes[feed.collector]
        guard case .collector(_, let groups) = node.kind else { return "" }
        let wires = zip(node.inputPorts, node.rows[feed.row]).filter { $0.0.group == groups[feed.group] }
        // An unreadable file counts with its name: it will fail, and the collector goes on without it.
        var parts =
            (try? keys.parts(
                of: item, nodes: nodesOfFeeds[feed] ?? [], outputs: [], feeds: wires.compactMap(\.1), wholeKey: wholeKey
            ))
            ?? ["input": "unreadable"]
        for (port, input) in wires {
            guard let input else { continue }
            parts["wire \(port.name)"] = "\(plan.nodes[input.node].label).\(input.output)"
        }
        parts["collector"] = keys.part(of: node)
        parts["row"] = JSONValue.object(node.rowTags[feed.row].mapValues { .string($0) }).text
        parts["group"] = groups[feed.group]
        parts["item"] = item.relative
        return keys.key(parts)
    }

    // MARK: Partial states

    /// An item's state that an earlier, interrupted run or another shard kept.
    func keptState(of feed: ItemRun.Feed, _ item: SourceItem) -> (any Sendable)? {
        guard case .collector(let collector, _) = plan.nodes[feed.collector].kind, let decode = collector.decode,
            case .made(let json)? = store.state(feedKey(of: feed, item))
        else { return nil }
        return try? decode(json)
    }

    /// Keeps an item's state for a later run or another shard.
    func keep(_ state: any Sendable, of feed: ItemRun.Feed, _ item: SourceItem) throws {
        guard case .collector(let collector, _) = plan.nodes[feed.collector].kind, let encode = collector.encode else {
            return
        }
        try store.keepState(.made(try encode(state)), feedKey(of: feed, item))
    }

    /// Tells other shards not to wait for an item's state.
    func keepFailure(of feed: ItemRun.Feed, _ item: SourceItem) {
        // Where even this cannot be written, they wait until the item is tried again.
        if options.shard != nil { try? store.keepState(.failed, feedKey(of: feed, item)) }
    }

    /// Removes the states that this pipeline's collectors need no more; those of others in the same folder stay.
    func removeStates() {
        let kept = store.stateKeys()
        guard !kept.isEmpty else { return }
        for feed in nodesOfFeeds.keys {
            for item in items(of: feed) {
                let key = feedKey(of: feed, item)
                if kept.contains(key) { store.removeState(key) }
            }
        }
        for node in plan.nodes where node.isCollector {
            let key = workKey(of: node)
            if kept.contains(key) { store.removeState(key) }
        }
    }

    // MARK: Long work

    private func workKey(of node: PlanNode) -> String { "work-" + wholeKey(node.id).prefix(40) }

    /// Where a collector may keep what it goes on from after an interruption.
    func workFolder(of node: PlanNode) -> String { store.workFolder(workKey(of: node)) }

    /// What a collector has to work with.
    struct Collected {
        /// In the order row, group, item; merged ones behind those of their row and group.
        var states: [any Sendable] = []
        /// Items that failed, in order.
        var missing: [String] = []
        /// Whether some of them failed in another shard.
        var missesOthers = false
    }

    /// The states of all items; nil while some have not been tried yet.
    /// - Throws: what merging them threw.
    func collected(by node: PlanNode) throws -> Collected? {
        var all = Collected()
        for feed in feeds(of: node) {
            for item in items(of: feed) {
                if folded[feed]?.items.contains(item.relative) ?? false {
                    continue
                } else if let state = states[feed]?[item.relative] {
                    all.states.append(state)
                } else if failedFeeds[feed]?.contains(item.relative) ?? false {
                    all.missing.append(item.relative)
                } else if options.shard.map({ !$0.contains(item.relative) }) ?? false {
                    if let state = keptState(of: feed, item) {
                        all.states.append(state)
                    } else if case .failed? = store.state(feedKey(of: feed, item)) {
                        all.missing.append(item.relative)
                        all.missesOthers = true
                    } else {
                        return nil
                    }
                } else {
                    return nil
                }
            }
            if let fold = folded[feed]?.fold { all.states.append(try fold.total()) }
        }
        return all
    }

    // MARK: Records

    /// The record that a whole value's outputs will have.
    func wholeRecord(of node: PlanNode, _ outputs: [PlanOutput]) -> ManifestRecord {
        var parts = ["value": wholeKey(node.id), "stage \(node.label)": keys.part(of: node)]
        for output in outputs {
            parts["output \(PlanNode.label(output.name, output.combination))"] = SHA256.hex(
                of:
                    "\(output.template.text) \(output.writer.parameters.text) \(output.writer.revision) \(output.input.output)"
            )
        }
        return ManifestRecord(
            type: "whole", pipeline: plan.name, name: node.label, key: keys.key(parts), parts: parts, status: .failed)
    }

    mutating func fail(_ node: PlanNode, _ diagnostic: Diagnostic, _ send: (RunEvent) -> Void) {
        failedWholes[node.id] = diagnostic
        summary.failures.append((node.label, diagnostic))
        send(.wholeFinished(name: node.label, seconds: 0, diagnostic: diagnostic))
    }
}
