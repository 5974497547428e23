/// What a collector needs that works for minutes, such as training: a place for checkpoints, someone to tell how it goes, and
/// whether to stop.
public struct LongWork: Sendable {
    /// A folder of its own that outlives a run that was stopped, and goes when the run has succeeded; equal work finds the
    /// same folder. nil where nothing can be kept.
    public let folder: String?
    /// Whether the user asked the run to stop. Work that stops throws `Stopped`.
    public let isCancelled: @Sendable () -> Bool
    /// Tells how far it is.
    public let report: @Sendable (WorkProgress) -> Void

    public init(
        folder: String? = nil, isCancelled: @escaping @Sendable () -> Bool = { false },
        report: @escaping @Sendable (WorkProgress) -> Void = { _ in }
    ) {
        self.folder = folder
        self.isCancelled = isCancelled
        self.report = report
    }

    /// Work was stopped on request; it goes on when the run is started again.
    public struct Stopped: Error {
        public init() {}
    }
}

/// How far long work is.
public struct WorkProgress: Sendable {
    /// Part that is done, 0...1.
    public let fraction: Double
    /// What is done, for people: `epoch 3 of 20`.
    public let message: String
    /// Named figures, in the order in which they are shown: losses, scores, rates.
    public let figures: [(name: String, value: Double)]

    public init(fraction: Double, message: String, figures: [(name: String, value: Double)] = []) {
        self.fraction = fraction
        self.message = message
        self.figures = figures
    }
}
