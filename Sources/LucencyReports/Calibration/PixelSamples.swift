import LucencyCalibration
import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Some pixels of one case, to fit a temperature to: the logarithms of their probabilities and their true classes.
///
/// Half of them come from the pixels that are foreground in the reference or the prediction, half from the others, each with
/// the weight of those that it stands for: so they stand for all pixels, and the few that matter are not missed.
struct PixelSample: Hashable, Sendable {
    let classCount: Int
    private(set) var logits: [Float] = []
    private(set) var labels: [UInt8] = []
    /// Which of the two groups each is of.
    private var groups: [Bool] = []
    /// Pixels of the groups: others, foreground.
    private let totals: [Int]

    static let largest = 1024

    init(
        _ map: ProbabilityMap, _ truth: PixelTruth, _ decisions: PixelDecisions, background: UInt8, random: PhiloxStream
    ) {
        var random = random
        let planes = map.classes.count, count = map.size.count
        classCount = planes
        var places: [[Int32]] = [[], []]
        truth.classes.withUnsafeBufferPointer { truth in
            decisions.classes.withUnsafeBufferPointer { predicted in
                for index in 0..<count where truth[index] != PixelTruth.ignored {
                    let isForeground = truth[index] != background || predicted[index] != background
                    places[isForeground ? 1 : 0].append(Int32(truncatingIfNeeded: index))
                }
            }
        }
        totals = places.map(\.count)
        map.values.withUnsafeBufferPointer { values in
            truth.classes.withUnsafeBufferPointer { truth in
                // The first steps of a shuffle draw without replacement; the groups take turns, so that the first part of a
                // sample is a sample of both.
                for step in 0..<Self.largest / 2 {
                    for group in [1, 0] where step < totals[group] {
                        let left = totals[group] - step
                        places[group].swapAt(step, step + min(left - 1, Int(random.uniform() * Double(left))))
                        let index = Int(places[group][step])
                        for plane in 0..<planes {
                            logits.append(logf(max(values[plane &* count &+ index], .leastNormalMagnitude)))
                        }
                        labels.append(truth[index])
                        groups.append(group == 1)
                    }
                }
            }
        }
    }

    /// The first pixels alone.
    func prefix(_ count: Int) -> PixelSample {
        guard labels.count > count else { return self }
        var copy = self
        copy.labels = Array(labels.prefix(count))
        copy.groups = Array(groups.prefix(count))
        copy.logits = Array(logits.prefix(count * classCount))
        return copy
    }

    /// How many pixels each stands for.
    var weights: [Float] {
        let foreground = groups.count { $0 }
        let each = [
            Float(totals[0]) / Float(max(1, groups.count - foreground)), Float(totals[1]) / Float(max(1, foreground)),
        ]
        return groups.map { each[$0 ? 1 : 0] }
    }
}

/// Samples of many cases, at most about a million pixels together: the more cases, the fewer pixels of each.
struct PixelSamples: Sendable {
    private var byCase: [String: PixelSample] = [:]
    private var perCase = PixelSample.largest
    private var total = 0

    static let largest = 1 << 20

    mutating func add(_ sample: PixelSample, of name: String) {
        let kept = sample.prefix(perCase)
        total += kept.labels.count - (byCase.updateValue(kept, forKey: name)?.labels.count ?? 0)
        while perCase > 2, total > Self.largest { thin(to: perCase / 2) }
    }

    mutating func merge(_ other: PixelSamples) {
        if other.perCase < perCase { thin(to: other.perCase) }
        for (name, sample) in other.byCase { add(sample, of: name) }
    }

    /// Which pixels remain depends on the cases, not on the order in which they came.
    private mutating func thin(to count: Int) {
        perCase = count
        byCase = byCase.mapValues { $0.prefix(count) }
        total = byCase.values.reduce(0) { $0 + $1.labels.count }
    }

    /// What the best temperature would change; nil where there is nothing to fit to.
    func temperature(bins: Int, pool: ThreadPool) throws(Diagnostic) -> CalibrationReport.Temperature? {
        let samples = byCase.sorted { $0.key < $1.key }.map(\.value).filter { !$0.labels.isEmpty }
        guard let classCount = samples.first?.classCount else { return nil }
        var points = LogitPoints(classCount: classCount)
        for sample in samples where sample.classCount == classCount {
            for (place, weight) in sample.weights.enumerated() {
                let row = Array(sample.logits[place * classCount..<(place + 1) * classCount])
                try points.add(row, label: Int(sample.labels[place]), weight: weight)
            }
        }
        let fit = try TemperatureScaling(fitting: points, pool: pool)
        let before = points.scores(temperature: 1, bins: bins)
        let after = points.scores(temperature: fit.temperature, bins: bins)
        return CalibrationReport.Temperature(
            value: fit.temperature, errorBefore: before.error, errorAfter: after.error, logLossBefore: before.logLoss,
            logLossAfter: after.logLoss,
            note: fit.isAtLimit
                ? "the search ended at its limit: these pixels are predicted perfectly, or no better than chance" : nil)
    }
}
