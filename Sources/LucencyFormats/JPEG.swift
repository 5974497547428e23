import LucencyFoundation
import LucencyImaging

/// JPEG, read only: gray and colour (YCbCr becomes RGB), baseline and progressive, 8 bits.
///
/// CMYK is refused by name. What libjpeg would fill in with gray (a file cut off, corrupt data) is refused. Labels are
/// refused: lossy compression alters them. A JFIF density counts as stated unless it is a screen's 72 or 96 dots per
/// inch. EXIF orientation is not applied; it is kept in the metadata.
public struct JPEGFormat: ImageFormat {
    public init() {}

    public var name: String { "jpeg" }
    public var fileExtensions: [String] { ["jpg", "jpeg"] }
    public var revision: Int { 1 }

    public func recognizes(_ head: [UInt8]) -> Bool { head.starts(with: [0xFF, 0xD8, 0xFF]) }

    public func header(of path: String, pages: PageSelection, limits: ReadLimits) throws -> FileHeader {
        try reading(path, pages) { file in try Self.header(of: file) }
    }

    public func readImage(_ path: String, pages: PageSelection, region: Region?, limits: ReadLimits) throws -> Image {
        try reading(path, pages) { file in
            let header = try Self.header(of: file)
            try limits.require(header.pages[0].unpackedBytes, for: "the image of \(header.geometry.size)")
            let origin = Origin(fileName: fileName(of: path), stored: .uint8, metadata: header.pages[0].metadata)
            return try file.image(
                geometry: header.geometry, colorModel: header.colorModel, region: region, origin: origin
            ) { band, window, target, planeStride, rowStride throws(Diagnostic) in
                try band.writePlanes(into: target, planeStride: planeStride, rowStride: rowStride, window: window)
            }
        }
    }

    public func readLabels(_ path: String, pages: PageSelection, limits: ReadLimits) throws -> LabelMap {
        throw Diagnostic(
            .unsupportedFeature, "labels cannot be read from JPEG, whose compression alters them",
            remedy: "use the PNG or TIFF the labels were made as; or read it as an image and threshold it"
        ).located(in: path)
    }

    public func storedFacts(of path: String, page: Int, limits: ReadLimits) throws -> StoredFacts {
        try reading(path, .page(page)) { file in
            let header = try Self.header(of: file)
            try limits.require(header.pages[0].unpackedBytes, for: "the image of \(header.geometry.size)")
            return try file.facts()
        }
    }

    private func reading<R>(_ path: String, _ pages: PageSelection, _ body: (JPEGFile) throws -> R) throws -> R {
        do {
            if case .page(let page) = pages, page != 1 {
                throw Diagnostic(.noSuchPage, "there is no page \(page): a JPEG holds one image")
            }
            return try body(try JPEGFile(path))
        } catch {
            throw Diagnostic.wrapping(error, as: .damagedFile).located(in: path)
        }
    }

    private static func header(of file: JPEGFile) throws -> FileHeader {
        let info = file.info
        var metadata: [String: String] = [:]
        if info.progressive != 0 { metadata["progressive"] = "yes" }
        if info.orientation > 1 { metadata["orientation"] = "\(info.orientation)" }
        if info.densityUnit > 0 {
            let unit = info.densityUnit == 1 ? "inch" : "cm"
            metadata["JFIF"] = "\(info.xDensity) × \(info.yDensity) pixels per \(unit)"
        }
        let spacing = file.spacing
        let page = PageHeader(
            width: file.width, height: file.height, samplesPerPixel: file.samplesPerPixel, sampleType: .uint8,
            axes: file.samplesPerPixel == 1 ? "yx" : "yxc", colorType: file.colorType, compression: "jpeg",
            spacing: spacing, spacingUnit: spacing == nil ? nil : .mm, metadata: metadata)
        let geometry = try Resolution.geometry(width: file.width, height: file.height, spacing: spacing)
        return FileHeader(
            format: "jpeg", pages: [page], geometry: geometry, colorModel: file.samplesPerPixel == 1 ? .gray : .rgb)
    }
}
