import LucencyFoundation

/// Why an item is, or would be, done again: which part of its key changed.
public struct Explanation: Sendable {
    public enum Change: Sendable {
        case added(String)
        case removed(String)
        case changed(String)
        case failedBefore(Diagnostic?)
        case outputMissing(String)
        case outputChanged(String)
        case neverDone
    }

    public let item: String
    public let source: String
    /// The whole value that the item goes into, where it has no outputs of its own: `changes` are those of the value.
    public var onlyFeeds: String?
    public let changes: [Change]
}

extension Runner {
    /// Compares what the manifest recorded for an item with what would be done now. Only looks, so it may be asked while
    /// a run is going on.
    ///
    /// - Parameter name: relative name, stem or file name of the item.
    /// - Throws: `Diagnostic` when the pipeline has no such item.
    public func explain(_ name: String) throws -> [Explanation] {
        let listings = try list()
        let keys = try Keys(plan, options)
        let store = try OutputStore(reading: options)
        let state = RunState(plan: plan, keys: keys, store: store, listings: listings, options: options)
        let (batches, _) = try makeBatches(listings)
        var explanations: [Explanation] = []
        var fed: [(item: SourceItem, batch: Batch)] = []
        for batch in batches {
            guard
                let item = batch.items.first(where: { $0.relative == name })
                    ?? batch.items.first(where: { $0.stem == name || $0.name == name })
            else { continue }
            guard !batch.outputs.isEmpty else {
                fed.append((item, batch))
                continue
            }
            var record = batch.record(of: item, plan)
            record.parts = try state.parts(of: item, outputs: batch.outputs)
            record.key = keys.key(record.parts)
            let paths = try batch.outputs.map { try batch.path(of: $0, for: item) }
            explanations.append(
                Explanation(
                    item: item.relative, source: record.source,
                    changes: changes(from: store.last(record), to: record, paths)))
        }
        if explanations.isEmpty {
            for (item, batch) in fed { explanations += try explainWholes(fedBy: item, batch, state) }
        }
        guard !explanations.isEmpty else {
            let names = listings.values.flatMap { $0.items.map(\.relative) }
            throw Diagnostic(
                .usage, "the pipeline has no item '\(name)'",
                remedy: nearestName(to: name, in: names).map { "did you mean '\($0)'?" })
        }
        return explanations
    }

    /// What changed for the whole values that are made from a collector's value, that one included.
    private func explainWholes(
        fedBy item: SourceItem, _ batch: Batch, _ state: RunState
    ) throws -> [Explanation] {
        let collectors = Set(batch.feeds.map(\.collector))
        var explanations: [Explanation] = []
        for node in plan.nodes where node.scope == .whole {
            let outputs = plan.outputs.filter { $0.input.node == node.id }
            guard !outputs.isEmpty,
                !collectors.isDisjoint(with: plan.upstream(of: [node.id], itemsOnly: false))
            else { continue }
            let record = state.wholeRecord(of: node, outputs)
            let paths = try outputs.map { try $0.template.path($0.combination) }
            explanations.append(
                Explanation(
                    item: item.relative, source: plan.nodes[batch.source].label, onlyFeeds: node.label,
                    changes: changes(from: state.store.last(record), to: record, paths)))
        }
        guard explanations.isEmpty else { return explanations }
        let names = collectors.sorted().map { "'\(plan.nodes[$0].label)'" }.joined(separator: ", ")
        throw Diagnostic(
            .usage, "'\(item.relative)' has no outputs: it only feeds \(names), without outputs either",
            remedy: "ask for an item that is made from it")
    }

    private func changes(
        from last: ManifestRecord?, to now: ManifestRecord, _ paths: [String]
    ) -> [Explanation.Change] {
        guard let last else { return [.neverDone] }
        var changes: [Explanation.Change] = []
        for name in Set(last.parts.keys).union(now.parts.keys).sorted() {
            switch (last.parts[name], now.parts[name]) {
            case (nil, _?): changes.append(.added(name))
            case (_?, nil): changes.append(.removed(name))
            case (let old?, let new?): if old != new { changes.append(.changed(name)) }
            default: break
            }
        }
        if last.status == .failed { changes.append(.failedBefore(last.diagnostics.first)) }
        if changes.isEmpty {
            for path in paths {
                let file = FileSystem.join(options.output, path)
                if !FileSystem.exists(file) {
                    changes.append(.outputMissing(path))
                } else if let known = last.outputs.first(where: { $0.path == path }),
                    (try? FileSystem.hash(of: file)) != known.sha256
                {
                    changes.append(.outputChanged(path))
                }
            }
        }
        return changes
    }
}
