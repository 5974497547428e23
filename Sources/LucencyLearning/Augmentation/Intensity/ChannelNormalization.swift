import LucencyFoundation

/// Takes a number away from each channel and divides by another, always. For chains with a `stain`, which needs the
/// original scale: cases are then kept as they are, and normalised after it.
public struct ChannelNormalization: AugmentationComponent {
    public static let name = "normalize"
    /// One for each channel, as the deviations.
    public var means: [Double]
    /// What is divided by, in 1e-9...1e9.
    public var deviations: [Double]

    public init(means: [Double], deviations: [Double]) {
        self.means = means
        self.deviations = deviations
    }

    public func check(for form: SampleForm) throws(Diagnostic) {
        try require(
            means.count == form.channels && deviations.count == form.channels
                && means.allSatisfy { abs($0) <= 1e9 } && deviations.allSatisfy { $0 >= 1e-9 && $0 <= 1e9 },
            "means \(means) and deviations \(deviations) do not fit \(form.channels) channel(s)",
            remedy: "give one mean and one positive deviation for each channel")
    }

    public func draw(from random: inout PhiloxStream, for form: SampleForm) -> DrawnAugmentation? {
        .normalize(Drawn(means: means, deviations: deviations))
    }

    public struct Drawn: DrawnParameters {
        public static let name = ChannelNormalization.name
        public var means: [Double]
        public var deviations: [Double]

        public init(means: [Double], deviations: [Double]) {
            self.means = means
            self.deviations = deviations
        }

        public func apply(to sample: inout Sample) throws(Diagnostic) {
            try require(means, for: sample, "means", in: -1e9...1e9)
            try require(deviations, for: sample, "deviations", in: 1e-9...1e9)
            for channel in means.indices {
                let mean = Float(means[channel]), scale = Float(1 / deviations[channel])
                sample.withChannel(channel) { values in
                    for i in 0..<values.count { values[i] = (values[i] - mean) * scale }
                }
            }
        }
    }
}
