import Lucency

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A folder for what passes through standard input and output, removed with this value.
///
/// Decoders need files they can move about in, and encoders write files.
final class ScratchFolder {
    let path: String

    init() throws {
        var template = Array("\(Machine.temporaryFolder)/lucency-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Diagnostic(
                .unwritable, "cannot make a temporary folder: \(FileSystem.lastError)",
                at: .init(file: Machine.temporaryFolder), remedy: "set TMPDIR to a folder that can be written")
        }
        path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { FileSystem.removeTree(path) }

    /// Copies standard input to a file.
    /// - Throws: `Diagnostic` when it is empty, or longer than `limit` bytes.
    func spoolInput(limit: Int) throws -> String {
        let file = path + "/input"
        let target = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard target >= 0 else {
            throw Diagnostic(.writeFailed, "cannot write: \(FileSystem.lastError)", at: .init(file: file))
        }
        defer { close(target) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20), total = 0
        while true {
            let count = read(0, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw Diagnostic(.unreadableFile, "cannot read standard input: \(FileSystem.lastError)")
            }
            if count == 0 { break }
            total += count
            guard total <= limit else {
                throw Diagnostic(
                    .tooLarge, "standard input is longer than \(MemoryBudget.text(limit))",
                    remedy: "if it is trusted, raise the limit: `--max-image-size`")
            }
            try buffer.withUnsafeBytes {
                try StandardOutput.write(UnsafeRawBufferPointer(rebasing: $0[..<count]), to: target)
            }
        }
        guard total > 0 else { throw Diagnostic(.damagedFile, "standard input is empty") }
        return file
    }
}

/// Standard output as the place where a result goes.
enum StandardOutput {
    static var isTerminal: Bool { isatty(1) == 1 }

    /// Copies a file to standard output.
    static func send(_ path: String) throws {
        // A reader that stops early is an error to report, not a signal to die of: the scratch folder must go.
        signal(SIGPIPE, SIG_IGN)
        var failure: Diagnostic?
        try FileSystem.read(path) { piece in
            do {
                try write(piece, to: 1)
                return true
            } catch {
                failure = Diagnostic.wrapping(error, as: .writeFailed)
                return false
            }
        }
        if let failure { throw failure }
    }

    static func write(_ bytes: UnsafeRawBufferPointer, to file: Int32) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest)
            let count = systemWrite(file, part.baseAddress, part.count)
            if count < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                throw Diagnostic(.writeFailed, "cannot write: \(FileSystem.lastError)")
            }
            rest = rest.dropFirst(count)
        }
    }
}

private func systemWrite(_ file: Int32, _ buffer: UnsafeRawPointer?, _ count: Int) -> Int { write(file, buffer, count) }
