import ArgumentParser
import Foundation
import Lucency

/// `lucency-bench segment`: a folder of images to a folder of masks, beside a script that does the same with ONNX Runtime.
struct SegmentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "segment", abstract: "Segments a folder with a U-Net beside ONNX Runtime and Pillow.",
        discussion: """
            Whole processes are timed, their start included, one after the other in turn; figures are medians. Images are \
            rendered micrographs. The peer runs in Python with onnxruntime, onnx and Pillow; without them only our figures \
            are given. Run it from the checkout.

            Example: lucency-bench segment --count 20 --threads 1
            """)

    @Option(help: "A model of a U-Net with batch norms for gray images.")
    var model = "pipelines/models/membranes.lucency"

    @Option(help: "Images.")
    var count = 200

    @Option(help: "Side of the images in pixels.")
    var size = 512

    @Option(help: "Threads, a list such as 1,2.")
    var threads = "1,2"

    @Option(help: "Runs of each side.")
    var runs = 3

    @Option(help: "The Python interpreter that has the peer.")
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

    func run() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lucency-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func path(_ name: String) -> String { folder.appending(path: name).path }
        try WholeProcesses.require([
            WholeProcesses.lucency, "phantom", "phantoms/membranes.yaml", "--output", path("rendered"), "--count",
            "\(count)", "--set",
            "width=\(size)", "--set", "height=\(size)", "--products", "image", "--progress", "none",
        ])
        let images = path("rendered/image"), pipeline = path("segment.yaml"), exported = path("model.onnx")
        try Self.pipeline(model: URL(filePath: model).path).write(
            toFile: pipeline, atomically: true, encoding: .utf8)
        let script = "Sources/lucency-bench/Peers/segment.py"
        let hasPeer = try MeasuredProcess([python, script, "convert", model, exported]).exitCode == 0
        var rows: [WholeProcesses] = []
        for count in threadCounts {
            var row = WholeProcesses(threads: count, images: self.count)
            for run in 0..<runs {
                row.ours.append(
                    try WholeProcesses.require([
                        WholeProcesses.lucency, "run", pipeline, "--input", images, "--output",
                        path("ours-\(count)-\(run)"), "--jobs",
                        "\(count)", "--threads", "\(count)", "--progress", "none",
                    ]))
                guard hasPeer else { continue }
                let target = path("peer-\(count)-\(run)")
                row.peer.append(
                    try WholeProcesses.require([python, script, "run", exported, images, target, "\(count)"]))
            }
            if hasPeer {
                row.differing = try WholeProcesses.differing(path("ours-\(count)-0"), path("peer-\(count)-0"))
            }
            rows.append(row)
        }
        if json {
            print(JSONValue.object(["rows": .array(rows.map(\.json))]).prettyText)
        } else {
            if !hasPeer { print("no peer: \(python) lacks onnx, onnxruntime, numpy or Pillow") }
            print(rows.map(\.text).joined(separator: "\n"))
        }
    }

    private static func pipeline(model: String) -> String {
        """
        lucency: 1
        sources: {images: {uses: folder}}
        stages:
          model: {uses: load.model, with: {file: "\(model)"}}
          predict: {uses: segment.network, in: {image: images, model: model}}
        outputs: {masks: {from: predict, as: "{stem}.png"}}
        """
    }
}
