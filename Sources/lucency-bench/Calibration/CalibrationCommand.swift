import ArgumentParser
import Foundation
import Lucency
import LucencyCalibration
import LucencyFoundation

/// `lucency-bench calibration`: all calibration metrics of many cases, beside what torchmetrics computes of them.
struct CalibrationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibration", abstract: "Measures the calibration of many cases beside torchmetrics.",
        discussion: """
            Cases are read from files one after the other and dropped on both sides. Ours are the numbers of every region, \
            class and case that `evaluate.calibration` gives, gathered into one summary; the peer's are the calibration \
            errors that torchmetrics has, Brier score, log loss, accuracy and confusion matrix, over all pixels, and for \
            three of our five regions. Both sides work in turn on blocks of cases; a ratio is the median over blocks. The \
            peer runs in Python with torch, torchmetrics and numpy; without them only our figures are given. Run it from the \
            checkout.

            Example: lucency-bench calibration --cases 1000 --python venv/bin/python
            """)

    @Option(help: "Cases, at least as many as blocks.")
    var cases = 1000

    @Option(help: "Pixels along each side.")
    var size = 512

    @Option(help: "Classes.")
    var classes = 4

    @Option(help: "Bins.")
    var bins = 15

    @Option(help: "Blocks of cases in which both sides take turns.")
    var blocks = 10

    @Option(help: "Different cases, which come again and again.")
    var files = 8

    @Option(help: "Threads, a list such as 1,2.")
    var threads = "1,2"

    @Option(help: "The Python interpreter that has the peer.")
    var python = "python3"

    @Flag(help: "Print JSON: {\"notes\", \"rows\": [{\"threads\", \"ours_ms\", \"peer_ms\", \"ratio\", …}]}.")
    var json = false

    func validate() throws {
        guard 1...1000 ~= blocks, blocks...1_000_000 ~= cases, 1...64 ~= files else {
            throw ValidationError("--cases, --blocks or --files is out of range")
        }
        guard 8...4096 ~= size, 2...64 ~= classes, 1...100 ~= bins else {
            throw ValidationError("--size, --classes or --bins is out of range")
        }
        guard !threadCounts.isEmpty else { throw ValidationError("--threads \(threads) is no list of numbers") }
    }

    private var threadCounts: [Int] {
        let counts = threads.split(separator: ",").map { Int($0) ?? 0 }
        return counts.allSatisfy { 1...256 ~= $0 } ? counts : []
    }

    func run() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lucency-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let material = CalibrationMaterial(folder: folder.path, size: size, classes: classes, files: files)
        try material.write()
        let peer = try? PeerProcess("calibration.py", python: python)
        let versions = (try? peer?.versions(threads: 1)) ?? [:]
        let isThere = versions["torchmetrics"] != nil
        let names = versions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        let notes = [
            isThere ? "peers: \(names.joined(separator: ", "))" : "peers: none in \(python)",
            "\(cases) cases of \(size)×\(size)×\(classes), \(files) of them different",
        ]
        var rows: [CalibrationRow] = []
        for count in threadCounts { rows.append(try row(material, count, isThere ? peer : nil)) }
        if json {
            let list: [String: JSONValue] = [
                "notes": .array(notes.map { .string($0) }), "rows": .array(rows.map(\.json)),
            ]
            print(JSONValue.object(list).prettyText)
        } else {
            print((notes + rows.map(\.text)).joined(separator: "\n"))
        }
    }

    private func row(_ material: CalibrationMaterial, _ threads: Int, _ peer: PeerProcess?) throws -> CalibrationRow {
        let pool = ThreadPool(threads: threads)
        var evaluation = CalibrationEvaluation()
        evaluation.bins = bins
        _ = try peer?.versions(threads: threads)
        var row = CalibrationRow(threads: threads, cases: cases), summary = CalibrationSummary()
        /// A block of cases on the peer's side.
        func ask(_ block: Range<Int>, regions: Int) throws -> Double? {
            guard
                let answer = try peer?.ask([
                    "do": "run", "folder": .string(material.folder), "cases": .array(block.map { .integer($0) }),
                    "files": .integer(files), "size": .integer(size), "classes": .integer(classes),
                    "bins": .integer(bins), "regions": .integer(regions),
                ])
            else { return nil }
            if regions == 1 {
                for (name, value) in answer["sums"]?.objectValue ?? [:] {
                    row.theirs[name, default: 0] += (value.doubleValue ?? .nan) / Double(cases)
                }
            }
            return answer["seconds"]?.doubleValue.map { 1000 * $0 / Double(block.count) }
        }
        for block in 0..<blocks {
            let range = cases * block / blocks..<cases * (block + 1) / blocks
            let start = ContinuousClock.now
            for index in range {
                let (map, reference) = try material.read(index)
                try summary.add(
                    evaluation("case \(index)", probabilities: map, reference: reference, pool: pool))
            }
            row.ours.append(1000 * (start.duration(to: .now) / .seconds(1)) / Double(range.count))
            if let time = try ask(range, regions: 1) { row.peer.append(time) }
            if let time = try ask(range, regions: 3) { row.peerRegions.append(time) }
        }
        for (name, metric) in CalibrationRow.metrics {
            row.values[name] = summary.scores([metric], in: .all).first?.mean.value
        }
        row.peak = try EngineOnceCommand.peakMegabytes()
        row.peerPeak = try peer?.ask(["do": "memory"])["peak_mb"]?.doubleValue
        return row
    }
}

