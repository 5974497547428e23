import LucencyFoundation
import LucencyImaging

/// Samples exactly as a decoder delivered them, unpacked to 1, 2, 4 or 8 bytes, native (little) endian.
///
/// It may be a whole page or a part of one (a band of rows, a tile): `x` and `y` say where in the page it begins, so that
/// messages name the page's own pixels.
package struct StoredSamples: Sendable {
    package var width: Int
    package var height: Int
    package var samplesPerPixel: Int
    /// Kind and significant bits.
    package var type: SampleType
    /// True: c, y, x; false: y, x, c.
    package var planar: Bool
    /// `width * height * samplesPerPixel * type.unpackedBytes` bytes.
    package var bytes: AlignedBuffer<UInt8>
    /// Where in the page the first sample's pixel lies.
    package var x = 0
    package var y = 0
    /// For planar pages decoded plane by plane: the channel of the first sample.
    package var channel = 0

    /// - Throws: `Diagnostic` when the bytes do not fill the extent.
    package init(
        width: Int, height: Int, samplesPerPixel: Int, type: SampleType, planar: Bool, bytes: AlignedBuffer<UInt8>,
        x: Int = 0, y: Int = 0, channel: Int = 0
    ) throws(Diagnostic) {
        let samples = GridSize(width, height, samplesPerPixel).count
        let size = samples.multipliedReportingOverflow(by: type.unpackedBytes)
        guard width >= 1, height >= 1, samplesPerPixel >= 1, !size.overflow, bytes.count == size.partialValue else {
            throw Diagnostic(
                .sizeMismatch,
                "\(bytes.count) bytes do not fill \(width) × \(height) pixels of \(samplesPerPixel) \(type) sample(s)")
        }
        self.width = width
        self.height = height
        self.samplesPerPixel = samplesPerPixel
        self.type = type
        self.planar = planar
        self.bytes = bytes
        self.x = x
        self.y = y
        self.channel = channel
    }

    /// Samples from one pixel to the next of the same channel.
    var pixelStep: Int { planar ? 1 : samplesPerPixel }
    /// Samples from one row to the next.
    var rowStep: Int { planar ? width : width * samplesPerPixel }
    /// Samples from one channel to the next.
    var channelStep: Int { planar ? width * height : 1 }

    /// Exact facts about these samples.
    package func facts() -> StoredFacts {
        var statistics = StoredStatistics()
        bytes.withUnsafeBufferPointer { statistics.add(UnsafeRawBufferPointer($0), type: type) }
        return statistics.facts()
    }

    /// A rectangle within these samples.
    package struct Window: Hashable, Sendable {
        package var x, y, width, height: Int

        package init(x: Int, y: Int, width: Int, height: Int) {
            self.x = x
            self.y = y
            self.width = width
            self.height = height
        }
    }

    /// The window, cut to what is there; nil when nothing is.
    private func cut(_ window: Window?) -> Window? {
        guard let window else { return Window(x: 0, y: 0, width: width, height: height) }
        let left = max(0, window.x), top = max(0, window.y)
        let right = min(width, window.x + window.width), bottom = min(height, window.y + window.height)
        return left < right && top < bottom ? Window(x: left, y: top, width: right - left, height: bottom - top) : nil
    }

    /// Converts to float32 planes.
    ///
    /// - Parameters:
    ///   - target: where the window's first pixel of the first channel goes; room for all of it is the caller's duty.
    ///   - planeStride: floats from one channel to the next (the pixels of a whole volume).
    ///   - rowStride: floats from one row to the next.
    ///   - window: the part of these samples to convert; nil means all. It is cut to what is there, and `target` is where
    ///     the cut window begins.
    ///   - inverted: turns the first channel round (min-is-white): maximum − value. Unsigned samples only.
    /// - Throws: `.notFinite` or `.inexactValue` naming pixel and value; `.unsupportedFeature`.
    package func writePlanes(
        into target: UnsafeMutablePointer<Float>, planeStride: Int, rowStride: Int, window: Window? = nil,
        inverted: Bool = false
    ) throws(Diagnostic) {
        guard let window = cut(window) else { return }
        let plain = SampleConversion(type)
        let first = inverted && channel == 0 ? try SampleConversion(inverting: type) : plain
        let offence: Diagnostic? = bytes.withUnsafeBufferPointer { bytes in
            guard let base = UnsafeRawPointer(bytes.baseAddress) else { return nil }
            for plane in 0..<samplesPerPixel {
                let conversion = plane == 0 ? first : plain
                for row in 0..<window.height {
                    let start = plane &* channelStep &+ (window.y &+ row) &* rowStep &+ window.x &* pixelStep
                    let bad = conversion.floats(
                        from: base + start &* type.unpackedBytes, step: pixelStep, count: window.width,
                        into: target + (plane &* planeStride &+ row &* rowStride))
                    if let bad {
                        return conversion.offence(
                            base + start &* type.unpackedBytes, at: bad &* pixelStep,
                            pixel: (x + window.x + bad, y + window.y + row),
                            channel: channel + plane)
                    }
                }
            }
            return nil
        }
        if let offence { throw offence }
    }

    /// Converts to labels, as stored (nothing is turned round).
    ///
    /// - Parameters:
    ///   - target: where the first pixel's label goes.
    ///   - rowStride: labels from one row to the next.
    ///   - colorChannels: leading channels that must all be equal (1 gray or palette indices, 3 colour).
    ///   - hasAlpha: the channel after them is opacity, and must be opaque everywhere.
    /// - Throws: `.badLabel` for fractions and values outside Int32, `.channelMismatch` for colours and transparency.
    package func writeLabels(
        into target: UnsafeMutablePointer<Int32>, rowStride: Int, window: Window? = nil, colorChannels: Int = 1,
        hasAlpha: Bool = false
    ) throws(Diagnostic) {
        guard samplesPerPixel == colorChannels + (hasAlpha ? 1 : 0) else {
            throw Diagnostic(
                .channelMismatch, "\(samplesPerPixel) channels per pixel cannot be read as labels",
                remedy: "give a gray or palette image with one label per pixel")
        }
        guard let window = cut(window) else { return }
        let conversion = SampleConversion(type)
        let offence: Diagnostic? = bytes.withUnsafeBufferPointer { bytes in
            guard let base = UnsafeRawPointer(bytes.baseAddress) else { return nil }
            for row in 0..<window.height {
                let start = (window.y &+ row) &* rowStep &+ window.x &* pixelStep
                let pointer = base + start &* type.unpackedBytes
                func place(_ column: Int) -> String { "pixel (\(x + window.x + column), \(y + window.y + row))" }
                let out = target + row &* rowStride
                if let bad = conversion.labels(from: pointer, step: pixelStep, count: window.width, into: out) {
                    let value = conversion.text(of: pointer, at: bad &* pixelStep)
                    return Diagnostic(
                        .badLabel, "\(place(bad)) is \(value), which is not a label (an integer of 32 bits)",
                        remedy: "give an image of integers, one label per pixel")
                }
                for other in 1..<max(1, colorChannels) {
                    let second = pointer + other &* channelStep &* type.unpackedBytes
                    if let bad = conversion.firstDifference(pointer, second, step: pixelStep, count: window.width) {
                        return Diagnostic(
                            .channelMismatch, "\(place(bad)) is coloured, and colours are not labels",
                            remedy: "give a gray or palette image with one label per pixel")
                    }
                }
                if hasAlpha {
                    let alpha = pointer + colorChannels &* channelStep &* type.unpackedBytes
                    if let bad = conversion.firstTransparent(alpha, step: pixelStep, count: window.width) {
                        return Diagnostic(
                            .channelMismatch, "\(place(bad)) is transparent, and labels have no transparency",
                            remedy: "remove the alpha channel")
                    }
                }
            }
            return nil
        }
        if let offence { throw offence }
    }
}
