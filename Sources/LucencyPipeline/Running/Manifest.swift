import LucencyFoundation

/// One line of `manifest.jsonl`: what became of an item or a whole value.
public struct ManifestRecord: Sendable {
    /// A file that was read or written.
    public struct File: Hashable, Sendable {
        /// Inputs: as the user named it. Outputs: relative to the output folder.
        public let path: String
        public let sha256: String
        /// The port it was read for, or the output it was written for.
        public let role: String
    }

    /// `item` or `whole`.
    public var type: String
    /// Name of the pipeline; empty where it has none.
    public var pipeline = ""
    /// Relative name of the item, or label of the whole value.
    public var name: String
    /// Label of the source, and in which pass it streamed; empty and 0 for whole values.
    public var source = ""
    public var pass = 0
    public var key: String
    /// What the key was made of, by name, so that a change can be explained.
    public var parts: [String: String]
    public var status: ItemStatus
    public var inputs: [File] = []
    public var outputs: [File] = []
    /// Files of earlier runs that were removed, because they would pretend to be the result: they belong to nobody now.
    public var removed: [String] = []
    public var seconds: [String: Double] = [:]
    public var diagnostics: [Diagnostic] = []
    /// When it was written, in seconds since 1970; later than all that was recorded before it. 0 in old manifests.
    public var time = 0.0

    /// What tells records of different things apart.
    var identity: String { "\(pipeline)\n\(type)\n\(source)\n\(pass)\n\(name)" }

    var json: JSONValue {
        func files(_ files: [File]) -> JSONValue {
            .array(files.map { ["path": .string($0.path), "sha256": .string($0.sha256), "role": .string($0.role)] })
        }
        var members: [String: JSONValue] = [
            "type": .string(type), "name": .string(name), "key": .string(key), "status": .string(status.rawValue),
            "parts": .object(parts.mapValues { .string($0) }), "inputs": files(inputs), "outputs": files(outputs),
            "seconds": .object(seconds.mapValues { .number(($0 * 1e6).rounded() / 1e6) }),
        ]
        if type == "item" {
            members["source"] = .string(source)
            members["pass"] = .integer(pass)
        }
        if !pipeline.isEmpty { members["pipeline"] = .string(pipeline) }
        if !removed.isEmpty { members["removed"] = .array(removed.map { .string($0) }) }
        if time > 0 { members["time"] = .number(time) }
        if !diagnostics.isEmpty { members["diagnostics"] = .array(diagnostics.map(\.json)) }
        return .object(members)
    }

    init?(_ json: JSONValue) {
        func files(_ json: JSONValue?) -> [File] {
            (json?.arrayValue ?? []).compactMap {
                guard let path = $0["path"]?.stringValue, let hash = $0["sha256"]?.stringValue else { return nil }
                return File(path: path, sha256: hash, role: $0["role"]?.stringValue ?? "")
            }
        }
        guard let type = json["type"]?.stringValue, let name = json["name"]?.stringValue,
            let key = json["key"]?.stringValue, let status = json["status"]?.stringValue.flatMap(ItemStatus.init)
        else { return nil }
        self.type = type
        self.name = name
        self.key = key
        self.status = status
        pipeline = json["pipeline"]?.stringValue ?? ""
        removed = (json["removed"]?.arrayValue ?? []).compactMap(\.stringValue)
        source = json["source"]?.stringValue ?? ""
        pass = json["pass"]?.intValue ?? 0
        parts = (json["parts"]?.objectValue ?? [:]).compactMapValues(\.stringValue)
        inputs = files(json["inputs"])
        outputs = files(json["outputs"])
        seconds = (json["seconds"]?.objectValue ?? [:]).compactMapValues(\.doubleValue)
        diagnostics = (json["diagnostics"]?.arrayValue ?? []).compactMap(Diagnostic.init)
        time = json["time"]?.doubleValue.flatMap { $0.isFinite ? $0 : nil } ?? 0
    }

