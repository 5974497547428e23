import LucencyFoundation
import LucencyImaging

/// Writes an image to a TIFF as its rows come, in the memory of one row of tiles (or strip); the file is that of
/// `TIFFFormat.write` for the whole image, byte for byte.
public final class TIFFBandWriter {
    private let geometry: Geometry
    private let colorModel: ColorModel
    private let origin: Origin?
    private let options: WriteOptions
    private let type: SampleType
    private let writer: TIFFWriter
    private let path: String
    /// Rows that wait for their band to be complete, planar: channels × `capacity` × width.
    private let pending: AlignedBuffer<Float>
    private let capacity: Int
    private var waiting = 0
    private var band = 0

    private static let types: [SampleType] = [8, 16, 32].flatMap {
        [SampleType(.unsigned, bits: $0), SampleType(.signed, bits: $0)]
    }

    /// - Parameters:
    ///   - geometry: of the whole image, which has one slice.
    ///   - origin: how samples are stored, without `bits` and `float`; as float32 where there is none, or it is of floats or
    ///     of more than 32 bits.
    /// - Throws: `Diagnostic` for a volume, options that need the whole image (`rescale`), and what TIFF cannot hold.
    public init(
        _ path: String, geometry: Geometry, colorModel: ColorModel, origin: Origin?,
        options: WriteOptions = WriteOptions()
    ) throws {
        guard geometry.size.isPlanar else {
            throw Diagnostic(.shapeMismatch, "rows of a volume of \(geometry.size) are not written as they come")
        }
        guard !options.rescale, !options.unit else {
            throw Diagnostic(
                .badArgument, "an image that is written as it comes has no range to map", remedy: "leave it out")
        }
        let keeps = origin.map { $0.stored.kind != .float && $0.stored.bits <= 32 } == true
        guard !options.round || options.bits != nil || keeps else {
            throw Diagnostic(
                .badArgument, "floats that are rounded and written as they come need a depth",
                remedy: "say `bits: 8` or `bits: 16`")
        }
        self.path = path
        self.geometry = geometry
        self.colorModel = colorModel
        self.origin = keeps ? origin : Origin(stored: .float32)
        self.options = options
        // The samples' type follows from the origin and the options alone.
        let probe = try Image(
            geometry: Geometry(size: GridSize(1, 1)), colorModel: colorModel,
            pixels: AlignedBuffer(repeating: 0, count: colorModel.channelCount), origin: self.origin)
        let quantizer = try Quantizer(
            for: probe, options: options, supported: Self.types + [.float32], format: "tiff")
        var spec = try TIFFPageSpec(geometry, type: quantizer.target, samples: colorModel.channelCount, options)
        spec.set(colorModel)
        type = quantizer.target
        writer = try TIFFWriter(path, spec, pages: 1, bigThreshold: TIFFFormat().bigThreshold)
        capacity = writer.rows(of: 0).count
        pending = AlignedBuffer(repeating: 0, count: colorModel.channelCount * capacity * geometry.size.x)
    }

    /// Bytes that writing takes: of a row of tiles, or a strip, its numbers and its samples, and a tile.
    /// - Parameters:
    ///   - width: of the image, in pixels.
    ///   - stored: the type of its samples.
    public static func predictedBytes(width: Int, channels: Int, stored: SampleType, options: WriteOptions) -> Int {
        let sample = max(1, stored.unpackedBytes), row = Double(width) * Double(channels)
        let strip = TIFFWriter.stripRows(rowBytes: Int(min(row * Double(sample), 0x1p40)))
        let rows = Double(options.tile ?? strip), tile = Double(options.tile ?? 0)
        return Int(min(row * rows * Double(4 + sample) + tile * tile * Double(channels * sample), 0x1p62))
    }

    /// - Parameter rows: the next rows of all channels, planar (channel, row, column).
    /// - Throws: `Diagnostic` for values that the samples cannot hold, more rows than the image has, and a failing file.
    public func append(_ rows: AlignedBuffer<Float>) throws {
        let width = geometry.size.x, channels = colorModel.channelCount
        let count = rows.count / (width * channels)
        guard rows.count == count * width * channels, band * capacity + waiting + count <= geometry.size.y else {
            throw Diagnostic(.sizeMismatch, "\(rows.count) values are no further rows of an image of \(geometry.size)")
        }
        var done = 0
        while done < count {
            let part = min(count - done, capacity - waiting)
            rows.withUnsafeBufferPointer { source in
                guard let base = source.baseAddress else { return }
                for channel in 0..<channels {
                    (pending.stableAddress + (channel * capacity + waiting) * width).update(
                        from: base + (channel * count + done) * width, count: part * width)
                }
            }
            waiting += part
            done += part
            if waiting == writer.rows(of: band).count { try flush() }
        }
    }

    private func flush() throws {
        let grid = GridSize(geometry.size.x, capacity)
        let image = try Image(geometry: Geometry(size: grid), colorModel: colorModel, pixels: pending, origin: origin)
        let quantizer = try Quantizer(
            for: image, options: options, supported: Self.types + [.float32], format: "tiff")
        do {
            guard quantizer.target == type else {
                throw Diagnostic(.wouldLoseData, "rows need \(quantizer.target) where those before them are \(type)")
            }
            try writer.write(band: band) { try quantizer.encode(image, rows: 0..<waiting, into: $0) }
        } catch {
            throw Diagnostic.wrapping(error, as: .writeFailed).located(in: path)
        }
        waiting = 0
        band += 1
    }

    /// Closes the file.
    /// - Throws: `Diagnostic` when rows are missing, or the file cannot be completed.
    public func finish() throws {
        guard band == writer.bands else {
            throw Diagnostic(.sizeMismatch, "an image of \(geometry.size) lacks rows", at: .init(file: path))
        }
        try writer.endPage()
        try writer.finish()
    }
}

extension TIFFPageSpec {
    /// What the samples of a pixel are.
    mutating func set(_ model: ColorModel) {
        switch model {
        case .gray, .channels: extras = model.channelCount - 1
        case .grayAlpha: (extras, lastIsAlpha) = (1, true)
        case .rgb: photometric = 2
        case .rgba: (photometric, extras, lastIsAlpha) = (2, 1, true)
        }
    }
}
