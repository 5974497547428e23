/// The sum of −log p of the true class over pixels. Mergeable; nothing is clamped, so one pixel of p = 0 makes it infinite.
public struct LogLoss: Hashable, Codable, Sendable {
    public var total: Int
    /// Over the pixels with p > 0.
    public var sum: Double
    /// Pixels with p = 0.
    public var impossible: Int

    public init(total: Int = 0, sum: Double = 0, impossible: Int = 0) {
        (self.total, self.sum, self.impossible) = (total, sum, impossible)
    }

    public mutating func merge(_ other: LogLoss) {
        total += other.total
        sum += other.sum
        impossible += other.impossible
    }

    /// In nats.
    public var mean: Score {
        total == 0 ? .undefined : impossible > 0 ? .infinite : .value(sum / Double(total))
    }
}
