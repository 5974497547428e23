#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import LucencyFoundation

/// Raises values, scaled to 0...1 by the sample's own lowest and highest value, to a power: v ← v^γ, channel by channel.
///
/// Probability and range start as those of nnU-Net v2, which has a second one with inverted values (probability 0.1).
public struct Gamma: AugmentationComponent {
    public static let name = "gamma"
    public var probability = 0.3
    /// Positive; exponents below and above 1 are equally likely.
    public var exponent = Interval(0.7, 1.5)
    /// Whether dark and bright change places for the power and back afterwards.
    public var isInverted = false
    /// Whether mean and standard deviation of each channel are restored afterwards; else its range is kept.
    public var keepsStatistics = true
    /// Whether all channels get the same exponent.
    public var sharesChannels = false

    public init() {}

    public func check(for form: SampleForm) throws(Diagnostic) {
        try check(probability: probability)
        try exponent.check("an exponent", of: Self.name, within: 0.05...20)
    }

    public func draw(from random: inout PhiloxStream, for form: SampleForm) -> DrawnAugmentation? {
        guard random.uniform() < probability else { return nil }
        let exponents = random.factors(exponent, channels: form.channels, shared: sharesChannels)
        return .gamma(Drawn(exponents: exponents, isInverted: isInverted, keepsStatistics: keepsStatistics))
    }

    public struct Drawn: DrawnParameters {
        public static let name = Gamma.name
        /// One for each channel.
        public var exponents: [Double]
        public var isInverted: Bool
        public var keepsStatistics: Bool

        public init(exponents: [Double], isInverted: Bool = false, keepsStatistics: Bool = true) {
            self.exponents = exponents
            self.isInverted = isInverted
            self.keepsStatistics = keepsStatistics
        }

        public func apply(to sample: inout Sample) throws(Diagnostic) {
            try require(exponents, for: sample, "exponents", in: 0.05...20)
            for (channel, exponent) in exponents.enumerated() where exponent != 1 {
                sample.withChannel(channel) { raise($0, Float(exponent)) }
            }
        }

        private func raise(_ values: UnsafeMutableBufferPointer<Float>, _ exponent: Float) {
            let before = ChannelStatistics(values), range = before.highest - before.lowest
            guard range > 0, range.isFinite else { return }
            let (low, high) = (before.lowest, before.highest)
            // Rounding must not lead out of the range.
            if isInverted {
                for i in 0..<values.count {
                    values[i] = max(low, high - range * pow((high - values[i]) / range, exponent))
                }
            } else {
                for i in 0..<values.count {
                    values[i] = min(high, low + range * pow((values[i] - low) / range, exponent))
                }
            }
            guard keepsStatistics else { return }
            let after = ChannelStatistics(values)
            let scale = Float(before.deviation / max(after.deviation, 1e-7))
            let (old, new) = (Float(after.mean), Float(before.mean))
            for i in 0..<values.count { values[i] = (values[i] - old) * scale + new }
        }
    }
}

extension PhiloxStream {
    /// A factor for each channel, or one for all.
    mutating func factors(_ range: Interval, channels: Int, shared: Bool) -> [Double] {
        if shared { return Array(repeating: range.drawFactor(from: &self), count: channels) }
        return (0..<channels).map { _ in range.drawFactor(from: &self) }
    }

    /// For each channel, with a probability, a number of the range, else `neutral`.
    mutating func numbers(
        _ range: Interval, channels: Int, probability: Double, neutral: Double
    ) -> [Double] {
        (0..<channels).map { _ in
            let isHit = uniform() < probability, value = range.draw(from: &self)
            return isHit ? value : neutral
        }
    }
}
