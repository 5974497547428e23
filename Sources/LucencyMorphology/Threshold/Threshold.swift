import LucencyFoundation
import LucencyImaging

/// Foreground by intensity: label 1 (`foreground`) where a single-channel image is brighter than a level, else 0.
public struct Threshold: Sendable {
    public enum Method: Hashable, Sendable {
        /// The level that best separates two classes of intensities. N. Otsu, IEEE Trans. SMC 9 (1979), equation 14.
        case otsu
        /// A given level, in the image's own intensities.
        case fixed(level: Double)
        /// A level per pixel, m (1 + k (s/R − 1)) with the mean m and standard deviation s of a square window.
        /// J. Sauvola and M. Pietikäinen, Pattern Recognition 33 (2000), equation 5. The window is an odd number of
        /// pixels to a side (metric windows are rounded to one); the image is mirrored at its edge, without repeating
        /// the edge pixel. `range` is R; nil takes half of the image's maximum − minimum. Usual: k = 0.2.
        case sauvola(window: Length, k: Double, range: Double?)
    }

    /// Which side of the level is foreground.
    public enum Foreground: String, CaseIterable, Hashable, Sendable {
        /// Intensities above the level.
        case bright
        /// Intensities at or below the level.
        case dark
    }

    public var method: Method
    public var foreground: Foreground

    public init(_ method: Method = .otsu, foreground: Foreground = .bright) {
        self.method = method
        self.foreground = foreground
    }

    /// The image's mask, with the table 0 `background`, 1 `foreground`.
    /// - Throws: `Diagnostic` for several channels, Otsu or Sauvola on a constant image, or parameters out of range.
    public func callAsFunction(_ image: Image, pool: ThreadPool = .serial) throws -> LabelMap {
        let above: Int32 = foreground == .bright ? 1 : 0
        let labels: AlignedBuffer<Int32>
        if let level = try level(of: image) {
            labels = AlignedBuffer(count: image.pixels.count) { out in
                image.pixels.withUnsafeBufferPointer { pixels in
                    nonisolated(unsafe) let out = out, pixels = pixels
                    pool.forEachChunk(of: pixels.count, size: 1 << 18) { range in
                        for index in range { out[index] = Double(pixels[index]) > level ? above : above ^ 1 }
                    }
                }
            }
        } else {
            let sauvola = try sauvola(for: image)
            labels = AlignedBuffer(count: image.pixels.count) { out in
                image.pixels.withUnsafeBufferPointer { pixels in
                    nonisolated(unsafe) let out = out, pixels = pixels
                    sauvola.forEachRow(of: pixels, size: image.size, pool: pool) { first, levels in
                        for x in 0..<levels.count {
                            out[first &+ x] = Double(pixels[first &+ x]) > levels[x] ? above : above ^ 1
                        }
                    }
                }
            }
        }
        return try LabelMap(geometry: image.geometry, labels: labels, table: Self.table)
    }

    /// The names that every thresholded map carries.
    public static let table: [Int32: LabelClass] = [
        0: LabelClass(name: "background"), 1: LabelClass(name: "foreground"),
    ]

    /// The one level used for an image; nil for methods whose level differs from pixel to pixel.
    /// - Throws: as calling the threshold does.
    public func level(of image: Image) throws -> Double? {
        try Self.requireSingleChannel(image)
        switch method {
        case .otsu:
            return try image.withChannel(0) { try Otsu.level(of: $0) }
        case .fixed(let level):
            guard level.isFinite else { throw Diagnostic(.badArgument, "a threshold of \(level) is not possible") }
            return level
        case .sauvola:
            return nil
        }
    }

    /// The level of every pixel, rounded to float32.
    /// - Throws: as calling the threshold does.
    public func levels(of image: Image, pool: ThreadPool = .serial) throws -> Image {
        let surface: AlignedBuffer<Float>
        if let level = try level(of: image) {
            surface = AlignedBuffer(repeating: Float(level), count: image.pixels.count)
        } else {
            let sauvola = try sauvola(for: image)
            surface = AlignedBuffer(count: image.pixels.count) { out in
                image.pixels.withUnsafeBufferPointer { pixels in
                    nonisolated(unsafe) let out = out
                    sauvola.forEachRow(of: pixels, size: image.size, pool: pool) { first, levels in
                        for x in 0..<levels.count { out[first &+ x] = Float(levels[x]) }
                    }
                }
            }
        }
        return try Image(geometry: image.geometry, pixels: surface)
    }

    private static func requireSingleChannel(_ image: Image) throws(Diagnostic) {
        guard image.channels == 1 else {
            throw Diagnostic(
                .channelMismatch, "a threshold needs one channel, and the image has \(image.channels)",
                remedy: "put a `gray` stage before it")
        }
    }

    private func sauvola(for image: Image) throws(Diagnostic) -> SauvolaSurface {
        guard case .sauvola(let window, let k, let range) = method else {
            throw Diagnostic(.badArgument, "the method has one level for the whole image")
        }
        guard k.isFinite else { throw Diagnostic(.badArgument, "k = \(k) is not possible") }
        if let range, !(range > 0 && range.isFinite) {
            throw Diagnostic(.badArgument, "a range of \(range) is not possible", remedy: "give a number above 0")
        }
        let (low, high) = image.withChannel(0) { Otsu.extrema(of: $0) }
        guard high > low else { throw Otsu.constant(Double(low)) }
        var sides = [1, 1, 1]
        for axis in 0..<image.size.dimensions {
            sides[axis] = try Self.oddSide(window, along: axis, of: image.geometry)
        }
        return SauvolaSurface(
            half: (sides[0] / 2, sides[1] / 2, sides[2] / 2), k: k,
            range: range ?? (Double(high) - Double(low)) / 2, center: (Double(high) + Double(low)) / 2)
    }

    private static func oddSide(
        _ window: Length, along axis: Int, of geometry: Geometry
    ) throws(Diagnostic) -> Int {
        let pixels = try window.pixels(along: axis, of: geometry)
        guard pixels > 0, pixels <= 65_535 else {
            throw Diagnostic(
                .badArgument, "a window of \(window) is not possible", remedy: "give 1 to 65535 pixels")
        }
        if window.unit == .px {
            guard pixels == pixels.rounded(), Int(pixels) % 2 == 1 else {
                throw Diagnostic(
                    .badArgument, "a window of \(window) has no middle pixel", remedy: "give an odd number of pixels")
            }
            return Int(pixels)
        }
        return 2 * Int((pixels - 1) / 2 + 0.5) + 1
    }
}
