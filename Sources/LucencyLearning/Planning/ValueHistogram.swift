import LucencyFoundation

/// How often each value occurs: quantiles of any number of images without keeping their pixels.
///
/// Exact as long as there are at most 16,384 different values, which 8-bit images always keep and CT nearly always. Beyond
/// that, values are counted in buckets of 1/512 of their size, so that a quantile is off by at most 0.2 percent of its value.
/// Either way the state is a sum of counts: merging in any order gives the same one.
public struct ValueHistogram: Codable, Hashable, Sendable {
    /// More different values than this are counted in buckets.
    public static let exactLimit = 1 << 14
    /// The bits of a key that buckets do not tell apart.
    private static let shift: UInt32 = 14

    /// Whether every value is counted by itself.
    public private(set) var isExact = true
    /// Keys that order as their values do, ascending; of buckets the lowest.
    private var keys: [UInt32] = []
    private var counts: [Int] = []
    /// The smallest and the greatest value; nil of nothing.
    public private(set) var minimum: Float?
    public private(set) var maximum: Float?

    public init() {}

    /// - Parameters:
    ///   - values: finite.
    ///   - labels: as many as values; then only those count whose label is above 0.
    public init(_ values: UnsafeBufferPointer<Float>, where labels: UnsafeBufferPointer<Int32>? = nil) {
        var exact = ExactCounts(), coarse: [Int]?
        for index in values.indices {
            if let labels, labels[index] <= 0 { continue }
            // -0 and 0 are one value.
            let value = values[index] + 0
            minimum = Swift.min(minimum ?? value, value)
            maximum = Swift.max(maximum ?? value, value)
            let key = Self.key(value)
            if coarse == nil {
                if exact.count(key, limit: Self.exactLimit) { continue }
                var buckets = [Int](repeating: 0, count: 1 << (32 - Int(Self.shift)))
                for (key, count) in exact.pairs { buckets[Int(key >> Self.shift)] += count }
                coarse = buckets
            }
            coarse?[Int(key >> Self.shift)] &+= 1
        }
        if let coarse {
            isExact = false
            for (bucket, count) in coarse.enumerated() where count > 0 {
                keys.append(UInt32(bucket) << Self.shift)
                counts.append(count)
            }
        } else {
            for (key, count) in exact.pairs.sorted(by: { $0.key < $1.key }) {
                keys.append(key)
                counts.append(count)
            }
        }
    }

    /// - Parameter values: finite.
    public init(_ values: [Float]) { self = values.withUnsafeBufferPointer { ValueHistogram($0) } }

    /// Whether it can be the result of counting: one that was read from a file may be anything.
    var isPossible: Bool {
        keys.count == counts.count && keys.count <= 1 << (32 - Int(Self.shift))
            && zip(keys, keys.dropFirst()).allSatisfy(<)
            && counts.allSatisfy { (1...1 << 50).contains($0) } && (minimum?.isFinite ?? keys.isEmpty)
            && (maximum?.isFinite ?? keys.isEmpty)
    }

    /// How many values were counted.
    public var count: Int { counts.reduce(0, +) }

    /// Counts what another one counted too.
    public mutating func merge(_ other: ValueHistogram) {
        var other = other
        if !isExact || !other.isExact {
            coarsen()
            other.coarsen()
        }
        var mergedKeys: [UInt32] = [], mergedCounts: [Int] = []
        mergedKeys.reserveCapacity(keys.count + other.keys.count)
        mergedCounts.reserveCapacity(keys.count + other.keys.count)
        var a = 0, b = 0
        while a < keys.count || b < other.keys.count {
            let takesOwn = b == other.keys.count || a < keys.count && keys[a] <= other.keys[b]
            let takesOther = a == keys.count || b < other.keys.count && other.keys[b] <= keys[a]
            mergedKeys.append(takesOwn ? keys[a] : other.keys[b])
            mergedCounts.append((takesOwn ? counts[a] : 0) + (takesOther ? other.counts[b] : 0))
            if takesOwn { a += 1 }
            if takesOther { b += 1 }
        }
        (keys, counts) = (mergedKeys, mergedCounts)
        minimum = [minimum, other.minimum].compactMap { $0 }.min()
        maximum = [maximum, other.maximum].compactMap { $0 }.max()
        if isExact, keys.count > Self.exactLimit { coarsen() }
    }

    private mutating func coarsen() {
        guard isExact else { return }
        isExact = false
        var coarseKeys: [UInt32] = [], coarseCounts: [Int] = []
        for (key, count) in zip(keys, counts) {
            let bucket = (key >> Self.shift) << Self.shift
            if coarseKeys.last == bucket {
                coarseCounts[coarseCounts.count - 1] += count
            } else {
                coarseKeys.append(bucket)
                coarseCounts.append(count)
            }
        }
        (keys, counts) = (coarseKeys, coarseCounts)
    }

    /// The quantile of a fraction in 0...1 at position `fraction · (count − 1)`, linear between neighbours (type 7 of Hyndman
    /// and Fan 1996, NumPy's default); nil of nothing.
    public func quantile(_ fraction: Double) -> Double? {
        let total = count
        guard total > 0 else { return nil }
        let position = Swift.min(Swift.max(fraction, 0), 1) * Double(total - 1)
        let rank = Swift.min(Int(position), total - 1), share = position - Double(rank)
        let low = value(at: rank)
        return share > 0 && rank + 1 < total ? low + share * (value(at: rank + 1) - low) : low
    }

    /// The value at a rank of the sorted values; within a bucket they are taken as evenly spread.
    private func value(at rank: Int) -> Double {
        var before = 0, index = 0
        while index < counts.count - 1, before + counts[index] <= rank {
            before += counts[index]
            index += 1
        }
        let low = Double(Self.value(keys[index]))
        guard !isExact else { return low }
        let last = keys[index] | (1 << Self.shift - 1)
        let place = (Double(rank - before) + 0.5) / Double(counts[index])
        let inside = low + place * (Double(Self.value(last)) - low)
        return Swift.min(Swift.max(inside, Double(minimum ?? 0)), Double(maximum ?? 0))
    }

    /// Orders as values do; never 0 for a finite one.
    private static func key(_ value: Float) -> UInt32 {
        let bits = value.bitPattern
        return bits & 0x8000_0000 != 0 ? ~bits : bits | 0x8000_0000
    }

    private static func value(_ key: UInt32) -> Float {
        Float(bitPattern: key & 0x8000_0000 != 0 ? key & 0x7fff_ffff : ~key)
    }
}

/// Counts keys in a hash table of fixed size, which stays in the cache.
private struct ExactCounts {
    private static let bits: UInt32 = 15
    /// 0 marks an empty slot.
    private var keys = [UInt32](repeating: 0, count: 1 << Int(bits))
    private var counts = [Int](repeating: 0, count: 1 << Int(bits))
    private var used = 0

    var pairs: [(key: UInt32, count: Int)] { zip(keys, counts).filter { $0.0 != 0 }.map { ($0.0, $0.1) } }

    /// - Returns: false, and nothing is counted, where the key would be one too many.
    mutating func count(_ key: UInt32, limit: Int) -> Bool {
        var slot = Int((key &* 2_654_435_769) >> (32 - Self.bits))
        while true {
            if keys[slot] == key { break }
            if keys[slot] == 0 {
                guard used < limit else { return false }
                keys[slot] = key
                used += 1
                break
            }
            slot = (slot &+ 1) & (keys.count - 1)
        }
        counts[slot] &+= 1
        return true
    }
}
