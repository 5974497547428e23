import ArgumentParser
import Foundation
import Lucency

/// `lucency-bench engine`: layers, networks and training steps beside ONNX Runtime and PyTorch in the same run.
struct EngineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "engine", abstract: "Times the convolution engine beside ONNX Runtime and PyTorch.",
        discussion: """
            Ratios are the peer's time divided by ours, medians of interleaved runs on the same threads. Peers run in \
            Python with whichever of onnxruntime (with onnx) and torch is installed; without them only our times are \
            given. Run it from the checkout.

            Examples: lucency-bench engine --quick --threads 1
                      lucency-bench engine --only upscale --memory
            """)

    @Flag(help: "A few cases, in less than a minute.")
    var quick = false

    @Flag(help: "Print JSON: {\"rows\": [{\"name\", \"peer\", \"threads\", \"ours_ms\", \"peer_ms\", \"ratio\", …}]}.")
    var json = false

    @Flag(help: "Also print where the time of each network goes, by operation.")
    var profile = false

    @Flag(help: "Also measure the peak memory of whole processes that run one network each.")
    var memory = false

    @Option(help: "Threads, a list such as 1,2.")
    var threads = "1,2"

    @Option(help: "Only cases whose name contains this.")
    var only: String?

    @Option(help: "Timed runs of each side, 5 unless --quick (2); twice as many where a run takes less than 50 ms.")
    var runs: Int?

    @Option(help: "Our kernels: \(KernelFamily.available.map(\.rawValue).joined(separator: ", ")).")
    var kernels = KernelFamily.best.rawValue

    @Option(help: "Our algorithm for 3×3 convolutions: automatic, direct, winograd2, winograd4.")
    var algorithm: Kernels.Algorithm = .automatic

    @Option(help: "The Python interpreter that has the peers.")
    var python = "python3"

    func validate() throws {
        guard !threadCounts.isEmpty else { throw ValidationError("--threads \(threads) is no list of numbers") }
        if let runs, !(1...1000 ~= runs) { throw ValidationError("--runs \(runs) is outside 1...1000") }
        guard KernelFamily.available.map(\.rawValue).contains(kernels) else {
            throw ValidationError("this processor cannot run the '\(kernels)' kernels")
        }
    }

    private var choice: Kernels { Kernels(family: KernelFamily(rawValue: kernels) ?? .portable, algorithm: algorithm) }

    private var threadCounts: [Int] {
        let counts = threads.split(separator: ",").map { Int($0) ?? 0 }
        return counts.allSatisfy { 1...256 ~= $0 } ? counts : []
    }

    private var cases: [EngineCase] {
        let all = quick ? EngineCase.quick : EngineCase.layers + EngineCase.networks
        return all.filter { only == nil || $0.name.contains(only ?? "") }
    }

    func run() throws {
        var rows: [EngineRow] = [], notes: [String] = []
        for count in threadCounts {
            var peer: EnginePeer?, peers = "none are installed for \(python)"
            do {
                let started = try EnginePeer(python: python, threads: count)
                let versions = started.versions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
                if !versions.isEmpty { (peer, peers) = (started, versions.joined(separator: ", ")) }
            } catch let diagnostic as Diagnostic {
                peers = "none: \(diagnostic.message)"
            }
            if rows.isEmpty {
                notes.append("peers: \(peers)")
                notes.append("ours: \(kernels), \(algorithm.rawValue) · \(Processor.name)")
            }
            for item in cases {
                let row = try measure(item, threads: count, peer)
                rows.append(row)
                if !json { FileHandle.standardError.write(Data("\(row.text)\n".utf8)) }
            }
        }
        if json {
            let object: JSONValue = [
                "rows": .array(rows.map(\.json)), "notes": .array(notes.map { .string($0) }),
            ]
            print(object.prettyText)
        } else {
            print((notes + [EngineRow.heading] + rows.map(\.text)).joined(separator: "\n"))
        }
    }

    private func measure(_ item: EngineCase, threads: Int, _ peer: EnginePeer?) throws -> EngineRow {
        let ours = try EngineRun(item, kernels: choice, threads: threads)
        let hasPeer = try peer?.prepare(item) ?? false
        try ours()
        let first = try milliseconds { try ours() }
        let runs = self.runs ?? (quick ? 2 : 5), rounds = first < 50 ? 2 * runs : runs
        var own: [Double] = [], other: [Double] = []
        for _ in 0..<rounds {
            own.append(try milliseconds { try ours() })
            if hasPeer, let peer { other += try peer.time(runs: 1) }
        }
        var row = EngineRow(
            name: item.name, peer: item.peer, threads: threads, ours: own.median, peers: hasPeer ? other.median : nil)
        row.gigaflops = Double(ours.floatingPointOperations) / row.ours / 1e6
        row.planMegabytes = Double(ours.bytes) / 1e6
        if profile, item.isNetwork { row.profile = try ours.profile() }
        if memory, item.isNetwork {
            row.peak = try EngineMemory.ours(item, kernels: choice, threads: threads)
            row.peersPeak = hasPeer ? try EngineMemory.peer(item, python: python, threads: threads) : nil
        }
        return row
    }

    private func milliseconds(_ body: () throws -> Void) rethrows -> Double {
        let start = Machine.seconds
        try body()
        return (Machine.seconds - start) * 1000
    }
}

