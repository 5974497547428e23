import LucencyFoundation
import LucencyImaging

/// What a run would do, found out from headers alone.
public struct DryRun: Sendable {
    public struct Item: Sendable {
        public let name: String
        public let outputs: [String]
        /// Predicted peak in bytes, or why it cannot be predicted.
        public let memory: Result<Int, Diagnostic>
    }

    public let items: [Item]
    /// Outputs that exist once per run.
    public let wholeOutputs: [String]
    /// Predicted peak of all items in flight together.
    public let peakMemory: Int
}

extension Runner {
    /// Lists items, outputs and predicted memory without reading pixels or writing anything.
    public func dryRun() throws -> DryRun {
        let listings = try list()
        let (batches, targets) = try makeBatches(listings)
        if !options.output.isEmpty { try checkTargets(targets, listings) }
        let wholes = knownWholes()
        var items: [DryRun.Item] = []
        var peaks: [Int] = []
        for batch in batches {
            let targets =
                batch.outputs.map(\.input.node)
                + batch.feeds.flatMap { feed in
                    plan.nodes[feed.collector].rows[feed.row].compactMap { $0?.node }
                }
            let nodes = plan.upstream(of: targets, itemsOnly: true)
            let pool = options.innerPool(jobs: max(1, min(options.jobs, batch.items.count)))
            for item in batch.items {
                let paths = try batch.outputs.map { try batch.path(of: $0, for: item) }
                let run = ItemRun(
                    plan: plan, item: item, source: batch.source, nodes: nodes,
                    targets: .init(outputs: Array(zip(batch.outputs, paths)), feeds: batch.feeds),
                    wholes: wholes, pool: pool, kernels: options.kernels)
                let memory: Result<Int, Diagnostic>
                do {
                    let bytes = try run.predictedBytes()
                    peaks.append(bytes)
                    memory = .success(bytes)
                } catch {
                    memory = .failure(
                        Diagnostic.wrapping(error, as: .unreadableFile)
                            .located(in: item.loaders["image"]?.paths.first ?? item.relative))
                }
                items.append(.init(name: item.relative, outputs: paths, memory: memory))
            }
        }
        var outputs: [String] = []
        for output in plan.outputs where plan.nodes[output.input.node].scope == .whole {
            outputs.append(try output.template.path(output.combination))
        }
        // Admission keeps the sum below the budget, so the largest items that fit together make the peak.
        let largest = peaks.sorted(by: >).prefix(max(1, options.jobs)).reduce(0) {
            $0.addingReportingOverflow($1).partialValue
        }
        return DryRun(
            items: items, wholeOutputs: outputs, peakMemory: min(largest, max(options.memory, peaks.max() ?? 0)))
    }
}
