import Foundation
import Lucency

/// The peers of the engine, asked for their times.
final class EnginePeer {
    private let process: PeerProcess
    /// `torch 2.3.0`: of those that are installed.
    let versions: [String: String]

    /// - Throws: `Diagnostic` when the interpreter cannot be started or does not answer.
    init(python: String, threads: Int) throws {
        process = try PeerProcess("engine.py", python: python)
        versions = try process.versions(threads: threads)
    }

    /// Makes a case ready; false when the peer is not installed.
    func prepare(_ item: EngineCase) throws -> Bool {
        guard versions[item.peer] != nil else { return false }
        let text = String(decoding: try JSONEncoder().encode(item), as: UTF8.self)
        let answer = try process.ask([
            "do": "prepare", "peer": .string(item.peer), "case": try JSONValue(parsing: text),
        ])
        return answer["ok"] != nil
    }

    /// Milliseconds of each of some runs of the prepared case.
    func time(runs: Int) throws -> [Double] {
        try process.ask(["do": "time", "runs": .integer(runs)])["ms"]?.arrayValue?.compactMap(\.doubleValue) ?? []
    }

    /// The largest resident set so far, in MB.
    func peakMemory() throws -> Double { try process.ask(["do": "memory"])["peak_mb"]?.doubleValue ?? .nan }
}
