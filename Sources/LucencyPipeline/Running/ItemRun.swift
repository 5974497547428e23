import LucencyFoundation
import LucencyImaging

/// Runs the part of the graph that one item needs, once.
struct ItemRun {
    /// What is to be made of the item.
    struct Targets {
        var outputs: [(output: PlanOutput, path: String)]
        /// Collectors (node), row and group that read this item.
        var feeds: [Feed]
    }

    struct Feed: Hashable {
        let collector: Int
        let row: Int
        let group: Int
    }

    let plan: Plan
    let item: SourceItem
    let source: Int
    /// Nodes in running order.
    let nodes: [Int]
    let targets: Targets
    let wholes: [Int: [any PortValue]]
    let pool: ThreadPool
    let kernels: KernelFamily

    var seconds: [String: Double] = [:]
    var diagnostics: [Diagnostic] = []
    var written: [ManifestRecord.File] = []
    var states: [(feed: Feed, state: any Sendable)] = []

    private var values: [PlanInput: any PortValue] = [:]
    private var readers: [PlanInput: Int] = [:]

    init(
        plan: Plan, item: SourceItem, source: Int, nodes: [Int], targets: Targets, wholes: [Int: [any PortValue]],
        pool: ThreadPool, kernels: KernelFamily
    ) {
        self.plan = plan
        self.item = item
        self.source = source
        self.nodes = nodes
        self.targets = targets
        self.wholes = wholes
        self.pool = pool
        self.kernels = kernels
    }

    // MARK: Memory

    /// Predicted peak of bytes, from the headers.
    func predictedBytes() throws -> Int {
        var sizes: [PlanInput: Int] = [:]
        var estimates: [PlanInput: ValueEstimate] = [:]
        var remaining = readerCounts()
        var live = 0, peak = 0
        func add(_ bytes: Int) {
            let sum = live.addingReportingOverflow(bytes)
            live = sum.overflow ? .max / 2 : min(sum.partialValue, .max / 2)
            peak = max(peak, live)
        }
        for id in nodes {
            let node = plan.nodes[id]
            switch node.kind {
            case .source(let ports):
                let loaders = item.loaders
                var wanted: Set<String> = []
                for (index, port) in ports.ports.enumerated() {
                    let wire = PlanInput(node: id, output: index)
                    guard remaining[wire] != nil, let loader = loaders[port.name] else { continue }
                    wanted.insert(port.name)
                    let estimate = try loader.estimate()
                    estimates[wire] = estimate
                    sizes[wire] = estimate.bytes(as: port.type)
                    // While decoding, the stored samples stand beside the floats.
                    add((sizes[wire] ?? 0) / 2)
                    live -= min(live, (sizes[wire] ?? 0) / 2)
                    add(sizes[wire] ?? 0)
                }
                // Loading begins before any value is there, and ends when all are.
                let scratch = max(0, item.scratchBytes(wanted))
                add(scratch)
                live -= min(live, scratch)
            case .stage(let stage, _):
                let inputs = node.rows[0].map { input in
                    input.flatMap { input in
                        estimates[input] ?? wholes[input.node].map { ValueEstimate(known: $0[input.output]) }
                    }
                }
                let wanted = Set(
                    node.outputPorts.indices.filter { remaining[PlanInput(node: id, output: $0)] != nil }
                        .map { node.outputPorts[$0].name })
                let cost = stage.cost(
                    CostContext(inputs: inputs, threads: pool.threads, kernels: kernels, wanted: wanted),
                    node.outputPorts.count)
                for (index, port) in node.outputPorts.enumerated() {
                    let wire = PlanInput(node: id, output: index)
                    // What nobody reads is dropped as soon as the stage gives it.
                    guard remaining[wire] != nil else { continue }
                    let estimate = index < cost.outputs.count ? cost.outputs[index] : nil
                    estimates[wire] = estimate
                    sizes[wire] = estimate?.bytes(as: port.type) ?? 0
                    add(sizes[wire] ?? 0)
                }
                add(cost.scratchBytes)
                live -= min(live, cost.scratchBytes)
                for input in node.rows[0] {
                    guard let input, let count = remaining[input] else { continue }
                    remaining[input] = count - 1
                    if count == 1 { live -= min(live, sizes[input] ?? 0) }
                }
            case .collector: break
            }
        }
        return peak
    }

    private func readerCounts() -> [PlanInput: Int] {
        var counts: [PlanInput: Int] = [:]
        for id in nodes {
            for input in plan.nodes[id].rows.joined() { if let input { counts[input, default: 0] += 1 } }
        }
        for target in targets.outputs { counts[target.output.input, default: 0] += 1 }
        for feed in targets.feeds { for input in row(of: feed) { if let input { counts[input, default: 0] += 1 } } }
        return counts
    }

    /// The inputs of a feed's group; ports of other groups are nil.
    func row(of feed: Feed) -> [PlanInput?] {
        let node = plan.nodes[feed.collector]
        guard case .collector(_, let groups) = node.kind else { return [] }
        return zip(node.inputPorts, node.rows[feed.row]).filter { $0.0.group == groups[feed.group] }.map(\.1)
    }

    // MARK: Running

