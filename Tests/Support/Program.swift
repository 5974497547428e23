import Foundation

/// Runs programs and keeps what they print.
public struct Program {
    /// What a program did.
    public struct Outcome {
        public var status: Int32
        public var output: String
        public var errors: String
    }

    public var executable: URL

    public init(executable: URL) {
        self.executable = executable
    }

    /// A product of this package, built beside the tests that run.
    public init(product: String) {
        let folder = (Bundle.main.executableURL ?? URL(filePath: CommandLine.arguments[0])).deletingLastPathComponent()
        executable = folder.appending(path: product)
    }

    /// The program of that name on the search path, or nil.
    public init?(onPath name: String) {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let found = folders.map { URL(filePath: String($0)).appending(path: name) }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
        guard let found else { return nil }
        executable = found
    }

    /// Runs the program to its end.
    public func run(_ arguments: [String], in folder: URL? = nil) throws -> Outcome {
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.standardInput = FileHandle.nullDevice
        // Files, not pipes: neither stream can fill up while the other is read.
        return try withTemporaryFolder { scratch in
            let files = ["output", "errors"].map { scratch.appending(path: $0) }
            for file in files { try Data().write(to: file) }
            process.standardOutput = try FileHandle(forWritingTo: files[0])
            process.standardError = try FileHandle(forWritingTo: files[1])
            try process.run()
            process.waitUntilExit()
            let texts = try files.map { String(decoding: try Data(contentsOf: $0), as: UTF8.self) }
            return Outcome(status: process.terminationStatus, output: texts[0], errors: texts[1])
        }
    }
}
