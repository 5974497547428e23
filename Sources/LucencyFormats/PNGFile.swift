import CPNG
import LucencyFoundation
import LucencyImaging

/// An open PNG file: what stands before its pixels, then its rows.
final class PNGFile: RowDecoder {
    let info: LPNGInfo
    /// Texts before the pixels, by keyword.
    let texts: [String: String]
    private let reader: OpaquePointer

    /// - Throws: `.unreadableFile`, `.damagedFile`.
    init(_ path: String) throws(Diagnostic) {
        var info = LPNGInfo(), reader: OpaquePointer?
        var message = CMessage()
        let status = message.fill { lpng_open(path, &reader, &info, $0) }
        guard status == LPNG_OK, let reader else { throw Self.failure(status, message.text) }
        var texts: [String: String] = [:]
        for index in 0..<Int32(info.textCount) {
            var keyword: UnsafePointer<CChar>?, value: UnsafePointer<CChar>?
            lpng_text(reader, index, &keyword, &value)
            if let keyword, let value { texts[Self.text(keyword)] = Self.text(value) }
        }
        self.info = info
        self.texts = texts
        self.reader = reader
    }

    deinit { lpng_close(reader) }

    var width: Int { Int(info.width) }
    var height: Int { Int(info.height) }
    var samplesPerPixel: Int { Int(info.samplesPerPixel) }
    var sampleType: SampleType { SampleType(.unsigned, bits: Int(info.bitDepth)) }
    var deliversAllRowsAtOnce: Bool { info.interlaced != 0 }

    var isPalette: Bool { info.colorType == 3 }
    var isColor: Bool { info.colorType & 2 != 0 }
    /// Whether opacity is stored as a channel.
    var hasAlphaChannel: Bool { info.colorType & 4 != 0 }
    /// Whether opacity is stated by a transparent colour or in the palette.
    var hasTransparency: Bool { info.hasTransparentColor != 0 || info.paletteAlphaCount > 0 }

    func start() throws(Diagnostic) {
        var message = CMessage()
        let status = message.fill { lpng_start(reader, $0) }
        if status != LPNG_OK { throw Self.failure(status, message.text) }
    }

    func read(_ rows: Int, rowBytes: Int, into bytes: UnsafeMutableBufferPointer<UInt8>) -> Diagnostic? {
        guard rows * rowBytes <= bytes.count, let count = UInt32(exactly: rows) else {
            return Diagnostic(.sizeMismatch, "\(rows) rows do not fit their buffer")
        }
        var message = CMessage()
        let status = message.fill {
            deliversAllRowsAtOnce
                ? lpng_read_all(reader, bytes.baseAddress, rowBytes, count, $0)
                : lpng_read_rows(reader, bytes.baseAddress, rowBytes, count, $0)
        }
        return status == LPNG_OK ? nil : Self.failure(status, message.text)
    }

    func finish() throws(Diagnostic) {
        var message = CMessage()
        let status = message.fill { lpng_finish(reader, $0) }
        if status != LPNG_OK { throw Self.failure(status, message.text) }
    }

    /// Red, green, blue and opacity of the palette's entries.
    var palette: [SIMD4<UInt8>] {
        withUnsafeBytes(of: info.palette) { colors in
            withUnsafeBytes(of: info.paletteAlpha) { alpha in
                (0..<Int(info.paletteCount)).map { i in
                    SIMD4(
                        colors[3 * i], colors[3 * i + 1], colors[3 * i + 2],
                        info.paletteAlphaCount > 0 ? alpha[i] : 255)
                }
            }
        }
    }

    /// Millimetres per pixel, from sCAL (the scale of the subject), else pHYs, unless that is a screen's.
    var spacing: SIMD2<Double>? {
        if info.hasScale != 0, info.scaleIsMetre != 0 {
            let x = withUnsafeBytes(of: info.scaleWidth) { PNGScale.millimetres($0) }
            let y = withUnsafeBytes(of: info.scaleHeight) { PNGScale.millimetres($0) }
            if let x, let y { return [x, y] }
        }
        guard info.hasPhysical != 0, info.physicalIsMetre != 0 else { return nil }
        return Resolution.spacing(pixelsPerMetre: Double(info.xPerUnit), Double(info.yPerUnit))
    }

    private static func failure(_ status: Int32, _ text: String) -> Diagnostic {
        switch Int(status) {
        case LPNG_CANNOT_OPEN: Diagnostic(.unreadableFile, "the file cannot be read: \(text)")
        case LPNG_NO_MEMORY: Diagnostic(.tooLarge, "not enough memory to decode the PNG")
        default:
            Diagnostic(
                .damagedFile, "the PNG is damaged: \(text)",
                remedy: "fetch or export the file again; no part of it was used")
        }
    }

    /// A text of at most 4096 bytes, which is UTF-8 in iTXt and Latin-1 elsewhere.
    private static func text(_ bytes: UnsafePointer<CChar>) -> String {
        var whole = UnsafeBufferPointer(start: bytes, count: 4097).prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let isLong = whole.count > 4096
        if isLong {
            // Cut before a character, not within one.
            while let last = whole.last, last & 0xC0 == 0x80 { whole.removeLast() }
            if let last = whole.last, last >= 0xC0 { whole.removeLast() }
        }
        let text = String(validating: whole, as: UTF8.self) ?? String(whole.map { Character(Unicode.Scalar($0)) })
        return isLong ? text + "…" : text
    }
}

/// Room for a message from a C shim.
struct CMessage {
    private var bytes = [CChar](repeating: 0, count: 256)

    mutating func fill(_ call: (UnsafeMutablePointer<CChar>?) -> Int32) -> Int32 {
        bytes.withUnsafeMutableBufferPointer { call($0.baseAddress) }
    }

    var text: String {
        String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// The decimal numbers of the sCAL chunk, in metres, which keep millimetres to the last digit.
enum PNGScale {
    /// Millimetres from the metres of a chunk; nil unless positive and finite.
    static func millimetres(_ bytes: UnsafeRawBufferPointer) -> Double? {
        shifted(String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self), by: 3)
            .flatMap { Double($0) }.flatMap { $0 > 0 && $0.isFinite ? $0 : nil }
    }

    /// Metres as text from millimetres; nil when it takes more than 31 characters.
    static func metres(_ millimetres: Double) -> String? {
        shifted("\(millimetres)", by: -3).flatMap { $0.utf8.count <= 31 ? $0 : nil }
    }

    /// A decimal number with its exponent raised, so that no digit changes.
    private static func shifted(_ text: String, by power: Int) -> String? {
        let parts = text.split(omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
        guard parts.count <= 2, let mantissa = parts.first, !mantissa.isEmpty else { return nil }
        guard let exponent = parts.count == 2 ? Int(parts[1]) : 0, abs(exponent) < 1000 else { return nil }
        return "\(mantissa)e\(exponent + power)"
    }
}
