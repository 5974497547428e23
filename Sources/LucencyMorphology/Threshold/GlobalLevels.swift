import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// C. H. Li and P. K. S. Tam, "An iterative algorithm for minimum cross entropy thresholding", Pattern Recognition Letters
/// 19 (1998): the level at which replacing either side by its mean loses least, reached by a fixed-point iteration that
/// begins at the mean.
enum CrossEntropyLevel {
    static func level(of values: UnsafeBufferPointer<Float>) throws(Diagnostic) -> Double {
        let (least, most) = IntensityHistogram.extrema(of: values)
        let histogram = try IntensityHistogram(of: values), low = Double(least)
        // Levels above the least, with their counts; every value by itself where they are not counted exactly.
        func means(_ level: Double) -> (below: Double, above: Double) {
            var sums = (0.0, 0.0), counts = (0.0, 0.0)
            func add(_ value: Double, _ count: Double) {
                if value > level {
                    sums.1 += value * count
                    counts.1 += count
                } else {
                    sums.0 += value * count
                    counts.0 += count
                }
            }
            if histogram.isExact {
                for (bin, count) in histogram.counts.enumerated() { add(Double(bin), Double(count)) }
            } else {
                for value in values { add(Double(value) - low, 1) }
            }
            return (counts.0 > 0 ? sums.0 / counts.0 : 0, counts.1 > 0 ? sums.1 / counts.1 : 0)
        }
        let tolerance = histogram.isExact ? 0.5 : 1e-9 * (Double(most) - low)
        var sum = 0.0
        for value in values { sum += Double(value) - low }
        var next = sum / Double(values.count), level = -2 * tolerance, rounds = 0
        while abs(next - level) > tolerance, rounds < 10_000 {
            level = next
            rounds += 1
            let (below, above) = means(level)
            guard below > 0, above > below else { break }
            next = (below - above) / (log(below) - log(above))
        }
        return next + low
    }
}

/// G. W. Zack, W. E. Rogers and S. A. Latt, J. Histochem. Cytochem. 25(7) (1977): the bin farthest below the line from the
/// histogram's peak to the end of its longer tail. Values that are not whole numbers, or reach over 65,536 of them or more, are counted in 256 bins, as scikit-image
/// does: among thousands of sparse bins, single pixels would decide.
enum TriangleLevel {
    static func level(of values: UnsafeBufferPointer<Float>) throws(Diagnostic) -> Double {
        let histogram = try IntensityHistogram(of: values, bins: 256), counts = histogram.counts
        guard let first = counts.firstIndex(where: { $0 > 0 }), let last = counts.lastIndex(where: { $0 > 0 }) else {
            return histogram.level(of: 0)
        }
        var peak = first
        for bin in first...last where counts[bin] > counts[peak] { peak = bin }
        // Walked from the tail's end towards the peak.
        let risesFromLow = peak - first >= last - peak
        let end = risesFromLow ? first : last, width = abs(peak - end)
        var best = -Double.infinity, bestBin = end
        for step in 0..<width {
            let bin = risesFromLow ? first + step : last - step
            let distance = Double(counts[peak]) * Double(step) - Double(width) * Double(counts[bin])
            if distance > best {
                best = distance
                bestBin = bin
            }
        }
        return histogram.level(of: bestBin)
    }
}
