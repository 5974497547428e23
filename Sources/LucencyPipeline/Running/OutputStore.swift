import LucencyFoundation
import LucencyImaging
import Synchronization

/// The output folder: atomic files, the manifest, kept states. One process (or shard) at a time.
final class OutputStore: Sendable {
    static let privateFolder = ".lucency"

    private let root: String
    private let tag: String
    private let latest: [String: ManifestRecord]
    private let lock: FileLock
    private let counter = Atomic<Int>(0)
    private let manifestLock = Lock(())

    /// - Throws: `Diagnostic` when the folder cannot be made, or another run works in it.
    init(_ options: RunOptions, _ plan: Plan) throws(Diagnostic) {
        root = options.output
        tag = options.shard.map { "." + $0.fileTag } ?? ""
        let folder = FileSystem.join(root, Self.privateFolder)
        try FileSystem.makeFolder(folder)
        guard let lock = try FileSystem.lock(FileSystem.join(folder, "lock\(tag)")) else {
            throw Diagnostic(
                .outputBusy, "another run is writing there", at: .init(file: root),
                remedy: "wait for it, or choose another --output")
        }
        self.lock = lock
        latest = try Manifest(of: root).latest()
    }

    // MARK: Writing

    /// Writes a value atomically and returns what goes into the manifest.
    func write(_ value: any PortValue, _ output: PlanOutput, _ path: String) throws -> ManifestRecord.File {
        let final = FileSystem.join(root, path)
        let folder = FileSystem.folder(of: final)
        try FileSystem.makeFolder(folder)
        guard let realRoot = FileSystem.resolved(root), let realFolder = FileSystem.resolved(folder),
            realFolder == realRoot || realFolder.hasPrefix(realRoot == "/" ? "/" : realRoot + "/")
        else {
            throw Diagnostic(
                .escapingPath, "a symbolic link leads out of the output folder", at: .init(file: path))
        }
        var hash = ""
        try FileSystem.replace(final, temporaryName: temporaryName()) { temporary in
            try output.writer.write(value, temporary)
            hash = try FileSystem.hash(of: temporary)
        }
        return .init(path: path, sha256: hash, role: PlanNode.label(output.name, output.combination))
    }

    private func temporaryName() -> String {
        ".lucency-tmp\(tag)-\(counter.wrappingAdd(1, ordering: .relaxed).newValue)"
    }

    /// Removes what a killed run left half-written in the folders that this plan writes to.
    func clearTemporaryFiles(_ outputs: [PlanOutput]) throws {
        var open = [root]
        while let folder = open.popLast() {
            for name in (try? FileSystem.names(in: folder)) ?? [] {
                let path = FileSystem.join(folder, name)
                if name.hasPrefix(".lucency-tmp\(tag)-") {
                    FileSystem.remove(path)
                } else if name != Self.privateFolder, FileSystem.isFolder(path),
                    FileSystem.resolved(path)?.hasPrefix(FileSystem.resolved(root) ?? root) == true
                {
                    if !FileSystem.isSymbolicLink(path) { open.append(path) }
                }
            }
        }
    }

    func append(_ record: ManifestRecord) throws {
        try manifestLock.withLock { _ in
            try FileSystem.append(record.json.text, to: FileSystem.join(root, "manifest\(tag).jsonl"))
        }
    }

    func writeRecord(_ json: JSONValue) throws {
        let path = FileSystem.join(root, "run\(tag).json")
        try FileSystem.replace(path, temporaryName: temporaryName()) {
            try FileSystem.write(json.prettyText + "\n", to: $0)
        }
    }

    // MARK: What is there

    /// Whether a record with the same key succeeded and its files are still what it wrote.
    /// - Parameter paths: where the outputs have to lie; nil does not look at files.
    func isCurrent(_ record: ManifestRecord, paths: [String]?, fresh: Bool) -> Bool {
        guard !fresh, let last = latest[record.identity], last.status == .done, last.key == record.key else {
            return false
        }
        guard let paths else { return true }
        return paths.allSatisfy { path in
            guard let file = last.outputs.first(where: { $0.path == path }) else { return false }
            return (try? FileSystem.hash(of: FileSystem.join(root, path))) == file.sha256
        }
    }

    /// Whether the last run that saw an item recorded it as failed.
    func hasFailed(_ relative: String) -> Bool {
        latest.values.contains { $0.type == "item" && $0.name == relative && $0.status == .failed }
    }

    /// Removes files that an earlier run wrote for an item which now fails, unless someone changed them.
    func removeStaleOutputs(of record: ManifestRecord) {
        guard let last = latest[record.identity] else { return }
        let written = Set(record.outputs.map(\.path))
        for file in last.outputs where !written.contains(file.path) {
            let path = FileSystem.join(root, file.path)
            if (try? FileSystem.hash(of: path)) == file.sha256 { FileSystem.remove(path) }
        }
    }

    // MARK: States

    private func statePath(_ key: String) -> String { FileSystem.join(root, "\(Self.privateFolder)/\(key)/state.json") }

    func state(_ key: String) -> JSONValue? {
        guard let text = try? FileSystem.text(statePath(key), limit: 1 << 28) else { return nil }
        return try? JSONValue(parsing: text)
    }

    func keepState(_ json: JSONValue, _ key: String) throws {
        try FileSystem.replace(statePath(key), temporaryName: temporaryName()) {
            try FileSystem.write(json.text, to: $0)
        }
    }

    func clearStates() {
        let folder = FileSystem.join(root, Self.privateFolder)
        for name in (try? FileSystem.names(in: folder)) ?? [] where !name.hasPrefix("lock") {
            FileSystem.removeTree(FileSystem.join(folder, name))
        }
    }
}