extension Kernels.Algorithm: ExpressibleByArgument {}

extension [Double] {
    /// The middle one in order; NaN where there is none.
    var median: Double { isEmpty ? .nan : sorted()[count / 2] }
}

/// A line of the table.
struct EngineRow {
    let name: String
    let peer: String
    let threads: Int
    /// Milliseconds, medians.
    let ours: Double
    let peers: Double?
    var gigaflops = 0.0
    /// What our plan takes, known beforehand.
    var planMegabytes = 0.0
    /// Peak resident sets of whole processes, in MB.
    var peak: Double?
    var peersPeak: Double?
    /// Milliseconds of each kind of operation and direction.
    var profile: [(name: String, milliseconds: Double)] = []

    /// The peer's time divided by ours.
    var ratio: Double? { peers.map { $0 / ours } }

    var json: JSONValue {
        var members: [String: JSONValue] = [
            "name": .string(name), "peer": .string(peer), "threads": .integer(threads), "ours_ms": .number(ours),
            "gflops": .number(gigaflops), "plan_mb": .number(planMegabytes),
        ]
        if let peers, let ratio {
            members["peer_ms"] = .number(peers)
            members["ratio"] = .number(ratio)
        }
        if let peak { members["ours_peak_mb"] = .number(peak) }
        if let peersPeak { members["peer_peak_mb"] = .number(peersPeak) }
        if !profile.isEmpty {
            members["profile"] = .object(
                Dictionary(profile.map { ($0.name, .number($0.milliseconds)) }, uniquingKeysWith: { $1 }))
        }
        return .object(members)
    }

    static let heading =
        "case                                        threads    ours ms    peer ms   ratio  GFLOP/s  plan MB"

    var text: String {
        func right(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        func number(_ value: Double?, _ digits: Int) -> String {
            value.map { String(format: "%.\(digits)f", $0) } ?? "-"
        }
        var line = name + String(repeating: " ", count: max(0, 44 - name.count)) + right("\(threads)", 7)
        line += right(number(ours, 2), 11) + right(number(peers, 2), 11) + right(number(ratio, 2), 8)
        line += right(number(gigaflops, 0), 9) + right(number(planMegabytes, 0), 9)
        if let peak { line += "   peak \(number(peak, 0)) MB, \(peer) \(number(peersPeak, 0)) MB" }
        for entry in profile.prefix(12) {
            line += "\n    \(right(number(entry.milliseconds, 1), 9)) ms  \(entry.name)"
        }
        return line
    }
}
