import LucencyFoundation
import LucencyImaging
import Synchronization

/// Runs a plan: lists items, skips what is up to date, streams the rest through the graph with bounded memory, finishes
/// collectors, and keeps the manifest.
public final class Runner: Sendable {
    let plan: Plan
    let options: RunOptions
    private let sink: @Sendable (RunEvent) -> Void
    private let sinkLock = Lock(())
    private let cancelled = Atomic<Bool>(false)

    /// - Parameter sink: receives events one at a time, from any thread.
    public init(_ plan: Plan, options: RunOptions, sink: @escaping @Sendable (RunEvent) -> Void) {
        self.plan = plan
        self.options = options
        self.sink = sink
    }

    /// Lets items in flight finish and starts no others. May be called from any thread.
    public func cancel() { cancelled.store(true, ordering: .relaxed) }

    var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    func send(_ event: RunEvent) { sinkLock.withLock { _ in sink(event) } }

    // MARK: Work

    /// Runs everything.
    /// - Throws: `Diagnostic` when the run itself cannot be done; failing items are in the summary instead.
    public func run() throws -> RunSummary {
        let start = Machine.seconds
        if let obstacle = FileSystem.obstacleToWriting(below: options.output) {
            throw Diagnostic(.unwritable, "nothing can be written there: \(obstacle)", at: .init(file: options.output))
        }
        if options.shard != nil, let node = plan.nodes.first(where: { !$0.isShardable }) {
            throw Diagnostic(
                .notShardable,
                "'\(node.label)' (\(node.about.id)) needs all items in one run, so --shard cannot be used",
                at: node.place)
        }
        let keys = try Keys(plan, options)
        let listings = try list()
        let (batches, paths) = try makeBatches(listings)
        try checkTargets(paths, listings)
        let store = try OutputStore(options)
        // Worker threads may refer to the store a moment longer than they work.
        defer { store.release() }
        store.clearTemporaryFiles(paths)
        let record = RunRecord(plan, options)
        try store.writeRecord(record.json(summary: nil))
        // A source with several passes counts once.
        let items = Dictionary(batches.map { ($0.source, $0.items.count) }, uniquingKeysWith: max)
        send(.started(name: plan.name, items: items.values.reduce(0, +), stages: plan.nodes.map(\.label)))
        var state = RunState(plan: plan, keys: keys, store: store, listings: listings, options: options)
        hashInputs(listings)
        try state.findNeeds(batches)
        let turns = batches.filter { !$0.outputs.isEmpty || !state.wanted(by: $0).isEmpty }.map(\.items.count)
        send(.planned(turns: turns.reduce(0, +)))
        for pass in 0...(plan.depth.max() ?? 0) {
            prepareWholes(pass, &state)
            for batch in batches where batch.pass == pass { stream(batch, &state) }
            finishCollectors(depth: pass + 1, &state)
            if isCancelled { break }
        }
        writeWholeOutputs(&state)
        var summary = state.summary
        summary.wasCancelled = isCancelled
        summary.seconds = Machine.seconds - start
        // Items of a later pass may stand in other shards, which then need the states of all items once more.
        let isLast = summary.waiting.isEmpty && (options.shard == nil || batches.allSatisfy { $0.pass == 0 })
        if summary.exitStatus == 0, !options.keep, isLast { state.removeStates() }
        // What was done is told also where the disk is too full to record the end.
        defer { send(.finished(summary)) }
        try store.writeRecord(record.json(summary: summary))
        return summary
    }

    /// Hashes, on all threads, what goes into the keys of whole values: they decide what is to be done at all.
    /// A file that cannot be read is told when its item's turn comes.
    private func hashInputs(_ listings: [Int: ItemListing]) {
        let wires = Set(plan.collectorWires)
        var loaders: [ItemLoader] = []
        for node in plan.nodes {
            guard case .source(let source) = node.kind else { continue }
            let ports = source.ports.indices.filter { wires.contains(PlanInput(node: node.id, output: $0)) }
            for item in listings[node.id]?.items ?? [] {
                loaders += ports.compactMap { item.loaders[source.ports[$0].name] }
            }
        }
        let threads = min(options.threads, loaders.count)
        guard threads > 1 else { return }
        let all = loaders
        ThreadPool(threads: threads).forEach(all.count) { index in
            if !isCancelled { _ = try? all[index].contentHash() }
        }
    }

