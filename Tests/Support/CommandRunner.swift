import Foundation

/// The `lucency` command that was built together with these tests.
///
/// It lies beside the test executable whatever the configuration and the scratch path are; `LUCENCY_BINARY` names another.
public let lucencyBinary: URL = {
    if let named = ProcessInfo.processInfo.environment["LUCENCY_BINARY"] { return URL(filePath: named) }
    // A test bundle is the executable itself on Linux and a folder that a helper loads on macOS.
    let bundle = CommandLine.arguments.firstIndex(of: "--test-bundle-path").flatMap { index in
        index + 1 < CommandLine.arguments.count ? URL(filePath: CommandLine.arguments[index + 1]) : nil
    }
    let starts = [bundle, Bundle.main.executableURL, URL(filePath: CommandLine.arguments.first ?? "")]
    for start in starts.compactMap({ $0?.standardizedFileURL }) {
        var folder = start.deletingLastPathComponent()
        for _ in 0..<5 {
            // `LucencyCommand` is the target's name, `lucency` the product's.
            for name in ["lucency", "LucencyCommand"] {
                let candidate = folder.appending(path: name)
                var isFolder: ObjCBool = false
                let exists = FileManager.default.fileExists(atPath: candidate.path, isDirectory: &isFolder)
                if exists, !isFolder.boolValue, FileManager.default.isExecutableFile(atPath: candidate.path) {
                    return candidate
                }
            }
            folder.deleteLastPathComponent()
        }
    }
    return URL(filePath: CommandLine.arguments.first ?? "").deletingLastPathComponent().appending(path: "lucency")
}()

/// Runs the built command and waits for its end.
///
/// Input and both outputs go through temporary files, so that neither side can wait for the other whatever their sizes.
/// - Parameters:
///   - input: bytes for standard input; nil gives an empty one.
///   - folder: the working directory; nil is that of the tests.
/// - Returns: the exit status (128 + the signal's number for a process that a signal ended), standard output, and
///   standard error as text.
public func runLucency(
    _ arguments: [String], input: Data? = nil, folder: URL? = nil
) throws -> (status: Int32, out: Data, errors: String) {
    try withTemporaryFolder { scratch in
        let out = scratch.appending(path: "out"), errors = scratch.appending(path: "errors")
        let given = scratch.appending(path: "input")
        for (url, data) in [(out, Data()), (errors, Data()), (given, input ?? Data())] { try data.write(to: url) }
        let process = Process()
        process.executableURL = lucencyBinary
        process.arguments = arguments
        if let folder { process.currentDirectoryURL = folder }
        process.standardInput = try FileHandle(forReadingFrom: given)
        process.standardOutput = try FileHandle(forWritingTo: out)
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        process.waitUntilExit()
        let status =
            process.terminationReason == .uncaughtSignal ? 128 + process.terminationStatus : process.terminationStatus
        return (status, try Data(contentsOf: out), String(decoding: try Data(contentsOf: errors), as: UTF8.self))
    }
}
