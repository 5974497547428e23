#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The bytes of an open file or of memory, read at any place.
///
/// Files are read with `pread`, not mapped: weights are converted into aligned buffers anyway, and a file that somebody
/// shortens meanwhile is then a diagnostic, where a mapping would end the process (SIGBUS).
package final class ByteSource: Sendable {
    private enum Backing: Sendable {
        case file(Int32)
        case memory([UInt8])
    }

    private let backing: Backing
    package let count: Int
    /// The file's path as it was given; nil for memory.
    package let path: String?

    package init(_ bytes: [UInt8], path: String? = nil) {
        backing = .memory(bytes)
        count = bytes.count
        self.path = path
    }

    /// - Throws: `Diagnostic` when there is no such regular file.
    package init(path: String) throws(Diagnostic) {
        // Opening a named pipe would wait for a writer.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            throw Diagnostic(
                errno == ENOENT ? .missingFile : .unreadableFile, "cannot open: \(FileSystem.lastError)",
                at: .init(file: path))
        }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(file)
            throw Diagnostic(.unreadableFile, "this is not a file", at: .init(file: path))
        }
        backing = .file(file)
        count = Int(status.st_size)
        self.path = path
    }

    deinit { if case .file(let file) = backing { close(file) } }

    /// Fills `buffer` with the bytes from `offset` on.
    /// - Throws: `Diagnostic` when they are not all there.
    package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(Diagnostic) {
        guard offset >= 0, offset <= count, buffer.count <= count - offset else {
            throw problem(.damagedFile, "the file ends too early")
        }
        switch backing {
        case .memory(let bytes):
            bytes.withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + buffer.count]))
            }
        case .file(let file):
            var done = 0
            while done < buffer.count, let base = buffer.baseAddress {
                let got = pread(file, base + done, buffer.count - done, off_t(offset + done))
                if got < 0 {
                    if errno == EINTR { continue }
                    throw problem(.unreadableFile, "cannot read: \(FileSystem.lastError)")
                }
                guard got > 0 else { throw problem(.damagedFile, "the file became shorter while it was read") }
                done += got
            }
        }
    }

    /// `count` bytes from `offset` on. Callers bound `count`: it is checked against the file only.
    package func bytes(at offset: Int, count wanted: Int) throws(Diagnostic) -> [UInt8] {
        guard offset >= 0, wanted >= 0, offset <= count, wanted <= count - offset else {
            throw problem(.damagedFile, "the file ends too early")
        }
        var bytes = [UInt8](repeating: 0, count: wanted)
        // A closure in between would lose the error's type.
        var failure: Diagnostic?
        bytes.withUnsafeMutableBytes { buffer in
            do throws(Diagnostic) { try read(at: offset, into: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// A diagnostic about this file.
    package func problem(_ code: DiagnosticCode, _ message: String, remedy: String? = nil) -> Diagnostic {
        Diagnostic(code, message, at: path.map { .init(file: $0) }, remedy: remedy)
    }
}
