import CTIFF
import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// An open TIFF file and the offsets of its directories (pages).
///
/// The chain of directories is followed here, so that loops, wild offsets and the number of pages are known before
/// libtiff looks at any of them, and any page can be reached in one step.
final class TIFFFile {
    let path: String
    /// Offsets of the main chain's directories; sub-directories are not pages.
    let directories: [UInt64]
    /// True where the chain leads back into itself; the pages up to there are kept.
    let loops: Bool
    private let handle: OpaquePointer
    private var selected: Int?

    /// - Throws: `Diagnostic` naming the file.
    init(_ path: String, limits: ReadLimits) throws {
        self.path = path
        var message = [CChar](repeating: 0, count: 512)
        var number: Int32 = 0
        let largest = Int64(clamping: max(limits.bytes, 1 << 20))
        guard let handle = ctiff_open(path, largest, &message, Int32(message.count), &number) else {
            if number == ENOENT {
                throw Diagnostic(.missingFile, "there is no such file").located(in: path)
            }
            if number != 0 {
                throw Diagnostic(.unreadableFile, "the file cannot be read: \(String(cString: strerror(number)))")
                    .located(in: path)
            }
            throw Diagnostic(.damagedFile, "this is not a readable TIFF file: \(TIFFText.message(message))").located(
                in: path)
        }
        self.handle = handle
        do {
            (directories, loops) = try Self.chain(handle, limits: limits)
        } catch {
            ctiff_close(handle)
            throw error.located(in: path)
        }
    }

    deinit { ctiff_close(handle) }

    var pageCount: Int { directories.count }

    /// The error libtiff gave since the last call, else its warning, else nil; forgets both.
    func complaint() -> String? {
        defer { ctiff_clear(handle) }
        for text in [ctiff_error(handle), ctiff_warning(handle)] {
            if let text, text.pointee != 0 { return TIFFText.string(text) }
        }
        return nil
    }

    /// What libtiff says about a page, counted from 0; it becomes the current page.
    /// - Throws: `Diagnostic` naming file and page.
    func describe<R>(_ page: Int, _ body: (ctiff_page, _ note: String?) throws -> R) throws -> R {
        guard directories.indices.contains(page) else {
            throw Diagnostic(
                .noSuchPage, "there is no such page: the file has \(pageCount)",
                remedy: "choose a page from 1 to \(pageCount)"
            ).located(in: path)
        }
        ctiff_clear(handle)
        selected = nil
        var description = ctiff_page()
        guard ctiff_select(handle, directories[page]) != 0, ctiff_describe(handle, &description) != 0 else {
            throw Diagnostic(.damagedFile, "the page's directory cannot be read: \(complaint() ?? "no reason given")")
                .located(in: path, part: "page \(page + 1)")
        }
        selected = page
        return try body(description, complaint())
    }

    /// Makes a page current for `readBlock` and `readRow`.
    func select(_ page: Int) throws {
        guard selected != page else { return }
        try describe(page) { _, _ in }
    }

    /// Decodes one tile or strip of the current page. All zeros where the file leaves the block out.
    func readBlock(_ index: Int, into buffer: UnsafeMutableRawBufferPointer, bytes: Int) throws(Diagnostic) {
        guard let number = UInt32(exactly: index), bytes <= buffer.count, let base = buffer.baseAddress else {
            throw Diagnostic(.damagedFile, "block \(index) lies outside the page")
        }
        if ctiff_is_absent(handle, number) != 0 {
            memset(base, 0, bytes)
            return
        }
        ctiff_clear(handle)
        let count = ctiff_read_block(handle, number, base, Int64(bytes))
        try check(count == Int64(bytes) ? nil : "\(max(0, count)) of \(bytes) bytes", "block \(index + 1)")
    }

