import LucencyFoundation
import LucencyImaging

/// PNG: all colour types, 1 to 16 bits, palettes, transparency, interlacing, pHYs and sCAL.
///
/// Values keep their stored scale: one-bit gray is 0 and 1. Palettes become RGB (RGBA with tRNS), a transparent colour
/// becomes an opacity channel. A physical size counts as stated unless it is a screen's 72 or 96 dots per inch. Damage
/// anywhere in the file refuses it.
public struct PNGFormat: ImageFormat, ImageEncoder {
    public init() {}

    public var name: String { "png" }
    public var fileExtensions: [String] { ["png"] }
    public var revision: Int { 1 }

    static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    public func recognizes(_ head: [UInt8]) -> Bool { head.starts(with: Self.signature) }

    public func header(of path: String, pages: PageSelection, limits: ReadLimits) throws -> FileHeader {
        try reading(path, pages) { file in try Self.header(of: file) }
    }

    public func readImage(_ path: String, pages: PageSelection, region: Region?, limits: ReadLimits) throws -> Image {
        try reading(path, pages) { file in
            let header = try Self.header(of: file)
            try Self.require(header, limits)
            let stored = file.isPalette ? SampleType.uint8 : file.sampleType
            let origin = Origin(fileName: fileName(of: path), stored: stored, metadata: header.pages[0].metadata)
            let expansion = PNGExpansion(file)
            return try file.image(
                geometry: header.geometry, colorModel: header.colorModel, region: region, origin: origin
            ) { band, window, target, planeStride, rowStride throws(Diagnostic) in
                try expansion.write(band, window, into: target, planeStride: planeStride, rowStride: rowStride)
            }
        }
    }

    public func readLabels(_ path: String, pages: PageSelection, limits: ReadLimits) throws -> LabelMap {
        try reading(path, pages) { file in
            let header = try Self.header(of: file)
            try Self.require(header, limits)
            if file.info.hasTransparentColor != 0 {
                throw Diagnostic(
                    .channelMismatch, "the image has a transparent colour, and labels have no transparency",
                    remedy: "remove the transparent colour")
            }
            let labels = try file.labels(
                colorChannels: file.isPalette ? 1 : file.isColor ? 3 : 1, hasAlpha: file.hasAlphaChannel)
            var table: [Int32: LabelClass] = [:]
            for (index, color) in file.palette.enumerated() {
                table[Int32(index)] = LabelClass(name: "\(index)", color: [color.x, color.y, color.z])
            }
            let origin = Origin(
                fileName: fileName(of: path), stored: file.sampleType, metadata: header.pages[0].metadata)
            return try LabelMap(geometry: header.geometry, labels: labels, table: table, origin: origin)
        }
    }

    public func storedFacts(of path: String, page: Int, limits: ReadLimits) throws -> StoredFacts {
        try reading(path, .page(page)) { file in
            try Self.require(try Self.header(of: file), limits)
            return try file.facts()
        }
    }

    private func reading<R>(_ path: String, _ pages: PageSelection, _ body: (PNGFile) throws -> R) throws -> R {
        do {
            if case .page(let page) = pages, page != 1 {
                throw Diagnostic(.noSuchPage, "there is no page \(page): a PNG holds one image")
            }
            return try body(try PNGFile(path))
        } catch {
            throw Diagnostic.wrapping(error, as: .damagedFile).located(in: path)
        }
    }

    private static func require(_ header: FileHeader, _ limits: ReadLimits) throws {
        try limits.require(header.pages[0].unpackedBytes, for: "the image of \(header.geometry.size)")
    }

    private static func header(of file: PNGFile) throws -> FileHeader {
        let info = file.info
        var metadata = file.texts
        if file.isPalette || info.bitDepth < 8 { metadata["bitDepth"] = "\(info.bitDepth)" }
        if info.interlaced != 0 { metadata["interlace"] = "adam7" }
        if info.gamma > 0 { metadata["gAMA"] = "\(info.gamma)" }
        if file.hasTransparency { metadata["tRNS"] = "yes" }
        if info.hasPhysical != 0 {
            metadata["pHYs"] =
                "\(info.xPerUnit) × \(info.yPerUnit)"
                + (info.physicalIsMetre != 0 ? " pixels per metre" : " (no unit)")
        }
        let spacing = file.spacing
        let names = ["gray", "", "rgb", "palette", "gray+alpha", "", "rgba"]
        let kind = Int(info.colorType)
        let page = PageHeader(
            width: file.width, height: file.height, samplesPerPixel: file.samplesPerPixel, sampleType: file.sampleType,
            dtype: info.bitDepth == 16 ? "uint16" : "uint8", axes: file.samplesPerPixel == 1 ? "yx" : "yxc",
            colorType: kind < names.count ? names[kind] : "", compression: "deflate", spacing: spacing,
            spacingUnit: spacing == nil ? nil : .mm, metadata: metadata)
        let alpha = file.hasAlphaChannel || file.hasTransparency
        let model: ColorModel = file.isColor ? (alpha ? .rgba : .rgb) : (alpha ? .grayAlpha : .gray)
        let geometry = try Resolution.geometry(width: file.width, height: file.height, spacing: spacing)
        return FileHeader(format: "png", pages: [page], geometry: geometry, colorModel: model)
    }
}
