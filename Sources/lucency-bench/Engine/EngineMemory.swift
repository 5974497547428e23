import ArgumentParser
import Foundation
import Lucency

/// Peak memory of processes that do one case and nothing else.
enum EngineMemory {
    static func ours(
        _ item: EngineCase, kernels: Kernels, threads: Int
    ) throws -> Double {
        let process = Process(), output = Pipe()
        process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = [
            "engine-once", String(decoding: try JSONEncoder().encode(item), as: UTF8.self), "--kernels",
            kernels.family.rawValue, "--algorithm", kernels.algorithm.rawValue, "--threads", "\(threads)",
        ]
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return Double(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? .nan
    }

    static func peer(_ item: EngineCase, python: String, threads: Int) throws -> Double {
        let peer = try EnginePeer(python: python, threads: threads)
        guard try peer.prepare(item) else { return .nan }
        _ = try peer.time(runs: 1)
        return try peer.peakMemory()
    }
}

/// One case in a process of its own, which prints its peak resident set in MB.
struct EngineOnceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "engine-once", shouldDisplay: false)

    @Argument var item: String
    @Option var kernels: String
    @Option var algorithm: Kernels.Algorithm
    @Option var threads: Int

    func run() throws {
        let item = try JSONDecoder().decode(EngineCase.self, from: Data(self.item.utf8))
        let kernels = Kernels(family: KernelFamily(rawValue: self.kernels) ?? .portable, algorithm: algorithm)
        let run = try EngineRun(item, kernels: kernels, threads: threads)
        try run()
        try run()
        print(try Self.peakMegabytes())
    }

    /// The peak resident set of this process. The system's usage figures would also count what its parent had when it
    /// started this one.
    static func peakMegabytes() throws -> Double {
        for line in try FileSystem.text("/proc/self/status", limit: 1 << 16).split(separator: "\n")
        where line.hasPrefix("VmHWM:") {
            return (line.split(separator: " ").compactMap { Double($0) }.first ?? .nan) / 1024
        }
        return .nan
    }
}
