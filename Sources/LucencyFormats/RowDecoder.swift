import LucencyFoundation
import LucencyImaging

/// A decoder of one chunky image that delivers rows from top to bottom.
protocol RowDecoder: AnyObject {
    var width: Int { get }
    var height: Int { get }
    var samplesPerPixel: Int { get }
    var sampleType: SampleType { get }
    /// Interlaced files have no first row before the last pass: all rows come at once.
    var deliversAllRowsAtOnce: Bool { get }

    /// Prepares for pixels. Called once, after the size has been accepted.
    func start() throws(Diagnostic)
    /// Fills the next `rows` rows.
    func read(_ rows: Int, rowBytes: Int, into bytes: UnsafeMutableBufferPointer<UInt8>) -> Diagnostic?
    /// Reads on to the end of the file, and refuses one that is damaged or cut off behind the pixels.
    func finish() throws(Diagnostic)
}

extension RowDecoder {
    /// Decodes the whole image, a band of rows at a time, and checks the file to its end.
    func forEachBand(_ body: (StoredSamples) throws(Diagnostic) -> Void) throws(Diagnostic) {
        try start()
        let rowBytes = width * samplesPerPixel * sampleType.unpackedBytes
        let full = deliversAllRowsAtOnce ? height : max(1, min(height, (1 << 20) / rowBytes))
        var band = try emptyBand(rows: full, rowBytes: rowBytes)
        while band.y < height {
            let rows = min(full, height - band.y)
            if rows < band.height {
                let y = band.y
                band = try emptyBand(rows: rows, rowBytes: rowBytes)
                band.y = y
            }
            if let failure = band.bytes.withUnsafeMutableBufferPointer({ read(rows, rowBytes: rowBytes, into: $0) }) {
                throw failure
            }
            try body(band)
            band.y += rows
        }
        try finish()
    }

    private func emptyBand(rows: Int, rowBytes: Int) throws(Diagnostic) -> StoredSamples {
        try StoredSamples(
            width: width, height: rows, samplesPerPixel: samplesPerPixel, type: sampleType, planar: false,
            bytes: AlignedBuffer(repeating: 0, count: rows * rowBytes))
    }

    /// Exact facts about the stored samples.
    func facts() throws(Diagnostic) -> StoredFacts {
        var statistics = StoredStatistics()
        try forEachBand { band throws(Diagnostic) in
            band.bytes.withUnsafeBufferPointer { statistics.add(UnsafeRawBufferPointer($0), type: band.type) }
        }
        return statistics.facts()
    }

    /// Decodes into planes. The whole file is decoded and checked even where only a region of it is kept.
    ///
    /// - Parameter convert: refuses values that are not finite; writes a window of a band to `target` (first plane), with the given
    ///   strides.
    func image(
        geometry: Geometry, colorModel: ColorModel, region: Region?, origin: Origin,
        convert: (
            _ band: StoredSamples, _ window: StoredSamples.Window, _ target: UnsafeMutablePointer<Float>,
            _ planeStride: Int, _ rowStride: Int
        ) throws(Diagnostic) -> Void
    ) throws(Diagnostic) -> Image {
        let region = region ?? Region(x: 0, y: 0, size: geometry.size)
        let target = try geometry.cropped(to: region)
        let plane = region.size.count
        var pixels = AlignedBuffer<Float>(count: plane * colorModel.channelCount) { _ in }
        try forEachBand { band throws(Diagnostic) in
            let top = max(band.y, region.y), bottom = min(band.y + band.height, region.y + region.size.y)
            guard top < bottom else { return }
            let window = StoredSamples.Window(x: region.x, y: top - band.y, width: region.size.x, height: bottom - top)
            let failure: Diagnostic? = pixels.withUnsafeMutableBufferPointer { pixels in
                guard let base = pixels.baseAddress else { return nil }
                do throws(Diagnostic) {
                    try convert(band, window, base + (top - region.y) * region.size.x, plane, region.size.x)
                    return nil
                } catch { return error }
            }
            if let failure { throw failure }
        }
        return try Image(geometry: target, colorModel: colorModel, finitePixels: pixels, origin: origin)
    }

    /// Decodes labels.
    func labels(colorChannels: Int, hasAlpha: Bool) throws(Diagnostic) -> AlignedBuffer<Int32> {
        var labels = AlignedBuffer<Int32>(count: width * height) { _ in }
        try forEachBand { band throws(Diagnostic) in
            let failure: Diagnostic? = labels.withUnsafeMutableBufferPointer { labels in
                guard let base = labels.baseAddress else { return nil }
                do throws(Diagnostic) {
                    try band.writeLabels(
                        into: base + band.y * width, rowStride: width, colorChannels: colorChannels, hasAlpha: hasAlpha)
                    return nil
                } catch { return error }
            }
            if let failure { throw failure }
        }
        return labels
    }
}
