import LucencyFoundation
import LucencyImaging
import LucencyTensor

extension Preprocessing {
    /// The image as the network wants it: its channels on the common scale, at the model's spacing.
    /// - Throws: `Diagnostic` in words where the image is none that the model can take.
    public func callAsFunction(_ image: Image, pool: ThreadPool = .serial) throws -> Image {
        guard image.channels == channels.count else {
            let names = channels.map(\.name).joined(separator: ", ")
            throw Diagnostic(
                .channelMismatch,
                "the model takes \(channels.count) channel(s) (\(names)), the image has \(image.channels)",
                remedy: image.channels > channels.count && channels.count == 1
                    ? "make it gray first (`gray`)" : "give the channels that it was trained with")
        }
        for (number, channel) in channels.enumerated() { try channel.checkRange(of: image, number) }
        let resampled = try resampling(of: image.geometry).map { try $0(image, pool: pool) } ?? image
        return try normalized(resampled, pool: pool)
    }

    /// The grid on which the network sees an image of some geometry; nil where that is the image's own.
    func target(of geometry: Geometry) throws -> Geometry? {
        try resampling(of: geometry).map { try $0.target(of: geometry) }
    }

    /// The labels of an image at the model's spacing: of each pixel the class with the greatest share of it.
    /// - Throws: `Diagnostic` where the spacing is not known.
    package func labels(_ labels: LabelMap, pool: ThreadPool = .serial) throws -> LabelMap {
        try resampling(of: labels.geometry).map { try $0(labels, pool: pool) } ?? labels
    }

    /// The same without a change of intensities.
    package var withoutNormalization: Preprocessing {
        var copy = self
        for index in copy.channels.indices { copy.channels[index].normalization = .none }
        return copy
    }

    /// nil where a grid has the model's spacing already.
    private func resampling(of geometry: Geometry) throws(Diagnostic) -> Resample? {
        guard let spacing else { return nil }
        try geometry.requireStatedSpacing(for: "a model that was trained at \(spacing) mm")
        let lengths = spacing.prefix(geometry.size.dimensions).map { Length($0, .mm) }
        let own = geometry.spacing
        guard lengths.indices.contains(where: { abs(own[$0] / lengths[$0].value - 1) > 1e-3 }) else { return nil }
        return Resample(spacing: lengths, labels: .vote)
    }

    /// Every channel on its scale.
    private func normalized(_ image: Image, pool: ThreadPool) throws -> Image {
        if channels.count == 1 { return try channels[0].normalization(image, pool: pool) }
        let count = image.size.count
        let target = AlignedBuffer<Float>(repeating: 0, count: count * channels.count)
        for (number, channel) in channels.enumerated() {
            let one = try image.withChannel(number) { values in
                try Image(geometry: image.geometry, pixels: AlignedBuffer(Array(values)))
            }
            let scaled = try channel.normalization(one, pool: pool)
            scaled.pixels.withUnsafeBufferPointer { source in
                if let base = source.baseAddress {
                    (target.stableAddress + number * count).update(from: base, count: count)
                }
            }
        }
        return try Image(
            geometry: image.geometry, colorModel: image.colorModel, pixels: target, origin: image.origin?.rescaled)
    }
}

extension Preprocessing.Channel {
    /// Refuses intensities of another scale than those the network was trained with, such as 0...1 instead of 0...255. Only a
    /// normalization that does not adapt to the image needs that, and only what no image of that kind would hold is refused.
    fileprivate func checkRange(of image: Image, _ number: Int) throws {
        guard let range, range.count == 2, !normalization.isAdaptive else { return }
        let (low, high) = image.withChannel(number) { values in
            values.reduce(into: (Float.infinity, -Float.infinity)) { $0 = (min($0.0, $1), max($0.1, $1)) }
        }
        let width = range[1] - range[0], own = Double(high) - Double(low)
        let isWider = own > 16 * width || Double(low) > range[1] + width || Double(high) < range[0] - width
        let isNarrower = own > 0 && own * 64 < width && Double(high) <= 1 && range[1] > 2
        guard width > 0, isWider || isNarrower else { return }
        throw Diagnostic(
            .badValue,
            "channel '\(name)' holds \(low) to \(high); the model was trained with \(range[0]) to \(range[1])",
            remedy: "bring the image to that scale first (`normalize`), or train with a normalization that adapts to it"
        )
    }
}

extension Preprocessing.Normalization {
    /// Whether it follows from each image itself.
    var isAdaptive: Bool {
        switch self {
        case .zScore, .percentile: true
        case .none, .window, .standard: false
        }
    }

    /// A gray image on the common scale.
    func callAsFunction(_ image: Image, pool: ThreadPool) throws -> Image {
        switch self {
        case .none: return image
        case .zScore: return try Normalize(.zScore)(image, pool: pool)
        case .percentile(let lower, let upper):
            return try Normalize(.percentile(lower: lower, upper: upper, clip: true))(image, pool: pool)
        case .window(let low, let high):
            return try Normalize(.window(low: low, high: high, clip: true))(image, pool: pool)
        case .standard(let mean, let deviation, let low, let high):
            let pixels = image.pixels.withUnsafeBufferPointer { values in
                AlignedBuffer<Float>(count: values.count) { out in
                    for index in values.indices {
                        let cut = min(max(Double(values[index]), low), high)
                        out[index] = Float((cut - mean) / deviation)
                    }
                }
            }
            return try Image(geometry: image.geometry, colorModel: image.colorModel, pixels: pixels)
        }
    }
}
