import LucencyFoundation

/// The version of this program, as `run.json` and `--version` say it.
public let lucencyVersion = "0.1.0"

/// `run.json`: what ran, with what, when, and how it ended. The only place for times, paths and machine facts.
struct RunRecord {
    let plan: Plan
    let options: RunOptions
    let started = Machine.timestamp
    /// As in the manifest, so that of several records the last can be told.
    let time = Machine.wallSeconds

    init(_ plan: Plan, _ options: RunOptions) {
        self.plan = plan
        self.options = options
    }

    func json(summary: RunSummary?) -> JSONValue {
        var members: [String: JSONValue] = [
            "lucency": .string(lucencyVersion), "name": .string(plan.name), "seed": .string(String(plan.seed)),
            "started": .string(started), "time": .number(time), "kernels": .string(options.kernels.rawValue),
            "fourier": .string(FourierBackEnd.standard.rawValue),
            "jobs": .integer(options.jobs), "threads": .integer(options.threads), "memory": .integer(options.memory),
            "stages": .array(
                plan.nodes.map { node in
                    [
                        "name": .string(node.label), "uses": .string(node.about.id),
                        "revision": .integer(node.about.revision), "parameters": node.parameters,
                    ]
                }),
        ]
        if let shard = options.shard { members["shard"] = .string(shard.description) }
        if let input = options.source.inputFolder { members["input"] = .string(input) }
        if let spacing = options.source.assumedSpacing {
            members["assumedSpacing"] = [.number(spacing.x), .number(spacing.y), .number(spacing.z)]
        }
        members.merge(options.record) { $1 }
        guard let summary else {
            members["status"] = "running"
            return .object(members)
        }
        members["status"] = summary.wasCancelled ? "cancelled" : summary.failures.isEmpty ? "done" : "failed items"
        members["ended"] = .string(Machine.timestamp)
        members["seconds"] = .number((summary.seconds * 1000).rounded() / 1000)
        members["totals"] = [
            "done": .integer(summary.done), "skipped": .integer(summary.skipped), "failed": .integer(summary.failed),
        ]
        return .object(members)
    }
}
