import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Image files of a folder, or files that match a pattern, each with the key by which partners are found.
struct FileSet: Sendable {
    struct File: Hashable, Sendable {
        /// Path relative to the root without extension; for patterns, what `*` stood for.
        let key: String
        /// Path relative to the root, with extension.
        let relative: String
        let path: String
        /// Whether the name is UTF-8. Where it is not, `path` is only for reading by people.
        var isText = true
    }

    /// Sorted by key.
    let files: [File]
    /// Files left out because no reader knows their extension.
    let otherFiles: Int
    /// Pipes, sockets and devices left out because no file stands behind them.
    let specialFiles: [String]
    /// Folders left out because an earlier run wrote them.
    let outputFolders: [String]
    /// Files left out because earlier runs wrote them to the output folder, which lies here.
    let writtenFiles: [String]

    /// - Parameters:
    ///   - specification: a folder (searched with its sub-folders), a file, or a pattern with `*`, `?`, `**`.
    ///   - extensions: lower-case extensions that count as images.
    ///   - outputFolder: where the run writes. Where it lies in the searched folder, what its manifest lists is no input.
    init(_ specification: String, extensions: Set<String>, outputFolder: String? = nil) throws(Diagnostic) {
        var scan = Scan(extensions: extensions)
        var searched: String? = specification
        if specification.contains(where: { $0 == "*" || $0 == "?" }) {
            let parts = specification.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            let fixed = parts.prefix { !$0.contains("*") && !$0.contains("?") }
            let root = fixed.isEmpty ? "." : fixed == [""] ? "/" : fixed.joined(separator: "/")
            let pattern = parts.dropFirst(fixed.count).joined(separator: "/")
            scan.pattern = pattern
            scan.isDeep = pattern.contains("/")
            searched = root
            try scan.visit(root, prefix: "", depth: 0)
        } else if FileSystem.isFile(specification) {
            let name = FileSystem.name(of: specification)
            scan.files = [File(key: FileSystem.stem(of: name), relative: name, path: specification)]
            searched = nil
        } else {
            try scan.visit(specification, prefix: "", depth: 0)
        }
        var written: Set<String> = []
        if let searched, let outputFolder { written = try Self.written(to: outputFolder, below: searched) }
        var truePaths = TruePaths()
        let isWritten = scan.files.map { !written.isEmpty && written.contains(truePaths.entry($0.path)) }
        writtenFiles = zip(scan.files, isWritten).filter(\.1).map(\.0.relative).sorted()
        files = zip(scan.files, isWritten).filter { !$1 }.map(\.0).sorted {
            Array($0.relative.utf8).lexicographicallyPrecedes(Array($1.relative.utf8))
        }
        otherFiles = scan.otherFiles
        specialFiles = scan.specialFiles
        outputFolders = scan.outputFolders
    }

    /// The files that a manifest lists as written, by their true paths, if its folder is, or lies in, a searched one.
    private static func written(to output: String, below searched: String) throws(Diagnostic) -> Set<String> {
        guard let output = FileSystem.resolved(output), let searched = FileSystem.resolved(searched),
            output == searched || output.hasPrefix(searched == "/" ? "/" : searched + "/")
        else { return [] }
        var paths = TruePaths()
        var written: Set<String> = []
        for record in try Manifest(of: output).records {
            for file in record.outputs { written.insert(paths.entry(FileSystem.join(output, file.path))) }
        }
        return written
    }

    private struct Scan {
        let extensions: Set<String>
        var pattern: String?
        var isDeep = true
        var files: [File] = []
        var otherFiles = 0
        var specialFiles: [String] = []
        var outputFolders: [String] = []
        private var visited: Set<String> = []

        init(extensions: Set<String>) { self.extensions = extensions }

        mutating func visit(_ folder: String, prefix: String, depth: Int) throws(Diagnostic) {
            // Symbolic links may lead round in circles: each true folder is visited once.
            guard depth <= 64, let true_ = FileSystem.resolved(folder) else {
                if depth == 0 { _ = try FileSystem.names(in: folder) }
                return
            }
            guard visited.insert(true_).inserted else { return }
            let entries = try FileSystem.entries(in: folder)
            if depth > 0, entries.contains(where: { $0.name == ".lucency" }) {
                outputFolders.append(folder)
                return
            }
            for entry in entries where !entry.name.hasPrefix(".") {
                let name = entry.name, path = FileSystem.join(folder, name), relative = prefix + name
                // Nobody could say which items are missing.
                if !entry.isText, entry.isFolder, isDeep {
                    throw Diagnostic(
                        .unreadableFile, "the folder's name is not UTF-8", at: .init(file: path), remedy: "rename it")
                }
                switch entry.isText ? FileSystem.kind(of: path) : .file {
                case .folder:
                    if isDeep { try visit(path, prefix: relative + "/", depth: depth + 1) }
                    continue
                case .special:
                    specialFiles.append(relative)
                    continue
                // A link that leads nowhere stays: data that should be there are missing, and its item says so.
                case .file, nil: break
                }
                if let pattern {
                    guard let key = capture(relative, pattern) else { continue }
                    files.append(File(key: key, relative: relative, path: path, isText: entry.isText))
                } else if extensions.contains(FileSystem.fileExtension(of: name)) {
                    let dot = relative.lastIndex(of: ".") ?? relative.endIndex
                    let key = String(relative[..<dot])
                    files.append(File(key: key, relative: relative, path: path, isText: entry.isText))
                } else {
                    otherFiles += 1
                }
            }
        }

        /// What the wildcards of a pattern stand for in a path, or nil if it does not match.
        ///
        /// With one `*` that is the key by which `case1_image.png` and `case1_mask.png` belong together; with more, the
        /// pieces are joined by `/`.
        private func capture(_ path: String, _ pattern: String) -> String? {
            let flags = pattern.contains("**") ? 0 : FNM_PATHNAME
            guard fnmatch(pattern, path, flags) == 0 else { return nil }
            let literals = pattern.split(separator: "*", omittingEmptySubsequences: false).map(String.init)
            guard !pattern.contains("?"), !pattern.contains("["), literals.count == 2,
                path.hasPrefix(literals[0]), path.hasSuffix(literals[1]),
                path.count >= literals[0].count + literals[1].count
            else {
                let dot = path.lastIndex(of: ".") ?? path.endIndex
                return String(path[..<dot])
            }
            let key = String(path.dropFirst(literals[0].count).dropLast(literals[1].count))
            return key.isEmpty ? nil : key
        }
    }
}
