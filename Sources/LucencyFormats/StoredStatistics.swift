import LucencyFoundation
import LucencyImaging

/// Accumulates exact facts about stored samples, band by band.
package struct StoredStatistics: ~Copyable {
    private var hash = SHA256()
    private var smallest = Double.infinity
    private var largest = -Double.infinity
    private var total = 0.0
    private var count = 0
    private var hasNaN = false

    package init() {}

    /// Adds samples in the order of the stored array, unpacked, native endian, aligned to their size.
    package mutating func add(_ raw: UnsafeRawBufferPointer, type: SampleType) {
        guard let base = raw.baseAddress, raw.count > 0 else { return }
        #if _endian(big)
            #error("hashes are of little-endian samples")
        #endif
        hash.update(raw)
        let samples = raw.count / type.unpackedBytes
        // Blocks keep narrow sums from overflowing, and the samples in the cache.
        let block = 1 << 15
        var start = 0
        while start < samples {
            let n = min(block, samples - start), at = base + start * type.unpackedBytes
            switch (type.kind, type.unpackedBytes) {
            case (.unsigned, 1): narrow(at, n, UInt8.self, UInt32.self)
            case (.unsigned, 2): narrow(at, n, UInt16.self, UInt32.self)
            case (.unsigned, 4): narrow(at, n, UInt32.self, UInt64.self)
            case (.unsigned, _): wide(at, n, UInt64.self)
            case (.signed, 1): narrow(at, n, Int8.self, Int32.self)
            case (.signed, 2): narrow(at, n, Int16.self, Int32.self)
            case (.signed, 4): narrow(at, n, Int32.self, Int64.self)
            case (.signed, _): wide(at, n, Int64.self)
            case (.float, 2): floats(at, n, UInt16.self) { Double(SampleConversion.half($0)) }
            case (.float, 4): floats(at, n, Float.self) { Double($0) }
            case (.float, _): floats(at, n, Double.self) { $0 }
            }
            start += n
        }
        count += samples
    }

    /// The facts so far. Floats with a NaN among them have NaN for minimum, maximum and mean, as in NumPy.
    package consuming func facts() -> StoredFacts {
        let low = hasNaN ? .nan : count == 0 ? 0 : smallest, high = hasNaN ? .nan : count == 0 ? 0 : largest
        let mean = hasNaN ? .nan : total / Double(max(1, count))
        return StoredFacts(min: low, max: high, mean: mean, sha256: hash.hexDigest())
    }

    @inline(__always)
    private mutating func narrow<T: FixedWidthInteger, Sum: FixedWidthInteger>(
        _ raw: UnsafeRawPointer, _ n: Int, _: T.Type, _: Sum.Type
    ) {
        let values = raw.assumingMemoryBound(to: T.self)
        var low = T.max, high = T.min, sum: Sum = 0
        for i in 0..<n {
            let value = values[i]
            low = value < low ? value : low
            high = value > high ? value : high
            sum &+= Sum(truncatingIfNeeded: value)
        }
        smallest = min(smallest, Double(low))
        largest = max(largest, Double(high))
        total += Double(sum)
    }

    @inline(__always)
    private mutating func wide<T: FixedWidthInteger>(_ raw: UnsafeRawPointer, _ n: Int, _: T.Type) {
        let values = raw.assumingMemoryBound(to: T.self)
        var low = T.max, high = T.min, sum = 0.0
        for i in 0..<n {
            let value = values[i]
            low = value < low ? value : low
            high = value > high ? value : high
            sum += Double(value)
        }
        smallest = min(smallest, Double(low))
        largest = max(largest, Double(high))
        total += sum
    }

    @inline(__always)
    private mutating func floats<T>(_ raw: UnsafeRawPointer, _ n: Int, _: T.Type, _ convert: (T) -> Double) {
        let values = raw.assumingMemoryBound(to: T.self)
        var low = SIMD8<Double>(repeating: .infinity), high = -low, sum = SIMD8<Double>.zero
        var nan = SIMD8<Double>.zero
        var i = 0
        while i &+ 8 <= n {
            var lane = SIMD8<Double>.zero
            for k in 0..<8 { lane[k] = convert(values[i &+ k]) }
            low.replace(with: lane, where: lane .< low)
            high.replace(with: lane, where: lane .> high)
            nan.replace(with: lane, where: lane .!= lane)
            sum += lane
            i &+= 8
        }
        var least = low.min(), most = high.max(), rest = sum.sum()
        var found = (nan .!= nan) != SIMDMask(repeating: false)
        while i < n {
            let value = convert(values[i])
            if value < least { least = value }
            if value > most { most = value }
            if value.isNaN { found = true }
            rest += value
            i &+= 1
        }
        smallest = min(smallest, least)
        largest = max(largest, most)
        total += rest
        hasNaN = hasNaN || found
    }
}
