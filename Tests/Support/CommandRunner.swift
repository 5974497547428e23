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
public func runLucency(
    _ arguments: [String], input: Data? = nil, folder: URL? = nil
) throws -> (status: Int32, out: Data, errors: String) {
    let outcome = try Program(executable: lucencyBinary).run(arguments, input: input, in: folder)
    return (outcome.status, outcome.data, outcome.errors)
}
