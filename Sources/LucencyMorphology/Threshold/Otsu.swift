import LucencyFoundation

/// Levels that best separate classes of intensities, by the variance between the classes.
enum Otsu {
    /// Otsu's level: the greatest value of the darker class, or the middle of a bin of 4096. Of equally good levels the
    /// lowest is taken.
    static func level(of values: UnsafeBufferPointer<Float>) throws(Diagnostic) -> Double {
        let histogram = try IntensityHistogram(of: values)
        return histogram.level(of: split(histogram.counts))
    }

    /// The last bin of the darker class at the greatest variance between the classes.
    private static func split(_ counts: [Int]) -> Int {
        var total = 0.0, sum = 0.0
        for (level, count) in counts.enumerated() {
            total += Double(count)
            sum += Double(count) * Double(level)
        }
        var weight = 0.0, partial = 0.0, best = -1.0, bestLevel = 0
        for (level, count) in counts.dropLast().enumerated() {
            weight += Double(count)
            partial += Double(count) * Double(level)
            guard weight > 0, weight < total else { continue }
            let gap = partial / weight - (sum - partial) / (total - weight)
            let variance = weight * (total - weight) * gap * gap
            if variance > best {
                best = variance
                bestLevel = level
            }
        }
        return bestLevel
    }

    /// Levels between several classes, ascending: P.-S. Liao, T.-S. Chen and P.-C. Chung, "A Fast Algorithm for Multilevel
    /// Thresholding", J. Inf. Sci. Eng. 17 (2001), whose criterion Σ S²/P over the classes is maximised here by dynamic
    /// programming. Whole numbers of at most 4096 levels exactly, others in 1024 bins.
    static func levels(of values: UnsafeBufferPointer<Float>, classes: Int) throws(Diagnostic) -> [Double] {
        let histogram = try IntensityHistogram(of: values, levels: 4096, bins: 1024)
        let occupied = histogram.counts.count { $0 > 0 }
        guard occupied >= classes else {
            throw Diagnostic(
                .undefinedResult, "the image has only \(occupied) different levels, too few for \(classes) classes",
                remedy: "ask for fewer classes")
        }
        return splits(histogram.counts, classes: classes).map(histogram.level)
    }

    /// The last bin of each class but the brightest.
    private static func splits(_ counts: [Int], classes: Int) -> [Int] {
        let bins = counts.count
        var weights = [0.0], moments = [0.0]
        for (bin, count) in counts.enumerated() {
            weights.append(weights[bin] + Double(count))
            moments.append(moments[bin] + Double(count) * Double(bin))
        }
        /// The criterion of the bins `first..<end` as one class.
        func merit(_ first: Int, _ end: Int) -> Double {
            let weight = weights[end] - weights[first], moment = moments[end] - moments[first]
            return weight > 0 ? moment * moment / weight : 0
        }
        // best[end]: the greatest sum for bins 0..<end in the classes so far; from[c][end]: where the last of them begins.
        var best = (0...bins).map { merit(0, $0) }
        var from: [[Int]] = []
        for _ in 1..<classes {
            var next = [Double](repeating: -1, count: bins + 1), start = [Int](repeating: 0, count: bins + 1)
            for end in 1...bins {
                for middle in 1..<max(1, end) {
                    let value = best[middle] + merit(middle, end)
                    if value > next[end] {
                        next[end] = value
                        start[end] = middle
                    }
                }
            }
            best = next
            from.append(start)
        }
        var ends: [Int] = [], end = bins
        for start in from.reversed() {
            end = start[end]
            ends.append(end - 1)
        }
        return ends.reversed()
    }
}
