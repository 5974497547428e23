import LucencyFoundation

/// Items of one source that stream together in one pass.
struct Batch: Sendable {
    let source: Int
    let pass: Int
    /// Those of this shard.
    let items: [SourceItem]
    let outputs: [PlanOutput]
    let feeds: [ItemRun.Feed]
    /// Position of each item in the whole listing, from 1 (`{index}`), before sharding.
    let indices: [String: Int]

    /// Where an output of an item lies below the output folder.
    func path(of output: PlanOutput, for item: SourceItem) throws(Diagnostic) -> String {
        var values = output.combination
        values["stem"] = item.stem
        values["name"] = item.name
        values["relative"] = item.relative
        let digits = max(3, String(indices.count).count)
        let index = String(indices[item.relative] ?? 0)
        values["index"] = String(repeating: "0", count: max(0, digits - index.count)) + index
        return try output.template.path(values)
    }

    /// The record of an item before anything is known about it.
    func record(of item: SourceItem, _ plan: Plan) -> ManifestRecord {
        var record = ManifestRecord(
            type: "item", pipeline: plan.name, name: item.relative, key: "", parts: [:], status: .failed)
        record.source = plan.nodes[source].label
        record.pass = pass
        return record
    }
}

extension Runner {
    /// Lists every source. Sharding is applied later, so that `{index}` and collectors see all items.
    func list() throws -> [Int: ItemListing] {
        var listings: [Int: ItemListing] = [:]
        for node in plan.nodes {
            guard case .source(let source) = node.kind else { continue }
            var context = options.source
            context.seed = node.seed
            context.outputFolder = options.output.isEmpty ? nil : options.output
            var listing = try source.list(context)
            listing.items.sort { Array($0.relative.utf8).lexicographicallyPrecedes(Array($1.relative.utf8)) }
            for notice in listing.notices { send(.notice(notice)) }
            if !listing.unmatched.isEmpty {
                let table = listing.unmatched.prefix(20).joined(separator: "\n    ")
                let more = listing.unmatched.count > 20 ? "\n    … and \(listing.unmatched.count - 20) more" : ""
                send(
                    .notice(
                        Diagnostic(
                            .unmatchedFiles,
                            "source '\(node.label)': \(listing.items.count) matched, \(listing.unmatched.count) without a partner:"
                                + "\n    \(table)\(more)", severity: .warning)))
            }
            guard !listing.items.isEmpty else {
                throw Diagnostic(
                    .noItems, "source '\(node.label)' has no items", at: node.place,
                    remedy: listing.unmatched.isEmpty
                        ? "is it the right folder, and are the files of a known format (`lucency doctor` lists them)?"
                        : "no file has all its partners; see the table of the unmatched")
            }
            // Records, states and rows of tables go by the name; two of one name would stand for each other.
            for (item, next) in zip(listing.items, listing.items.dropFirst()) where item.relative == next.relative {
                throw Diagnostic(
                    .duplicateName,
                    "source '\(node.label)' has two items named '\(item.relative)': \(item.name) and \(next.name)",
                    at: node.place, remedy: "take one kind of file, by a pattern such as `images: \"DIR/*.png\"`")
            }
            listings[node.id] = listing
        }
        try checkSplits(listings)
        return listings
    }

    /// Divides the work into batches, and lists all files that the run (with its other shards) may write.
    /// - Throws: `Diagnostic` when two things would write the same file.
    func makeBatches(_ listings: [Int: ItemListing]) throws -> (batches: [Batch], paths: Set<String>) {
        var batches: [Batch] = []
        var writers: [String: String] = [:]
        func claim(_ path: String, _ who: String, _ output: PlanOutput) throws {
            if let other = writers.updateValue(who, forKey: path) {
                throw Diagnostic(
                    .outputCollision, "\(other) and \(who) would both write '\(path)'", at: output.place,
                    remedy: plan.nodes[output.input.node].scope == .whole
                        ? "give one of them another name (`as`)"
                        : "use {relative} or {name} instead of {stem}, or a folder for each output")
            }
        }
        for (source, listing) in listings.sorted(by: { $0.key < $1.key }) {
            let indices = Dictionary(
                listing.items.enumerated().map { ($1.relative, $0 + 1) }, uniquingKeysWith: { a, _ in a })
            let items =
                options.shard.map { shard in listing.items.filter { shard.contains($0.relative) } } ?? listing.items
            for pass in 0...(plan.depth.max() ?? 0) {
                let outputs = plan.outputs.filter {
                    plan.nodes[$0.input.node].scope == .item(source: source) && plan.depth[$0.input.node] == pass
                }
                let feeds = feeds(from: source, pass)
                guard !outputs.isEmpty || !feeds.isEmpty else { continue }
                let batch = Batch(
                    source: source, pass: pass, items: items, outputs: outputs, feeds: feeds, indices: indices)
                for item in listing.items {
                    for output in outputs { try claim(try batch.path(of: output, for: item), "'\(item.name)'", output) }
                }
                batches.append(batch)
            }
        }
        for output in plan.outputs where plan.nodes[output.input.node].scope == .whole {
            try claim(try output.template.path(output.combination), "'\(output.name)'", output)
        }
        return (batches, Set(writers.keys))
    }

