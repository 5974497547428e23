/// Mean, spread and limits of the values of one channel.
struct ChannelStatistics {
    var mean = 0.0
    /// Divided by the number of values.
    var deviation = 0.0
    var lowest: Float = 0
    var highest: Float = 0

    init(_ values: UnsafeMutableBufferPointer<Float>) {
        guard let first = values.first else { return }
        var sums: SIMD8<Double> = .zero, squares: SIMD8<Double> = .zero
        var low = SIMD8(repeating: first), high = low
        let raw = UnsafeRawBufferPointer(values), blocks = values.count / 8
        // Squares are taken about a value of the channel, so that large means do not cost digits.
        for block in 0..<blocks {
            let lane = raw.loadUnaligned(fromByteOffset: block &* 32, as: SIMD8<Float>.self)
            low = pointwiseMin(low, lane)
            high = pointwiseMax(high, lane)
            let away = SIMD8<Double>(lane - first)
            sums += away
            squares += away * away
        }
        (lowest, highest) = (low.min(), high.max())
        var sum = sums.sum(), square = squares.sum()
        for i in blocks * 8..<values.count {
            (lowest, highest) = (min(lowest, values[i]), max(highest, values[i]))
            let away = Double(values[i] - first)
            sum += away
            square += away * away
        }
        let count = Double(values.count)
        mean = Double(first) + sum / count
        deviation = max(0, square / count - (sum / count) * (sum / count)).squareRoot()
    }
}
