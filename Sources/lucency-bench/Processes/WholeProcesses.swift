import Foundation
import Lucency

/// What whole processes took that do the same to a folder of images, ours and a peer's, for a number of threads.
struct WholeProcesses {
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

    /// The command that was built together with this one; a build of the tests alone names it after its target.
    static var lucency: String {
        let folder = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let names = ["lucency", "LucencyCommand"].map { folder.appending(path: $0).path }
        return names.first { FileManager.default.isExecutableFile(atPath: $0) } ?? names[0]
    }

    @discardableResult
    static func require(_ command: [String]) throws -> MeasuredProcess {
        let process = try MeasuredProcess(command)
        guard process.exitCode == 0 else {
            throw Diagnostic(
                .stageFailed, "\(command.prefix(3).joined(separator: " ")) ended with status \(process.exitCode)")
        }
        return process
    }

    /// The part of all pixels in which two folders of masks differ.
    static func differing(_ ours: String, _ theirs: String) throws -> Double {
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
}
