import LucencyCalibration
import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Some pixels of one case, drawn at random from those that are foreground in the reference or the prediction: the logarithms
/// of their probabilities and their true classes.
struct PixelSample: Hashable, Sendable {
    let classCount: Int
    var logits: [Float] = []
    var labels: [UInt8] = []
    /// Pixels that they were drawn from.
    let drawnFrom: Int

    static let largest = 1024

    init(
        _ map: ProbabilityMap, _ truth: PixelTruth, _ decisions: PixelDecisions, background: UInt8, random: PhiloxStream
    ) {
        var random = random
        let planes = map.classes.count, count = map.size.count
        classCount = planes
        var places: [Int32] = []
        truth.classes.withUnsafeBufferPointer { truth in
            decisions.classes.withUnsafeBufferPointer { predicted in
                for index in 0..<count
                where truth[index] != PixelTruth.ignored
                    && (truth[index] != background || predicted[index] != background)
                {
                    places.append(Int32(truncatingIfNeeded: index))
                }
            }
        }
        drawnFrom = places.count
        let wanted = min(Self.largest, places.count)
        map.values.withUnsafeBufferPointer { values in
            truth.classes.withUnsafeBufferPointer { truth in
                // The first steps of a shuffle draw without replacement; any first part of the sample is a sample too.
                for step in 0..<wanted {
                    let other = step + min(places.count - step - 1, Int(random.uniform() * Double(places.count - step)))
                    places.swapAt(step, other)
                    let index = Int(places[step])
                    for plane in 0..<planes {
                        logits.append(logf(max(values[plane &* count &+ index], .leastNormalMagnitude)))
                    }
                    labels.append(truth[index])
                }
            }
        }
    }

    /// The first pixels alone.
    func prefix(_ count: Int) -> PixelSample {
        guard labels.count > count else { return self }
        var copy = self
        copy.labels = Array(labels.prefix(count))
        copy.logits = Array(logits.prefix(count * classCount))
        return copy
    }
}

/// Samples of many cases, at most about a million pixels together: the more cases, the fewer pixels of each.
struct PixelSamples: Sendable {
    private(set) var byCase: [String: PixelSample] = [:]
    private var perCase = PixelSample.largest

    static let largest = 1 << 20

    mutating func add(_ sample: PixelSample, of name: String) {
        byCase[name] = sample.prefix(perCase)
        thin()
    }

    mutating func merge(_ other: PixelSamples) {
        perCase = min(perCase, other.perCase)
        byCase.merge(other.byCase) { $1 }
        byCase = byCase.mapValues { $0.prefix(perCase) }
        thin()
    }

    /// Which pixels remain depends on the cases, not on the order in which they came.
    private mutating func thin() {
        while perCase > 1, byCase.values.reduce(0, { $0 + $1.labels.count }) > Self.largest {
            perCase /= 2
            byCase = byCase.mapValues { $0.prefix(perCase) }
        }
    }

    /// What the best temperature would change; nil where there is nothing to fit to.
    func temperature(bins: Int, pool: ThreadPool) throws(Diagnostic) -> CalibrationReport.Temperature? {
        let samples = byCase.sorted { $0.key < $1.key }.map(\.value).filter { !$0.labels.isEmpty }
        guard let classCount = samples.first?.classCount else { return nil }
        var points = LogitPoints(classCount: classCount)
        for sample in samples where sample.classCount == classCount {
            let weight = Float(sample.drawnFrom) / Float(sample.labels.count)
            for (place, label) in sample.labels.enumerated() {
                let row = Array(sample.logits[place * classCount..<(place + 1) * classCount])
                try points.add(row, label: Int(label), weight: weight)
            }
        }
        let fit = try TemperatureScaling(fitting: points, pool: pool)
        let before = Scores(points, temperature: 1, bins: bins)
        let after = Scores(points, temperature: fit.temperature, bins: bins)
        return CalibrationReport.Temperature(
            value: fit.temperature, errorBefore: before.error, errorAfter: after.error, logLossBefore: before.logLoss,
            logLossAfter: after.logLoss,
            note: fit.isAtLimit
                ? "the search ended at its limit: these pixels are predicted perfectly, or no better than chance" : nil)
    }

    /// Weighted calibration error and log loss of points at a temperature.
    private struct Scores {
        var error: Double
        var logLoss: Double

        init(_ points: LogitPoints, temperature: Double, bins: Int) {
            var counts = [Double](repeating: 0, count: bins), gaps = counts
            var loss = 0.0
            for place in 0..<points.count {
                let row = points.logits[place * points.classCount..<(place + 1) * points.classCount]
                guard let top = row.max(), let answer = row.firstIndex(of: top) else { continue }
                var sum = 0.0
                for value in row { sum += exp(Double(value - top) / temperature) }
                let confidence = 1 / sum, weight = Double(points.weights[place]), label = Int(points.labels[place])
                loss += weight * (log(sum) - Double(row[row.startIndex + label] - top) / temperature)
                let bin = max(0, min(bins - 1, Int((confidence * Double(bins)).rounded(.up)) - 1))
                counts[bin] += weight
                gaps[bin] += weight * (confidence - (answer - row.startIndex == label ? 1 : 0))
            }
            let total = max(counts.reduce(0, +), .leastNormalMagnitude)
            error = gaps.reduce(0) { $0 + abs($1) } / total
            logLoss = loss / total
        }
    }
}
