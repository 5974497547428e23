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

    private func send(_ event: RunEvent) { sinkLock.withLock { _ in sink(event) } }

    // MARK: Work

    /// Items of one source that stream together in one pass.
    struct Batch {
        let source: Int
        let pass: Int
        let items: [SourceItem]
        let outputs: [PlanOutput]
        let feeds: [ItemRun.Feed]
        /// Position of each item in the whole listing, from 1 (`{index}`), before sharding.
        let indices: [String: Int]
    }

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
        let batches = try makeBatches(listings)
        let store = try OutputStore(options, plan)
        try store.clearTemporaryFiles(batches.flatMap { $0.outputs })
        let record = RunRecord(plan, options)
        try store.writeRecord(record.json(summary: nil))
        let itemCount = Set(batches.map(\.source)).reduce(0) { $0 + (listings[$1]?.items.count ?? 0) }
        send(.started(name: plan.name, items: itemCount, stages: plan.nodes.map(\.label)))
        var state = RunState(plan: plan, keys: keys, store: store, listings: listings, options: options)
        if plan.nodes.contains(where: \.isCollector) { try state.findNeeds(batches) }
        for pass in 0...(plan.depth.max() ?? 0) {
            try prepareWholes(pass, &state, batches)
            for batch in batches where batch.pass == pass { stream(batch, &state) }
            finishCollectors(depth: pass + 1, &state, batches)
            if cancelled.load(ordering: .relaxed) { break }
        }
        writeWholeOutputs(&state)
        var summary = state.summary
        summary.wasCancelled = cancelled.load(ordering: .relaxed)
        summary.seconds = Machine.seconds - start
        if summary.exitStatus == 0, !options.keep, summary.waiting.isEmpty { store.clearStates() }
        try store.writeRecord(record.json(summary: summary))
        send(.finished(summary))
        return summary
    }

    /// Lists every source. Sharding is applied later, so that `{index}` and collectors see all items.
    func list() throws -> [Int: ItemListing] {
        var listings: [Int: ItemListing] = [:]
        for node in plan.nodes {
            guard case .source(let source) = node.kind else { continue }
            var context = options.source
            context.seed = node.seed
            var listing = try source.list(context)
            listing.items.sort { Array($0.relative.utf8).lexicographicallyPrecedes(Array($1.relative.utf8)) }
            for notice in listing.notices { send(.notice(notice)) }
            if !listing.unmatched.isEmpty {
                let table = listing.unmatched.prefix(20).joined(separator: "\n    ")
                let more = listing.unmatched.count > 20 ? "\n    … and \(listing.unmatched.count - 20) more" : ""
                send(
                    .notice(
                        Diagnostic(
                            .unmatchedFiles,
                            "source '\(node.label)': \(listing.items.count) matched, \(listing.unmatched.count) without a partner:"
                                + "\n    \(table)\(more)", severity: .warning)))
            }
            guard !listing.items.isEmpty else {
                throw Diagnostic(
                    .noItems, "source '\(node.label)' has no items", at: node.place,
                    remedy: listing.unmatched.isEmpty
                        ? "is it the right folder, and are the files of a known format (`lucency doctor` lists them)?"
                        : "no file has all its partners; see the table of the unmatched")
            }
            listings[node.id] = listing
        }
        return listings
    }

    /// Divides the work into batches and checks that no two things write the same file.
    func makeBatches(_ listings: [Int: ItemListing]) throws -> [Batch] {
        var batches: [Batch] = []
        var writers: [String: String] = [:]
        func claim(_ path: String, _ who: String, _ output: PlanOutput) throws {
            if let other = writers.updateValue(who, forKey: path) {
                throw Diagnostic(
                    .outputCollision, "\(other) and \(who) would both write '\(path)'", at: output.place,
                    remedy: "use {relative} or {name} instead of {stem}")
            }
        }
        for (source, listing) in listings.sorted(by: { $0.key < $1.key }) {
            let indices = Dictionary(
                listing.items.enumerated().map { ($1.relative, $0 + 1) }, uniquingKeysWith: { a, _ in a })
            let items =
                options.shard.map { shard in listing.items.filter { shard.contains($0.relative) } } ?? listing.items
            for pass in 0...(plan.depth.max() ?? 0) {
                let outputs = plan.outputs.filter {
                    plan.nodes[$0.input.node].scope == .item(source: source) && plan.depth[$0.input.node] == pass
                }
                var feeds: [ItemRun.Feed] = []
                for node in plan.nodes where plan.depth[node.id] == pass + 1 {
                    guard case .collector(_, let groups) = node.kind else { continue }
                    for (row, inputs) in node.rows.enumerated() {
                        for (group, name) in groups.enumerated() {
                            let wires = zip(node.inputPorts, inputs).filter { $0.0.group == name }.compactMap(\.1)
                            if let first = wires.first, plan.nodes[first.node].scope == .item(source: source) {
                                feeds.append(.init(collector: node.id, row: row, group: group))
                            }
                        }
                    }
                }
                guard !outputs.isEmpty || !feeds.isEmpty else { continue }
                let batch = Batch(
                    source: source, pass: pass, items: items, outputs: outputs, feeds: feeds, indices: indices)
                for item in listing.items {
                    for output in outputs {
                        try claim(try path(of: output, for: item, batch), "'\(item.name)'", output)
                    }
                }
                batches.append(batch)
            }
        }
        for output in plan.outputs where plan.nodes[output.input.node].scope == .whole {
            try claim(try output.template.path(output.combination), "'\(output.name)'", output)
        }
        return batches
    }

    func path(of output: PlanOutput, for item: SourceItem, _ batch: Batch) throws(Diagnostic) -> String {
        var values = output.combination
        values["stem"] = item.stem
        values["name"] = item.name
        values["relative"] = item.relative
        let digits = max(3, String(batch.indices.count).count)
        let index = String(batch.indices[item.relative] ?? 0)
        values["index"] = String(repeating: "0", count: max(0, digits - index.count)) + index
        return try output.template.path(values)
    }

    // MARK: Streaming

    private func stream(_ batch: Batch, _ state: inout RunState) {
        let wanted = batch.feeds.filter { state.neededWholes.contains($0.collector) }
        guard !batch.outputs.isEmpty || !wanted.isEmpty else {
            state.summary.skipped += batch.items.count
            return
        }
        let jobs = max(1, min(options.jobs, batch.items.count))
        // Item workers compute too, so helpers only fill up to the asked number of threads.
        let pool = options.threads > jobs ? ThreadPool(threads: options.threads - jobs + 1) : .serial
        let shared = Lock(StreamState(summary: RunSummary()))
        let budget = Monitor(options.memory)
        let running = Monitor(jobs)
        let next = Atomic<Int>(0)
        let frozen = state
        for _ in 0..<jobs {
            startThread(stackBytes: 1 << 23) { [self] in
                while !cancelled.load(ordering: .relaxed) {
                    let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                    guard index < batch.items.count else { break }
                    let item = batch.items[index]
                    let outcome = process(item, batch, wanted, frozen, pool, budget)
                    shared.withLock { $0.add(outcome, item, batch) }
                }
                running.update { $0 -= 1 }
            }
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
        }
    }

    private struct Outcome {
        var status: ItemStatus
        var diagnostics: [Diagnostic] = []
        var states: [(ItemRun.Feed, any Sendable)] = []
        var failedFeeds: [ItemRun.Feed] = []
    }

    private struct StreamState {
        var summary: RunSummary
        var failures: [(index: Int, name: String, diagnostic: Diagnostic)] = []
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
            for (feed, state) in outcome.states { states[feed, default: [:]][item.relative] = state }
            for feed in outcome.failedFeeds { failedFeeds[feed, default: []].insert(item.relative) }
        }
    }

    /// Everything that happens to one item: decide, admit, run, record.
    private func process(
        _ item: SourceItem, _ batch: Batch, _ wanted: [ItemRun.Feed], _ state: RunState, _ pool: ThreadPool,
        _ budget: Monitor<Int>
    ) -> Outcome {
        let start = Machine.seconds
        var outcome = Outcome(status: .done)
        var record = ManifestRecord(type: "item", name: item.relative, key: "", parts: [:], status: .failed)
        record.source = plan.nodes[batch.source].label
        record.pass = batch.pass
        func end(_ status: ItemStatus) -> Outcome {
            outcome.status = status
            let seconds = Machine.seconds - start
            send(.itemFinished(item: item.relative, status: status, seconds: seconds, diagnostics: outcome.diagnostics))
            return outcome
        }
        do {
            let outputs = try batch.outputs.map { ($0, try path(of: $0, for: item, batch)) }
            var feeds: [ItemRun.Feed] = []
            for feed in wanted {
                if let kept = try state.keptState(of: feed, item) {
                    outcome.states.append((feed, kept))
                } else {
                    feeds.append(feed)
                }
            }
            record.parts = try state.parts(of: item, outputs: batch.outputs)
            record.key = state.keys.key(record.parts)
            let isCurrent = state.store.isCurrent(record, paths: outputs.map(\.1), fresh: options.fresh)
            if isCurrent || outputs.isEmpty, feeds.isEmpty { return end(.skipped) }
            send(.itemStarted(item: item.relative))
            let targets = ItemRun.Targets(outputs: isCurrent ? [] : outputs.map { ($0.0, $0.1) }, feeds: feeds)
            let nodes = state.nodes(for: targets)
            for need in nodes.flatMap({ plan.nodes[$0].rows.joined().compactMap { $0?.node } })
            where plan.nodes[need].scope == .whole && state.wholes[need] == nil {
                let name = plan.nodes[need].label
                throw Diagnostic(.dependencyFailed, "'\(name)', which this item needs, could not be made")
            }
            var run = ItemRun(
                plan: plan, item: item, source: batch.source, nodes: nodes, targets: targets, wholes: state.wholes,
                pool: pool)
            let bytes = try run.predictedBytes()
            guard bytes <= options.memory else {
                throw Diagnostic(
                    .overBudget, "the item needs about \(byteText(bytes)), the budget is \(byteText(options.memory))",
                    remedy: "raise it with `--memory`, or resample the image first")
            }
            // Back-pressure: wait until the items in flight leave room.
            budget.wait(until: { $0 >= bytes }) { $0 -= bytes }
            defer { budget.update { $0 += bytes } }
            if let hashes = try? inputs(of: item, nodes, targets) { record.inputs = hashes }
            run.run { value, output, path in
                try state.store.write(value, output, path)
            } stageFinished: { stage, seconds in
                send(.stageFinished(stage: stage, item: item.relative, seconds: seconds))
            }
            outcome.diagnostics = run.diagnostics
            for (feed, made) in run.states {
                try state.keep(made, of: feed, item)
                outcome.states.append((feed, made))
            }
            record.outputs = run.written
            record.seconds = run.seconds
        } catch {
            var diagnostic = Diagnostic.wrapping(error, as: .stageFailed)
            diagnostic = diagnostic.located(in: item.loaders["image"]?.paths.first ?? item.relative)
            outcome.diagnostics.append(diagnostic)
        }
        let made = Set(outcome.states.map(\.0))
        outcome.failedFeeds = wanted.filter { !made.contains($0) }
        record.diagnostics = outcome.diagnostics
        record.status = outcome.diagnostics.contains { $0.severity == .error } ? .failed : .done
        do {
            // A file that an earlier run wrote for this item would now pretend to be its result.
            if record.status == .failed { state.store.removeStaleOutputs(of: record) }
            if !batch.outputs.isEmpty || record.status == .failed { try state.store.append(record) }
        } catch {
            outcome.diagnostics.append(Diagnostic.wrapping(error, as: .writeFailed))
            return end(.failed)
        }
        return end(record.status)
    }

    private func inputs(
        of item: SourceItem, _ nodes: [Int], _ targets: ItemRun.Targets
    ) throws -> [ManifestRecord.File] {
        var files: [ManifestRecord.File] = []
        for (port, loader) in item.loaders.sorted(by: { $0.key < $1.key }) {
            for path in loader.paths {
                files.append(.init(path: path, sha256: try loader.contentHash(), role: port))
            }
        }
        return files
    }

    // MARK: Whole values

    /// Makes the whole values that stages (not collectors) give, where this pass reads them.
    private func prepareWholes(_ pass: Int, _ state: inout RunState, _ batches: [Batch]) throws {
        for node in plan.nodes where node.scope == .whole && plan.depth[node.id] == pass {
            guard case .stage(let stage, let form) = node.kind, state.wholes[node.id] == nil else { continue }
            var inputs: [(any PortValue)?] = []
            for input in node.rows[0] {
                guard let input else { inputs.append(nil); continue }
                guard let value = state.wholes[input.node] else { break }
                inputs.append(value[input.output])
            }
            guard inputs.count == node.rows[0].count else { continue }
            do {
                let context = StageContext(pool: .serial, seed: node.seed, stage: node.name)
                state.wholes[node.id] = try stage.calls[form](inputs, context)
            } catch {
                state.fail(node, Diagnostic.wrapping(error, as: .stageFailed), send)
            }
        }
    }

    private func finishCollectors(depth: Int, _ state: inout RunState, _ batches: [Batch]) {
        for node in plan.nodes where node.isCollector && plan.depth[node.id] == depth {
            guard state.neededWholes.contains(node.id), case .collector(let collector, _) = node.kind else { continue }
            if cancelled.load(ordering: .relaxed) { return }
            send(.wholeStarted(name: node.label))
            let start = Machine.seconds
            do {
                guard let states = try state.collectedStates(of: node, batches) else {
                    state.summary.waiting.append(node.label)
                    send(.wholeFinished(name: node.label, seconds: Machine.seconds - start, diagnostic: nil))
                    continue
                }
                guard !states.isEmpty else {
                    throw Diagnostic(.dependencyFailed, "'\(node.label)' received no item: all of them failed")
                }
                let context = StageContext(
                    pool: ThreadPool(threads: options.threads), seed: node.seed, stage: node.name)
                state.wholes[node.id] = try collector.finish(states, context)
                state.summary.wholes += 1
                send(.wholeFinished(name: node.label, seconds: Machine.seconds - start, diagnostic: nil))
            } catch {
                state.fail(node, Diagnostic.wrapping(error, as: .stageFailed), send)
            }
        }
    }

    private func writeWholeOutputs(_ state: inout RunState) {
        for node in plan.nodes where node.scope == .whole {
            let outputs = plan.outputs.filter { $0.input.node == node.id }
            guard !outputs.isEmpty, let values = state.wholes[node.id] else { continue }
            do {
                var record = try state.wholeRecord(of: node, outputs)
                let paths = try outputs.map { try $0.template.path($0.combination) }
                if state.store.isCurrent(record, paths: paths, fresh: options.fresh) { continue }
                for (output, path) in zip(outputs, paths) {
                    record.outputs.append(try state.store.write(values[output.input.output], output, path))
                }
                record.status = .done
                try state.store.append(record)
            } catch {
                state.fail(node, Diagnostic.wrapping(error, as: .writeFailed), send)
            }
        }
    }
}

/// `1.5 GB`, for messages.
func byteText(_ bytes: Int) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"]
    var value = Double(bytes), unit = 0
    while value >= 1000, unit < units.count - 1 { value /= 1000; unit += 1 }
    let tenths = (value * 10).rounded() / 10
    return tenths == tenths.rounded() ? "\(Int(tenths)) \(units[unit])" : "\(tenths) \(units[unit])"
}