    init(type: String, pipeline: String, name: String, key: String, parts: [String: String], status: ItemStatus) {
        self.type = type
        self.pipeline = pipeline
        self.name = name
        self.key = key
        self.parts = parts
        self.status = status
    }
}

extension Diagnostic {
    /// Reads what `json` wrote.
    init?(_ json: JSONValue) {
        guard let severity = json["severity"]?.stringValue.flatMap(Severity.init),
            let code = json["code"]?.stringValue.flatMap(DiagnosticCode.init),
            let message = json["message"]?.stringValue
        else { return nil }
        let place = json["file"]?.stringValue.map {
            Place(
                file: $0, line: json["line"]?.intValue ?? 0, column: json["column"]?.intValue ?? 0,
                part: json["part"]?.stringValue)
        }
        self.init(code, message, at: place, remedy: json["remedy"]?.stringValue, severity: severity)
    }

    /// For manifests and `--progress json`.
    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "severity": .string(severity.rawValue), "code": .string(code.rawValue), "message": .string(message),
        ]
        if let place {
            members["file"] = .string(place.file)
            if place.line > 0 {
                members["line"] = .integer(place.line)
                members["column"] = .integer(place.column)
            }
            if let part = place.part { members["part"] = .string(part) }
        }
        if let remedy { members["remedy"] = .string(remedy) }
        return .object(members)
    }
}

/// The manifest of an output folder: append-only JSON lines, one file for each shard.
public struct Manifest: Sendable {
    public static let name = "manifest.jsonl"

    /// All records in the order of their times, whichever shard wrote them; those without one first.
    public let records: [ManifestRecord]
    /// Lines that are not records: torn by a crash, or edited.
    public let damagedLines: Int

    /// Reads the manifests of a folder; none is an empty one.
    public init(of folder: String) throws(Diagnostic) {
        var records: [ManifestRecord] = []
        var damaged = 0
        let names = FileSystem.isFolder(folder) ? try FileSystem.names(in: folder) : []
        for name in names where name == Self.name || name.hasPrefix("manifest.") && name.hasSuffix(".jsonl") {
            let bytes = try FileSystem.bytes(FileSystem.join(folder, name), limit: 1 << 30)
            for line in bytes.split(separator: 0x0A) where !line.isEmpty {
                if let text = String(validating: line, as: UTF8.self), let json = try? JSONValue(parsing: text),
                    let record = ManifestRecord(json),
                    (record.outputs.allSatisfy { escapeReason($0.path) == nil })
                {
                    records.append(record)
                } else {
                    damaged += 1
                }
            }
        }
        // Equal times keep the order of the lines.
        let order = records.indices.sorted { (records[$0].time, $0) < (records[$1].time, $1) }
        self.records = order.map { records[$0] }
        damagedLines = damaged
    }

    /// The last record of each item and whole value.
    func latest() -> [String: ManifestRecord] {
        Dictionary(records.map { ($0.identity, $0) }, uniquingKeysWith: { $1 })
    }

    /// A file with the item or whole value to whose last record it belongs.
    struct Owned {
        let file: ManifestRecord.File
        let pipeline: String
        let identity: String
    }

    /// The files that should be there, by path. Several records may list one (items that change their numbers, another
    /// name of a source, another pipeline); it belongs to the last, and to nobody once that one has been succeeded by a
    /// record without it.
    func owned() -> [String: Owned] {
        var owners: [String: Owned] = [:]
        var last: [String: Int] = [:], listed: [String: Int] = [:]
        for (index, record) in records.enumerated() {
            last[record.identity] = index
            for path in record.removed { owners[path] = nil }
            for file in record.outputs {
                owners[file.path] = Owned(file: file, pipeline: record.pipeline, identity: record.identity)
                listed[file.path] = index
            }
        }
        return owners.filter { last[$1.identity] == listed[$0] }
    }
}
