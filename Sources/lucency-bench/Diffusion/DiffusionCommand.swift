import ArgumentParser
import Foundation
import Lucency

/// `lucency-bench diffusion`: a film through latent diffusion of the published size, beside PyTorch in the same run.
struct DiffusionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diffusion", abstract: "Times bone suppression's latent diffusion beside PyTorch.",
        discussion: """
            The network of BS-LDM (autoencoder 38.3 M, estimator 383 M weights) with random weights, on one film. First \
            both sides answer alike for equal weights at a small configuration, or the command fails. Then encoding, \
            steps and decoding are timed in turn. The first step of ours, which brings the weights into the form that \
            kernels want, is given apart, and so is the peer's first. Peaks are those of each process during the part. \
            Run it from the checkout; without PyTorch only our times are given.

            With --training, what training steps take instead, with each kind of recomputation: the memory of the plan, \
            and unless --steps 0 the seconds of a step. Results have the same bytes whatever is recomputed.

            Examples: lucency-bench diffusion --threads 1,2
                      lucency-bench diffusion --training --small --side 256 --batch 4 --threads 1
            """)

    @Option(help: "Pixels along each side of the film, a multiple of 256 (8 with --small).")
    var side = 1024

    @Option(help: "Timed steps, after the first.")
    var steps = 2

    @Option(help: "Threads, a list such as 1,2.")
    var threads = "1,2"

    @Option(help: "The Python interpreter that has the peer.")
    var python = "python3"

    @Flag(help: "The small network that trains on a processor.")
    var small = false

    @Flag(help: "Measure training steps instead.")
    var training = false

    @Option(help: "Images in a training step.")
    var batch = 1

    @Flag(help: "Also print where the time of a step goes, by operation.")
    var profile = false

    @Flag(help: "Print JSON: {\"rows\": [{\"part\", \"threads\", \"ours_s\", \"peer_s\", \"ratio\", …}]}.")
    var json = false

    func validate() throws {
        guard !counts.isEmpty else { throw ValidationError("--threads \(threads) is no list of numbers") }
        let least = training ? 0 : 1
        guard least...1000 ~= steps else { throw ValidationError("--steps \(steps) is outside \(least)...1000") }
        guard 1...64 ~= batch else { throw ValidationError("--batch \(batch) is outside 1...64") }
        let multiple = network.sizeMultiple[0]
        guard side > 0, side <= 8192, side % multiple == 0 else {
            throw ValidationError("--side \(side) is no multiple of \(multiple)")
        }
    }

    private var counts: [Int] {
        let counts = threads.split(separator: ",").map { Int($0) ?? 0 }
        return counts.allSatisfy { 1...256 ~= $0 } ? counts : []
    }

    private var network: LatentDiffusion { small ? Self.trained : LatentDiffusion() }

    private static var trained: LatentDiffusion {
        var network = LatentDiffusion()
        network.autoencoder = VectorAutoencoder(channels: [16, 32, 64], hidden: 64)
        (network.estimator.base, network.estimator.multipliers, network.estimator.blocks) = (32, [1, 2, 4], 2)
        (network.estimator.attentionFactors, network.estimator.heads, network.estimator.groups) = ([4], 4, 8)
        return network
    }

    func run() throws {
        if training {
            let rows = try counts.flatMap {
                try DiffusionTraining(network: network, side: side, batch: batch, threads: $0, steps: steps)()
            }
            guard json else {
                return print(([DiffusionTraining.Row.heading] + rows.map(\.text)).joined(separator: "\n"))
            }
            return print(JSONValue.object(["rows": .array(rows.map(\.json))]).prettyText)
        }
        var rows: [DiffusionRow] = [], notes: [String] = []
        for count in counts {
            var peer: DiffusionPeer?, name = "none is installed for \(python)"
            do {
                let started = try DiffusionPeer(python: python, threads: count)
                if let version = started.version { (peer, name) = (started, version) }
            } catch let diagnostic as Diagnostic {
                name = "none: \(diagnostic.message)"
            }
            if let peer {
                let difference = try Self.difference(from: peer, threads: count)
                name += String(format: "; equal weights, largest difference %.1e", difference)
                guard difference < 1e-3 else {
                    throw Diagnostic(.stageFailed, "ours and the peer differ by \(difference) for equal weights")
                }
                try peer.prepare(network, weights: nil)
            }
            notes.append("\(count) thread(s), peer: \(name)")
            let ours = try DiffusionRun(network, kernels: Kernels(family: .best), threads: count)
            // A step's memory is not part of encoding and decoding: it is made between them.
            for part in [DiffusionRun.Part.encode, .decode, .step] {
                let row = try measure(part, ours, peer, threads: count)
                rows.append(row)
                if !json { FileHandle.standardError.write(Data("\(row.text)\n".utf8)) }
            }
        }
        if json {
            print(
                JSONValue.object([
                    "rows": .array(rows.map(\.json)), "notes": .array(notes.map { .string($0) }),
                ]).prettyText)
        } else {
            print((notes + [DiffusionRow.heading] + rows.map(\.text)).joined(separator: "\n"))
        }
    }

    private func measure(
        _ part: DiffusionRun.Part, _ ours: DiffusionRun, _ peer: DiffusionPeer?, threads: Int
    ) throws -> DiffusionRow {
        let inputs = try ours.inputs(part, side: side)
        var own: [Double] = [], other: [Double] = [], peersPeak: Double?
        Self.resetPeak()
        for _ in 0...(part == .step ? steps : 1) {
            let start = Machine.seconds
            _ = try ours(part, inputs)
            own.append(Machine.seconds - start)
            if let peer {
                let answer = try peer.time(part, side: side, runs: 1)
                other += answer.seconds
                peersPeak = max(peersPeak ?? 0, answer.peak)
            }
        }
        var row = DiffusionRow(
            part: part.rawValue, threads: threads, first: own[0], ours: Array(own.dropFirst()).median,
            peersFirst: other.first, peers: peer == nil ? nil : Array(other.dropFirst()).median,
            peak: try EngineOnceCommand.peakMegabytes(), peersPeak: peersPeak)
        if part == .step {
            row.gigaflops = Double(ours.stepOperations) / row.ours / 1e9
            if profile { row.profile = try ours.profile(inputs) }
        }
        ours.rest()
        return row
    }

    /// The largest difference of any part from the peer's, at the small configuration with equal weights, relative to the
    /// largest number of the part.
    private static func difference(from peer: DiffusionPeer, threads: Int) throws -> Double {
        let ours = try DiffusionRun(trained, kernels: Kernels(family: .best), threads: threads)
        let folder = FileManager.default.temporaryDirectory.path + "/lucency-diffusion-\(UUID().uuidString)"
        try FileSystem.makeFolder(folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let weights = FileSystem.join(folder, "weights.safetensors")
        let stored = try ours.parameters.declarations.compactMap { entry in
            try ours.parameters[entry.name].map {
                try StoredTensor(name: entry.name, shape: $0.shape.dimensions, floats: $0.buffer)
            }
        }
        try Safetensors.write(try Weights(stored), to: weights)
        try peer.prepare(trained, weights: weights)
        var worst = 0.0
        for part in DiffusionRun.Part.allCases {
            let inputs = try ours.inputs(part, side: 96), own = try ours(part, inputs, time: 321)
            let theirs = try peer.run(part, inputs, times: [321], result: own.shape, folder: folder)
            let largest = own.array.map { Double(abs($0)) }.max() ?? 0
            for (a, b) in zip(own.array, theirs.array) {
                worst = max(worst, abs(Double(a) - Double(b)) / max(1e-30, largest))
            }
        }
        return worst
    }

    /// Sets the peak of this process's resident set back to what it is now, where the system can.
    static func resetPeak() {
        try? FileHandle(forWritingTo: URL(filePath: "/proc/self/clear_refs")).write(contentsOf: Data("5".utf8))
    }
}