    /// What collectors of the next depth take from a source in one pass.
    private func feeds(from source: Int, _ pass: Int) -> [ItemRun.Feed] {
        var feeds: [ItemRun.Feed] = []
        for node in plan.nodes where plan.depth[node.id] == pass + 1 {
            guard case .collector(_, let groups) = node.kind else { continue }
            for (row, inputs) in node.rows.enumerated() {
                for (group, name) in groups.enumerated() {
                    let wires = zip(node.inputPorts, inputs).filter { $0.0.group == name }.compactMap(\.1)
                    if wires.contains(where: { plan.nodes[$0.node].scope == .item(source: source) }) {
                        feeds.append(.init(collector: node.id, row: row, group: group))
                    }
                }
            }
        }
        return feeds
    }

    /// Refuses what would write outside the output folder, over one of the inputs, or where nothing can be written.
    /// Looks only; nothing is made.
    func checkTargets(_ paths: Set<String>, _ listings: [Int: ItemListing]) throws(Diagnostic) {
        let root = options.output
        var folders: Set<String> = []
        for path in paths.union([OutputStore.privateFolder + "/lock"]).sorted() {
            let folder = FileSystem.folder(of: FileSystem.join(root, path))
            guard folders.insert(folder).inserted else { continue }
            if FileSystem.escapes(path, from: root) { throw .leadsOut(path) }
            if let obstacle = FileSystem.obstacleToWriting(below: folder) {
                throw Diagnostic(.unwritable, "nothing can be written there: \(obstacle)", at: .init(file: folder))
            }
        }
        var truePaths = TruePaths()
        var inputs: Set<String> = []
        func add(_ path: String) {
            inputs.insert(truePaths.entry(path))
            if FileSystem.isSymbolicLink(path), let file = FileSystem.resolved(path) { inputs.insert(file) }
        }
        for listing in listings.values {
            for item in listing.items { item.paths.forEach(add) }
        }
        for node in plan.nodes {
            switch node.kind {
            case .source(let source): source.files.forEach(add)
            case .stage(let stage, _): stage.files.forEach(add)
            case .collector: break
            }
        }
        options.files.forEach(add)
        var targets: [String: String] = [:]
        for path in paths.sorted() {
            let file = FileSystem.join(root, path), entry = truePaths.entry(file)
            if inputs.contains(entry) {
                throw Diagnostic(
                    .outputCollision, "the output '\(path)' would be written over an input", at: .init(file: file),
                    remedy: "choose another --output, or a name for the output (`as`) that no input has")
            }
            if let other = targets.updateValue(path, forKey: entry) {
                throw Diagnostic(
                    .outputCollision, "'\(other)' and '\(path)' are the same file through a symbolic link",
                    at: .init(file: file), remedy: "remove the link, or choose another folder in `as`")
            }
            if FileSystem.isFolder(file) {
                throw Diagnostic(
                    .unwritable, "there is a folder where the output '\(path)' would be written",
                    at: .init(file: file), remedy: "move it away, or choose another name in `as`")
            }
        }
        let trueRoot = FileSystem.folder(of: truePaths.entry(FileSystem.join(root, "file")))
        for (entry, path) in targets.sorted(by: { $0.value < $1.value }) {
            // A link may also lead to what the run keeps for itself.
            let inside = trueRoot == "/" ? entry.dropFirst() : entry.dropFirst(trueRoot.count + 1)
            if let fault = OutputTemplate.fault(of: String(inside)) { throw fault }
            var folder = FileSystem.folder(of: entry)
            while folder != trueRoot, folder.count > 1 {
                if let other = targets[folder] {
                    throw Diagnostic(
                        .outputCollision, "'\(other)' would be a file, and a folder that holds '\(path)'",
                        at: .init(file: FileSystem.join(root, path)), remedy: "give one of them another name (`as`)")
                }
                folder = FileSystem.folder(of: folder)
            }
        }
    }
}

extension Diagnostic {
    /// A file would land outside the output folder.
    static func leadsOut(_ path: String) -> Diagnostic {
        Diagnostic(.escapingPath, "a symbolic link leads out of the output folder", at: .init(file: path))
    }
}
