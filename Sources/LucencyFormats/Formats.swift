import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The image file formats, and how one is chosen.
public enum ImageFormats {
    /// All readers. A file is tried by its first bytes, never by its name.
    public static let readers: [any ImageFormat] = [PNGFormat(), JPEGFormat(), TIFFFormat()]
    /// All writers, chosen by file extension.
    public static let writers: [any ImageEncoder] = [PNGFormat(), TIFFFormat()]

    /// The reader of a file.
    /// - Throws: `Diagnostic` for a missing, unreadable or empty file, a folder, and an unknown format.
    public static func reader(for path: String) throws -> any ImageFormat {
        let head = try head(of: path)
        if let reader = readers.first(where: { $0.recognizes(head) }) { return reader }
        let ending = fileExtension(of: path)
        let known = readers.map { $0.name.uppercased() }.joined(separator: ", ")
        var message = "this is not an image of a known format (\(known))"
        if let named = readers.first(where: { $0.fileExtensions.contains(ending) }) {
            message = "this is not a \(named.name.uppercased()), although its name says so: it begins otherwise"
        }
        throw Diagnostic(.unknownFormat, message, remedy: "formats that can be read: \(known)").located(in: path)
    }

    /// The writer for a file extension, with or without its dot.
    /// - Throws: `Diagnostic` listing what can be written.
    public static func writer(forExtension text: String) throws -> any ImageEncoder {
        let ending = (text.hasPrefix(".") ? String(text.dropFirst()) : text).lowercased()
        if let writer = writers.first(where: { $0.fileExtensions.contains(ending) }) { return writer }
        let known = writers.flatMap(\.fileExtensions).map { ".\($0)" }.joined(separator: ", ")
        let readable = readers.contains { $0.fileExtensions.contains(ending) }
        throw Diagnostic(
            .unknownFormat,
            ending.isEmpty
                ? "a file without an extension does not say its format"
                : readable
                    ? "`.\(ending)` can be read but is not written"
                    : "`.\(ending)` is not an image format that can be written",
            remedy: "use one of \(known)")
    }

    /// The lower-case extension of a path, without its dot; empty where there is none.
    public static func fileExtension(of path: String) -> String { FileSystem.fileExtension(of: path) }

    /// The first 16 bytes of a regular file, or fewer.
    private static func head(of path: String) throws -> [UInt8] {
        var status = stat()
        guard stat(path, &status) == 0 else {
            // Arguments come as text; where bytes were no UTF-8, U+FFFD stands for them.
            let isRepaired = path.unicodeScalars.contains("\u{FFFD}")
            throw Diagnostic(
                errno == ENOENT ? .missingFile : .unreadableFile,
                errno == ENOENT
                    ? "there is no such file" : "the file cannot be read: \(String(cString: strerror(errno)))",
                remedy: isRepaired ? "if its name is not UTF-8, rename it" : nil
            ).located(in: path)
        }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw Diagnostic(.unreadableFile, "this is a folder, not an image").located(in: path)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw Diagnostic(.unreadableFile, "this is not a regular file (a pipe or a device)").located(in: path)
        }
        guard let file = fopen(path, "rb") else {
            throw Diagnostic(.unreadableFile, "the file cannot be read: \(String(cString: strerror(errno)))").located(
                in: path)
        }
        defer { fclose(file) }
        var head = [UInt8](repeating: 0, count: 16)
        let count = fread(&head, 1, head.count, file)
        if ferror(file) != 0 {
            throw Diagnostic(.unreadableFile, "the file cannot be read: \(String(cString: strerror(errno)))").located(
                in: path)
        }
        guard count > 0 else { throw Diagnostic(.damagedFile, "the file is empty").located(in: path) }
        return Array(head.prefix(count))
    }
}
