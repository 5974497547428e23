import LucencyFoundation

/// Moves values away from the mean of their channel or towards it: v ← mean + f·(v − mean), within the old limits.
///
/// Probability and range start as those of nnU-Net v2.
public struct Contrast: AugmentationComponent {
    public static let name = "contrast"
    public var probability = 0.15
    /// Not negative; factors below and above 1 are equally likely.
    public var factor = Interval(0.75, 1.25)
    /// Whether values are cut off at the channel's lowest and highest value before.
    public var keepsRange = true
    /// Whether all channels get the same factor.
    public var sharesChannels = false

    public init() {}

    public func check(for form: SampleForm) throws(Diagnostic) {
        try check(probability: probability)
        try factor.check("a factor", of: Self.name, within: 0...100)
    }

    public func draw(from random: inout PhiloxStream, for form: SampleForm) -> DrawnAugmentation? {
        guard random.uniform() < probability else { return nil }
        let factors = random.factors(factor, channels: form.channels, shared: sharesChannels)
        return .contrast(Drawn(factors: factors, keepsRange: keepsRange))
    }

    public struct Drawn: DrawnParameters {
        public static let name = Contrast.name
        /// One for each channel.
        public var factors: [Double]
        public var keepsRange: Bool

        public init(factors: [Double], keepsRange: Bool = true) {
            self.factors = factors
            self.keepsRange = keepsRange
        }

        public func apply(to sample: inout Sample) throws(Diagnostic) {
            try require(factors, for: sample, "factors", in: 0...100)
            for (channel, factor) in factors.enumerated() where factor != 1 {
                sample.withChannel(channel) { values in
                    let statistics = ChannelStatistics(values)
                    let mean = Float(statistics.mean), factor = Float(factor)
                    let low = keepsRange ? statistics.lowest : -.infinity
                    let high = keepsRange ? statistics.highest : .infinity
                    for i in 0..<values.count {
                        values[i] = min(max(mean + (values[i] - mean) * factor, low), high)
                    }
                }
            }
        }
    }
}
