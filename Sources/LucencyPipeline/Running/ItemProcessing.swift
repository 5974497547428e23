import LucencyFoundation

extension Runner {
    /// Everything that happens to one item: decide, admit, run, record.
    func process(
        _ item: SourceItem, _ batch: Batch, _ wanted: [ItemRun.Feed], _ state: RunState, _ pool: ThreadPool,
        _ budget: Monitor<Int>
    ) -> Outcome {
        let start = Machine.seconds
        var outcome = Outcome(status: .done)
        var record = batch.record(of: item, plan)
        var paths: [String] = []
        func end(_ status: ItemStatus) -> Outcome {
            outcome.status = status
            let seconds = Machine.seconds - start
            send(.itemFinished(item: item.relative, status: status, seconds: seconds, diagnostics: outcome.diagnostics))
            return outcome
        }
        do {
            paths = try batch.outputs.map { try batch.path(of: $0, for: item) }
            if let last = state.store.last(record) {
                // As long as its inputs cannot be read, nothing is known against what is there.
                record.key = last.key
                record.parts = last.parts
                record.outputs = state.store.lastOutputs(of: record, at: paths)
            }
            var feeds: [ItemRun.Feed] = []
            for feed in wanted {
                if !options.fresh, let kept = state.keptState(of: feed, item) {
                    outcome.states.append((feed, kept))
                } else {
                    feeds.append(feed)
                }
            }
            record.parts = try state.parts(of: item, outputs: batch.outputs)
            record.key = state.keys.key(record.parts)
            record.outputs = state.store.intactOutputs(of: record, at: paths)
            let isCurrent = state.store.isCurrent(record, at: paths, intact: record.outputs)
            if isCurrent || paths.isEmpty, feeds.isEmpty { return end(.skipped) }
            send(.itemStarted(item: item.relative))
            let outputs = isCurrent ? [] : Array(zip(batch.outputs, paths))
            let targets = ItemRun.Targets(outputs: outputs.map { ($0.0, $0.1) }, feeds: feeds)
            let nodes = state.nodes(for: targets)
            for need in state.wholesRead(by: nodes).sorted() where state.wholes[need] == nil {
                let name = plan.nodes[need].label
                throw Diagnostic(.dependencyFailed, "'\(name)', which this item needs, could not be made")
            }
            var run = ItemRun(
                plan: plan, item: item, source: batch.source, nodes: nodes, targets: targets, wholes: state.wholes,
                pool: pool, kernels: options.kernels)
            let bytes = try run.predictedBytes()
            guard bytes <= options.memory else {
                throw Diagnostic(
                    .overBudget, "the item needs about \(byteText(bytes)), the budget is \(byteText(options.memory))",
                    remedy: "raise it with `--memory`, or resample the image first")
            }
            // Back-pressure: wait until the items in flight leave room.
            budget.wait(until: { $0 >= bytes }) { $0 -= bytes }
            defer { budget.update { $0 += bytes } }
            if let hashes = try? inputs(of: item) { record.inputs = hashes }
            run.run { value, output, path in
                try state.store.write(value, output, path)
            } stageFinished: { stage, seconds in
                send(.stageFinished(stage: stage, item: item.relative, seconds: seconds))
            }
            outcome.diagnostics = run.diagnostics
            // What was not made again is still there.
            let written = Set(run.written.map(\.path))
            record.outputs = run.written + record.outputs.filter { !written.contains($0.path) }
            record.seconds = run.seconds
            for (feed, made) in run.states {
                try state.keep(made, of: feed, item)
                outcome.states.append((feed, made))
            }
        } catch {
            var diagnostic = Diagnostic.wrapping(error, as: .stageFailed)
            diagnostic = diagnostic.located(in: item.loaders["image"]?.paths.first ?? item.relative)
            outcome.diagnostics.append(diagnostic)
        }
        let made = Set(outcome.states.map(\.0))
        outcome.failedFeeds = wanted.filter { !made.contains($0) }
        for feed in outcome.failedFeeds { state.keepFailure(of: feed, item) }
        record.diagnostics = outcome.diagnostics
        record.status = outcome.diagnostics.contains { $0.severity == .error } ? .failed : .done
        do {
            if record.status == .failed { state.store.removeStaleOutputs(of: &record, at: paths) }
            try state.store.append(record)
        } catch {
            outcome.diagnostics.append(Diagnostic.wrapping(error, as: .writeFailed))
            return end(.failed)
        }
        return end(record.status)
    }

    private func inputs(of item: SourceItem) throws -> [ManifestRecord.File] {
        var files: [ManifestRecord.File] = []
        for (port, loader) in item.loaders.sorted(by: { $0.key < $1.key }) {
            for (path, hash) in zip(loader.paths, try loader.contentHashes()) {
                files.append(.init(path: path, sha256: hash, role: port))
            }
        }
        return files
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
