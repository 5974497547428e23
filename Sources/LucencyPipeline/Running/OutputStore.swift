import LucencyFoundation
import LucencyImaging
import Synchronization

/// The output folder: atomic files, the manifest, kept states. One process (or shard) at a time writes to it.
final class OutputStore: Sendable {
    static let privateFolder = ".lucency"

    private let root: String
    private let tag: String
    private let fresh: Bool
    private let latest: [String: ManifestRecord]
    /// Whose the files are that earlier runs wrote, by path.
    private let owned: [String: Manifest.Owned]
    private let locks: [FileLock]
    private let counter = Atomic<Int>(0)
    /// Time of the last record.
    private let recordTime: Lock<Double>

    /// Opens the folder to look at what is there; a run may be going on in it.
    init(reading options: RunOptions) throws(Diagnostic) {
        root = options.output
        tag = ""
        fresh = options.fresh
        locks = []
        let manifest = try Manifest(of: root)
        latest = manifest.latest()
        owned = manifest.owned()
        recordTime = Lock(0)
    }

    /// Opens the folder to write.
    /// - Throws: `Diagnostic` when the folder cannot be made, or another run works in it.
    init(_ options: RunOptions) throws(Diagnostic) {
        root = options.output
        tag = options.shard.map { "." + $0.fileTag } ?? ""
        fresh = options.fresh
        let folder = FileSystem.join(root, Self.privateFolder)
        try FileSystem.makeFolder(folder)
        // Shards work side by side, but each once, and none beside a run of everything.
        var locks = [try FileSystem.lock(FileSystem.join(folder, "lock"), isShared: options.shard != nil)]
        if options.shard != nil { locks.append(try FileSystem.lock(FileSystem.join(folder, "lock\(tag)"))) }
        self.locks = locks.compactMap { $0 }
        guard self.locks.count == locks.count else {
            throw Diagnostic(
                .outputBusy, "another run is writing there", at: .init(file: root),
                remedy: "wait for it, or choose another --output")
        }
        let manifest = try Manifest(of: root)
        latest = manifest.latest()
        owned = manifest.owned()
        recordTime = Lock(latest.values.map(\.time).max() ?? 0)
    }

    /// Lets other runs write there.
    func release() { for lock in locks { lock.release() } }

    // MARK: Writing

    /// Writes a value atomically and returns what goes into the manifest.
    func write(_ value: any PortValue, _ output: PlanOutput, _ path: String) throws -> ManifestRecord.File {
        // A run looks at this before it starts; links may have come since.
        if FileSystem.escapes(path, from: root) { throw Diagnostic.leadsOut(path) }
        var hash = ""
        try FileSystem.replace(FileSystem.join(root, path), temporaryName: temporaryName()) { temporary in
            try output.writer.write(value, temporary)
            hash = try FileSystem.hash(of: temporary)
        }
        return .init(path: path, sha256: hash, role: PlanNode.label(output.name, output.combination))
    }

    private var temporaryPrefix: String { ".lucency-tmp\(tag)-" }

    private func temporaryName() -> String {
        temporaryPrefix + String(counter.wrappingAdd(1, ordering: .relaxed).newValue)
    }

    /// Removes what a killed run left half-written in the folders to which some paths lead.
    func clearTemporaryFiles(_ paths: Set<String>) {
        for folder in Set(paths.map { FileSystem.folder(of: FileSystem.join(root, $0)) }).union([root]) {
            for name in (try? FileSystem.names(in: folder)) ?? [] where name.hasPrefix(temporaryPrefix) {
                FileSystem.remove(FileSystem.join(folder, name))
            }
        }
    }

    /// Adds a record to the manifest; it counts as newer than all that were there.
    func append(_ record: ManifestRecord) throws {
        try recordTime.withLock { last in
            var record = record
            record.time = max(Machine.wallSeconds, last + 1e-6)
            last = record.time
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

    /// What the manifest said last about the item or whole value of a record.
    func last(_ record: ManifestRecord) -> ManifestRecord? { latest[record.identity] }

    /// Files at some paths that the last record of this item or whole value lists, and no later record.
    func lastOutputs(of record: ManifestRecord, at paths: [String]) -> [ManifestRecord.File] {
        (last(record)?.outputs ?? []).filter {
            paths.contains($0.path) && owned[$0.path]?.identity == record.identity
        }
    }

    /// Files at some paths that an earlier run wrote for the same key and nobody changed since: they need not be made
    /// again.
    func intactOutputs(of record: ManifestRecord, at paths: [String]) -> [ManifestRecord.File] {
        guard let last = last(record), last.key == record.key else { return [] }
        return last.outputs.filter {
            paths.contains($0.path) && (try? FileSystem.hash(of: FileSystem.join(root, $0.path))) == $0.sha256
        }
    }

    /// Whether everything succeeded for the same key, and its files are still what was written.
    /// - Parameter intact: the files of `intactOutputs`, where they are known already.
    func isCurrent(_ record: ManifestRecord, at paths: [String], intact: [ManifestRecord.File]? = nil) -> Bool {
        guard !fresh, let last = last(record), last.status == .done, last.key == record.key else { return false }
        return Set((intact ?? intactOutputs(of: record, at: paths)).map(\.path)) == Set(paths)
    }

    /// Removes files that an earlier run wrote to some paths, for whatever item, and that `record`, a failure, does not
    /// have: they would pretend to be its result. Files that someone changed stay, as do those of other pipelines.
    func removeStaleOutputs(of record: inout ManifestRecord, at paths: [String]) {
        let kept = Set(record.outputs.map(\.path))
        for path in paths where !kept.contains(path) {
            guard let stale = owned[path], stale.pipeline == record.pipeline else { continue }
            let file = FileSystem.join(root, path)
            if (try? FileSystem.hash(of: file)) == stale.file.sha256 { FileSystem.remove(file) }
            // A file that someone changed is no result of ours any more either.
            record.removed.append(path)
        }
    }

    // MARK: States

    /// What is kept about an item for a collector.
    enum KeptState {
        case made(JSONValue)
        /// It could not be made; other shards need not wait for it.
        case failed
    }

    private func statePath(_ key: String) -> String { FileSystem.join(root, "\(Self.privateFolder)/\(key)/state.json") }

    func state(_ key: String) -> KeptState? {
        guard let text = try? FileSystem.text(statePath(key), limit: 1 << 28), let json = try? JSONValue(parsing: text)
        else { return nil }
        if let state = json["state"] { return .made(state) }
        return json["failed"] == nil ? nil : .failed
    }

    func keepState(_ state: KeptState, _ key: String) throws {
        let json: JSONValue
        switch state {
        case .made(let state): json = ["state": state]
        case .failed: json = ["failed": true]
        }
        try FileSystem.replace(statePath(key), temporaryName: temporaryName()) {
            try FileSystem.write(json.text, to: $0)
        }
    }

    /// Where long work keeps its checkpoints; not made yet.
    func workFolder(_ key: String) -> String { FileSystem.join(root, "\(Self.privateFolder)/\(key)") }

    /// Keys under which states are kept, whichever pipeline they belong to.
    func stateKeys() -> Set<String> {
        let names = (try? FileSystem.names(in: FileSystem.join(root, Self.privateFolder))) ?? []
        return Set(names.filter { !$0.hasPrefix("lock") })
    }

    func removeState(_ key: String) {
        FileSystem.removeTree(FileSystem.join(root, "\(Self.privateFolder)/\(key)"))
    }
}
