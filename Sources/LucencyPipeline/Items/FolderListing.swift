import LucencyFoundation
import LucencyImaging

/// Which files make an item.
extension FolderSource {
    /// Finds the files and pairs them.
    /// - Throws: `Diagnostic` when a folder is missing, a list names items that are not there or not clear, or two files
    ///   have the same name but for their extension.
    public func list(_ context: SourceContext, _ readers: Readers) throws -> ItemListing {
        var listing = ItemListing(items: [])
        let channels = try channelFiles(context, readers, &listing)
        guard let first = channels.first else { return listing }
        let chosen = try list.map { try listed($0, in: first) }
        let partners = try partnerFiles(context, readers, &listing)
        let all = channels.reduce(into: KeyOrder()) { $0.append($1.files.map(\.key)) }
        let keys = all.keys.filter { chosen == nil || chosen?[$0] != nil }
        let pairings = partners.map { Pairing($0.files, with: keys, among: all.known) }
        var used = [Set<String>](repeating: [], count: partners.count)
        for key in keys {
            // The list chooses among files of the first channel.
            var files = [try chosen?[key] ?? first.files(key).single(of: first.name)]
            for channel in channels.dropFirst() { files.append(try channel.files(key).single(of: channel.name)) }
            var missing = zip(channels, files).filter { $1 == nil }.map(\.0.name)
            var found: [String: (path: String, isImage: Bool)] = [:]
            for (index, partner) in partners.enumerated() {
                let candidates = pairings[index].candidates(for: key)
                if candidates.isEmpty || !candidates.allSatisfy({ $0.key == candidates[0].key }) {
                    missing.append(
                        candidates.isEmpty ? partner.name : "\(partner.name) (\(candidates.count) candidates)")
                } else if let file = try candidates.single(of: partner.name) {
                    found[partner.name] = (file.path, partner.isImage)
                    used[index].insert(file.path)
                }
            }
            guard let place = files.firstIndex(where: { $0 != nil }), let file = files[place] else { continue }
            if let unnamed = files.compactMap({ $0 }).first(where: { !$0.isText }) {
                listing.items.append(unreadable(unnamed, as: file))
            } else if missing.isEmpty {
                listing.items.append(item(file, files.compactMap { $0?.path }, found, context, readers))
            } else {
                let channel = place == 0 ? "" : channels[place].name + " "
                listing.unmatched.append("\(channel)\(file.relative): no \(missing.joined(separator: ", no "))")
            }
        }
        for (index, partner) in partners.enumerated() {
            for file in partner.files where chosen == nil && !used[index].contains(file.path) {
                listing.unmatched.append("\(partner.name) \(file.relative): no image")
            }
        }
        return listing
    }

    /// An item that fails, because no path leads to one of its files.
    private func unreadable(_ unnamed: FileSet.File, as file: FileSet.File) -> SourceItem {
        let failure = Diagnostic(
            .unreadableFile, "the file's name is not UTF-8, so no record could name it (its bytes are shown as \\xNN)",
            at: .init(file: unnamed.path), remedy: "rename the file")
        let loader = ItemLoader(
            paths: [unnamed.path], reader: "", estimate: { throw failure }, contentHashes: { throw failure },
            load: { throw failure })
        let loaders = Dictionary(uniqueKeysWithValues: ports.map { ($0.name, loader) })
        return SourceItem(relative: file.key, name: FileSystem.name(of: file.relative), loaders: loaders)
    }

    // MARK: Files

    /// The files of one channel or one further port.
    private struct NamedFiles {
        let name: String
        var isImage = true
        /// Sorted by relative name.
        let files: [FileSet.File]
        private let byKey: [String: [FileSet.File]]

        init(_ name: String, _ files: [FileSet.File], isImage: Bool = true) {
            self.name = name
            self.isImage = isImage
            self.files = files
            byKey = Dictionary(grouping: files, by: \.key)
        }

        func files(_ key: String) -> [FileSet.File] { byKey[key] ?? [] }
    }

    private func channelFiles(
        _ context: SourceContext, _ readers: Readers, _ listing: inout ItemListing
    ) throws -> [NamedFiles] {
        let input = context.inputFolder
        func files(_ specification: String) throws -> [FileSet.File] {
            try self.files(specification, isMain: true, context, readers, &listing)
        }
        switch images {
        case .files(let path): return [NamedFiles("image", try files(path))]
        case .channels(let channels):
            return try channels.map { channel in
                let isBare = !channel.pattern.contains("/")
                let pattern = isBare ? FileSystem.join(input ?? ".", channel.pattern) : channel.pattern
                return NamedFiles(channel.name, try files(pattern))
            }
        case nil:
            guard let input else { throw Diagnostic(.usage, "the pipeline needs `--input DIR`") }
            return [NamedFiles("image", try files(input))]
        }
    }

    private func partnerFiles(
        _ context: SourceContext, _ readers: Readers, _ listing: inout ItemListing
    ) throws -> [NamedFiles] {
        var wanted: [(name: String, folder: String, isImage: Bool)] = []
        if let labels { wanted.append(("label", labels, false)) }
        wanted += also.sorted { $0.key < $1.key }.map { ($0.key, $0.value.folder, $0.value.isImage) }
        return try wanted.map { name, folder, isImage in
            NamedFiles(name, try files(folder, isMain: false, context, readers, &listing), isImage: isImage)
        }
    }

