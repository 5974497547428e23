import Foundation

/// Runs programs and keeps what they print.
public struct Program {
    /// What a program did.
    public struct Outcome {
        /// The exit status, or 128 + the signal's number for a process that a signal ended.
        public var status: Int32
        public var data: Data
        public var errors: String

        public var output: String { String(decoding: data, as: UTF8.self) }
    }

    public var executable: URL

    public init(executable: URL) {
        self.executable = executable
    }

    /// A product of this package, built beside the tests that run.
    public init(product: String) {
        executable = lucencyBinary.deletingLastPathComponent().appending(path: product)
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
    ///
    /// Input and both outputs go through files, so that neither side can wait for the other whatever their sizes.
    /// - Parameters:
    ///   - input: bytes for standard input; nil gives an empty one.
    ///   - folder: the working directory; nil is that of the tests.
    public func run(_ arguments: [String], input: Data? = nil, in folder: URL? = nil) throws -> Outcome {
        try withTemporaryFolder { scratch in
            let files = ["input", "output", "errors"].map { scratch.appending(path: $0) }
            for (file, data) in zip(files, [input ?? Data(), Data(), Data()]) { try data.write(to: file) }
            let process = Process()
            process.executableURL = executable
            process.arguments = arguments
            if let folder { process.currentDirectoryURL = folder }
            process.standardInput = try FileHandle(forReadingFrom: files[0])
            process.standardOutput = try FileHandle(forWritingTo: files[1])
            process.standardError = try FileHandle(forWritingTo: files[2])
            try process.run()
            process.waitUntilExit()
            let signalled = process.terminationReason == .uncaughtSignal
            return Outcome(
                status: (signalled ? 128 : 0) + process.terminationStatus, data: try Data(contentsOf: files[1]),
                errors: String(decoding: try Data(contentsOf: files[2]), as: UTF8.self))
        }
    }
}
