/// Exact quantiles of float values, without sorting or copying them.
///
/// The quantile `q` of `n` values lies at position `q·(n − 1)` of the sorted values, linearly interpolated between its
/// two neighbours (NumPy's default, type 7 of Hyndman & Fan 1996). Three passes over the values and 256 Ki counters.
package struct Quantiles {
    /// Stretches of values that count together, such as the colour channels of an image.
    private let parts: [UnsafeBufferPointer<Float>]
    package let count: Int
    /// How many values have each upper half of the ordered key.
    private var counts = [Int](repeating: 0, count: 1 << 16)

    /// - Parameter parts: finite values; valid while this value is used.
    package init(_ parts: [UnsafeBufferPointer<Float>]) {
        self.parts = parts
        count = parts.reduce(0) { $0 + $1.count }
        counts.withUnsafeMutableBufferPointer { counts in
            for part in parts {
                for value in part { counts[Int(Self.key(value) >> 16)] &+= 1 }
            }
        }
    }

    /// The quantile of a fraction in 0...1; nil if there are no values.
    package func callAsFunction(_ fraction: Double) -> Double? {
        guard count > 0 else { return nil }
        let position = min(max(fraction, 0), 1) * Double(count - 1)
        let rank = min(Int(position), count - 1)
        let low = value(at: rank)
        let share = position - Double(rank)
        guard share > 0, rank + 1 < count else { return Double(low) }
        return Double(low) + share * (Double(value(at: rank + 1)) - Double(low))
    }

    /// The value at a rank of the sorted values.
    private func value(at rank: Int) -> Float {
        var before = 0, bucket = 0
        while bucket < counts.count - 1, before + counts[bucket] <= rank {
            before += counts[bucket]
            bucket += 1
        }
        var fine = [Int](repeating: 0, count: 1 << 16)
        fine.withUnsafeMutableBufferPointer { fine in
            for part in parts {
                for value in part {
                    let key = Self.key(value)
                    if Int(key >> 16) == bucket { fine[Int(key & 0xffff)] &+= 1 }
                }
            }
        }
        var low = 0
        while low < fine.count - 1, before + fine[low] <= rank {
            before += fine[low]
            low += 1
        }
        return Self.value(ofKey: UInt32(bucket) << 16 | UInt32(low))
    }

    /// Orders like the values; −0 and 0 differ in key but not in value.
    private static func key(_ value: Float) -> UInt32 {
        let bits = value.bitPattern
        return bits & 0x8000_0000 != 0 ? ~bits : bits | 0x8000_0000
    }

    private static func value(ofKey key: UInt32) -> Float {
        Float(bitPattern: key & 0x8000_0000 != 0 ? key & 0x7fff_ffff : ~key)
    }
}
