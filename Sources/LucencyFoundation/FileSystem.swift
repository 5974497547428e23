#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The few file operations the product needs, with errors that name the file and the system's reason.
public enum FileSystem {
    /// The system's words for the last error.
    public static var lastError: String { String(cString: strerror(errno)) }

    private static func status(_ path: String) -> stat? {
        var result = stat()
        return stat(path, &result) == 0 ? result : nil
    }

    /// What a path leads to, symbolic links followed.
    public enum Kind: Sendable {
        case file, folder
        /// A pipe, socket or device: reading it may wait for ever.
        case special
    }

    /// What a path leads to; nil if there is nothing.
    public static func kind(of path: String) -> Kind? {
        status(path).map { status in
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            default: .special
            }
        }
    }

    public static func isFile(_ path: String) -> Bool { status(path).map { $0.st_mode & S_IFMT == S_IFREG } ?? false }
    public static func isFolder(_ path: String) -> Bool { status(path).map { $0.st_mode & S_IFMT == S_IFDIR } ?? false }
    public static func exists(_ path: String) -> Bool { status(path) != nil }

    /// Whether the path itself (not what it leads to) is a symbolic link.
    public static func isSymbolicLink(_ path: String) -> Bool {
        var result = stat()
        return lstat(path, &result) == 0 && result.st_mode & S_IFMT == S_IFLNK
    }

    /// Bytes of a file, or nil if there is none.
    public static func size(of path: String) -> Int? { status(path).map { Int($0.st_size) } }

    /// `folder` + `/` + `path`, unless `path` is absolute.
    public static func join(_ folder: String, _ path: String) -> String {
        if path.hasPrefix("/") || folder.isEmpty || folder == "." { return path }
        return folder.hasSuffix("/") ? folder + path : folder + "/" + path
    }

    /// The path from the root, without looking at the disk.
    public static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let raw = getcwd(nil, 0) else { return path }
        defer { free(raw) }
        return join(String(cString: raw), path)
    }

    /// The folder part of a path; `.` where there is none.
    public static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The last part of a path.
    public static func name(of path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    /// A file name without its last extension.
    public static func stem(of name: String) -> String {
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return name }
        return String(name[..<dot])
    }

    /// The last extension, lower-case, without the dot; of a compressed NIfTI file `nii.gz`.
    public static func fileExtension(of path: String) -> String {
        let name = name(of: path)
        if name.count > 7, name.lowercased().hasSuffix(".nii.gz") { return "nii.gz" }
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return "" }
        return name[name.index(after: dot)...].lowercased()
    }

    /// The path with symbolic links followed, or nil if it does not exist.
    public static func resolved(_ path: String) -> String? {
        guard let raw = realpath(path, nil) else { return nil }
        defer { free(raw) }
        return String(cString: raw)
    }

    /// Whether following a path below `root`, as far as it is there already, leads out of `root` (or nowhere, through a
    /// dangling link).
    public static func escapes(_ path: String, from root: String) -> Bool {
        // In a folder that is not there yet, there are no links either.
        guard let realRoot = resolved(root) else { return false }
        var folder = root
        for part in path.split(separator: "/").dropLast() {
            folder = join(folder, String(part))
            guard isSymbolicLink(folder) else { continue }
            guard let real = resolved(folder),
                real == realRoot || real.hasPrefix(realRoot == "/" ? "/" : realRoot + "/")
            else { return true }
        }
        return false
    }

    /// Calls `body` with pieces of a file.
    /// - Throws: `Diagnostic` when the file is missing, unreadable or a folder.
    public static func read(_ path: String, pieceBytes: Int = 1 << 20, _ body: (UnsafeRawBufferPointer) -> Bool)
        throws(Diagnostic)
    {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw Diagnostic(
                errno == ENOENT ? .missingFile : .unreadableFile, "cannot open: \(lastError)",
                at: Diagnostic.Place(file: path))
        }
        defer { close(file) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceBytes, alignment: 64)
        defer { buffer.deallocate() }
        while true {
            let count = systemRead(file, buffer.baseAddress, pieceBytes)
            if count < 0 {
                if errno == EINTR { continue }
                throw Diagnostic(.unreadableFile, "cannot read: \(lastError)", at: Diagnostic.Place(file: path))
            }
            if count == 0 || !body(UnsafeRawBufferPointer(rebasing: buffer[..<count])) { return }
        }
    }

    /// SHA-256 of a file's bytes.
    public static func hash(of path: String) throws(Diagnostic) -> String {
        var hash = SHA256()
        try read(path) {
            hash.update($0); return true
        }
        return hash.hexDigest()
    }

    /// A whole text file.
    /// - Throws: `Diagnostic` when it is larger than `limit` bytes, or not UTF-8.
    public static func text(_ path: String, limit: Int) throws(Diagnostic) -> String {
        let bytes = try bytes(path, limit: limit)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Diagnostic(.unreadableFile, "the file is not UTF-8 text", at: Diagnostic.Place(file: path))
        }
        return text
    }

    /// The bytes of a whole file.
    /// - Throws: `Diagnostic` when it is larger than `limit` bytes.
    public static func bytes(_ path: String, limit: Int) throws(Diagnostic) -> [UInt8] {
        var bytes: [UInt8] = []
        var isTooLarge = false
        try read(path) {
            bytes.append(contentsOf: $0)
            isTooLarge = bytes.count > limit
            return !isTooLarge
        }
        if isTooLarge {
            throw Diagnostic(.tooLarge, "the file is larger than \(limit) bytes", at: Diagnostic.Place(file: path))
        }
        return bytes
    }

    /// A name in a folder.
    public struct Entry: Hashable, Sendable {
        /// Where the name is no UTF-8, its bytes beyond ASCII are written as `\xE9`, and no path leads there.
        public let name: String
        public let isText: Bool
        /// Whether it is a folder itself, not a link to one.
        public let isFolder: Bool
    }

    /// What is in a folder, sorted by name; without `.` and `..`.
    public static func entries(in folder: String) throws(Diagnostic) -> [Entry] {
        guard let stream = opendir(folder) else {
            throw Diagnostic(
                errno == ENOENT ? .missingFile : .unreadableFile, "cannot list the folder: \(lastError)",
                at: Diagnostic.Place(file: folder))
        }
        defer { closedir(stream) }
        var entries: [Entry] = []
        while let entry = readdir(stream) {
            let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            let text = String(validating: bytes, as: UTF8.self)
            let name = text ?? escaped(bytes)
            guard name != ".", name != ".." else { continue }
            let isFolder = entry.pointee.d_type == UInt8(DT_DIR)
            entries.append(Entry(name: name, isText: text != nil, isFolder: isFolder))
        }
        return entries.sorted { Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8)) }
    }

    /// Bytes as text: ASCII as it is, others as `\xE9`.
    private static func escaped(_ bytes: [UInt8]) -> String {
        bytes.map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return byte < 0x80 ? String(Unicode.Scalar(byte)) : "\\x" + digits
        }.joined()
    }

    /// The names in a folder, sorted; without `.` and `..`. Those that are no UTF-8 are left out: no path leads to them.
    public static func names(in folder: String) throws(Diagnostic) -> [String] {
        try entries(in: folder).filter(\.isText).map(\.name)
    }

    /// Makes a folder and those above it.
    public static func makeFolder(_ path: String) throws(Diagnostic) {
        if path.isEmpty || isFolder(path) { return }
        let parent = folder(of: path)
        if parent != path, parent != "." { try makeFolder(parent) }
        guard mkdir(path, 0o777) == 0 || errno == EEXIST && isFolder(path) else {
            throw Diagnostic(.unwritable, "cannot make the folder: \(lastError)", at: Diagnostic.Place(file: path))
        }
    }

    /// Why nothing can be written below a folder that may not exist yet, or nil if it can.
    public static func obstacleToWriting(below path: String) -> String? {
        var path = path.isEmpty ? "." : path
        while !exists(path) {
            let parent = folder(of: path)
            if parent == path { break }
            path = parent
        }
        if !isFolder(path) { return "'\(path)' is not a folder" }
        return access(path, W_OK | X_OK) == 0 ? nil : "'\(path)': \(lastError)"
    }

    /// Writes a file so that a reader sees the old content, the new content, or no file, never half of it:
    /// `write` fills a temporary file beside it, which is flushed and renamed.
    public static func replace(
        _ path: String, temporaryName: String, _ write: (String) throws -> Void
    ) throws {
        let folder = folder(of: path)
        try makeFolder(folder)
        let temporary = join(folder, temporaryName)
        do {
            try write(temporary)
            let file = open(temporary, O_RDWR | O_CLOEXEC)
            guard file >= 0 else { throw writeFailure(path) }
            let flushed = fsync(file)
            close(file)
            guard flushed == 0, rename(temporary, path) == 0 else { throw writeFailure(path) }
        } catch {
            unlink(temporary)
            // The temporary name means nothing to anyone.
            if var diagnostic = error as? Diagnostic, diagnostic.place?.file == temporary {
                diagnostic.place?.file = path
                throw diagnostic
            }
            throw error
        }
    }

    /// Writes a file of any size in pieces, each given to `put`; a reader sees the old file, the new one, or none.
    public static func replace(
        _ path: String, _ write: (_ put: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void) throws(Diagnostic) -> Void
    ) throws(Diagnostic) {
        do {
            try replace(path, temporaryName: ".lucency-tmp-\(getpid())-\(name(of: path).prefix(64))") { temporary in
                let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
                guard file >= 0 else { throw writeFailure(path) }
                do throws(Diagnostic) {
                    try write { (piece) throws(Diagnostic) in
                        guard writeAll(piece, to: file) else { throw writeFailure(path) }
                    }
                } catch {
                    close(file)
                    throw error
                }
                guard close(file) == 0 else { throw writeFailure(path) }
            }
        } catch { throw Diagnostic.wrapping(error, as: .writeFailed) }
    }

    /// Copies a file; a reader of the copy sees the old file, the new one, or none.
    public static func copy(_ source: String, to path: String) throws(Diagnostic) {
        try replace(path) { (put) throws(Diagnostic) in
            var failure: Diagnostic?
            try read(source) { piece in
                do throws(Diagnostic) { try put(piece) } catch { failure = error }
                return failure == nil
            }
            if let failure { throw failure }
        }
    }

    /// Writes all of a text to a path.
    public static func write(_ text: String, to path: String) throws(Diagnostic) {
        try write(Array(text.utf8), to: path)
    }

    /// Writes bytes to a path.
    public static func write(_ bytes: [UInt8], to path: String) throws(Diagnostic) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw writeFailure(path) }
        let complete = writeAll(bytes, to: file)
        let closed = close(file)
        guard complete, closed == 0 else { throw writeFailure(path) }
    }

    /// Appends a line with one system call, so that concurrent readers never see parts of it (short of a full disk).
    public static func append(_ line: String, to path: String) throws(Diagnostic) {
        let file = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw writeFailure(path) }
        // A line torn by a crash is ended first, so that only that one is lost.
        var last: UInt8 = 0x0A
        let end = lseek(file, 0, SEEK_END)
        if end > 0 { _ = pread(file, &last, 1, end - 1) }
        let complete = writeAll(Array(((last == 0x0A ? "" : "\n") + line + "\n").utf8), to: file)
        let closed = close(file)
        guard complete, closed == 0 else { throw writeFailure(path) }
    }

    private static func writeAll(_ bytes: [UInt8], to file: Int32) -> Bool {
        bytes.withUnsafeBytes { writeAll($0, to: file) }
    }

    private static func writeAll(_ bytes: UnsafeRawBufferPointer, to file: Int32) -> Bool {
        var offset = 0
        while offset < bytes.count, let base = bytes.baseAddress {
            let count = systemWrite(file, base + offset, bytes.count - offset)
            if count < 0, errno != EINTR { return false }
            offset += max(0, count)
        }
        return true
    }

    private static func writeFailure(_ path: String) -> Diagnostic {
        Diagnostic(.writeFailed, "cannot write: \(lastError)", at: Diagnostic.Place(file: path))
    }

    /// Removes a file or an empty folder; says nothing if it cannot.
    public static func remove(_ path: String) { _ = systemRemove(path) }

    /// Removes a folder with everything in it, without following symbolic links.
    public static func removeTree(_ path: String) {
        for name in (try? names(in: path)) ?? [] {
            let child = join(path, name)
            var result = stat()
            if lstat(child, &result) == 0, result.st_mode & S_IFMT == S_IFDIR {
                removeTree(child)
            } else {
                remove(child)
            }
        }
        remove(path)
    }

    /// A lock that ends with the process. nil if another process holds it.
    /// - Parameter isShared: whether others may hold it too, if they share it as well.
    public static func lock(_ path: String, isShared: Bool = false) throws(Diagnostic) -> FileLock? {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw writeFailure(path) }
        if flock(file, (isShared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0 { return FileLock(file) }
        close(file)
        return nil
    }
}

/// Holds a lock on a file until it is released.
public final class FileLock: Sendable {
    private let file: Int32
    fileprivate init(_ file: Int32) { self.file = file }

    /// Ends the lock, whoever still refers to this object.
    public func release() {
        // A child that was just forked may still have the file open; closing alone would leave it the lock.
        flock(file, LOCK_UN)
    }

    deinit {
        release()
        close(file)
    }
}

// `read`, `write` and `remove` would otherwise name this type's own methods.
private func systemRead(_ file: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(file, buffer, count)
}
private func systemWrite(_ file: Int32, _ buffer: UnsafeRawPointer, _ count: Int) -> Int { write(file, buffer, count) }
private func systemRemove(_ path: String) -> Int32 { remove(path) }
