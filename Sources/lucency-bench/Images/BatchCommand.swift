import ArgumentParser
import Foundation
import Lucency

/// `lucency-bench batch`: a folder of PNGs through five classical stages, beside the same in SciPy and scikit-image.
struct BatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "batch", abstract: "Runs a folder through a classical pipeline beside SciPy and scikit-image.",
        discussion: """
            Low-pass, Otsu's threshold, opening, removal of small objects, components; 16-bit PNGs of object numbers. \
            Whole processes are timed, their start included, one after the other in turn; figures are medians. With \
            several threads the peer works in as many processes, of which the largest counts as its memory. Files \
            lie in memory (/dev/shm) where that can be: ours flushes each to the disk, the peer none. Run it from the \
            checkout.

            Example: lucency-bench batch --count 20 --threads 1
            """)

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

    private static let pipeline = """
        lucency: 1
        sources: {images: {uses: folder}}
        stages:
          smooth: {uses: fourier.lowpass, in: images, with: {cutoff: 12 px}}
          bright: {uses: segment.threshold, in: smooth}
          round: {uses: morphology, in: bright, with: {operation: {uses: open, with: {shape: ball, radius: 2 px}}}}
          large: {uses: morphology, in: round, with: {operation: {uses: remove-small-objects, with: {minimum: 64 px}}}}
          objects: {uses: components, in: large}
        outputs: {objects: {from: objects, as: "{stem}.png", with: {bits: 16}}}
        """

    func run() throws {
        // In memory where that can be: ours waits for the disk with every file, the peer does not.
        let memory = URL(filePath: "/dev/shm")
        let isWritable = FileManager.default.isWritableFile(atPath: memory.path)
        let folder = (isWritable ? memory : FileManager.default.temporaryDirectory)
            .appending(path: "lucency-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func path(_ name: String) -> String { folder.appending(path: name).path }
        let lucency = WholeProcesses.lucency, images = path("rendered/image"), pipeline = path("batch.yaml")
        try WholeProcesses.require([
            lucency, "phantom", "phantoms/membranes.yaml", "--output", path("rendered"), "--count", "\(count)", "--set",
            "width=\(size)", "--set", "height=\(size)", "--products", "image", "--progress", "none",
        ])
        try Self.pipeline.write(toFile: pipeline, atomically: true, encoding: .utf8)
        let script = "Sources/lucency-bench/Peers/batch.py"
        let hasPeer = try MeasuredProcess([python, script, "check"]).exitCode == 0
        var rows: [WholeProcesses] = []
        for count in threadCounts {
            var row = WholeProcesses(threads: count, images: self.count)
            for run in 0..<runs {
                row.ours.append(
                    try WholeProcesses.require([
                        lucency, "run", pipeline, "--input", images, "--output", path("ours-\(count)-\(run)"), "--jobs",
                        "\(count)", "--threads", "\(count)", "--progress", "none",
                    ]))
                guard hasPeer else { continue }
                let target = path("peer-\(count)-\(run)")
                row.peer.append(try WholeProcesses.require([python, script, "run", images, target, "\(count)"]))
            }
            if hasPeer {
                row.differing = try WholeProcesses.differing(path("ours-\(count)-0"), path("peer-\(count)-0"))
            }
            rows.append(row)
        }
        if json {
            print(JSONValue.object(["rows": .array(rows.map(\.json))]).prettyText)
        } else {
            if !hasPeer { print("no peer: \(python) lacks scipy, scikit-image, numpy or Pillow") }
            print(rows.map(\.text).joined(separator: "\n"))
        }
    }
}
