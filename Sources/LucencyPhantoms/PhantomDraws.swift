import LucencyFoundation

/// The random numbers of one picture. What is drawn has a name; the names and values are the picture's record.
///
/// Each name has a random stream of its own, so that a new parameter, or one that another setting no longer needs,
/// leaves all others as they were.
public struct PhantomDraws: Sendable {
    public let seed: UInt64
    public let index: Int
    private let prefix: String
    private var values: [String: JSONValue] = [:]

    public init(seed: UInt64, index: Int) {
        self.init(seed: seed, index: index, prefix: "")
    }

    private init(seed: UInt64, index: Int, prefix: String) {
        self.seed = seed
        self.index = index
        self.prefix = prefix
    }

    /// Every drawn parameter by name.
    public var record: JSONValue { .object(values) }

    /// A random stream for what is too much to record, such as noise or texture.
    public func stream(_ name: String) -> PhiloxStream {
        PhiloxStream(seed: seed, stream: "phantom." + prefix + name, index: index)
    }

    /// Draws for something that several pictures share, such as a patient. Adopt them afterwards to record them.
    public func shared(_ name: String, index: Int) -> PhantomDraws {
        PhantomDraws(seed: seed, index: index, prefix: prefix + name + ".")
    }

    /// Takes over the record of shared draws, each name with `name.` before it.
    public mutating func adopt(_ other: PhantomDraws, as name: String) {
        for (key, value) in other.values { values["\(name).\(key)"] = value }
    }

    /// Records something that follows from what was drawn.
    public mutating func note(_ name: String, _ value: JSONValue) { values[name] = value }

    /// A number, all values of the interval equally likely.
    public mutating func number(_ name: String, in interval: Interval) -> Double {
        var random = stream(name)
        let value = interval.lower + random.uniform() * (interval.upper - interval.lower)
        values[name] = .number(value)
        return value
    }

    /// A number of a normal distribution, cut off at `limit` standard deviations.
    public mutating func normal(
        _ name: String, mean: Double = 0, standardDeviation: Double, limit: Double = 3
    ) -> Double {
        var random = stream(name)
        var deviate = random.normal()
        for _ in 0..<100 where abs(deviate) > limit { deviate = random.normal() }
        let value = mean + standardDeviation * min(max(deviate, -limit), limit)
        values[name] = .number(value)
        return value
    }

    /// A whole number; the interval's limits are rounded to whole numbers and both belong to it.
    public mutating func count(_ name: String, in interval: Interval) -> Int {
        var random = stream(name)
        let lower = Int(interval.lower.rounded()), upper = max(lower, Int(interval.upper.rounded()))
        let value = random.int(in: lower...upper)
        values[name] = .integer(value)
        return value
    }

    /// True with a probability.
    public mutating func chance(_ name: String, _ probability: Double) -> Bool {
        var random = stream(name)
        let value = random.uniform() < probability
        values[name] = .bool(value)
        return value
    }

    /// One of several, with probabilities in proportion to `weights` (equal ones where left out).
    /// Returns the index; records the name.
    public mutating func choice(_ name: String, of options: [String], weights: [Double]? = nil) -> Int {
        var random = stream(name)
        let weights = weights ?? Array(repeating: 1, count: options.count)
        var rest = random.uniform() * weights.reduce(0, +)
        var chosen = max(0, options.count - 1)
        for (index, weight) in weights.enumerated() {
            rest -= weight
            if rest < 0, index < options.count { chosen = index; break }
        }
        values[name] = options.indices.contains(chosen) ? .string(options[chosen]) : .null
        return chosen
    }
}
