import LucencyFoundation
import LucencyImaging

/// TIFF and BigTIFF through libtiff: strips and tiles, 1 to 64-bit integers, 16 to 64-bit floats, chunky and planar, and
/// every codec that libtiff was built with.
///
/// Values keep their stored scale. Palettes become 8-bit colours, unsigned min-is-white is turned round once, YCbCr
/// becomes RGB; CMYK, CIELab and samples without a colour meaning become plain channels; opacity becomes alpha.
/// Pixels stay in the stored order: an orientation tag is only reported in the metadata. Spacing comes from OME-XML,
/// ImageJ's description or the resolution tags. Damage in what is read refuses it.
public struct TIFFFormat: ImageFormat, ImageEncoder {
    public init() {}

    public var name: String { "tiff" }
    public var fileExtensions: [String] { ["tif", "tiff"] }
    public var revision: Int { 1 }

    /// A strip of more bytes is decoded row by row where its codec can.
    package var largeStrip = 16 << 20
    /// Files with more bytes of samples are written as BigTIFF.
    package var bigThreshold = 3_900_000_000

    public func recognizes(_ head: [UInt8]) -> Bool {
        [[0x49, 0x49, 42, 0], [0x4D, 0x4D, 0, 42], [0x49, 0x49, 43, 0], [0x4D, 0x4D, 0, 43]].contains {
            head.starts(with: $0)
        }
    }

    /// The headers of all pages. Unlike `header(of:pages:limits:)` it needs no image to come of them: hyperstacks, pages
    /// of several sizes, and pages whose pixels cannot be read are described, too.
    public func pageHeaders(of path: String, limits: ReadLimits = .standard) throws -> [PageHeader] {
        let file = try TIFFFile(path, limits: limits)
        return Self.headers(try (0..<file.pageCount).map { try file.page($0) })
    }

    /// - Throws: `Diagnostic` also where the selected pages do not make one image (hyperstacks, unequal pages); ask for
    ///   `.page(1)` or `pageHeaders` then.
    public func header(of path: String, pages: PageSelection, limits: ReadLimits) throws -> FileHeader {
        let file = try TIFFFile(path, limits: limits)
        let all = try (0..<file.pageCount).map { try file.page($0) }
        let stack = try TIFFStack(file, pages, all: all)
        return FileHeader(
            format: name, pages: Self.headers(all), geometry: stack.geometry, colorModel: stack.colorModel)
    }

    private static func headers(_ pages: [TIFFPage]) -> [PageHeader] {
        let facts = TIFFDescription(pages.first?.description)
        return pages.map { page in
            var header = page.header(spacing: TIFFStack.spacing(of: page, facts))
            if page.index == 0, let facts { header.metadata.merge(facts.metadata) { own, _ in own } }
            return header
        }
    }

    public func storedFacts(of path: String, page: Int, limits: ReadLimits) throws -> StoredFacts {
        let file = try TIFFFile(path, limits: limits)
        let page = try file.page(page < 1 ? -1 : page - 1)
        try page.requireReadable(in: path)
        try Self.require(file, page, of: page.header(spacing: nil).unpackedBytes, limits)
        var reader = try TIFFBlockReader(file, page, limits: limits, largeStrip: largeStrip)
        var statistics = StoredStatistics()
        try reader.forEachBand { statistics.add($0, type: page.type) }
        return statistics.facts()
    }

    public func readImage(_ path: String, pages: PageSelection, region: Region?, limits: ReadLimits) throws -> Image {
        let file = try TIFFFile(path, limits: limits)
        let stack = try TIFFStack(file, pages)
        let size = stack.geometry.size
        let region = region ?? Region(x: 0, y: 0, size: size)
        do {
            let geometry = try stack.geometry.cropped(to: region)
            let volume = region.size.count, channels = stack.colorModel.channelCount
            let samples = volume.multipliedReportingOverflow(by: channels)
            let stored = samples.partialValue.multipliedReportingOverflow(by: stack.first.valueType.unpackedBytes)
            try limits.require(
                samples.overflow || stored.overflow ? .max : stored.partialValue, for: "the image of \(region.size)")
            let chosen =
                stack.arrangement == .slices ? Array(stack.pages[region.z..<region.z + region.size.z]) : stack.pages
            // The blocks of the pages cover all of it.
            let pixels = try AlignedBuffer<Float>(count: samples.partialValue) { pixels in
                for (index, page) in chosen.enumerated() {
                    var reader = try TIFFBlockReader(file, page, limits: limits, largeStrip: largeStrip)
                    let start = index * (stack.arrangement == .channels ? volume : region.size.x * region.size.y)
                    guard let base = pixels.baseAddress else { return }
                    try Self.read(&reader, region, into: base + start, planeStride: volume)
                }
            }
            let first = stack.first
            let origin = Origin(
                fileName: fileName(of: path), stored: first.valueType, storedInverted: first.isInverted,
                metadata: stack.metadata)
            return try Image(geometry: geometry, colorModel: stack.colorModel, finitePixels: pixels, origin: origin)
        } catch {
            throw Diagnostic.wrapping(error, as: .damagedFile).located(in: path)
        }
    }

