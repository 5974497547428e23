#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import LucencyFoundation

/// Adds normally distributed noise, independent from pixel to pixel and channel to channel.
///
/// Probability and range start as those of nnU-Net v2. Its range is called a variance there, but used as a standard
/// deviation, as here.
public struct GaussianNoise: AugmentationComponent {
    public static let name = "noise"
    public var probability = 0.1
    /// Standard deviation, in the unit of the values.
    public var deviation = ValueRange(0, 0.1)

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
            let key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
            let deviation = Float(deviation)
            for channel in 0..<sample.channels {
                sample.withChannel(channel) { values in
                    var start = 0, block: UInt64 = 0
                    while start < values.count {
                        let counter = SIMD4(
                            UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32),
                            UInt32(truncatingIfNeeded: channel), 0)
                        let noise = Self.normals(Philox.block(counter: counter, key: key)) * deviation
                        for lane in 0..<min(4, values.count &- start) { values[start &+ lane] += noise[lane] }
                        start &+= 4
                        block &+= 1
                    }
                }
            }
        }

        /// Four normal numbers from four random words (Box and Muller 1958). Single precision is enough for noise that
        /// is added to single precision; the greatest number is 5.9.
        @inline(__always)
        private static func normals(_ bits: SIMD4<UInt32>) -> SIMD4<Float> {
            // Halves keep the numbers within 0 and 1, both excluded.
            let uniform = (SIMD4<Float>(bits &>> 8) + 0.5) * 0x1p-24
            let first = (-2 * log(uniform.x)).squareRoot(), second = (-2 * log(uniform.z)).squareRoot()
            let a = 2 * Float.pi * uniform.y, b = 2 * Float.pi * uniform.w
            return SIMD4(first * cos(a), first * sin(a), second * cos(b), second * sin(b))
        }
    }
}
