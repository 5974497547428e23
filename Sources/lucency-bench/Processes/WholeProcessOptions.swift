import ArgumentParser
import Foundation
import Lucency

/// What the benches have in common that run whole processes over a folder of rendered images.
struct WholeProcessOptions: ParsableArguments {
    @Option(help: "Images.")
    var count = 200

    @Option(help: "Side of the images in pixels.")
    var size = 512

    @Option(help: "Threads, a list such as 1,2.")
    var threads = "1"

    @Option(help: "Runs of each side.")
    var runs = 3

    @Option(help: "The Python interpreter that has the peers.")
    var python = "python3"

    @Flag(help: "Print JSON: {\"rows\": [{\"threads\", \"ours\", \"peer\", \"speed\", \"memory\", \"differing\"}]}.")
    var json = false

    func validate() throws {
        guard !threadCounts.isEmpty else { throw ValidationError("--threads \(threads) is no list of numbers") }
        guard 1...100_000 ~= count, 16...8192 ~= size, 1...100 ~= runs else {
            throw ValidationError("--count, --size or --runs is out of range")
        }
    }

    private var threadCounts: [Int] {
        let counts = threads.split(separator: ",").map { Int($0) ?? 0 }
        return counts.allSatisfy { 1...256 ~= $0 } ? counts : []
    }

    /// Renders the images, runs both sides in turn, and prints what they took.
    /// - Parameters:
    ///   - parent: where the files lie meanwhile.
    ///   - pipeline: what ours does.
    ///   - needs: what Python lacks where the peer cannot run.
    ///   - peer: from the folder in which it may write, the command of the peer, to which images, target and number of
    ///     threads are added; nil where it cannot run.
    func compare(
        in parent: URL, pipeline: String, needs: String, peer: (_ folder: URL) throws -> [String]?
    ) throws {
        let folder = parent.appending(path: "lucency-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func path(_ name: String) -> String { folder.appending(path: name).path }
        let lucency = WholeProcesses.lucency, images = path("rendered/image"), file = path("pipeline.yaml")
        try WholeProcesses.require([
            lucency, "phantom", "phantoms/membranes.yaml", "--output", path("rendered"), "--count", "\(count)", "--set",
            "width=\(size)", "--set", "height=\(size)", "--products", "image", "--progress", "none",
        ])
        try pipeline.write(toFile: file, atomically: true, encoding: .utf8)
        let peer = try peer(folder)
        let rows = try threadCounts.map { threads in
            var row = WholeProcesses(threads: threads, images: count)
            for run in 0..<runs {
                row.ours.append(
                    try WholeProcesses.require([
                        lucency, "run", file, "--input", images, "--output", path("ours-\(threads)-\(run)"), "--jobs",
                        "\(threads)", "--threads", "\(threads)", "--progress", "none",
                    ]))
                guard let peer else { continue }
                let target = path("peer-\(threads)-\(run)")
                row.peer.append(try WholeProcesses.require(peer + [images, target, "\(threads)"]))
            }
            if peer != nil {
                row.differing = try WholeProcesses.differing(path("ours-\(threads)-0"), path("peer-\(threads)-0"))
            }
            return row
        }
        if json {
            print(JSONValue.object(["rows": .array(rows.map(\.json))]).prettyText)
        } else {
            if peer == nil { print("no peer: \(python) lacks \(needs)") }
            print(rows.map(\.text).joined(separator: "\n"))
        }
    }
}
