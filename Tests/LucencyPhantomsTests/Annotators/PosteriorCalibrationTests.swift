import Foundation
import LucencyFoundation
import LucencyImaging
import LucencyPhantoms
import Testing

/// The expected calibration error of a predictor that outputs the posterior, over many patients.
@Suite struct PosteriorCalibrationTests {
    private static let cases = 160, bins = 15

    private typealias Bins = [(n: Double, sum: Double)]

    /// Every patient's posterior and two annotators' labels.
    private static func patients() throws -> [(posterior: [Float], labels: [[Int32]])] {
        var organs = Organs()
        (organs.width, organs.height, organs.spacing, organs.annotators.count) = (44, 36, 7.5, 2)
        let pool = ThreadPool(threads: 2)
        return try (0..<cases).map { index in
            let values = try organs(seed: 21, index: index, ["label", "label2", "posterior"], pool: pool).values
            let posterior = try #require(values["posterior"]?.probabilities)
            let first = try #require(values["label"]?.labels), second = try #require(values["label2"]?.labels)
            return (posterior.values.array, [first.labels.array, second.labels.array])
        }
    }

    /// In bins of the highest probability: pixels, and Σ(correct − confidence).
    /// - Parameter power: to which probabilities are raised before: above 1 for a predictor that is too certain.
    private static func bins(_ posterior: [Float], _ labels: [Int32], power: Double) -> Bins {
        var result = Bins(repeating: (0, 0), count: bins)
        let count = labels.count, classes = posterior.count / count
        for i in 0..<count {
            var best = 0, sum = 0.0
            for k in 0..<classes where posterior[k * count + i] > 0 {
                if posterior[k * count + i] > posterior[best * count + i] { best = k }
                sum += power == 1 ? Double(posterior[k * count + i]) : pow(Double(posterior[k * count + i]), power)
            }
            let confidence = pow(Double(posterior[best * count + i]), power) / sum
            let bin = min(bins - 1, Int(confidence * Double(bins)))
            result[bin].n += 1
            result[bin].sum += (Int(labels[i]) == best ? 1 : 0) - confidence
        }
        return result
    }

    /// The error, what is to be expected of a perfect predictor (the estimator's bias), and its standard deviation.
    ///
    /// In a bin, Σ(correct − confidence) of a perfect predictor is a sum over patients, who are independent, of mean 0;
    /// so it is nearly normal, its variance v is estimated by the sum of squares, and its absolute value has mean
    /// √(2v/π) and standard deviation √((1 − 2/π)v). Pixels of a patient may depend on each other as they like.
    private static func error(
        _ deviations: [Bins]
    ) -> (value: Double, expected: Double, deviation: Double) {
        var value = 0.0, expected = 0.0, deviation = 0.0, pixels = 0.0
        for bin in 0..<bins {
            let sums = deviations.map { $0[bin].sum }
            let variance = sums.reduce(0) { $0 + $1 * $1 }
            pixels += deviations.reduce(0) { $0 + $1[bin].n }
            value += abs(sums.reduce(0, +))
            expected += (2 * variance / .pi).squareRoot()
            deviation += ((1 - 2 / .pi) * variance).squareRoot()
        }
        return (value / pixels, expected / pixels, deviation / pixels)
    }

    @Test func `a predictor that outputs the posterior has no calibration error beyond the estimator's bias`() throws {
        let patients = try Self.patients()
        for annotator in 0..<2 {
            let error = Self.error(patients.map { Self.bins($0.posterior, $0.labels[annotator], power: 1) })
            #expect(error.expected < 0.004)
            #expect(error.value < error.expected + 5 * error.deviation)
            // It is not less than chance allows either: the labels are drawn, not computed.
            #expect(error.value > max(error.expected - 4 * error.deviation, 0.3 * error.expected), "\(error)")
        }
        // One that is more certain, or less, has.
        for power in [2.0, 0.5] {
            let error = Self.error(patients.map { Self.bins($0.posterior, $0.labels[0], power: power) })
            #expect(error.value > error.expected + 5 * error.deviation)
        }
    }
}
