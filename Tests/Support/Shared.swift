import Foundation
import LucencyFoundation

/// Where tests find files.
public enum TestFiles {
    /// The repository's root, from this file's own path.
    public static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The folder with shared data beside the checkout (`LUCENCY_SHARED` names another), or nil where it is absent: a
    /// test that needs it must then skip with a message.
    public static let shared: URL? = {
        let named = ProcessInfo.processInfo.environment["LUCENCY_SHARED"].map { URL(filePath: $0) }
        let url = named ?? root.deletingLastPathComponent().appending(path: "shared")
        // Listing a folder through a link to it finds nothing.
        return FileManager.default.fileExists(atPath: url.path) ? url.resolvingSymlinksInPath() : nil
    }()

    /// The small fixtures committed beside a test target: `Tests/<target>/Fixtures/<name>`.
    public static func fixture(_ target: String, _ name: String) -> URL {
        root.appending(path: "Tests/\(target)/Fixtures/\(name)")
    }

    /// A JSON fixture.
    public static func json(_ url: URL) throws -> JSONValue {
        try JSONValue(parsing: String(decoding: Data(contentsOf: url), as: UTF8.self))
    }
}

extension JSONValue {
    /// The numbers of a golden tensor `{"shape", "dtype", "data"}`; "nan", "inf" and "-inf" are strings there.
    public var tensorData: [Double] { self["data"]?.arrayValue?.compactMap(\.doubleValue) ?? [] }

    /// The shape of a golden tensor.
    public var tensorShape: [Int] { self["shape"]?.arrayValue?.compactMap(\.intValue) ?? [] }
}

/// An empty folder that is removed when the closure returns.
public func withTemporaryFolder<R>(_ body: (URL) throws -> R) throws -> R {
    let url = FileManager.default.temporaryDirectory.appending(path: "lucency-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: url) }
    return try body(url)
}