/// A line of the table.
struct DiffusionRow {
    let part: String
    let threads: Int
    /// Seconds: of the first call, and the median of the later ones.
    let first: Double
    let ours: Double
    let peersFirst: Double?
    let peers: Double?
    /// Peak resident sets in MB.
    let peak: Double
    let peersPeak: Double?
    var gigaflops: Double?
    var profile: [(name: String, milliseconds: Double)] = []

    /// The peer's time divided by ours.
    var ratio: Double? { peers.map { $0 / ours } }

    static let heading = "part    threads   first s    ours s    peer s   ratio   peak MB  peer's MB"

    var text: String {
        func number(_ value: Double?, _ format: String, _ width: Int) -> String {
            let text = value.map { String(format: format, $0) } ?? "-"
            return String(repeating: " ", count: max(0, width - text.count)) + text
        }
        var line = part + String(repeating: " ", count: max(0, 8 - part.count)) + number(Double(threads), "%.0f", 7)
        line += number(first, "%.2f", 10) + number(ours, "%.2f", 10) + number(peers, "%.2f", 10)
        line += number(ratio, "%.2f", 8) + number(peak, "%.0f", 10) + number(peersPeak, "%.0f", 11)
        if let gigaflops { line += number(gigaflops, "   %.0f GFLOP/s", 0) }
        for entry in profile.prefix(12) {
            line += "\n" + number(entry.milliseconds, "%9.1f", 13) + " ms  \(entry.name)"
        }
        return line
    }

    var json: JSONValue {
        var members: [String: JSONValue] = [
            "part": .string(part), "threads": .integer(threads), "first_s": .number(first), "ours_s": .number(ours),
            "ours_peak_mb": .number(peak),
        ]
        if let peers, let peersFirst, let ratio, let peersPeak {
            members["peer_s"] = .number(peers)
            members["peer_first_s"] = .number(peersFirst)
            members["ratio"] = .number(ratio)
            members["peer_peak_mb"] = .number(peersPeak)
        }
        if let gigaflops { members["gflops"] = .number(gigaflops) }
        if !profile.isEmpty {
            members["profile"] = .object(
                Dictionary(profile.map { ($0.name, .number($0.milliseconds)) }, uniquingKeysWith: { $1 }))
        }
        return .object(members)
    }
}
