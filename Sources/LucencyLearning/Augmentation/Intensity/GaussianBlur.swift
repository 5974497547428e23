#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import LucencyFoundation
import LucencyImaging

/// Blurs channels with a Gaussian, the image mirrored at its edges, which keeps the mean.
///
/// Probabilities and range start as those of nnU-Net v2, which draws a width for each axis; here all axes share one.
public struct GaussianBlur: AugmentationComponent {
    public static let name = "blur"
    public var probability = 0.2
    /// Of each channel, once the sample is chosen.
    public var channelProbability = 0.5
    /// Standard deviation in pixels, the same along all axes with more than one pixel.
    public var deviation = Interval(0.5, 1)

    public init() {}

    public func check(for form: SampleForm) throws(Diagnostic) {
        try check(probability: probability)
        try check(probability: channelProbability, "channelProbability")
        try deviation.check("a deviation", of: Self.name, within: 0...100)
    }

    public func draw(from random: inout PhiloxStream, for form: SampleForm) -> DrawnAugmentation? {
        guard random.uniform() < probability else { return nil }
        let deviations = random.numbers(
            deviation, channels: form.channels, probability: channelProbability, neutral: 0)
        return deviations.allSatisfy { $0 == 0 } ? nil : .blur(Drawn(deviations: deviations))
    }

    public struct Drawn: DrawnParameters {
        public static let name = GaussianBlur.name
        /// One for each channel, in pixels; 0 leaves it as it is.
        public var deviations: [Double]

        public init(deviations: [Double]) {
            self.deviations = deviations
        }

        public func apply(to sample: inout Sample) throws(Diagnostic) {
            try require(deviations, for: sample, "deviations", in: 0...100)
            let size = sample.size
            for (channel, deviation) in deviations.enumerated() where deviation > 0 {
                let kernel = Self.kernel(deviation)
                sample.withChannel(channel) { values in
                    withUnsafeTemporaryAllocation(of: Float.self, capacity: values.count) { copy in
                        guard let values = values.baseAddress, let copy = copy.baseAddress else { return }
                        let pass = Pass(kernel: kernel, values: values, copy: copy)
                        pass.along(rows: size.y * size.z, length: size.x)
                        pass.across(blocks: size.z, length: size.y, inner: size.x)
                        pass.across(blocks: 1, length: size.z, inner: size.x * size.y)
                    }
                }
            }
        }

        /// Weights of the middle and of one side, out to four standard deviations, that sum to 1 over both sides.
        static func kernel(_ deviation: Double) -> [Float] {
            let weights = (0...max(1, Int((4 * deviation).rounded(.up)))).map { distance in
                exp(-0.5 * Double(distance * distance) / (deviation * deviation))
            }
            let sum = 2 * weights.reduce(0, +) - weights[0]
            return weights.map { Float($0 / sum) }
        }
    }

    /// One axis after the other.
    private struct Pass {
        let kernel: [Float]
        let values, copy: UnsafeMutablePointer<Float>

        /// The axis whose pixels are neighbours in memory.
        func along(rows: Int, length: Int) {
            guard length > 1 else { return }
            let reach = kernel.count - 1
            withUnsafeTemporaryAllocation(of: Float.self, capacity: length + 2 * reach) { padded in
                for row in 0..<rows {
                    let line = values + row * length
                    for i in 0..<reach {
                        padded[i] = line[Self.mirrored(i - reach, length)]
                        padded[reach + length + i] = line[Self.mirrored(length + i, length)]
                    }
                    for i in 0..<length { padded[reach &+ i] = line[i] }
                    let middle = kernel[0]
                    for i in 0..<length { line[i] = padded[reach &+ i] * middle }
                    for k in 1...reach {
                        let weight = kernel[k]
                        for i in 0..<length {
                            line[i] += (padded[reach &+ i &- k] + padded[reach &+ i &+ k]) * weight
                        }
                    }
                }
            }
        }

        /// An axis whose pixels lie `inner` values apart; whole lines are added up.
        func across(blocks: Int, length: Int, inner: Int) {
            guard length > 1 else { return }
            copy.update(from: values, count: blocks * length * inner)
            for line in 0..<blocks * length {
                let block = line / length, place = line % length
                let target = values + line * inner, source = copy + block * length * inner
                let center = source + place * inner, middle = kernel[0]
                for i in 0..<inner { target[i] = center[i] * middle }
                for k in 1..<kernel.count {
                    let before = source + Self.mirrored(place - k, length) * inner
                    let after = source + Self.mirrored(place + k, length) * inner
                    let weight = kernel[k]
                    for i in 0..<inner { target[i] += (before[i] + after[i]) * weight }
                }
            }
        }

        private static func mirrored(_ place: Int, _ length: Int) -> Int {
            let phase = (place % (2 * length) + 2 * length) % (2 * length)
            return phase < length ? phase : 2 * length - 1 - phase
        }
    }
}
