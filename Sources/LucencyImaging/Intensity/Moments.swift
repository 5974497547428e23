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
        var sums = [Double](repeating: 0, count: (values.count + block - 1) / block)
        sums.withUnsafeMutableBufferPointer { sums in
            nonisolated(unsafe) let sums = sums
            pool.forEach(sums.count) { task in
                var sum = 0.0
                for i in task * block..<min(values.count, (task + 1) * block) { sum += term(Double(values[i])) }
                sums[task] = sum
            }
        }
        return sums.reduce(0, +)
    }
}
