import LucencyFoundation
import LucencyImaging

/// Foreground by intensity: label 1 (`foreground`) where a single-channel image is brighter than a level, else 0. Several
/// levels make several labels.
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
        /// A level per pixel, m − k s, with the window of `sauvola`. W. Niblack, An Introduction to Digital Image Processing
        /// (1986). Usual: k = 0.2 where objects are dark, −0.2 where they are bright.
        case niblack(window: Length, k: Double)
        /// The level at which replacing either side by its mean loses least. C. H. Li and P. K. S. Tam, Pattern Recognition
        /// Letters 19 (1998).
        case li
        /// The level farthest below the line from the histogram's peak to the end of its longer tail, for small objects
        /// on much background. G. W. Zack, W. E. Rogers and S. A. Latt, J. Histochem. Cytochem. 25(7) (1977).
        case triangle
        /// Several levels that best separate that many classes: labels 0 (darkest) to `classes − 1`. P.-S. Liao, T.-S. Chen
        /// and P.-C. Chung, J. Inf. Sci. Eng. 17 (2001).
        case multiOtsu(classes: Int)
        /// What lies beyond `low` and hangs together with something beyond `high`. J. Canny, IEEE PAMI 8(6) (1986).
        case hysteresis(low: Double, high: Double, connectivity: Connectivity = .full)
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

    /// The image's mask, with the table 0 `background`, 1 `foreground`; of several classes, 0 `class 0` and so on.
    /// - Throws: `Diagnostic` for several channels, a constant image where the level depends on it, or parameters out of
    ///   range.
    public func callAsFunction(_ image: Image, pool: ThreadPool = .serial) throws -> LabelMap {
        let above: Int32 = foreground == .bright ? 1 : 0
        let labels: AlignedBuffer<Int32>
        switch method {
        case .multiOtsu(let classes):
            return try classified(image, between: classLevels(of: image), classes: classes, pool)
        case .hysteresis(let low, let high, let connectivity):
            labels = try hysteresis(image, low: low, high: high, connectivity)
        default:
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
                let surface = try surface(for: image)
                labels = AlignedBuffer(count: image.pixels.count) { out in
                    image.pixels.withUnsafeBufferPointer { pixels in
                        nonisolated(unsafe) let out = out, pixels = pixels
                        surface.forEachRow(of: pixels, size: image.size, pool: pool) { first, levels in
                            for x in 0..<levels.count {
                                out[first &+ x] = Double(pixels[first &+ x]) > levels[x] ? above : above ^ 1
                            }
                        }
                    }
                }
            }
        }
        return try LabelMap(geometry: image.geometry, labels: labels, table: Self.table)
    }

    private func classified(
        _ image: Image, between levels: [Double], classes: Int, _ pool: ThreadPool
    ) throws -> LabelMap {
        let isBright = foreground == .bright
        let labels = AlignedBuffer<Int32>(count: image.pixels.count) { out in
            image.pixels.withUnsafeBufferPointer { pixels in
                nonisolated(unsafe) let out = out, pixels = pixels
                pool.forEachChunk(of: pixels.count, size: 1 << 18) { range in
                    for index in range {
                        var label: Int32 = 0
                        for level in levels where Double(pixels[index]) > level { label &+= 1 }
                        out[index] = isBright ? label : Int32(classes &- 1) &- label
                    }
                }
            }
        }
        let table = Dictionary(uniqueKeysWithValues: (0..<classes).map { (Int32($0), LabelClass(name: "class \($0)")) })
        return try LabelMap(geometry: image.geometry, labels: labels, table: table)
    }

    private func hysteresis(
        _ image: Image, low: Double, high: Double, _ connectivity: Connectivity
    ) throws -> AlignedBuffer<Int32> {
        try Self.requireSingleChannel(image)
        guard low.isFinite, high.isFinite, low <= high else {
            throw Diagnostic(
                .badArgument, "the levels \(low) and \(high) are not ascending", remedy: "give the lower level as `low`"
            )
        }
        let isBright = foreground == .bright
        func beyond(_ value: Float, _ weak: Bool) -> Bool {
            isBright ? Double(value) > (weak ? low : high) : Double(value) <= (weak ? high : low)
        }
        let mask = Mask(
            size: image.size,
            bits: AlignedBuffer(count: image.pixels.count) { out in
                image.pixels.withUnsafeBufferPointer { pixels in
                    for index in 0..<pixels.count { out[index] = beyond(pixels[index], true) ? 1 : 0 }
                }
            })
        let found = try ComponentRuns(mask, connectivity)
        var isKept = [Bool](repeating: false, count: found.count)
        image.pixels.withUnsafeBufferPointer { pixels in
            for (run, component) in zip(found.runs, found.components) where !isKept[Int(component) - 1] {
                isKept[Int(component) - 1] = (run.start..<run.end).contains { beyond(pixels[$0], false) }
            }
        }
        return found.painted { isKept[Int($0) - 1] ? 1 : 0 }
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
        case .li: return try image.withChannel(0) { try CrossEntropyLevel.level(of: $0) }
        case .triangle: return try image.withChannel(0) { try TriangleLevel.level(of: $0) }
        case .sauvola, .niblack, .multiOtsu, .hysteresis: return nil
        }
    }

    /// The ascending levels between the classes, one where there are two; none where levels differ from pixel to pixel.
    /// - Throws: as calling the threshold does.
    public func classLevels(of image: Image) throws -> [Double] {
        guard case .multiOtsu(let classes) = method else { return try level(of: image).map { [$0] } ?? [] }
        try Self.requireSingleChannel(image)
        guard (2...16).contains(classes) else {
            throw Diagnostic(.badArgument, "\(classes) classes are not possible", remedy: "ask for 2 to 16")
        }
        return try image.withChannel(0) { try Otsu.levels(of: $0, classes: classes) }
    }

    /// The level of every pixel, rounded to float32.
    /// - Throws: as calling the threshold does.
    public func levels(of image: Image, pool: ThreadPool = .serial) throws -> Image {
        let surface: AlignedBuffer<Float>
        if let level = try level(of: image) {
            surface = AlignedBuffer(repeating: Float(level), count: image.pixels.count)
        } else {
            let rule = try self.surface(for: image)
            surface = AlignedBuffer(count: image.pixels.count) { out in
                image.pixels.withUnsafeBufferPointer { pixels in
                    nonisolated(unsafe) let out = out
                    rule.forEachRow(of: pixels, size: image.size, pool: pool) { first, levels in
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

    private func surface(for image: Image) throws(Diagnostic) -> LocalLevels {
        let window: Length, k: Double
        var range: Double?
        switch method {
        case .sauvola(let side, let weight, let most): (window, k, range) = (side, weight, most)
        case .niblack(let side, let weight): (window, k) = (side, weight)
        default: throw Diagnostic(.badArgument, "the method has no level for each pixel")
        }
        guard k.isFinite else { throw Diagnostic(.badArgument, "k = \(k) is not possible") }
        if let range, !(range > 0 && range.isFinite) {
            throw Diagnostic(.badArgument, "a range of \(range) is not possible", remedy: "give a number above 0")
        }
        let (low, high) = image.withChannel(0) { IntensityHistogram.extrema(of: $0) }
        guard high > low else { throw IntensityHistogram.constant(Double(low)) }
        var sides = [1, 1, 1]
        for axis in 0..<image.size.dimensions {
            sides[axis] = try Self.oddSide(window, along: axis, of: image.geometry)
        }
        let isNiblack = if case .niblack = method { true } else { false }
        return LocalLevels(
            rule: isNiblack ? .niblack : .sauvola(range: range ?? (Double(high) - Double(low)) / 2),
            half: (sides[0] / 2, sides[1] / 2, sides[2] / 2), k: k, center: (Double(high) + Double(low)) / 2)
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
