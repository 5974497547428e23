import Foundation
import Lucency

/// The peers' script as a process that answers requests.
final class EnginePeer {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var pending = Data()
    /// `torch 2.3.0`: of those that are installed.
    private(set) var versions: [String: String] = [:]

    /// - Throws: `Diagnostic` when the interpreter cannot be started or does not answer.
    init(python: String, threads: Int) throws {
        guard let script = Self.script else {
            throw Diagnostic(
                .missingFile, "Sources/lucency-bench/Peers/engine.py is not there: run it from the checkout")
        }
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [python, script]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        // An interpreter that is gone is an error of the write, not the end of this program.
        signal(SIGPIPE, SIG_IGN)
        try process.run()
        let answer = try ask(["do": "info", "threads": .integer(threads)])
        versions = (answer.objectValue ?? [:]).compactMapValues(\.stringValue)
    }

    deinit { process.terminate() }

    private static var script: String? {
        let path = "Sources/lucency-bench/Peers/engine.py"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }

    /// Makes a case ready; false when the peer is not installed.
    func prepare(_ item: EngineCase) throws -> Bool {
        guard versions[item.peer] != nil else { return false }
        let text = String(decoding: try JSONEncoder().encode(item), as: UTF8.self)
        let answer = try ask([
            "do": "prepare", "peer": .string(item.peer), "case": try JSONValue(parsing: text),
        ])
        return answer["ok"] != nil
    }

    /// Milliseconds of each of some runs of the prepared case.
    func time(runs: Int) throws -> [Double] {
        try ask(["do": "time", "runs": .integer(runs)])["ms"]?.arrayValue?.compactMap(\.doubleValue) ?? []
    }

    /// The largest resident set so far, in MB.
    func peakMemory() throws -> Double { try ask(["do": "memory"])["peak_mb"]?.doubleValue ?? .nan }

    private func ask(_ request: JSONValue) throws -> JSONValue {
        try? input.fileHandleForWriting.write(contentsOf: Data((request.text + "\n").utf8))
        while true {
            if let end = pending.firstIndex(of: 0x0A) {
                let line = String(decoding: pending[..<end], as: UTF8.self)
                pending = Data(pending[pending.index(after: end)...])
                return try JSONValue(parsing: line)
            }
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else {
                throw Diagnostic(
                    .stageFailed, "the peers' script ended: is '\(process.arguments?.first ?? "")' Python 3?")
            }
            pending.append(more)
        }
    }
}
