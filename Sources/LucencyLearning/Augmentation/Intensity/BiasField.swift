#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import LucencyFoundation
import LucencyImaging

/// Multiplies by a smooth field, as uneven receiver coils do to MR images: v ← low + (v − low)·b, with low the channel's
/// lowest value, which stands for no signal, so that normalised images work too.
///
/// The logarithm of b is a field of uniform cubic B-splines; its mean over the sample is 1. All channels share it.
/// (Sled, Zijdenbos, Evans 1998, IEEE TMI 17(1) model MR inhomogeneity so.)
public struct BiasField: AugmentationComponent {
    public static let name = "bias-field"
    public var probability = 0.15
    /// The greatest logarithm of the field at a control point: 0.3 is about ± 30 %.
    public var strength = Interval(0, 0.4)
    /// The distance between control points as a fraction of the longest side of the sample.
    public var distance = Interval(0.3, 1)

    public init() {}

    public func check(for form: SampleForm) throws(Diagnostic) {
        try check(probability: probability)
        try strength.check("a strength", of: Self.name, within: 0...5)
        try distance.check("a distance", of: Self.name, within: 0.02...10)
    }

    public func draw(from random: inout PhiloxStream, for form: SampleForm) -> DrawnAugmentation? {
        guard random.uniform() < probability else { return nil }
        let strength = strength.draw(from: &random)
        let distance = distance.draw(from: &random) * form.longestSide
        return .biasField(Drawn(strength: strength, distance: distance, seed: random.next() >> 11))
    }

    public struct Drawn: DrawnParameters {
        public static let name = BiasField.name
        public var strength: Double
        /// Between control points, in the unit of the spacing.
        public var distance: Double
        /// Of the control points, below 2⁵³ so that every reader of JSON keeps it.
        public var seed: UInt64

        public init(strength: Double, distance: Double, seed: UInt64) {
            self.strength = strength
            self.distance = distance
            self.seed = seed
        }

        public func apply(to sample: inout Sample) throws(Diagnostic) {
            try require(strength >= 0 && strength <= 5, "a strength of \(strength) is not possible")
            try require(
                distance > 0 && distance.isFinite
                    && SmoothLattice.points(size: sample.size, spacing: sample.spacing, distance: distance) < 1e7,
                "a distance of \(distance) is not possible")
            guard strength > 0 else { return }
            let size = sample.size, field = field(size, sample.spacing)
            for channel in 0..<sample.channels {
                sample.withChannel(channel) { values in
                    let low = ChannelStatistics(values).lowest
                    field.withUnsafeBufferPointer { field in
                        for i in 0..<values.count { values[i] = low + (values[i] - low) * field[i] }
                    }
                }
            }
        }

        /// The factors, with a mean of 1.
        func field(_ size: GridSize, _ spacing: SIMD3<Double>) -> AlignedBuffer<Float> {
            let lattice = SmoothLattice(size: size, spacing: spacing, distance: distance, seed: seed, stream: 0)
            return AlignedBuffer(count: size.count) { field in
                var sum = 0.0
                withUnsafeTemporaryAllocation(of: Double.self, capacity: size.x) { row in
                    guard let values = row.baseAddress else { return }
                    for line in 0..<size.y * size.z {
                        lattice.row(y: line % size.y, z: line / size.y, into: values)
                        for i in 0..<size.x {
                            let factor = exp(Float(strength * values[i]))
                            field[line &* size.x &+ i] = factor
                            sum += Double(factor)
                        }
                    }
                }
                let scale = Float(Double(size.count) / sum)
                for i in 0..<field.count { field[i] *= scale }
            }
        }
    }
}
