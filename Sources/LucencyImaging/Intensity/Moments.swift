import LucencyFoundation

/// Mean and standard deviation of float values, in double precision.
///
/// Sums are formed per block of 65,536 values and added in order, so that they do not depend on the number of threads.
package struct Moments: Hashable, Sendable {
    package let mean: Double
    /// Of the population: divided by n.
    package let standardDeviation: Double

    package init(of values: UnsafeBufferPointer<Float>, pool: ThreadPool = .serial) {
        let mean = Self.mean(of: values, pool: pool)
        let squares = Self.sum(over: values, pool: pool) { ($0 - mean) * ($0 - mean) }
        self.mean = mean
        let deviation = values.isEmpty ? 0 : (squares / Double(values.count)).squareRoot()
        // Rounding of the mean must not pass for a spread.
        let extremes = Self.extremes(of: values)
        standardDeviation = extremes.low == extremes.high ? 0 : deviation
    }

    /// The mean; 0 of nothing.
    package static func mean(of values: UnsafeBufferPointer<Float>, pool: ThreadPool = .serial) -> Double {
        values.isEmpty ? 0 : sum(over: values, pool: pool) { $0 } / Double(values.count)
    }

    /// The smallest and the greatest value; zeros of nothing.
    package static func extremes(of values: UnsafeBufferPointer<Float>) -> (low: Double, high: Double) {
        guard var low = values.first else { return (0, 0) }
        var high = low
        for value in values {
            low = min(low, value)
            high = max(high, value)
        }
        return (Double(low), Double(high))
    }

    private static func sum(
        over values: UnsafeBufferPointer<Float>, pool: ThreadPool, _ term: @Sendable (Double) -> Double
    ) -> Double {
        nonisolated(unsafe) let values = values
        let block = 1 << 16
        @Sendable func sum(_ range: Range<Int>) -> Double {
            var sum = 0.0
            for i in range { sum += term(Double(values[i])) }
            return sum
        }
        var sums = [Double](repeating: 0, count: (values.count + block - 1) / block)
        sums.withUnsafeMutableBufferPointer { sums in
            nonisolated(unsafe) let sums = sums
            let whole = values.count / block
            // Additions wait for each other within a block, so four blocks are summed side by side.
            pool.forEach((whole + 3) / 4) { task in
                let first = 4 * task
                guard first + 4 <= whole else {
                    for index in first..<whole { sums[index] = sum(index * block..<(index + 1) * block) }
                    return
                }
                var four = SIMD4<Double>.zero
                for i in first * block..<(first + 1) * block {
                    four[0] += term(Double(values[i]))
                    four[1] += term(Double(values[i &+ block]))
                    four[2] += term(Double(values[i &+ 2 &* block]))
                    four[3] += term(Double(values[i &+ 3 &* block]))
                }
                for k in 0..<4 { sums[first + k] = four[k] }
            }
            if whole < sums.count { sums[whole] = sum(whole * block..<values.count) }
        }
        return sums.reduce(0, +)
    }
}
