import LucencyFoundation

/// An estimate with the interval that covers it at a level of confidence.
public struct ConfidenceInterval: Hashable, Codable, Sendable {
    public var estimate: Double
    public var lower: Double
    public var upper: Double
    /// Of confidence, 0.95 say.
    public var level: Double
}

/// Intervals of means and medians by resampling: the percentile method (Efron, "Bootstrap methods: another look at the
/// jackknife", Annals of Statistics 7, 1979), quantiles interpolated linearly.
///
/// It draws values with replacement, or whole groups of values where some belong together, as slices of one patient do
/// (cluster bootstrap): then the interval is about further patients, not about further slices of these. Results depend on the
/// seed, and not on the order of the values or on the groups' names. With few values (below about twenty) percentile
/// intervals are too narrow.
public struct Bootstrap: Hashable, Sendable {
    public enum Statistic: String, CaseIterable, Sendable { case mean, median }

    /// How often is drawn.
    public var resamples: Int
    public var seed: UInt64
    /// Of confidence, between 0 and 1.
    public var level: Double

    public init(resamples: Int = 10_000, seed: UInt64 = 1, level: Double = 0.95) {
        self.resamples = resamples
        self.seed = seed
        self.level = level
    }

    /// The statistic of the values with its interval; nil where there are fewer than two values (or groups), of which nobody
    /// can say how they vary.
    /// - Parameter groups: for each value what it belongs to.
    /// - Throws: `Diagnostic` when a value is not finite, there are more or fewer groups than values, or the settings are not
    ///   possible.
    public func interval(
        of values: [Double], groups: [String]? = nil, statistic: Statistic = .mean
    ) throws(Diagnostic) -> ConfidenceInterval? {
        guard resamples >= 1, resamples <= 10_000_000, level > 0, level < 1 else {
            throw Diagnostic(
                .badArgument, "a bootstrap of \(resamples) resamples at the level \(level) is not possible",
                remedy: "take 1 to 10000000 resamples and a level between 0 and 1")
        }
        let sample = try ClusteredSample(values, groups: groups)
        guard sample.sums.count > 1 else { return nil }
        var random = PhiloxStream(seed: seed, stream: "bootstrap")
        let draw: (inout PhiloxStream) -> Double =
            switch statistic {
            case .mean: sample.drawMean
            case .median: sample.drawMedian
            }
        var drawn = (0..<resamples).map { _ in draw(&random) }
        drawn.sort()
        let tail = (1 - level) / 2
        return ConfidenceInterval(
            estimate: statistic == .mean ? sample.mean : sample.median,
            lower: SurfaceDistances.quantile(drawn, tail), upper: SurfaceDistances.quantile(drawn, 1 - tail),
            level: level)
    }
}

/// Values in the units that are drawn together, in an order that depends on the values alone.
struct ClusteredSample {
    /// Of each unit's values.
    let sums: [Double]
    let sizes: [Int]
    let count: Int
    /// All values, ascending, with the unit that each is of.
    private let ascending: [(value: Double, unit: Int)]

    init(_ values: [Double], groups: [String]?) throws(Diagnostic) {
        if let bad = values.first(where: { !$0.isFinite }) {
            throw Diagnostic(
                .notFinite, "\(bad) is among the values", remedy: "leave undefined and infinite values out")
        }
        if let groups, groups.count != values.count {
            throw Diagnostic(.sizeMismatch, "there are \(values.count) values, but groups of \(groups.count)")
        }
        var units = values.map { [$0] }
        if let groups {
            units = Dictionary(grouping: values.indices, by: { groups[$0] }).values.map {
                $0.map { values[$0] }.sorted()
            }
        }
        units.sort { $0.lexicographicallyPrecedes($1) }
        sums = units.map { $0.reduce(0, +) }
        sizes = units.map(\.count)
        count = values.count
        ascending = units.enumerated().flatMap { index, unit in unit.map { ($0, index) } }.sorted { $0 < $1 }
    }

    var mean: Double { sums.reduce(0, +) / Double(count) }

    var median: Double { SurfaceDistances.quantile(ascending.map(\.value), 0.5) }

    /// The mean of as many units as there are, drawn with replacement.
    func drawMean(_ random: inout PhiloxStream) -> Double {
        sums.withUnsafeBufferPointer { sums in
            sizes.withUnsafeBufferPointer { sizes in
                var sum = 0.0, count = 0
                for _ in sums.indices {
                    let unit = Self.draw(sums.count, &random)
                    sum += sums[unit]
                    count &+= sizes[unit]
                }
                return sum / Double(count)
            }
        }
    }

    /// The median of as many units as there are, drawn with replacement.
    func drawMedian(_ random: inout PhiloxStream) -> Double {
        var times = [Int](repeating: 0, count: sizes.count)
        var count = 0
        for _ in sizes.indices {
            let unit = Self.draw(sizes.count, &random)
            times[unit] += 1
            count += sizes[unit]
        }
        // The one in the middle, or the two around it.
        let low = (count - 1) / 2, high = count / 2
        var passed = 0
        var first: Double?
        for (value, unit) in ascending where times[unit] > 0 {
            passed += times[unit]
            if first == nil, passed > low { first = value }
            if let first, passed > high { return (first + value) / 2 }
        }
        return first ?? .nan
    }

    /// One of so many, all equally likely to 2⁻³² of it.
    private static func draw(_ count: Int, _ random: inout PhiloxStream) -> Int {
        Int(truncatingIfNeeded: (UInt64(random.nextWord()) &* UInt64(truncatingIfNeeded: count)) >> 32)
    }
}
