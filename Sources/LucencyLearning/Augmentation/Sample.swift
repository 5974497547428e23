import LucencyFoundation
import LucencyImaging

/// Numbers that follow the geometry of a sample, such as soft labels: resampled linearly, 0 beyond the image.
public struct SampleMap: Sendable, Equatable {
    public let name: String
    public let channels: Int
    /// `channels × z × y × x` values.
    public var values: AlignedBuffer<Float>

    public init(name: String, channels: Int, values: AlignedBuffer<Float>) {
        self.name = name
        self.channels = channels
        self.values = values
    }
}

/// What a sample looks like without its values.
public struct SampleForm: Hashable, Sendable {
    public let size: GridSize
    /// Distance between neighbouring pixels along x, y, z; in millimetres, or 1 where nothing is known.
    public let spacing: SIMD3<Double>
    public let channels: Int

    public init(size: GridSize, spacing: SIMD3<Double> = [1, 1, 1], channels: Int = 1) {
        self.size = size
        self.spacing = spacing
        self.channels = channels
    }

    /// The longest side, in the unit of the spacing.
    var longestSide: Double {
        max(Double(size.x) * spacing.x, Double(size.y) * spacing.y, size.isPlanar ? 0 : Double(size.z) * spacing.z)
    }
}

/// An image with its labels, in two dimensions (z = 1) or three: what augmentations change and a network learns from.
///
/// Memory order is channel, z, y, x with x fastest, as in `Image`; values are float32.
public struct Sample: Sendable, Equatable {
    /// The item it stems from; random numbers of its augmentation are drawn under this name.
    public let name: String
    public private(set) var size: GridSize
    /// Distance between neighbouring pixels along x, y, z; in millimetres, or 1 where nothing is known.
    public private(set) var spacing: SIMD3<Double>
    public let channels: Int
    /// `channels × z × y × x` values.
    public internal(set) var image: AlignedBuffer<Float>
    /// `z × y × x` labels; `LabelMap.ignoreLabel` (−1) marks pixels that count for nothing.
    public internal(set) var labels: AlignedBuffer<Int32>
    /// More that follows the geometry.
    public internal(set) var maps: [SampleMap]

    /// - Throws: `Diagnostic` when a buffer has the wrong length or the spacing is not positive and finite.
    public init(
        name: String, form: SampleForm, image: AlignedBuffer<Float>, labels: AlignedBuffer<Int32>,
        maps: [SampleMap] = []
    ) throws(Diagnostic) {
        let size = form.size, count = size.count
        guard size.x >= 1, size.y >= 1, size.z >= 1, count < .max, all(form.spacing .> 0), form.spacing.max().isFinite
        else {
            throw Diagnostic(
                .badGeometry, "'\(name)': a grid of \(size) with a spacing of \(form.spacing) is not possible")
        }
        func check(_ values: Int, _ channels: Int, _ what: String) throws(Diagnostic) {
            let expected = count.multipliedReportingOverflow(by: channels)
            guard channels >= 1, !expected.overflow, values == expected.partialValue else {
                throw Diagnostic(
                    .sizeMismatch, "'\(name)': \(values) values of \(what) do not fill a grid of \(size) × \(channels)")
            }
        }
        try check(image.count, form.channels, "the image")
        try check(labels.count, 1, "the labels")
        for map in maps { try check(map.values.count, map.channels, "the map '\(map.name)'") }
        self.name = name
        self.size = size
        spacing = form.spacing
        channels = form.channels
        self.image = image
        self.labels = labels
        self.maps = maps
    }

    public var form: SampleForm { SampleForm(size: size, spacing: spacing, channels: channels) }

    /// Calls `body` with the contiguous values of one channel for changing.
    mutating func withChannel<R>(_ channel: Int, _ body: (UnsafeMutableBufferPointer<Float>) -> R) -> R {
        let count = size.count
        return image.withUnsafeMutableBufferPointer {
            body(UnsafeMutableBufferPointer(rebasing: $0[channel * count..<(channel + 1) * count]))
        }
    }

    /// Moves every pixel of image, labels and maps: the new pixel `i` takes the value of the old pixel `sources[i]`.
    mutating func permute(_ sources: [Int], size: GridSize, spacing: SIMD3<Double>) {
        image = image.permuted(sources, planes: channels)
        labels = labels.permuted(sources, planes: 1)
        for index in maps.indices {
            maps[index].values = maps[index].values.permuted(sources, planes: maps[index].channels)
        }
        self.size = size
        self.spacing = spacing
    }
}

extension AlignedBuffer {
    fileprivate func permuted(_ sources: [Int], planes: Int) -> AlignedBuffer {
        let count = sources.count
        return withUnsafeBufferPointer { old in
            AlignedBuffer(count: self.count) { new in
                sources.withUnsafeBufferPointer { sources in
                    for plane in 0..<planes {
                        let base = plane &* count
                        for i in 0..<count { new[base &+ i] = old[base &+ sources[i]] }
                    }
                }
            }
        }
    }
}
