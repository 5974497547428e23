import CJPEG
import LucencyFoundation
import LucencyImaging

/// An open JPEG file: its header, then its rows.
final class JPEGFile: RowDecoder {
    let info: LJPEGInfo
    private let reader: OpaquePointer

    /// - Throws: `.unreadableFile`, `.damagedFile`, `.unsupportedFeature`.
    init(_ path: String) throws(Diagnostic) {
        var info = LJPEGInfo(), reader: OpaquePointer?
        var message = CMessage()
        let status = message.fill { ljpeg_open(path, &reader, &info, $0) }
        guard status == LJPEG_OK, let reader else { throw Self.failure(status, message.text) }
        self.info = info
        self.reader = reader
        guard [LJPEG_GRAY, LJPEG_RGB, LJPEG_YCBCR].contains(Int(info.colorSpace)) else {
            throw Diagnostic(
                .unsupportedFeature, "JPEG with \(colorType) colours is not supported",
                remedy: "convert it to RGB or gray")
        }
    }

    deinit { ljpeg_close(reader) }

    var width: Int { Int(info.width) }
    var height: Int { Int(info.height) }
    var samplesPerPixel: Int { Int(info.colorSpace) == LJPEG_GRAY ? 1 : 3 }
    var sampleType: SampleType { .uint8 }
    var deliversAllRowsAtOnce: Bool { false }

    var colorType: String {
        switch Int(info.colorSpace) {
        case LJPEG_GRAY: "gray"
        case LJPEG_RGB: "rgb"
        case LJPEG_YCBCR: "ycbcr"
        case LJPEG_CMYK: "cmyk"
        case LJPEG_YCCK: "ycck"
        default: "unknown"
        }
    }

    /// Millimetres per pixel by the JFIF density, unless that is a screen's.
    var spacing: SIMD2<Double>? {
        let perMetre: Double
        switch info.densityUnit {
        case 1: perMetre = 1 / 0.0254
        case 2:
            // Whole pixels per centimetre: 28 and 38 are a screen's 72 and 96 dots per inch.
            if [28, 38].contains(info.xDensity), [28, 38].contains(info.yDensity) { return nil }
            perMetre = 100
        default: return nil
        }
        // One dot per inch or centimetre is what programs write that mean "none".
        guard info.xDensity > 1, info.yDensity > 1 else { return nil }
        return Resolution.spacing(pixelsPerMetre: Double(info.xDensity) * perMetre, Double(info.yDensity) * perMetre)
    }

    func start() throws(Diagnostic) {
        var message = CMessage()
        let status = message.fill { ljpeg_start(reader, $0) }
        if status != LJPEG_OK { throw Self.failure(status, message.text) }
    }

    func read(_ rows: Int, rowBytes: Int, into bytes: UnsafeMutableBufferPointer<UInt8>) -> Diagnostic? {
        guard rows * rowBytes <= bytes.count, let count = UInt32(exactly: rows) else {
            return Diagnostic(.sizeMismatch, "\(rows) rows do not fit their buffer")
        }
        var message = CMessage()
        let status = message.fill { ljpeg_read_rows(reader, bytes.baseAddress, rowBytes, count, $0) }
        return status == LJPEG_OK ? nil : Self.failure(status, message.text)
    }

    func finish() throws(Diagnostic) {
        var message = CMessage()
        let status = message.fill { ljpeg_finish(reader, $0) }
        if status != LJPEG_OK { throw Self.failure(status, message.text) }
    }

    private static func failure(_ status: Int32, _ text: String) -> Diagnostic {
        switch Int(status) {
        case LJPEG_CANNOT_OPEN: Diagnostic(.unreadableFile, "the file cannot be read: \(text)")
        case LJPEG_NO_MEMORY: Diagnostic(.tooLarge, "not enough memory to decode the JPEG")
        case LJPEG_UNSUPPORTED:
            Diagnostic(
                .unsupportedFeature, "this kind of JPEG is not supported: \(text)", remedy: "convert it to PNG or TIFF")
        default:
            Diagnostic(
                .damagedFile, "the JPEG is damaged: \(text)",
                remedy: "fetch or export the file again; no part of it was used")
        }
    }
}
