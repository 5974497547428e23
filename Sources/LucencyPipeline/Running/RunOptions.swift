import LucencyFoundation
import LucencyImaging

/// One of N parts of a run: items whose stable hash of the relative name falls into it, so that adding files does not
/// reshuffle the others.
public struct Shard: Hashable, Sendable, CustomStringConvertible {
    public let index: Int
    public let count: Int

    /// Reads `2/8`.
    public init?(parsing text: String) {
        let parts = text.split(separator: "/").map { Int($0) }
        guard parts.count == 2, let index = parts[0], let count = parts[1], count >= 1, count <= 1_000_000,
            (1...count).contains(index)
        else { return nil }
        self.index = index
        self.count = count
    }

    public var description: String { "\(index)/\(count)" }
    /// `2-of-8`, for file names.
    var fileTag: String { "\(index)-of-\(count)" }

    /// Whether an item of that relative name belongs to this part.
    package func contains(_ relative: String) -> Bool {
        let hash = SHA256.hex(of: relative).prefix(15)
        return (Int(hash, radix: 16) ?? 0) % count == index - 1
    }
}

/// How a plan is run.
public struct RunOptions: Sendable {
    public var output: String
    public var source = SourceContext()
    /// Items in flight.
    public var jobs = 1
    /// Threads for inner loops, shared by all items.
    public var threads = 1

    /// The pool that items in flight share. Their workers compute too, so helpers only fill up to the asked number of threads.
    func innerPool(jobs: Int) -> ThreadPool {
        let threads = min(threads, ThreadPool.maximumThreads)
        return threads > jobs ? ThreadPool(threads: threads - jobs + 1) : .serial
    }
    /// Bytes that items in flight may take together.
    public var memory = 1 << 30
    public var kernels: KernelFamily = .portable
    /// Do everything again.
    public var fresh = false
    /// Keep checkpoints and partial states after success.
    public var keep = false
    public var shard: Shard?
    /// Files that no output may replace, beside those that sources and stages read: the pipeline file.
    public var files: [String] = []
    /// Facts about the call for `run.json`, such as the pipeline's path and the settings.
    public var record: [String: JSONValue] = [:]

    public init(output: String) {
        self.output = output
    }
}

/// What a run came to.
public struct RunSummary: Sendable {
    public var done = 0
    public var skipped = 0
    public var failed = 0
    public var seconds = 0.0
    /// Failed items and whole values, with the reason.
    public var failures: [(name: String, diagnostic: Diagnostic)] = []
    /// Whole values that wait for other shards.
    public var waiting: [String] = []
    /// Whole values computed in this run.
    public var wholes = 0
    public var wasCancelled = false

    /// 0: all done; 1: cancelled; 2: something failed, the rest is done.
    public var exitStatus: Int32 { wasCancelled ? 1 : failures.isEmpty ? 0 : 2 }
}

/// What happens during a run. Sinks turn it into text; the library itself never prints.
public enum RunEvent: Sendable {
    /// The number of items that will be looked at, and the stages they may pass, in order.
    case started(name: String, items: Int, stages: [String])
    /// How many times `itemFinished` will come: once for an item in each pass that needs it, so for some items more often
    /// than once where whole values have to be made first.
    case planned(turns: Int)
    case notice(Diagnostic)
    case itemStarted(item: String)
    case stageFinished(stage: String, item: String, seconds: Double)
    case itemFinished(item: String, status: ItemStatus, seconds: Double, diagnostics: [Diagnostic])
    case wholeStarted(name: String)
    case wholeProgress(name: String, WorkProgress)
    case wholeFinished(name: String, seconds: Double, diagnostic: Diagnostic?)
    case finished(RunSummary)
}

/// How an item ended.
public enum ItemStatus: String, Sendable {
    case done, skipped, failed
}