/// Figures for a number of threads.
struct CalibrationRow {
    let threads: Int
    let cases: Int
    /// Milliseconds of a case in each block: ours; the peer's over all pixels, and of three regions.
    var ours: [Double] = []
    var peer: [Double] = []
    var peerRegions: [Double] = []
    /// Means over cases, all pixels.
    var values: [String: Double] = [:]
    var theirs: [String: Double] = [:]
    /// Resident peaks in MB.
    var peak = Double.nan
    var peerPeak: Double?

    /// What both sides compute.
    static let metrics: [(name: String, metric: CalibrationMetric)] = [
        ("ece", .ece), ("rmsce", .rmsce), ("mce", .mce), ("cece", .cece), ("brier", .brier), ("nll", .nll),
        ("accuracy", .accuracy),
    ]

    private func ratio(_ other: [Double]) -> Double? {
        other.isEmpty ? nil : zip(other, ours).map { $0 / $1 }.median
    }

    /// The largest difference between the two sides' means.
    var difference: Double? {
        theirs.isEmpty ? nil : theirs.map { abs($1 - (values[$0] ?? .nan)) }.reduce(0) { $1 > $0 || $1.isNaN ? $1 : $0 }
    }

    var json: JSONValue {
        var members: [String: JSONValue] = [
            "threads": .integer(threads), "cases": .integer(cases), "ours_ms": .number(ours.median),
            "peak_mb": .number(peak), "values": .object(values.mapValues { .number($0) }),
        ]
        if let ratio = self.ratio(peer), let regions = self.ratio(peerRegions) {
            members["peer_ms"] = .number(peer.median)
            members["ratio"] = .number(ratio)
            members["peer_regions_ms"] = .number(peerRegions.median)
            members["regions_ratio"] = .number(regions)
        }
        if let peerPeak { members["peer_peak_mb"] = .number(peerPeak) }
        if let difference { members["difference"] = .number(difference) }
        return .object(members)
    }

    var text: String {
        var line = String(format: "%d thread(s): ours %.2f ms a case, %.0f MB", threads, ours.median, peak)
        if let ratio = self.ratio(peer), let regions = self.ratio(peerRegions) {
            line += String(
                format: "; torchmetrics over all pixels %.1f ms (ratio %.1f), of three regions %.1f ms (ratio %.1f)",
                peer.median, ratio, peerRegions.median, regions)
        }
        if let peerPeak { line += String(format: ", %.0f MB", peerPeak) }
        if let difference { line += String(format: "; means differ by at most %.1e", difference) }
        return line
    }
}
