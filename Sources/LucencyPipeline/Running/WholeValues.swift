import LucencyFoundation
import LucencyImaging

/// Values that exist once per run: models, tables.
extension Runner {
    /// Makes the whole values that stages (not collectors) give, where this pass reads them.
    func prepareWholes(_ pass: Int, _ state: inout RunState) {
        for node in plan.nodes where node.scope == .whole && plan.depth[node.id] == pass {
            guard case .stage(let stage, let form) = node.kind, state.wholes[node.id] == nil else { continue }
            var inputs: [(any PortValue)?] = []
            for input in node.rows[0] {
                guard let input else { inputs.append(nil); continue }
                guard let value = state.wholes[input.node] else { break }
                inputs.append(value[input.output])
            }
            guard inputs.count == node.rows[0].count else {
                let broken = node.rows[0].compactMap { $0?.node }.first { state.failedWholes[$0] != nil }
                if let broken {
                    let name = plan.nodes[broken].label
                    let reason = Diagnostic(
                        .dependencyFailed, "'\(name)', which '\(node.label)' needs, could not be made")
                    state.fail(node, reason, send)
                }
                continue
            }
            do {
                state.wholes[node.id] = try whole(node, stage, form, inputs)
            } catch {
                state.fail(node, Diagnostic.wrapping(error, as: .stageFailed), send)
            }
        }
    }

    /// The values of a stage that works once per run.
    private func whole(
        _ node: PlanNode, _ stage: ConfiguredStage, _ form: Int, _ inputs: [(any PortValue)?]
    ) throws -> [any PortValue] {
        let context = StageContext(pool: .serial, seed: node.seed, stage: node.name, kernels: options.kernels)
        return try stage.calls[form](inputs, context).map {
            guard let value = $0 else { throw Diagnostic.miswired(node.label) }
            return value
        }
    }

    /// The whole values that need no item, as far as they can be made: models that are read from files.
    func knownWholes() -> [Int: [any PortValue]] {
        var wholes: [Int: [any PortValue]] = [:]
        for node in plan.nodes where node.scope == .whole && plan.depth[node.id] == 0 {
            guard case .stage(let stage, let form) = node.kind else { continue }
            let inputs = node.rows[0].map { input in input.flatMap { wholes[$0.node]?[$0.output] } }
            wholes[node.id] = try? whole(node, stage, form, inputs)
        }
        return wholes
    }

    func finishCollectors(depth: Int, _ state: inout RunState) {
        for node in plan.nodes where node.isCollector && plan.depth[node.id] == depth {
            guard state.neededWholes.contains(node.id), case .collector(let collector, _) = node.kind else { continue }
            if isCancelled { return }
            send(.wholeStarted(name: node.label))
            let start = Machine.seconds
            do {
                guard let collected = try state.collected(by: node) else {
                    state.waiting.insert(node.id)
                    state.summary.waiting.append(node.label)
                    send(.wholeFinished(name: node.label, seconds: Machine.seconds - start, diagnostic: nil))
                    continue
                }
                guard !collected.states.isEmpty else {
                    throw Diagnostic(.dependencyFailed, "'\(node.label)' received no item: all of them failed")
                }
                let context = StageContext(
                    pool: ThreadPool(threads: options.threads), seed: node.seed, stage: node.name,
                    kernels: options.kernels, work: longWork(of: node, state), histories: plan.histories(of: node))
                state.wholes[node.id] = try collector.finish(collected.states, context)
                state.summary.wholes += 1
                let leftOut = context.leftOut.all
                state.goesWithout(collected.missing, leftOut: leftOut, node)
                if let reason = Self.leftOut(node, leftOut) {
                    state.summary.failures.append((node.label, reason))
                    send(.notice(reason))
                }
                var notice: Diagnostic?
                if !collected.missing.isEmpty {
                    let incomplete = Self.incomplete(node, collected.missing)
                    notice = incomplete
                    // Items that failed here are told already; those of other shards make this run no success either.
                    if collected.missesOthers { state.summary.failures.append((node.label, incomplete)) }
                }
                send(.wholeFinished(name: node.label, seconds: Machine.seconds - start, diagnostic: notice))
            } catch is LongWork.Stopped {
                return
            } catch {
                state.fail(node, Diagnostic.wrapping(error, as: .stageFailed), send)
            }
        }
    }

    private func longWork(of node: PlanNode, _ state: RunState) -> LongWork {
        let name = node.label
        return LongWork(
            folder: state.workFolder(of: node), isCancelled: { [self] in isCancelled },
            report: { [self] in send(.wholeProgress(name: name, $0)) })
    }

    /// Says that a collector went on without some items.
    private static func incomplete(_ node: PlanNode, _ items: [String]) -> Diagnostic {
        let names = Set(items).sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
        let shown = names.prefix(5).joined(separator: ", ") + (names.count > 5 ? " …" : "")
        return Diagnostic(
            .dependencyFailed, "'\(node.label)' was made without \(names.count) failed item(s): \(shown)",
            remedy: "mend them and run again; it will be made anew", severity: .warning)
    }

    /// Says which items a collector left out, and why the first of them; nil for none.
    private static func leftOut(_ node: PlanNode, _ items: [(item: String, reason: Diagnostic)]) -> Diagnostic? {
        guard var reason = items.first?.reason else { return nil }
        var names: [String] = []
        for item in items where !names.contains(item.item) && names.count < 6 { names.append(item.item) }
        guard names.count > 1 else { return reason }
        let shown = names.prefix(5).joined(separator: ", ") + (names.count > 5 ? " …" : "")
        let count = Set(items.map(\.item)).count
        reason.message = "'\(node.label)' leaves out \(count) items (\(shown)): " + reason.message
        return reason
    }

    func writeWholeOutputs(_ state: inout RunState) {
        for node in plan.nodes where node.scope == .whole {
            let outputs = plan.outputs.filter { $0.input.node == node.id }
            guard !outputs.isEmpty else { continue }
            var record = state.wholeRecord(of: node, outputs)
            do {
                let paths = try outputs.map { try $0.template.path($0.combination) }
                if let values = state.wholes[node.id] {
                    if state.store.isCurrent(record, at: paths) { continue }
                    for (output, path) in zip(outputs, paths) {
                        record.outputs.append(try state.store.write(values[output.input.output], output, path))
                    }
                    // Collectors counted when they finished.
                    if !node.isCollector { state.summary.wholes += 1 }
                } else if let failure = state.failedWholes[node.id] {
                    record.diagnostics = [failure]
                    record.outputs = state.store.intactOutputs(of: record, at: paths)
                    state.store.removeStaleOutputs(of: &record, at: paths)
                } else {
                    continue
                }
                // Without all its items a value is written, but not done: the next run makes it again.
                if let missing = state.missing[node.id] { record.diagnostics = [Self.incomplete(node, missing)] }
                if let reason = Self.leftOut(node, state.leftOut[node.id] ?? []) { record.diagnostics.append(reason) }
                record.status = record.diagnostics.isEmpty ? .done : .failed
                try state.store.append(record)
            } catch {
                state.fail(node, Diagnostic.wrapping(error, as: .writeFailed), send)
            }
        }
    }
}
