import LucencyFoundation

/// What became of the files that a manifest lists.
public struct Verification: Sendable {
    public enum Finding: String, Sendable { case intact, changed, missing }

    /// Each output with its finding, in the manifest's order.
    public let files: [(path: String, finding: Finding)]
    public let damagedLines: Int

    public var isIntact: Bool { files.allSatisfy { $0.finding == .intact } }

    /// Hashes every file that the last records of an output folder list.
    /// - Throws: `Diagnostic` when there is no manifest.
    public init(of folder: String) throws(Diagnostic) {
        let manifest = try Manifest(of: folder)
        guard !manifest.records.isEmpty || manifest.damagedLines > 0 else {
            throw Diagnostic(
                .missingFile, "there is no manifest", at: .init(file: folder),
                remedy: "name a folder that `lucency run` wrote")
        }
        damagedLines = manifest.damagedLines
        let owned = manifest.owned()
        var files: [(String, Finding)] = []
        var seen: Set<String> = []
        for listed in manifest.records.lazy.flatMap(\.outputs) where seen.insert(listed.path).inserted {
            guard let file = owned[listed.path]?.file else { continue }
            let path = FileSystem.join(folder, file.path)
            let finding: Finding =
                !FileSystem.exists(path)
                ? .missing : (try? FileSystem.hash(of: path)) == file.sha256 ? .intact : .changed
            files.append((file.path, finding))
        }
        self.files = files
    }
}