    // MARK: Streaming

    private func stream(_ batch: Batch, _ state: inout RunState) {
        let wanted = state.wanted(by: batch)
        guard !batch.outputs.isEmpty || !wanted.isEmpty else {
            state.summary.skipped += batch.items.count
            return
        }
        let read = state.wholesRead(by: state.nodes(for: .init(outputs: batch.outputs.map { ($0, "") }, feeds: wanted)))
        // Without the items of other shards there is nothing to begin with yet.
        guard read.isDisjoint(with: state.waiting) else { return }
        let jobs = max(1, min(options.jobs, batch.items.count, ThreadPool.maximumThreads))
        let pool = options.innerPool(jobs: jobs)
        var folds: [ItemRun.Feed: StateFold] = [:]
        for feed in wanted {
            if case .collector(let collector, _) = plan.nodes[feed.collector].kind { folds[feed] = collector.fold?() }
        }
        let shared = Lock(StreamState(summary: RunSummary(), folds: folds))
        let budget = Monitor(options.memory)
        let running = Monitor(0)
        let next = Atomic<Int>(0)
        let frozen = state
        @Sendable func work() {
            while !isCancelled {
                let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard index < batch.items.count else { break }
                let item = batch.items[index]
                let outcome = process(item, batch, wanted, frozen, pool, budget)
                shared.withLock { $0.add(outcome, item, batch) }
            }
        }
        for _ in 0..<jobs {
            running.update { $0 += 1 }
            let isStarted = startThread {
                work()
                running.update { $0 -= 1 }
            }
            if isStarted { continue }
            // Where the system allows no more threads, this one works beside those that run.
            work()
            running.update { $0 -= 1 }
            break
        }
        running.wait { $0 == 0 }
        shared.withLock { result in
            state.summary.done += result.summary.done
            state.summary.skipped += result.summary.skipped
            state.summary.failed += result.summary.failed
            // Workers end in any order; failures are told in the order of the items.
            state.summary.failures += result.failures.sorted { $0.index < $1.index }.map { ($0.name, $0.diagnostic) }
            for (feed, states) in result.states { state.states[feed] = states }
            for (feed, failed) in result.failedFeeds { state.failedFeeds[feed, default: []].formUnion(failed) }
            for (feed, items) in result.folded { state.folded[feed] = (items, result.folds[feed]) }
        }
    }

    /// What became of an item.
    struct Outcome {
        var status: ItemStatus
        var diagnostics: [Diagnostic] = []
        var states: [(ItemRun.Feed, any Sendable)] = []
        var failedFeeds: [ItemRun.Feed] = []
    }

    private struct StreamState {
        var summary: RunSummary
        /// What takes the states of collectors to which the order does not matter.
        let folds: [ItemRun.Feed: StateFold]
        var failures: [(index: Int, name: String, diagnostic: Diagnostic)] = []
        var folded: [ItemRun.Feed: Set<String>] = [:]
        var states: [ItemRun.Feed: [String: any Sendable]] = [:]
        var failedFeeds: [ItemRun.Feed: Set<String>] = [:]

        mutating func add(_ outcome: Outcome, _ item: SourceItem, _ batch: Batch) {
            switch outcome.status {
            case .done: summary.done += 1
            case .skipped: summary.skipped += 1
            case .failed: summary.failed += 1
            }
            if outcome.status == .failed, let diagnostic = outcome.diagnostics.first {
                failures.append((batch.indices[item.relative] ?? 0, item.relative, diagnostic))
            }
            for (feed, state) in outcome.states {
                if let fold = folds[feed] {
                    fold.add(state)
                    folded[feed, default: []].insert(item.relative)
                } else {
                    states[feed, default: [:]][item.relative] = state
                }
            }
            for feed in outcome.failedFeeds { failedFeeds[feed, default: []].insert(item.relative) }
        }
    }
}
