import LucencyFoundation

/// Multiplies the values of each channel and adds to them: v ← f·v + a.
///
/// Probability and factor start as those of nnU-Net v2, which adds nothing.
public struct Brightness: AugmentationComponent {
    public static let name = "brightness"
    public var probability = 0.15
    /// Not negative; factors below and above 1 are equally likely.
    public var factor = Interval(0.75, 1.25)
    /// In the unit of the values.
    public var addition: Interval = 0
    /// Whether all channels get the same numbers.
    public var sharesChannels = false

    public init() {}

    public func check(for form: SampleForm) throws(Diagnostic) {
        try check(probability: probability)
        try factor.check("a factor", of: Self.name, within: 0...100)
        try addition.check("an addition", of: Self.name, within: -1e9...1e9)
    }

    public func draw(from random: inout PhiloxStream, for form: SampleForm) -> DrawnAugmentation? {
        guard random.uniform() < probability else { return nil }
        let factors = random.factors(factor, channels: form.channels, shared: sharesChannels)
        let shared = addition.draw(from: &random)
        let additions = (0..<form.channels).map { _ in sharesChannels ? shared : addition.draw(from: &random) }
        return .brightness(Drawn(factors: factors, additions: additions))
    }

    public struct Drawn: DrawnParameters {
        public static let name = Brightness.name
        /// One for each channel, as the additions.
        public var factors: [Double]
        public var additions: [Double]

        public init(factors: [Double], additions: [Double]) {
            self.factors = factors
            self.additions = additions
        }

        public func apply(to sample: inout Sample) throws(Diagnostic) {
            try require(factors, for: sample, "factors", in: 0...100)
            try require(additions, for: sample, "additions", in: -1e9...1e9)
            for channel in factors.indices where factors[channel] != 1 || additions[channel] != 0 {
                let factor = Float(factors[channel]), addition = Float(additions[channel])
                sample.withChannel(channel) { values in
                    for i in 0..<values.count { values[i] = values[i] * factor + addition }
                }
            }
        }
    }
}
