import ArgumentParser
import Lucency

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Results go to standard output, everything else to standard error.
enum Terminal {
    static func out(_ text: String) { put(text + "\n", 1) }
    static func error(_ text: String) { put(text + "\n", 2) }
    static var errorIsTerminal: Bool { isatty(2) == 1 }

    /// Writes without a line end.
    static func put(_ text: String, _ file: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                return
            }
            bytes = bytes.dropFirst(count)
        }
    }
}

/// Runs a command's body; a diagnostic becomes a message on standard error and exit status 1.
func reporting<R>(_ body: () throws -> R) throws -> R {
    do {
        return try body()
    } catch let diagnostic as Diagnostic {
        Terminal.error(diagnostic.description)
        throw ExitCode(diagnostic.code == .usage ? 64 : 1)
    } catch let list as DiagnosticList {
        Terminal.error(list.description)
        throw ExitCode(1)
    }
}