    /// Reads a page's part of a region to float planes.
    private static func read(
        _ reader: inout TIFFBlockReader, _ region: Region, into target: UnsafeMutablePointer<Float>, planeStride: Int
    ) throws {
        let page = reader.page, rowStride = region.size.x
        let window = StoredSamples.Window(x: region.x, y: region.y, width: region.size.x, height: region.size.y)
        let palette = page.photometric == .palette ? TIFFPalette(page) : nil
        try reader.forEachBlock(touching: window) { block, part in
            // A planar block is one channel; a chunky one holds all.
            let plane = page.planar ? (palette != nil && block.channel > 0 ? block.channel + 2 : block.channel) : 0
            let at = (block.y + part.y - region.y) * rowStride + block.x + part.x - region.x
            let out = target + (plane * planeStride + at)
            if let palette, block.channel == 0 {
                palette.write(block, part, into: out, planeStride: planeStride, rowStride: rowStride)
            } else {
                try block.writePlanes(
                    into: out, planeStride: planeStride, rowStride: rowStride, window: part, inverted: page.isInverted)
            }
        }
    }

    public func readLabels(_ path: String, pages: PageSelection, limits: ReadLimits) throws -> LabelMap {
        let file = try TIFFFile(path, limits: limits)
        let stack = try TIFFStack(file, pages)
        let first = stack.first, size = stack.geometry.size
        do {
            guard stack.arrangement != .channels else {
                throw Diagnostic(
                    .channelMismatch,
                    "the \(stack.pages.count) pages are channels, and labels have one value per pixel",
                    remedy: "choose one: `page: 1`")
            }
            let stored = size.count.multipliedReportingOverflow(by: first.samples * first.type.unpackedBytes)
            try limits.require(stored.overflow ? .max : stored.partialValue, for: "the labels of \(size)")
            let colors = first.photometric == .rgb || first.photometric == .yCbCr ? 3 : 1
            guard first.samples == colors + (first.hasAlpha ? 1 : 0), !first.planar else {
                throw Diagnostic(
                    .channelMismatch,
                    "\(first.samples) \(first.planar ? "planes" : "channels") per pixel cannot be read as labels",
                    remedy: "give a gray or palette image with one label per pixel")
            }
            var labels = AlignedBuffer<Int32>(repeating: 0, count: size.count)
            for (z, page) in stack.pages.enumerated() {
                var reader = try TIFFBlockReader(file, page, limits: limits, largeStrip: largeStrip)
                let window = StoredSamples.Window(x: 0, y: 0, width: size.x, height: size.y)
                try labels.withUnsafeMutableBufferPointer { labels in
                    guard let base = labels.baseAddress else { return }
                    try reader.forEachBlock(touching: window) { block, part in
                        let at = (z * size.y + block.y + part.y) * size.x + block.x + part.x
                        try block.writeLabels(
                            into: base + at, rowStride: size.x, window: part, colorChannels: colors,
                            hasAlpha: page.hasAlpha)
                    }
                }
            }
            var table: [Int32: LabelClass] = [:]
            for (index, color) in first.palette.enumerated() where first.photometric == .palette {
                table[Int32(index)] = LabelClass(name: "\(index)", color: color)
            }
            let origin = Origin(fileName: fileName(of: path), stored: first.type, metadata: stack.metadata)
            return try LabelMap(geometry: stack.geometry, labels: labels, table: table, origin: origin)
        } catch {
            throw Diagnostic.wrapping(error, as: .damagedFile).located(in: path)
        }
    }

    private static func require(_ file: TIFFFile, _ page: TIFFPage, of bytes: Int, _ limits: ReadLimits) throws {
        do {
            try limits.require(bytes, for: "the page of \(page.width) × \(page.height) pixels")
        } catch {
            throw error.located(in: file.path, part: "page \(page.index + 1)")
        }
    }
}

/// A palette, for turning indices into colours.
private struct TIFFPalette {
    private let colors: [SIMD3<Float>]

    init(_ page: TIFFPage) { colors = page.palette.map { SIMD3<Float>($0) } }

    /// Writes the colours of a window's first channel to three planes, and further channels to those after them.
    func write(
        _ block: StoredSamples, _ window: StoredSamples.Window, into target: UnsafeMutablePointer<Float>,
        planeStride: Int, rowStride: Int
    ) {
        let step = block.samplesPerPixel, wide = block.type.unpackedBytes == 2
        block.bytes.withUnsafeBufferPointer { buffer in
            let bytes = UnsafeRawBufferPointer(buffer)
            for row in 0..<window.height {
                let out = target + row &* rowStride
                for x in 0..<window.width {
                    let at = ((window.y &+ row) &* block.width &+ window.x &+ x) &* step
                    let index = wide ? Int(bytes.load(fromByteOffset: 2 &* at, as: UInt16.self)) : Int(bytes[at])
                    // Indices have as many bits as the palette has entries for.
                    let color = colors[index]
                    out[x] = color.x
                    out[planeStride &+ x] = color.y
                    out[2 &* planeStride &+ x] = color.z
                    for extra in 1..<max(1, step) { out[(extra &+ 2) &* planeStride &+ x] = Float(bytes[at &+ extra]) }
                }
            }
        }
    }
}
