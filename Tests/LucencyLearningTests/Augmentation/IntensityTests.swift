import Foundation
import LucencyFoundation
import LucencyImaging
import LucencyLearning
import Testing

@Suite struct IntensityTests {
    let size = GridSize(24, 17)

    func matches(_ left: [Float], _ right: [Double], within tolerance: Double = 1e-5) -> Bool {
        left.count == right.count && zip(left, right).allSatisfy { abs(Double($0) - $1) < tolerance }
    }

    @Test func `gamma is a power between the lowest and the highest value`() throws {
        let sample = try Samples.random(size, channels: 2)
        let changed = try sample.after(.gamma(.init(exponents: [1.5, 1], keepsStatistics: false)))
        let old = sample.values().map(Double.init)
        let low = try #require(old.min()), high = try #require(old.max())
        #expect(matches(changed.values(), old.map { low + (high - low) * pow(($0 - low) / (high - low), 1.5) }))
        #expect(changed.values().allSatisfy { Double($0) >= low && Double($0) <= high })
        #expect(abs(Double(changed.values().max() ?? 0) - high) < 1e-6 && changed.values().min() == Float(low))
        #expect(changed.values(1) == sample.values(1))
        #expect(changed.labels == sample.labels && changed.maps == sample.maps)
        let inverted = try sample.after(
            .gamma(.init(exponents: [0.7, 1], isInverted: true, keepsStatistics: false)))
        #expect(matches(inverted.values(), old.map { high - (high - low) * pow((high - $0) / (high - low), 0.7) }))
    }

    @Test func `gamma restores mean and standard deviation`() throws {
        let sample = try Samples.random(size)
        let changed = try sample.after(.gamma(.init(exponents: [0.7])))
        #expect(changed != sample)
        #expect(abs(changed.values().mean - sample.values().mean) < 1e-5)
        #expect(abs(changed.values().deviation - sample.values().deviation) < 1e-5)
    }

    @Test func `contrast moves values from their mean, within their range`() throws {
        let sample = try Samples.random(size, channels: 2)
        let old = sample.values(1).map(Double.init), mean = sample.values(1).mean
        let low = try #require(old.min()), high = try #require(old.max())
        let wide = try sample.after(.contrast(.init(factors: [1, 1.4], keepsRange: false)))
        #expect(matches(wide.values(1), old.map { mean + 1.4 * ($0 - mean) }))
        #expect(wide.values(0) == sample.values(0))
        let kept = try sample.after(.contrast(.init(factors: [1, 1.4])))
        #expect(matches(kept.values(1), old.map { min(high, max(low, mean + 1.4 * ($0 - mean))) }))
    }

    @Test func `brightness multiplies and adds`() throws {
        let sample = try Samples.random(size, channels: 2)
        let changed = try sample.after(.brightness(.init(factors: [1.25, 1], additions: [-0.5, 2])))
        #expect(matches(changed.values(0), sample.values(0).map { Double($0) * 1.25 - 0.5 }))
        #expect(matches(changed.values(1), sample.values(1).map { Double($0) + 2 }))
    }

    @Test func `normalisation takes away means and divides`() throws {
        let sample = try Samples.random(size, channels: 2)
        let changed = try sample.after(.normalize(.init(means: [1, -2], deviations: [2, 0.5])))
        #expect(matches(changed.values(0), sample.values(0).map { (Double($0) - 1) / 2 }))
        #expect(matches(changed.values(1), sample.values(1).map { (Double($0) + 2) / 0.5 }))
    }

    @Test func `noise has the statistics of independent normal numbers`() throws {
        let size = GridSize(128, 101)
        let empty = try Samples.image(Array(repeating: 0, count: size.count * 2), size, channels: 2)
        let noisy = try empty.after(.noise(.init(deviation: 0.5, seed: 12)))
        for channel in 0..<2 {
            let values = noisy.values(channel).map { Double($0) / 0.5 }, count = Double(values.count)
            let moments = (1...4).map { power in values.map { pow($0, Double(power)) }.reduce(0, +) / count }
            // Five standard errors: variances of the powers of a normal number are 1, 2, 15 and 96.
            for (moment, (expected, variance)) in zip(moments, [(0.0, 1.0), (1, 2), (0, 15), (3, 96)]) {
                #expect(abs(moment - expected) < 5 * (variance / count).squareRoot())
            }
            for lag in [1, 2, 3, 4, 128] {
                let product = zip(values, values.dropFirst(lag)).map { $0 * $1 }.reduce(0, +) / count
                #expect(abs(product) < 5 / count.squareRoot())
            }
        }
        let across = zip(noisy.values(0), noisy.values(1)).map { Double($0 * $1) * 4 }.reduce(0, +)
        #expect(abs(across / Double(size.count)) < 5 / Double(size.count).squareRoot())
        #expect(try empty.after(.noise(.init(deviation: 0.5, seed: 12))) == noisy)
        #expect(try empty.after(.noise(.init(deviation: 0.5, seed: 13))) != noisy)
        #expect(try empty.after(.noise(.init(deviation: 0, seed: 12))) == empty)
    }

