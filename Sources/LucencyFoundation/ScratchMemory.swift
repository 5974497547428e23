#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Zeros to work with, of any size. In a folder they lie in a file without a name, so that the system needs memory only for
/// what is in use, and nothing is left behind however the program ends.
package final class ScratchMemory {
    package let bytes: UnsafeMutableRawBufferPointer

    /// - Parameter folder: where the file is; nil takes memory.
    /// - Throws: `Diagnostic` when there is no room.
    package init(byteCount: Int, folder: String? = nil) throws(Diagnostic) {
        let length = max(1, byteCount)
        let base: UnsafeMutableRawPointer?
        if let folder {
            let path = FileSystem.join(folder, ".lucency-scratch-\(getpid())-\(UInt64.random(in: 0 ... .max))")
            try FileSystem.makeFolder(folder)
            let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard file >= 0 else { throw Self.failure(byteCount, folder) }
            defer { close(file) }
            unlink(path)
            // Room is taken at once: a full disk found out about later would end the program.
            guard Self.reserve(file, length) else { throw Self.failure(byteCount, folder) }
            base = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        } else {
            base = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0)
        }
        guard let base, base != MAP_FAILED else { throw Self.failure(byteCount, folder) }
        bytes = UnsafeMutableRawBufferPointer(start: base, count: byteCount)
    }

    deinit { munmap(bytes.baseAddress, max(1, bytes.count)) }

    private static func reserve(_ file: Int32, _ length: Int) -> Bool {
        #if canImport(Darwin)
            ftruncate(file, off_t(length)) == 0
        #else
            posix_fallocate(file, 0, length) == 0
        #endif
    }

    private static func failure(_ byteCount: Int, _ folder: String?) -> Diagnostic {
        let amount = "\((byteCount + 1_048_575) >> 20) MB"
        guard let folder else { return Diagnostic(.overBudget, "there is no memory for \(amount)") }
        return Diagnostic(
            .writeFailed, "there is no room for \(amount) of intermediate values",
            at: Diagnostic.Place(file: folder), remedy: "free space, or use another folder")
    }

    /// Writes the bytes as a file; a reader sees the old file, the new one, or none.
    /// - Throws: `Diagnostic` when it cannot be written.
    package func write(to path: String) throws(Diagnostic) {
        try FileSystem.replace(path) { (put) throws(Diagnostic) in try put(UnsafeRawBufferPointer(bytes)) }
    }

    /// Takes over what `write` wrote.
    /// - Throws: `Diagnostic` when the file cannot be read or has another size.
    package func read(_ path: String) throws(Diagnostic) {
        guard FileSystem.size(of: path) == bytes.count else {
            throw Diagnostic(
                .damagedFile, "the file should have \(bytes.count) bytes", at: Diagnostic.Place(file: path))
        }
        var place = 0
        try FileSystem.read(path) { piece in
            let room = bytes.count - place
            UnsafeMutableRawBufferPointer(rebasing: bytes[place...]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: piece.prefix(room)))
            place += min(piece.count, room)
            return place < bytes.count
        }
    }
}
