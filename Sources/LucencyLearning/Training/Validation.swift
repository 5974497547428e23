import LucencyFoundation
import LucencyImaging
import LucencyNetworks
import LucencyTensor

/// Predicts whole cases in tiles and compares with their labels.
struct Validation {
    let cases: [TrainingCase]
    /// Extents of a tile, slowest first; images that are not much larger are predicted in one piece.
    let tile: [Int]
    let classes: Int

    /// The mean Dice of some weights.
    func callAsFunction(_ predictor: Predictor, pool: ThreadPool) throws -> ValidationScore {
        var sums = [Double](repeating: 0, count: classes), counts = [Int](repeating: 0, count: classes)
        for item in cases {
            let sample = item.sample
            let logits = try predictor.slicewise(sample.image, channels: sample.channels, size: sample.size) {
                try predict($0, predictor, pool)
            }.values
            let overlaps = Self.overlaps(logits, sample.labels, classes)
            for number in 0..<classes {
                let total = overlaps.predicted[number] + overlaps.actual[number]
                guard total > 0 else { continue }
                sums[number] += 2 * Double(overlaps.both[number]) / Double(total)
                counts[number] += 1
            }
        }
        let means = (0..<classes).map { counts[$0] > 0 ? sums[$0] / Double(counts[$0]) : nil }
        let foreground = means.dropFirst().compactMap { $0 }
        return ValidationScore(
            dice: foreground.isEmpty ? 0 : foreground.reduce(0, +) / Double(foreground.count), diceByClass: means)
    }

    private func predict(_ image: Tensor, _ predictor: Predictor, _ pool: ThreadPool) throws -> Tensor {
        let fits = zip(image.shape.spatial, tile).allSatisfy { $0 <= $1 * 3 / 2 }
        if fits { return try predictor(image) }
        var window = SlidingWindow(tile: tile)
        window.overlap = 0.25
        return try window(image, pool: pool) { try predictor($0) }
    }

    /// Pixels of each class: predicted, actual, both. Ignored pixels do not count.
    private static func overlaps(
        _ logits: AlignedBuffer<Float>, _ labels: AlignedBuffer<Int32>, _ classes: Int
    ) -> (predicted: [Int], actual: [Int], both: [Int]) {
        var predicted = [Int](repeating: 0, count: classes), actual = predicted, both = predicted
        let pixels = labels.count
        logits.withUnsafeBufferPointer { values in
            labels.withUnsafeBufferPointer { labels in
                for pixel in 0..<pixels where labels[pixel] >= 0 {
                    var best = 0, highest = values[pixel]
                    for number in 1..<classes {
                        let value = values[number &* pixels &+ pixel]
                        if value > highest { (best, highest) = (number, value) }
                    }
                    let label = Int(labels[pixel])
                    predicted[best] += 1
                    if label < classes { actual[label] += 1 }
                    if label == best { both[best] += 1 }
                }
            }
        }
        return (predicted, actual, both)
    }
}
