import LucencyFoundation

/// The rising function of a score that is nearest to what was observed: constant on blocks, linear between them, constant
/// outside (pool adjacent violators; Zadrozny, Elkan, KDD 2002).
public struct IsotonicRegression: Hashable, Codable, Sendable {
    /// Where a block begins and where it ends, strictly rising, and the function there.
    public private(set) var scores: [Double]
    public private(set) var values: [Double]

    /// - Parameters:
    ///   - points: a score, the mean of what was observed at it, and a weight above 0; equal scores are taken together.
    /// - Throws: `Diagnostic` when there is no point.
    public init(_ points: some Sequence<(score: Double, value: Double, weight: Double)>) throws(Diagnostic) {
        var blocks: [Block] = []
        let sorted = points.filter { $0.weight > 0 }.sorted { $0.score < $1.score }
        var merged: [Block] = []
        for point in sorted {
            if let last = merged.last, last.last == point.score {
                merged[merged.count - 1].sum += point.value * point.weight
                merged[merged.count - 1].weight += point.weight
            } else {
                merged.append(
                    Block(first: point.score, last: point.score, sum: point.value * point.weight, weight: point.weight))
            }
        }
        for block in merged {
            var block = block
            while let last = blocks.last, last.mean >= block.mean {
                block = Block(
                    first: last.first, last: block.last, sum: last.sum + block.sum, weight: last.weight + block.weight)
                blocks.removeLast()
            }
            blocks.append(block)
        }
        guard !blocks.isEmpty else { throw Recalibration.nothing }
        (scores, values) = ([], [])
        for block in blocks {
            scores.append(block.first)
            values.append(block.mean)
            guard block.last > block.first else { continue }
            scores.append(block.last)
            values.append(block.mean)
        }
    }

    /// Scores from `first` to `last` that have one value.
    private struct Block {
        var first, last, sum, weight: Double
        var mean: Double { sum / weight }
    }

    public func callAsFunction(_ score: Double) -> Double {
        var low = 0, high = scores.count
        while low < high {
            let middle = (low + high) / 2
            if scores[middle] < score { low = middle + 1 } else { high = middle }
        }
        guard low < scores.count else { return values.last ?? score }
        guard low > 0, scores[low] > score else { return values[low] }
        let share = (score - scores[low - 1]) / (scores[low] - scores[low - 1])
        return values[low - 1] + share * (values[low] - values[low - 1])
    }

    private enum CodingKeys: String, CodingKey { case scores, values }

    /// Refuses what no fit gives.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        scores = try container.decode([Double].self, forKey: .scores)
        values = try container.decode([Double].self, forKey: .values)
        guard !scores.isEmpty, scores.count == values.count, (scores + values).allSatisfy(\.isFinite),
            zip(scores, scores.dropFirst()).allSatisfy({ $0 < $1 }),
            zip(values, values.dropFirst()).allSatisfy({ $0 <= $1 })
        else {
            throw DecodingError.dataCorruptedError(
                forKey: .scores, in: container, debugDescription: "not a rising function")
        }
    }
}

/// An isotonic regression for each class against all others, then divided by the sum over classes. Answers may change.
public struct IsotonicCalibration: Hashable, Codable, Sendable {
    public var classes: [IsotonicRegression]

    public init(classes: [IsotonicRegression]) {
        self.classes = classes
    }

    /// Of histograms: each slot counts at the mean of its probabilities, which differ within it by at most 1/16 of their
    /// distance to 0 or 1.
    /// - Throws: `Diagnostic` when there is no pixel.
    public init(fitting histograms: [ConfidenceHistogram]) throws(Diagnostic) {
        guard !histograms.isEmpty else { throw Recalibration.nothing }
        var classes: [IsotonicRegression] = []
        for histogram in histograms {
            let points = histogram.slots.map { slot in
                (
                    score: slot.confidence, value: Double(slot.hits) / Double(slot.count), weight: Double(slot.count)
                )
            }
            classes.append(try IsotonicRegression(points))
        }
        self.classes = classes
    }
}