    /// Runs every node, writes outputs and feeds collectors as soon as their values are there, and drops values after
    /// their last reader. Failures are collected; what does not depend on them still runs.
    mutating func run(
        write: (any PortValue, PlanOutput, String) throws -> ManifestRecord.File,
        stageFinished: (String, Double) -> Void
    ) {
        readers = readerCounts()
        let geometry = (try? item.loaders["image"]?.estimate())?.geometry
        for id in nodes {
            let node = plan.nodes[id]
            let start = Machine.seconds
            switch node.kind {
            case .source(let ports): load(ports, id)
            case .stage(let stage, let form):
                guard let inputs = take(node.rows[0]) else {
                    release(node.rows[0])
                    continue
                }
                let wires = node.outputPorts.indices.map { PlanInput(node: id, output: $0) }
                let wanted = Set(zip(wires, node.outputPorts).filter { readers[$0.0] != nil }.map { $1.name })
                let context = StageContext(
                    pool: pool, seed: node.seed, stage: node.name, item: item.relative, sourceGeometry: geometry,
                    kernels: kernels, wanted: wanted)
                do {
                    let results = try stage.calls[form](inputs, context)
                    for (wire, value) in zip(wires, results) where readers[wire] != nil {
                        guard let value else { throw Diagnostic.miswired(node.outputPorts[wire.output].name) }
                        values[wire] = value
                    }
                } catch {
                    fail(id, error)
                }
                release(node.rows[0])
            case .collector: continue
            }
            let elapsed = Machine.seconds - start
            seconds[node.label, default: 0] += elapsed
            stageFinished(node.label, elapsed)
            deliver(from: id, write)
        }
    }

    private mutating func load(_ source: ConfiguredSource, _ id: Int) {
        let wanted = source.ports.indices.filter { readers[PlanInput(node: id, output: $0)] != nil }
        var together: [String: any PortValue] = [:]
        if let loadTogether = item.loadTogether {
            do {
                together = try loadTogether(Set(wanted.map { source.ports[$0].name }), pool)
            } catch {
                var diagnostic = Diagnostic.wrapping(error, as: .stageFailed)
                diagnostic.message = "\(plan.nodes[id].label): \(diagnostic.message)"
                return diagnostics.append(diagnostic.located(in: item.relative))
            }
        }
        let loaders = item.loaders
        for index in wanted {
            let wire = PlanInput(node: id, output: index)
            guard let loader = loaders[source.ports[index].name] else { continue }
            do {
                keep(try together.removeValue(forKey: source.ports[index].name) ?? loader.load(), wire)
            } catch {
                var diagnostic = Diagnostic.wrapping(error, as: .unreadableFile)
                if let path = loader.paths.first { diagnostic = diagnostic.located(in: path) }
                diagnostics.append(diagnostic)
            }
        }
    }

    private mutating func fail(_ id: Int, _ error: any Error) {
        let node = plan.nodes[id]
        var diagnostic = Diagnostic.wrapping(error, as: .stageFailed)
        diagnostic.message = "\(node.label): \(diagnostic.message)"
        let path = item.loaders["image"]?.paths.first ?? item.relative
        diagnostics.append(diagnostic.located(in: path))
    }

    private mutating func keep(_ value: any PortValue, _ wire: PlanInput) {
        if readers[wire] != nil { values[wire] = value }
    }

    /// The values of a row, or nil if one is missing because its node failed.
    private func take(_ row: [PlanInput?]) -> [(any PortValue)?]? {
        var taken: [(any PortValue)?] = []
        for input in row {
            guard let input else { taken.append(nil); continue }
            guard let value = values[input] ?? wholes[input.node].map({ $0[input.output] }) else { return nil }
            taken.append(value)
        }
        return taken
    }

    private mutating func release(_ row: [PlanInput?]) {
        for input in row {
            guard let input, let count = readers[input] else { continue }
            readers[input] = count - 1
            if count == 1 { values[input] = nil }
        }
    }

    private mutating func deliver(
        from id: Int, _ write: (any PortValue, PlanOutput, String) throws -> ManifestRecord.File
    ) {
        for target in targets.outputs where target.output.input.node == id {
            guard let value = values[target.output.input] else { continue }
            do {
                let start = Machine.seconds
                written.append(try write(value, target.output, target.path))
                seconds["write", default: 0] += Machine.seconds - start
            } catch {
                diagnostics.append(Diagnostic.wrapping(error, as: .writeFailed).located(in: target.path))
            }
            release([target.output.input])
        }
        for feed in targets.feeds {
            let row = row(of: feed)
            // The last of its inputs to be made triggers it; whole values are there before.
            guard row.compactMap({ $0?.node }).filter({ plan.nodes[$0].scope != .whole }).max() == id else { continue }
            let node = plan.nodes[feed.collector]
            guard case .collector(let collector, _) = node.kind, let inputs = take(row) else {
                release(row)
                continue
            }
            do {
                let start = Machine.seconds
                let context = StageContext(
                    pool: pool, seed: node.seed, stage: node.name, item: item.relative, kernels: kernels)
                let tag = ItemTag(item: item.relative, variants: node.rowTags[feed.row])
                states.append((feed, try collector.add(feed.group, tag, inputs, context)))
                seconds[node.label, default: 0] += Machine.seconds - start
            } catch {
                fail(feed.collector, error)
            }
            release(row)
        }
    }
}
