import LucencyFoundation

/// What the channels of an image are.
public enum ColorModel: Hashable, Sendable {
    case gray, grayAlpha, rgb, rgba
    /// Channels without a colour meaning (spectral bands, MR sequences), by count.
    case channels(Int)

    public var channelCount: Int {
        switch self {
        case .gray: 1
        case .grayAlpha: 2
        case .rgb: 3
        case .rgba: 4
        case .channels(let count): count
        }
    }

    /// Whether the last channel is opacity.
    public var hasAlpha: Bool { self == .grayAlpha || self == .rgba }
}

/// What a reader knows about where an image came from, so that it can be written back as it was.
public struct Origin: Hashable, Sendable {
    /// File name without folders, or empty.
    public var fileName: String
    /// How samples were stored.
    public var stored: SampleType
    /// True where the file stored white as the smallest value; `Image` values are already turned round.
    public var storedInverted: Bool
    /// Other facts from the file, by the file format's own names.
    public var metadata: [String: String]

    public init(
        fileName: String = "", stored: SampleType, storedInverted: Bool = false, metadata: [String: String] = [:]
    ) {
        self.fileName = fileName
        self.stored = stored
        self.storedInverted = storedInverted
        self.metadata = metadata
    }
}

extension Origin {
    /// The same origin for values on another scale: the stored type's range says nothing about them any more.
    public var rescaled: Origin {
        var copy = self
        copy.stored = .float32
        copy.storedInverted = false
        return copy
    }
}

/// Intensities on a grid: float32, finite, planar.
///
/// Memory order is channel, z, y, x with x fastest, so each channel is one contiguous volume. Float32 holds every
/// integer up to 2²⁴ exactly; readers refuse stored values that it cannot hold.
public struct Image: Sendable, Equatable {
    public let geometry: Geometry
    public let colorModel: ColorModel
    /// `channels × z × y × x` values.
    public let pixels: AlignedBuffer<Float>
    /// nil for images that no file stands behind.
    public let origin: Origin?

    /// - Throws: `Diagnostic` when the buffer has the wrong length or a value is NaN or infinite (it names the place).
    public init(
        geometry: Geometry, colorModel: ColorModel = .gray, pixels: AlignedBuffer<Float>, origin: Origin? = nil
    ) throws(Diagnostic) {
        if pixels.count == geometry.size.count &* colorModel.channelCount, let index = pixels.firstNonFinite() {
            let x = index % geometry.size.x, y = index / geometry.size.x % geometry.size.y
            let z = index / (geometry.size.x * geometry.size.y) % geometry.size.z
            throw Diagnostic(
                .notFinite, "pixel (\(x), \(y), \(z)) of channel \(index / geometry.size.count) is \(pixels[index])",
                remedy: "replace NaN and infinite values before reading the image here")
        }
        try self.init(geometry: geometry, colorModel: colorModel, finitePixels: pixels, origin: origin)
    }

    /// For readers that looked at every value already.
    /// - Throws: `Diagnostic` when the buffer has the wrong length.
    package init(
        geometry: Geometry, colorModel: ColorModel, finitePixels pixels: AlignedBuffer<Float>, origin: Origin?
    ) throws(Diagnostic) {
        let expected = geometry.size.count.multipliedReportingOverflow(by: colorModel.channelCount)
        guard !expected.overflow, colorModel.channelCount >= 1, pixels.count == expected.partialValue else {
            throw Diagnostic(
                .sizeMismatch,
                "\(pixels.count) values do not fill a grid of \(geometry.size) with \(colorModel.channelCount) channel(s)"
            )
        }
        self.geometry = geometry
        self.colorModel = colorModel
        self.pixels = pixels
        self.origin = origin
    }

    public var size: GridSize { geometry.size }
    public var channels: Int { colorModel.channelCount }

    /// Calls `body` with one channel's contiguous z, y, x values.
    @inlinable
    public func withChannel<R>(_ channel: Int, _ body: (UnsafeBufferPointer<Float>) throws -> R) rethrows -> R {
        let count = geometry.size.count
        return try pixels.withUnsafeBufferPointer {
            try body(UnsafeBufferPointer(rebasing: $0[channel * count..<(channel + 1) * count]))
        }
    }

    /// The same pixels with another geometry of equal size.
    public func with(geometry: Geometry) throws(Diagnostic) -> Image {
        try Image(geometry: geometry, colorModel: colorModel, pixels: pixels, origin: origin)
    }

    /// The pixels of a region, at the same place in the world.
    /// - Throws: `Diagnostic` when the region reaches outside.
    public func cropped(to region: Region) throws(Diagnostic) -> Image {
        let target = try geometry.cropped(to: region)
        return try Image(
            geometry: target, colorModel: colorModel,
            pixels: pixels.cropped(to: region, of: size, planes: channels), origin: origin)
    }
}

extension AlignedBuffer where Element == Float {
    /// Index of the first NaN or infinity, or nil.
    package func firstNonFinite() -> Int? {
        withUnsafeBufferPointer { values in
            let bytes = UnsafeRawBufferPointer(values)
            // x·0 is 0 for finite x and NaN otherwise; blocks keep the common case a plain sum.
            let block = 4096
            var start = 0
            while start < values.count {
                let end = Swift.min(start + block, values.count)
                var sum: SIMD16<Float> = .zero
                var i = start
                while i + 16 <= end {
                    sum += bytes.loadUnaligned(fromByteOffset: i &* 4, as: SIMD16<Float>.self) * 0
                    i += 16
                }
                var rest: Float = sum.sum()
                while i < end {
                    rest += values[i] * 0
                    i += 1
                }
                if rest != 0 || rest.isNaN {
                    if let found = values[start..<end].firstIndex(where: { !$0.isFinite }) { return found }
                }
                start = end
            }
            return nil
        }
    }
}

extension AlignedBuffer {
    /// Copies a region out of `planes` stacked volumes of the given size. The region must fit.
    package func cropped(to region: Region, of size: GridSize, planes: Int) -> AlignedBuffer {
        withUnsafeBufferPointer { source in
            AlignedBuffer(count: planes * region.size.count) { target in
                var out = 0
                for plane in 0..<planes {
                    for z in region.z..<region.z + region.size.z {
                        for y in region.y..<region.y + region.size.y {
                            let start = ((plane * size.z + z) * size.y + y) * size.x + region.x
                            let row = UnsafeMutableBufferPointer(rebasing: target[out..<out + region.size.x])
                            _ = row.initialize(from: source[start..<start + region.size.x])
                            out += region.size.x
                        }
                    }
                }
            }
        }
    }
}