    @Test func `blur is a Gaussian over the mirrored image and keeps its mean`() throws {
        let size = GridSize(11, 6, 3)
        let sample = try Samples.random(size, channels: 2)
        let blurred = try sample.after(.blur(.init(deviations: [0, 0.8])))
        #expect(blurred.values(0) == sample.values(0))
        #expect(abs(blurred.values(1).mean - sample.values(1).mean) < 1e-6)
        func mirrored(_ place: Int, _ length: Int) -> Int {
            var place = place
            while place < 0 || place >= length { place = place < 0 ? -1 - place : 2 * length - 1 - place }
            return place
        }
        let weights = (-4...4).map { exp(-Double($0 * $0) / (2 * 0.64)) }, sum = weights.reduce(0, +)
        for (x, y, z) in [(0, 0, 0), (5, 3, 1), (10, 5, 2), (1, 4, 0)] {
            var expected = 0.0
            for k in -4...4 {
                for j in -4...4 {
                    for i in -4...4 {
                        let weight = weights[i + 4] * weights[j + 4] * weights[k + 4] / (sum * sum * sum)
                        expected +=
                            weight
                            * Double(
                                sample[mirrored(x + i, 11), mirrored(y + j, 6), mirrored(z + k, 3), channel: 1])
                    }
                }
            }
            #expect(abs(Double(blurred[x, y, z, channel: 1]) - expected) < 1e-6)
        }
    }

    @Test func `a low resolution repeats nearest pixels, or joins them by lines`() throws {
        let sample = try Samples.image([0, 1, 2, 3, 4, 5, 6, 7], GridSize(8, 1))
        let nearest = try sample.after(.lowResolution(.init(scales: [0.5], interpolation: .nearest)))
        #expect(nearest.values() == [1, 1, 3, 3, 5, 5, 7, 7])
        let linear = try sample.after(.lowResolution(.init(scales: [0.5])))
        #expect(linear.values() == [1, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7])
    }

    @Test func `a low resolution leaves constant images and spared axes alone`() throws {
        let size = GridSize(9, 7, 5)
        let constant = try Samples.image(Array(repeating: 0.375, count: size.count), size)
        for interpolation in [Interpolation.nearest, .linear, .cubic] {
            let changed = try constant.after(.lowResolution(.init(scales: [0.6], interpolation: interpolation)))
            #expect(matches(changed.values(), Array(repeating: 0.375, count: size.count), within: 1e-7))
        }
        let depth = try Samples.drawn(size) { _, _, z in z }
        #expect(try depth.after(.lowResolution(.init(scales: [0.5], axes: [.x, .y]))) == depth)
        #expect(try depth.after(.lowResolution(.init(scales: [0.5]))) != depth)
    }

    @Test func `a bias field is smooth, has a mean of 1 and spares the lowest value`() throws {
        let size = GridSize(64, 48)
        let values = (0..<size.count).map { Float($0 == 100 ? 2 : 3) }
        let sample = try Samples.image(values + values.map { 2 * $0 - 1 }, size, channels: 2)
        let changed = try sample.after(.biasField(.init(strength: 0.4, distance: 32, seed: 3)))
        let field = changed.values().map { $0 - 2 }
        #expect(changed.values()[100] == 2)
        let rest = field.indices.filter { $0 != 100 }.map { field[$0] }
        #expect(abs(rest.mean - 1) < 1e-3)
        #expect(rest.deviation > 0.02)
        let low = try #require(rest.min()), high = try #require(rest.max())
        #expect(low > exp(-0.8) && high < exp(0.8))
        // A slope of the logarithm is at most 2 · strength / distance.
        for y in 10..<48 {
            for x in 1..<64 { #expect(abs(log(field[y * 64 + x] / field[y * 64 + x - 1])) < 0.0251) }
        }
        // All channels have the same field, about their own lowest value.
        for i in 0..<size.count {
            #expect(abs((changed.values(1)[i] - 3) - 2 * (changed.values(0)[i] - 2)) < 1e-5)
        }
        #expect(try sample.after(.biasField(.init(strength: 0, distance: 32, seed: 3))) == sample)
    }

    @Test func `records that do not fit the sample are refused`() throws {
        let sample = try Samples.random(size, channels: 2)
        let records: [DrawnAugmentation] = [
            .gamma(.init(exponents: [1.1])), .gamma(.init(exponents: [1, 0])), .contrast(.init(factors: [1, .nan])),
            .brightness(.init(factors: [1, 1], additions: [0])), .noise(.init(deviation: -1, seed: 0)),
            .blur(.init(deviations: [1, 1000])), .lowResolution(.init(scales: [0, 1])),
            .stain(.init(factors: [1, 1, 1], shifts: [0, 0, 0])),
            .normalize(.init(means: [0, 0], deviations: [1, 0])),
            .biasField(.init(strength: 9, distance: 8, seed: 0)), .biasField(.init(strength: 1, distance: 0, seed: 0)),
        ]
        for record in records {
            #expect(throws: Diagnostic.self, "\(record)") { try sample.after(record) }
        }
    }
}