    /// The files of a folder or pattern; what was left out is told, though nobody expects only images beside partners.
    private func files(
        _ specification: String, isMain: Bool, _ context: SourceContext, _ readers: Readers,
        _ listing: inout ItemListing
    ) throws -> [FileSet.File] {
        let set = try FileSet(
            specification, extensions: readers.fileExtensions, outputFolder: context.outputFolder)
        func note(_ message: String) {
            listing.notices.append(
                Diagnostic(.noItems, message, at: Diagnostic.Place(file: specification), severity: .note))
        }
        if isMain, set.otherFiles > 0 {
            note("\(set.otherFiles) file(s) are not images by their extension and were left out")
        }
        for folder in set.outputFolders { note("'\(folder)' holds results of lucency and was left out") }
        if let first = set.writtenFiles.first {
            note("\(set.writtenFiles.count) file(s) that earlier runs wrote were left out, such as '\(first)'")
        }
        if let first = set.specialFiles.first {
            note("\(set.specialFiles.count) pipe(s), socket(s) or device(s) were left out, such as '\(first)'")
        }
        return set.files
    }

    // MARK: Lists

    /// The files that a list names, by key. One stem or relative name per line; empty lines and lines that begin with #
    /// do not count. A relative name is meant before a bare stem.
    private func listed(_ list: String, in images: NamedFiles) throws -> [String: FileSet.File] {
        let byRelative = Dictionary(grouping: images.files, by: \.relative)
        let byStem = Dictionary(grouping: images.files) { stem($0.key) }
        var chosen: [String: FileSet.File] = [:]
        var lost: [String] = []
        var count = 0
        var lines = try FileSystem.text(list, limit: 64 << 20)
        if lines.unicodeScalars.first == "\u{FEFF}" { lines.unicodeScalars.removeFirst() }
        for (index, line) in lines.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let entry = line.trimmingSpaces()
            guard !entry.isEmpty, !entry.hasPrefix("#") else { continue }
            let place = Diagnostic.Place(file: list, line: index + 1, column: 1, sourceLine: String(line))
            if let reason = escapeReason(entry) {
                throw Diagnostic(.escapingPath, "the entry '\(entry)' \(reason)", at: place)
            }
            count += 1
            let named = [byRelative[entry], images.files(entry), byStem[entry]]
            guard let files = named.compactMap({ $0 }).first(where: { !$0.isEmpty }) else {
                lost.append(entry)
                continue
            }
            guard files.count == 1 else {
                let shown = files.prefix(4).map { "'\($0.relative)'" } + (files.count > 4 ? ["…"] : [])
                throw Diagnostic(
                    .unmatchedFiles,
                    "the entry '\(entry)' fits \(files.count) images: \(shown.joined(separator: ", "))", at: place,
                    remedy: "write the relative name, such as '\(files[0].relative)'")
            }
            if let other = chosen.updateValue(files[0], forKey: files[0].key), other != files[0] {
                _ = try [other, files[0]].single(of: images.name)
            }
        }
        guard let first = lost.min() else { return chosen }
        throw Diagnostic(
            .unmatchedFiles,
            "\(lost.count) of \(count) listed items are not there, the first is '\(first)'",
            at: Diagnostic.Place(file: list))
    }
}

/// Keys in the order in which they came, each once.
private struct KeyOrder {
    private(set) var keys: [String] = []
    private(set) var known: Set<String> = []

    mutating func append(_ more: [String]) {
        for key in more where known.insert(key).inserted { keys.append(key) }
    }
}

/// Which files of a partner belong to which keys: those of the same relative name; else, where one side has no folders,
/// those of the same bare stem, if it occurs once on either side. Different folders are different things: `p1/s` and
/// `p2/s` are never a pair.
private struct Pairing {
    private let byKey: [String: [FileSet.File]]
    private let byStem: [String: [FileSet.File]]
    private let keysOfStem: [String: [String]]

    /// - Parameters:
    ///   - keys: those that look for a partner.
    ///   - all: those of images that are not asked for too; what bears the name of one of them belongs to that one.
    init(_ files: [FileSet.File], with keys: [String], among all: Set<String>) {
        byKey = Dictionary(grouping: files, by: \.key)
        byStem = Dictionary(grouping: files.filter { !all.contains($0.key) }) { stem($0.key) }
        keysOfStem = Dictionary(grouping: keys, by: stem)
    }

    /// One file; none; or several of which nobody can say which is meant.
    func candidates(for key: String) -> [FileSet.File] {
        if let exact = byKey[key] { return exact }
        guard keysOfStem[stem(key)]?.count == 1 else { return [] }
        return (byStem[stem(key)] ?? []).filter { !key.contains("/") || !$0.key.contains("/") }
    }
}

private func stem(_ key: String) -> String { key.split(separator: "/").last.map(String.init) ?? key }

extension [FileSet.File] {
    /// The only one, nil if there is none.
    /// - Throws: `Diagnostic` naming two that an item's name does not tell apart.
    fileprivate func single(of what: String) throws(Diagnostic) -> FileSet.File? {
        guard count > 1 else { return first }
        throw Diagnostic(
            .duplicateName,
            "'\(self[0].relative)' and '\(self[1].relative)' are both the \(what) of '\(self[0].key)'",
            at: Diagnostic.Place(file: self[1].path),
            remedy: "move one away, or choose by a pattern such as `*.\(FileSystem.fileExtension(of: self[0].path))`")
    }
}

extension Substring {
    fileprivate func trimmingSpaces() -> String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
