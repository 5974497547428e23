import ArgumentParser
import Foundation
import Lucency

/// What all benches of image operations take.
struct ImageBenchOptions: ParsableArguments {
    @Flag(help: "Small images and few runs.")
    var quick = false

    @Flag(
        help: ArgumentHelp(
            "Print JSON: {\"rows\": [{\"name\", \"peer\", \"threads\", \"ours_ms\", \"peer_ms\", \"ratio\", \"agrees\"}]}."
        ))
    var json = false

    @Option(help: "Threads, a list such as 1,2; the peers get as many where they can use them.")
    var threads = "1"

    @Option(help: "Only cases whose name contains this.")
    var only: String?

    @Option(help: "Timed runs of each side. (default: 7, with --quick 3)")
    var runs: Int?

    @Option(help: "The Python interpreter that has the peers.")
    var python = "python3"

    func validate() throws {
        guard !threadCounts.isEmpty else { throw ValidationError("--threads \(threads) is no list of numbers") }
        if let runs, !(1...1000 ~= runs) { throw ValidationError("--runs \(runs) is outside 1...1000") }
    }

    var threadCounts: [Int] {
        let counts = threads.split(separator: ",").map { Int($0) ?? 0 }
        return counts.allSatisfy { 1...256 ~= $0 } ? counts : []
    }
}

/// Times operations beside peers in Python, run by run in turn, and compares what both sides made.
struct ImageBench {
    let options: ImageBenchOptions
    /// The peers' script.
    let script: String

    /// - Parameter cases: given a folder for the files that both sides read, which is removed in the end.
    func run(_ cases: (_ folder: String) throws -> [ImageCase]) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lucency-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let cases = try cases(folder.path).filter { options.only.map($0.name.contains) ?? true }
        var rows: [ImageRow] = [], notes: [String] = []
        for threads in options.threadCounts {
            var peer: PeerProcess?, versions: [String: String] = [:]
            do {
                let started = try PeerProcess(script, python: options.python)
                versions = try started.versions(threads: threads)
                peer = started
            } catch let diagnostic as Diagnostic {
                notes.append("no peers: \(diagnostic.message)")
            }
            if rows.isEmpty {
                let named = versions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
                notes.append("peers: \(named.isEmpty ? "none are installed for \(options.python)" : named)")
            }
            for item in cases {
                let pool = threads == 1 ? ThreadPool.serial : ThreadPool(threads: threads)
                let installed = item.peers.filter { versions[$0] != nil }
                let more = try measure(item, threads, pool, installed.isEmpty ? [nil] : installed, peer)
                rows += more
                if !options.json {
                    FileHandle.standardError.write(Data(more.map { $0.text + "\n" }.joined().utf8))
                }
            }
        }
        if options.json {
            let object: JSONValue = [
                "rows": .array(rows.map(\.json)), "notes": .array(notes.map { .string($0) }),
            ]
            print(object.prettyText)
        } else {
            print((notes + [ImageRow.heading] + rows.map(\.text)).joined(separator: "\n"))
        }
    }

    private func measure(
        _ item: ImageCase, _ threads: Int, _ pool: ThreadPool, _ peers: [String?], _ process: PeerProcess?
    ) throws -> [ImageRow] {
        let ours = try item.prepare(pool), check = try ours()
        return try peers.map { peer in
            var theirs: Double?
            if let peer, let process {
                let answer = try process.ask(["do": "prepare", "peer": .string(peer), "case": item.request])
                theirs = answer["check"]?.doubleValue
            }
            var own: [Double] = [], other: [Double] = []
            for _ in 0..<(options.runs ?? (options.quick ? 3 : 7)) {
                let start = Machine.seconds
                _ = try ours()
                own.append((Machine.seconds - start) * 1000)
                guard theirs != nil, let process else { continue }
                other += try process.ask(["do": "time", "runs": 1])["ms"]?.arrayValue?.compactMap(\.doubleValue) ?? []
            }
            var row = ImageRow(
                name: item.name, peer: theirs == nil ? nil : peer, threads: threads, ours: own.median,
                peers: theirs == nil ? nil : other.median)
            row.check = check
            row.peersCheck = theirs
            if let theirs, let tolerance = item.tolerance {
                row.agrees = abs(check - theirs) <= tolerance * max(abs(check), abs(theirs), 1)
            }
            return row
        }
    }
}

/// A line of the table.
struct ImageRow {
    let name: String
    let peer: String?
    let threads: Int
    /// Milliseconds, medians.
    let ours: Double
    let peers: Double?
    /// What both sides' results add up to.
    var check = 0.0
    var peersCheck: Double?
    /// Whether they are the same, where that can be told.
    var agrees: Bool?

    /// The peer's time divided by ours.
    var ratio: Double? { peers.map { $0 / ours } }

    var json: JSONValue {
        var members: [String: JSONValue] = [
            "name": .string(name), "threads": .integer(threads), "ours_ms": .number(ours), "check": .number(check),
        ]
        if let peer { members["peer"] = .string(peer) }
        if let peers { members["peer_ms"] = .number(peers) }
        if let ratio { members["ratio"] = .number(ratio) }
        if let peersCheck { members["peer_check"] = .number(peersCheck) }
        if let agrees { members["agrees"] = .bool(agrees) }
        return .object(members)
    }

    static let heading =
        "case                                     peer         threads    ours ms    peer ms   ratio  result"

    var text: String {
        func left(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(1, width - text.count))
        }
        func right(_ value: Double?, _ width: Int) -> String {
            let text = value.map { String(format: "%.2f", $0) } ?? "-"
            return String(repeating: " ", count: max(0, width - text.count)) + text
        }
        var line =
            left(name, 41) + left(peer ?? "-", 13)
            + right(Double(threads), 7).replacingOccurrences(of: ".00", with: "   ")
        line += right(ours, 11) + right(peers, 11) + right(ratio, 8)
        if let agrees {
            line += agrees ? "  same" : String(format: "  %g, peer %g", check, peersCheck ?? .nan)
        } else if let peersCheck {
            line += String(format: "  %.0f bytes, peer %.0f", check, peersCheck)
        }
        return line
    }
}
