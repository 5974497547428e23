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

    /// The command that was built together with this one; a build of the tests alone names it after its target.
    private var lucency: String {
        let folder = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let names = ["lucency", "LucencyCommand"].map { folder.appending(path: $0).path }
        return names.first { FileManager.default.isExecutableFile(atPath: $0) } ?? names[0]
    }

    func run() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lucency-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func path(_ name: String) -> String { folder.appending(path: name).path }
        try require([
            lucency, "phantom", "phantoms/membranes.yaml", "--output", path("rendered"), "--count", "\(count)", "--set",
            "width=\(size)", "--set", "height=\(size)", "--products", "image", "--progress", "none",
        ])
        let images = path("rendered/image"), pipeline = path("segment.yaml"), exported = path("model.onnx")
        try Self.pipeline(model: URL(filePath: model).path).write(
            toFile: pipeline, atomically: true, encoding: .utf8)
        let script = "Sources/lucency-bench/Peers/segment.py"
        let hasPeer = try MeasuredProcess([python, script, "convert", model, exported]).exitCode == 0
        var rows: [Row] = []
        for count in threadCounts {
            var row = Row(threads: count, images: self.count)
            for run in 0..<runs {
                row.ours.append(
                    try require([
                        lucency, "run", pipeline, "--input", images, "--output", path("ours-\(count)-\(run)"), "--jobs",
                        "\(count)", "--threads", "\(count)", "--progress", "none",
                    ]))
                guard hasPeer else { continue }
                let target = path("peer-\(count)-\(run)")
                row.peer.append(try require([python, script, "run", exported, images, target, "\(count)"]))
            }
            if hasPeer { row.differing = try Self.differing(path("ours-\(count)-0"), path("peer-\(count)-0")) }
            rows.append(row)
        }
        if json {
            print(JSONValue.object(["rows": .array(rows.map(\.json))]).prettyText)
        } else {
            if !hasPeer { print("no peer: \(python) lacks onnx, onnxruntime, numpy or Pillow") }
            print(rows.map(\.text).joined(separator: "\n"))
        }
    }

    @discardableResult
    private func require(_ command: [String]) throws -> MeasuredProcess {
        let process = try MeasuredProcess(command)
        guard process.exitCode == 0 else {
            throw Diagnostic(
                .stageFailed, "\(command.prefix(3).joined(separator: " ")) ended with status \(process.exitCode)")
        }
        return process
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

    /// The part of all pixels in which two folders of masks differ.
    private static func differing(_ ours: String, _ theirs: String) throws -> Double {
        var differing = 0, total = 0
        for name in try FileSystem.names(in: theirs) where name.hasSuffix(".png") {
            func labels(_ folder: String) throws -> AlignedBuffer<Int32> {
                try PNGFormat().readLabels(FileSystem.join(folder, name), pages: .automatic, limits: .standard).labels
            }
            let (a, b) = (try labels(ours), try labels(theirs))
            guard a.count == b.count else { throw Diagnostic(.sizeMismatch, "the masks '\(name)' differ in size") }
            for index in 0..<a.count where a[index] != b[index] { differing += 1 }
            total += a.count
        }
        return total == 0 ? .nan : Double(differing) / Double(total)
    }

    /// Figures for a number of threads.
    private struct Row {
        let threads: Int
        let images: Int
        var ours: [MeasuredProcess] = []
        var peer: [MeasuredProcess] = []
        var differing: Double?

        private func rate(_ side: [MeasuredProcess]) -> Double { Double(images) / side.map(\.wallSeconds).median }
        private func peak(_ side: [MeasuredProcess]) -> Double { side.map { Double($0.peakBytes) / 1e6 }.median }

        private func figures(_ side: [MeasuredProcess]) -> JSONValue {
            [
                "images_per_second": .number(rate(side)), "peak_mb": .number(peak(side)),
                "cpu_seconds": .number(side.map { $0.userSeconds + $0.systemSeconds }.median),
            ]
        }

        var json: JSONValue {
            var members: [String: JSONValue] = ["threads": .integer(threads), "ours": figures(ours)]
            if !peer.isEmpty {
                members["peer"] = figures(peer)
                members["speed"] = .number(rate(ours) / rate(peer))
                members["memory"] = .number(peak(ours) / peak(peer))
            }
            if let differing { members["differing"] = .number(differing) }
            return .object(members)
        }

        var text: String {
            func shown(_ name: String, _ side: [MeasuredProcess]) -> String {
                let cpu = side.map { $0.userSeconds + $0.systemSeconds }.median
                return String(format: "%@ %.2f images/s, %.0f MB, %.1f s of CPU", name, rate(side), peak(side), cpu)
            }
            var line = "\(threads) thread(s): " + shown("ours", ours)
            if !peer.isEmpty {
                line += "; " + shown("peer", peer)
                line += String(format: "; speed %.2f, memory %.2f", rate(ours) / rate(peer), peak(ours) / peak(peer))
            }
            if let differing { line += String(format: "; %.4f %% of pixels differ", 100 * differing) }
            return line
        }
    }
}
