import LucencyFoundation
import LucencyImaging

/// Simulates a coarser grid: channels are reduced to fewer pixels by taking the nearest ones, and enlarged again.
///
/// Probabilities, range and interpolation start as those of nnU-Net v2 (its version 1 enlarged with cubic splines).
public struct LowResolution: AugmentationComponent {
    public static let name = "low-resolution"
    public var probability = 0.25
    /// Of each channel, once the sample is chosen.
    public var channelProbability = 0.5
    /// The fraction of the pixels along each axis that is kept, in 0.01...1.
    public var scale = Interval(0.5, 1)
    /// The axes that get coarser; z does nothing to a planar sample.
    public var axes: [GridAxis] = [.x, .y, .z]
    /// For enlarging: nearest, linear or cubic.
    public var interpolation = Interpolation.linear

    public init() {}

    public func check(for form: SampleForm) throws(Diagnostic) {
        try check(probability: probability)
        try check(probability: channelProbability, "channelProbability")
        try scale.check("a scale", of: Self.name, within: 0.01...1)
    }

    public func draw(from random: inout PhiloxStream, for form: SampleForm) -> DrawnAugmentation? {
        guard random.uniform() < probability else { return nil }
        let scales = random.numbers(scale, channels: form.channels, probability: channelProbability, neutral: 1)
        guard scales.contains(where: { $0 != 1 }) else { return nil }
        return .lowResolution(Drawn(scales: scales, axes: axes, interpolation: interpolation))
    }

    public struct Drawn: DrawnParameters {
        public static let name = LowResolution.name
        /// One for each channel; 1 leaves it as it is.
        public var scales: [Double]
        public var axes: [GridAxis]
        public var interpolation: Interpolation

        public init(
            scales: [Double], axes: [GridAxis] = [.x, .y, .z], interpolation: Interpolation = .linear
        ) {
            self.scales = scales
            self.axes = axes
            self.interpolation = interpolation
        }

        public func apply(to sample: inout Sample) throws(Diagnostic) {
            try require(scales, for: sample, "scales", in: 0.01...1)
            let size = sample.size
            for (channel, scale) in scales.enumerated() where scale != 1 {
                let coarse = GridAxis.allCases.map { axis in
                    let pixels = size[axis.rawValue]
                    return axes.contains(axis) ? max(1, Int((Double(pixels) * scale).rounded())) : pixels
                }
                sample.withChannel(channel) { values in
                    guard let values = values.baseAddress else { return }
                    enlarge(reduced(values, size, GridSize(coarse[0], coarse[1], coarse[2])), to: size, into: values)
                }
            }
        }

        /// The nearest pixels of a coarser grid over the same area.
        private func reduced(_ values: UnsafePointer<Float>, _ size: GridSize, _ coarse: GridSize)
            -> (size: GridSize, values: AlignedBuffer<Float>)
        {
            func nearest(_ axis: Int) -> [Int] {
                let step = Double(size[axis]) / Double(coarse[axis])
                return (0..<coarse[axis]).map { min(size[axis] - 1, Int((Double($0) + 0.5) * step)) }
            }
            let xs = nearest(0), ys = nearest(1), zs = nearest(2)
            let small = AlignedBuffer<Float>(count: coarse.count) { target in
                var index = 0
                for z in zs {
                    for y in ys {
                        let line = values + (z * size.y + y) * size.x
                        for x in xs {
                            target[index] = line[x]
                            index &+= 1
                        }
                    }
                }
            }
            return (coarse, small)
        }

        private func enlarge(
            _ coarse: (size: GridSize, values: AlignedBuffer<Float>), to size: GridSize,
            into target: UnsafeMutablePointer<Float>
        ) {
            var values = coarse.values
            // z first, while the planes are small.
            for axis in [2, 1, 0] {
                let weights = AxisWeights(
                    source: coarse.size[axis], count: size[axis], start: 0,
                    step: Double(coarse.size[axis]) / Double(size[axis]), interpolation: interpolation,
                    antialias: false)
                let outer = axis == 2 ? 1 : axis == 1 ? size.z : size.z * size.y
                let inner = axis == 2 ? coarse.size.x * coarse.size.y : axis == 1 ? coarse.size.x : 1
                let count = outer * size[axis] * inner
                if weights.isIdentity { continue }
                values = values.withUnsafeBufferPointer { old in
                    AlignedBuffer(count: count) { new in
                        guard let old = old.baseAddress, let new = new.baseAddress else { return }
                        weights.apply(old, outer: outer, inner: inner, into: new, pool: .serial)
                    }
                }
            }
            values.withUnsafeBufferPointer { all in
                guard let all = all.baseAddress else { return }
                target.update(from: all, count: size.count)
            }
        }
    }
}