    /// Decodes one row of a strip; rows of a strip come in order.
    func readRow(_ row: Int, plane: Int, into buffer: UnsafeMutableRawPointer) throws(Diagnostic) {
        ctiff_clear(handle)
        let done = ctiff_read_row(handle, UInt32(clamping: row), UInt16(clamping: plane), buffer)
        try check(done != 0 ? nil : "it cannot be decoded", "row \(row)")
    }

    /// Whatever a decoder complains about is damage, even where it goes on: pixels would be missing or wrong.
    private func check(_ shortage: String?, _ part: String) throws(Diagnostic) {
        var reason = complaint()
        // libtiff says this of every old-style JPEG.
        if reason?.hasPrefix("Deprecated and troublesome old-style JPEG") == true { reason = nil }
        guard let reason = reason ?? shortage else { return }
        throw Diagnostic(
            .damagedFile, "\(part) of the pixel data is damaged: \(reason)",
            remedy: "the file may be truncated; fetch or write it again")
    }

    // MARK: The chain of directories

    private static func chain(
        _ handle: OpaquePointer, limits: ReadLimits
    ) throws(Diagnostic) -> (offsets: [UInt64], loops: Bool) {
        let size = UInt64(max(0, ctiff_size(handle)))
        var head = [UInt8](repeating: 0, count: 16)
        let got = ctiff_bytes(handle, 0, &head, 16)
        let little = head[0] == 0x49
        func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
            (little ? Array(bytes.reversed()) : Array(bytes)).reduce(0) { $0 << 8 | UInt64($1) }
        }
        let big = number(head[2..<4]) == 43
        guard got >= (big ? 16 : 8) else { throw Diagnostic(.damagedFile, "the file ends within its header") }
        let countBytes = big ? 8 : 2, entryBytes: UInt64 = big ? 20 : 12, pointerBytes = big ? 8 : 4
        var next = big ? number(head[8..<16]) : number(head[4..<8])
        var offsets: [UInt64] = [], seen = Set<UInt64>()
        var bytes = [UInt8](repeating: 0, count: 8)
        while next != 0 {
            guard seen.insert(next).inserted else { return (offsets, true) }
            guard offsets.count < limits.pages else {
                throw Diagnostic(
                    .tooLarge, "the file has more than \(limits.pages) pages", remedy: "split it into several files")
            }
            let place = "the directory of page \(offsets.count + 1)"
            guard next < size, ctiff_bytes(handle, next, &bytes, Int64(countBytes)) == countBytes else {
                throw Diagnostic(
                    .damagedFile, "\(place) lies beyond the end of the file (byte \(next) of \(size))",
                    remedy: "the file may be truncated; fetch or write it again")
            }
            let entries = number(bytes[0..<countBytes])
            guard entries > 0, entries <= size / entryBytes else {
                throw Diagnostic(.damagedFile, "\(place) claims \(entries) entries")
            }
            offsets.append(next)
            let link = next &+ UInt64(countBytes) &+ entries &* entryBytes
            guard ctiff_bytes(handle, link, &bytes, Int64(pointerBytes)) == pointerBytes else {
                throw Diagnostic(
                    .damagedFile, "\(place) is cut off", remedy: "the file may be truncated; fetch or write it again")
            }
            next = number(bytes[0..<pointerBytes])
        }
        guard !offsets.isEmpty else { throw Diagnostic(.damagedFile, "the file has no pages") }
        return (offsets, false)
    }
}

/// Texts from libtiff and from tags.
enum TIFFText {
    /// A C string: UTF-8, or Latin-1 where it is not (old writers' µ).
    static func string(_ text: UnsafePointer<CChar>?) -> String? {
        guard let text else { return nil }
        if let valid = String(validatingCString: text) { return valid }
        let bytes = UnsafeBufferPointer(start: text, count: strlen(text))
        return String(String.UnicodeScalarView(bytes.map { Unicode.Scalar(UInt8(bitPattern: $0)) }))
    }

    static func message(_ buffer: [CChar]) -> String {
        buffer.withUnsafeBufferPointer { string($0.baseAddress) } ?? ""
    }
}
