import LucencyFoundation

/// Adds normally distributed noise, independent from pixel to pixel and channel to channel.
///
/// Probability and range start as those of nnU-Net v2. Its range is called a variance there, but used as a standard
/// deviation, as here.
public struct GaussianNoise: AugmentationComponent {
    public static let name = "noise"
    public var probability = 0.1
    /// Standard deviation, in the unit of the values.
    public var deviation = Interval(0, 0.1)

    public init() {}

    public func check(for form: SampleForm) throws(Diagnostic) {
        try check(probability: probability)
        try deviation.check("a deviation", of: Self.name, within: 0...1e9)
    }

    public func draw(from random: inout PhiloxStream, for form: SampleForm) -> DrawnAugmentation? {
        guard random.uniform() < probability else { return nil }
        return .noise(Drawn(deviation: deviation.draw(from: &random), seed: random.next() >> 11))
    }

    public struct Drawn: DrawnParameters {
        public static let name = GaussianNoise.name
        public var deviation: Double
        /// Of the noise, below 2⁵³ so that every reader of JSON keeps it.
        public var seed: UInt64

        public init(deviation: Double, seed: UInt64) {
            self.deviation = deviation
            self.seed = seed
        }

        public func apply(to sample: inout Sample) throws(Diagnostic) {
            try require(deviation >= 0 && deviation <= 1e9, "a deviation of \(deviation) is not possible")
            guard deviation > 0 else { return }
            let normal = NormalNumbers(seed: seed), deviation = Float(deviation)
            for channel in 0..<sample.channels {
                sample.withChannel(channel) { values in
                    let whole = values.count / 8, raw = UnsafeMutableRawBufferPointer(values)
                    for index in 0..<whole {
                        let (first, second) = normal.block(index, channel: channel), place = index &* 32
                        let a = raw.loadUnaligned(fromByteOffset: place, as: SIMD4<Float>.self) + first * deviation
                        let b = raw.loadUnaligned(fromByteOffset: place &+ 16, as: SIMD4<Float>.self)
                        raw.storeBytes(of: a, toByteOffset: place, as: SIMD4<Float>.self)
                        raw.storeBytes(of: b + second * deviation, toByteOffset: place &+ 16, as: SIMD4<Float>.self)
                    }
                    guard whole * 8 < values.count else { return }
                    let (first, second) = normal.block(whole, channel: channel)
                    for i in whole * 8..<values.count {
                        let lane = i - whole * 8
                        values[i] += (lane < 4 ? first[lane] : second[lane - 4]) * deviation
                    }
                }
            }
        }
    }
}
