import CTIFF
import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Writes equal pages to a file, a band of rows at a time. Same values, same bytes: no date, no host.
final class TIFFWriter {
    private let spec: TIFFPageSpec
    private let pages: Int
    private let rowBytes: Int
    private let bandRows: Int
    private let path: String
    private let big: Bool
    private var handle: OpaquePointer?
    private var written = 0
    private var band: AlignedBuffer<UInt8>
    private var block: AlignedBuffer<UInt8>

    /// Nothing is created before the first band could be filled, so that most refusals leave no file behind.
    init(_ path: String, _ spec: TIFFPageSpec, pages: Int, bigThreshold: Int) throws {
        self.spec = spec
        self.pages = pages
        self.path = path
        let pixelBytes = spec.samples * spec.type.unpackedBytes
        rowBytes = spec.width * pixelBytes
        bandRows = spec.tile ?? max(1, min(spec.height, Self.stripRows(rowBytes: rowBytes)))
        let page = rowBytes.multipliedReportingOverflow(by: spec.height)
        let all = page.partialValue.multipliedReportingOverflow(by: pages)
        big = page.overflow || all.overflow || all.partialValue > bigThreshold
        band = AlignedBuffer(repeating: 0, count: rowBytes * bandRows)
        block = AlignedBuffer(repeating: 0, count: spec.tile.map { $0 * $0 * pixelBytes } ?? 0)
    }

    deinit { if let handle { ctiff_close(handle) } }

    /// Strips of about 256 KiB (TIFF 6.0 asks for 8 KiB, of another age): small enough for regions, and large enough for
    /// codecs, which begin anew with each, and for the system, which writes large pieces faster.
    static func stripRows(rowBytes: Int) -> Int { max(1, (1 << 18) / max(1, rowBytes)) }

    /// Writes the next page. `fill` puts rows of interleaved samples into the buffer it is given.
    func page(name: String? = nil, _ fill: (Range<Int>, UnsafeMutableRawPointer) throws -> Void) throws {
        for index in 0..<bands { try write(band: index, name: name) { try fill(rows(of: index), $0) } }
        try endPage()
    }

    /// Bands of a page: strips, or rows of tiles.
    var bands: Int { (spec.height + bandRows - 1) / bandRows }

    /// The rows of a band.
    func rows(of band: Int) -> Range<Int> { band * bandRows..<min(spec.height, (band + 1) * bandRows) }

    /// Writes a band of the current page; they come in their order. `fill` puts its rows of interleaved samples into the
    /// buffer it is given.
    func write(band index: Int, name: String? = nil, _ fill: (UnsafeMutableRawPointer) throws -> Void) throws {
        let rows = rows(of: index)
        try band.withUnsafeMutableBufferPointer { bytes in
            if let base = bytes.baseAddress { try fill(UnsafeMutableRawPointer(base)) }
        }
        let handle = try self.handle ?? create()
        if index == 0 { try begin(handle, name) }
        if spec.tile != nil {
            try writeTiles(handle, row: index, rows: rows.count)
        } else {
            try band.withUnsafeMutableBufferPointer { bytes in
                try check(
                    ctiff_write_block(handle, UInt32(index), bytes.baseAddress, Int64(rows.count * rowBytes)),
                    handle)
            }
        }
    }

    /// Ends the current page, of which all bands were written.
    func endPage() throws {
        guard let handle else { return }
        try check(ctiff_end_page(handle), handle)
        written += 1
    }

    /// Closes the file.
    func finish() throws {
        guard let handle else { return }
        self.handle = nil
        let number = ctiff_close(handle)
        if number != 0 {
            throw Diagnostic(.writeFailed, "the file could not be closed: \(String(cString: strerror(number)))")
        }
    }

    private func create() throws -> OpaquePointer {
        var message = [CChar](repeating: 0, count: 512)
        var number: Int32 = 0
        guard let handle = ctiff_create(path, big ? 1 : 0, &message, Int32(message.count), &number) else {
            if number == 0 { throw Diagnostic(.writeFailed, "writing the TIFF failed: \(TIFFText.message(message))") }
            throw Diagnostic(.unwritable, "the file cannot be created: \(String(cString: strerror(number)))")
        }
        self.handle = handle
        return handle
    }

    private func begin(_ handle: OpaquePointer, _ name: String?) throws {
        var target = ctiff_target()
        target.width = UInt32(spec.width)
        target.height = UInt32(spec.height)
        target.bits = UInt16(spec.type.unpackedBytes * 8)
        target.samples = UInt16(spec.samples)
        target.format = spec.type.kind == .unsigned ? 1 : spec.type.kind == .signed ? 2 : 3
        target.photometric = spec.photometric
        target.compression = spec.compression
        target.predictor = spec.predictor
        target.extra_count = UInt16(spec.extras)
        target.last_extra = spec.lastIsAlpha ? 2 : 0
        target.tile = UInt32(spec.tile ?? 0)
        target.rows_per_strip = UInt32(bandRows)
        if let resolution = spec.resolution {
            target.x_resolution = resolution.x
            target.y_resolution = resolution.y
            target.resolution_unit = spec.resolutionUnit
        }
        target.page = UInt16(clamping: written)
        target.pages = pages <= UInt16.max ? UInt16(pages) : 0
        // 8-bit colours in the 16-bit table: times 257, so that white is white.
        let channels = (0..<3).map { k in spec.palette.map { UInt16($0[k]) * 257 } }
        let description = written == 0 ? spec.description : nil
        let done = withCString(description) { description in
            withCString(name) { name in
                "Lucency".withCString { software in
                    channels[0].withUnsafeBufferPointer { red in
                        channels[1].withUnsafeBufferPointer { green in
                            channels[2].withUnsafeBufferPointer { blue in
                                target.description = description
                                target.page_name = name
                                target.software = software
                                if !spec.palette.isEmpty {
                                    target.red = red.baseAddress
                                    target.green = green.baseAddress
                                    target.blue = blue.baseAddress
                                }
                                return ctiff_begin_page(handle, &target)
                            }
                        }
                    }
                }
            }
        }
        try check(done, handle)
    }

    private func writeTiles(_ handle: OpaquePointer, row: Int, rows: Int) throws {
        guard let side = spec.tile else { return }
        let pixelBytes = spec.samples * spec.type.unpackedBytes
        let across = (spec.width + side - 1) / side
        for column in 0..<across {
            let start = column * side * pixelBytes, bytes = min(side * pixelBytes, rowBytes - start)
            try band.withUnsafeBufferPointer { source in
                try block.withUnsafeMutableBufferPointer { target in
                    guard let from = source.baseAddress, let to = target.baseAddress else { return }
                    // What lies beyond the page is zero.
                    target.update(repeating: 0)
                    for y in 0..<rows {
                        let row = to + y &* side &* pixelBytes
                        row.update(from: from + (y &* rowBytes &+ start), count: bytes)
                    }
                    try check(ctiff_write_block(handle, UInt32(row * across + column), to, Int64(target.count)), handle)
                }
            }
        }
    }

    private func check(_ done: Int32, _ handle: OpaquePointer) throws {
        defer { ctiff_clear(handle) }
        guard done == 0 else { return }
        let number = errno
        var reason = TIFFText.string(ctiff_error(handle)) ?? ""
        if number == ENOSPC || number == EDQUOT || number == EFBIG {
            reason += ": \(String(cString: strerror(number)))"
        }
        throw Diagnostic(.writeFailed, "writing the TIFF failed: \(reason)")
    }

    private func withCString<R>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> R) -> R {
        guard let text else { return body(nil) }
        return text.withCString { body($0) }
    }
}
