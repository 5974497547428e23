#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The counter-based generator Philox 4×32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
/// 1, 2, 3", SC 2011). A block of random bits is a pure function of its counter and key.
public enum Philox {
    /// The 128 random bits of a counter under a key.
    @inlinable
    public static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
        // Plain words instead of vectors: their products have 64 bits, for which vectors would be taken apart.
        var c = (counter.x, counter.y, counter.z, counter.w), k = (key.x, key.y)
        for round in 0..<10 {
            if round > 0 { k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85) }
            let a = UInt64(c.0) &* 0xD251_1F53, b = UInt64(c.2) &* 0xCD9E_8D57
            c = (
                UInt32(truncatingIfNeeded: b >> 32) ^ c.1 ^ k.0, UInt32(truncatingIfNeeded: b),
                UInt32(truncatingIfNeeded: a >> 32) ^ c.3 ^ k.1, UInt32(truncatingIfNeeded: a)
            )
        }
        return SIMD4(c.0, c.1, c.2, c.3)
    }
}

/// One of 2⁶⁴ independent random sequences of a seed.
///
/// The same seed and stream give the same numbers on every machine and in whatever order streams are used, so give
/// every item, row or purpose a stream of its own instead of passing one along.
public struct PhiloxStream: RandomNumberGenerator, Sendable {
    private let key: SIMD2<UInt32>
    private let stream: UInt64
    private var position: UInt64 = 0
    private var bits: SIMD4<UInt32> = .zero
    private var used = 4
    private var spare: Double?

    /// The sequence with a number.
    public init(seed: UInt64, stream: UInt64 = 0) {
        key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
        self.stream = stream
    }

    /// The sequence with a name, such as `noise`, and a number within it: its number is the first 64 bits of
    /// SHA-256 of `name/index`.
    public init(seed: UInt64, stream name: String, index: Int = 0) {
        self.init(seed: seed, stream: SHA256.firstBits(of: "\(name)/\(index)"))
    }

    /// 32 random bits.
    public mutating func nextWord() -> UInt32 {
        if used == 4 {
            bits = Philox.block(
                counter: SIMD4(
                    UInt32(truncatingIfNeeded: position), UInt32(truncatingIfNeeded: position >> 32),
                    UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32)), key: key)
            position &+= 1
            used = 0
        }
        defer { used += 1 }
        return bits[used]
    }

    /// 64 random bits.
    public mutating func next() -> UInt64 {
        let low = UInt64(nextWord())
        return UInt64(nextWord()) << 32 | low
    }

    /// A number in 0..<1, a multiple of 2⁻⁵³.
    public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A number in `range`; its upper bound can only be reached by rounding.
    public mutating func uniform(in range: ClosedRange<Double>) -> Double {
        range.lowerBound + uniform() * (range.upperBound - range.lowerBound)
    }

    /// A number of the normal distribution (Box and Muller 1958).
    public mutating func normal(mean: Double = 0, standardDeviation: Double = 1) -> Double {
        if let value = spare {
            spare = nil
            return mean + standardDeviation * value
        }
        let radius = (-2 * log(1 - uniform())).squareRoot()
        let angle = 2 * Double.pi * uniform()
        spare = radius * sin(angle)
        return mean + standardDeviation * radius * cos(angle)
    }

    /// An integer in `range`, all equally likely.
    public mutating func int(in range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
}
