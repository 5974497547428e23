import Foundation
import Lucency

/// A peers' script in Python as a process that answers requests, a line of JSON for a line of JSON.
final class PeerProcess {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var pending = Data()

    /// - Parameter script: its name in `Peers`.
    /// - Throws: `Diagnostic` when the script is not there, or the interpreter cannot be started.
    init(_ script: String, python: String) throws {
        let path = "Sources/lucency-bench/Peers/\(script)"
        guard FileManager.default.fileExists(atPath: path) else {
            throw Diagnostic(.missingFile, "\(path) is not there: run it from the checkout")
        }
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [python, path]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        // An interpreter that is gone is an error of the write, not the end of this program.
        signal(SIGPIPE, SIG_IGN)
        try process.run()
    }

    deinit { process.terminate() }

    /// The script's answer.
    /// - Throws: `Diagnostic` when it has ended, or answers with an `error`.
    func ask(_ request: JSONValue) throws -> JSONValue {
        try? input.fileHandleForWriting.write(contentsOf: Data((request.text + "\n").utf8))
        while true {
            if let end = pending.firstIndex(of: 0x0A) {
                let line = String(decoding: pending[..<end], as: UTF8.self)
                pending = Data(pending[pending.index(after: end)...])
                let answer = try JSONValue(parsing: line)
                if let error = answer["error"]?.stringValue {
                    throw Diagnostic(.stageFailed, "the peers' script failed: \(error)")
                }
                return answer
            }
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else {
                throw Diagnostic(
                    .stageFailed, "the peers' script ended: is '\(process.arguments?.first ?? "")' Python 3?")
            }
            pending.append(more)
        }
    }

    /// Versions of the peers that are installed, such as `torch` and `2.3.0`.
    /// - Parameter threads: how many the peers may use from now on.
    func versions(threads: Int) throws -> [String: String] {
        try (ask(["do": "info", "threads": .integer(threads)]).objectValue ?? [:]).compactMapValues(\.stringValue)
    }
}
