import LucencyFoundation
import LucencyImaging
import LucencyNetworks
import LucencyTensor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Predicts whole cases in tiles and compares with their labels.
struct Validation {
    let cases: [TrainingCase]
    /// Extents of a tile, slowest first; images that are not much larger are predicted in one piece.
    let tile: [Int]
    let classes: Int

    /// How good some weights are.
    func callAsFunction(_ predictor: Predictor, pool: ThreadPool) throws -> ValidationScore {
        var sums = [Double](repeating: 0, count: classes), shares = sums, counts = [Int](repeating: 0, count: classes)
        var loss = 0.0, pixels = 0
        for item in cases {
            let sample = item.sample
            let logits = try predictor.logits(of: sample, tile: tile, pool: pool)
            let overlaps = Self.overlaps(logits, sample.labels, classes)
            for number in 0..<classes {
                let total = overlaps.predicted[number] + overlaps.actual[number]
                guard total > 0 else { continue }
                sums[number] += 2 * Double(overlaps.both[number]) / Double(total)
                shares[number] += Double(overlaps.both[number]) / Double(total - overlaps.both[number])
                counts[number] += 1
            }
            loss += overlaps.loss
            pixels += overlaps.pixels
        }
        func means(_ sums: [Double]) -> [Double?] {
            (0..<classes).map { counts[$0] > 0 ? sums[$0] / Double(counts[$0]) : nil }
        }
        func foreground(_ means: [Double?]) -> Double {
            let known = means.dropFirst().compactMap { $0 }
            return known.isEmpty ? 0 : known.reduce(0, +) / Double(known.count)
        }
        return ValidationScore(
            dice: foreground(means(sums)), diceByClass: means(sums), iou: foreground(means(shares)),
            logLoss: pixels > 0 ? loss / Double(pixels) : 0)
    }

    /// What a case counts: pixels of each class that are predicted, actual, both; the sum of -log p, and its pixels.
    private struct Overlaps {
        var predicted: [Int]
        var actual: [Int]
        var both: [Int]
        var loss = 0.0
        var pixels = 0
    }

    /// Ignored pixels do not count.
    private static func overlaps(
        _ logits: AlignedBuffer<Float>, _ labels: AlignedBuffer<Int32>, _ classes: Int
    ) -> Overlaps {
        let none = [Int](repeating: 0, count: classes)
        var counts = Overlaps(predicted: none, actual: none, both: none)
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
                    counts.predicted[best] += 1
                    guard label < classes else { continue }
                    counts.actual[label] += 1
                    if label == best { counts.both[best] += 1 }
                    var sum: Float = 0
                    for number in 0..<classes { sum += expf(values[number &* pixels &+ pixel] - highest) }
                    counts.loss += Double(logf(sum) + highest - values[label &* pixels &+ pixel])
                    counts.pixels += 1
                }
            }
        }
        return counts
    }
}

extension Predictor {
    /// What the network says of a whole case, class × z × y × x.
    /// - Parameter tile: extents of a tile, slowest first; images that are not much larger are predicted in one piece.
    func logits(of sample: Sample, tile: [Int], pool: ThreadPool) throws -> AlignedBuffer<Float> {
        try slicewise(sample.image, channels: sample.channels, size: sample.size) { image in
            let fits = zip(image.shape.spatial, tile).allSatisfy { $0 <= $1 * 3 / 2 }
            if fits { return try self(image) }
            var window = SlidingWindow(tile: tile)
            window.overlap = 0.25
            return try window(image, pool: pool) { try self($0) }
        }.values
    }
}
