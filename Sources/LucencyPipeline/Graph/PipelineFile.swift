import LucencyFoundation

/// A pipeline file, loaded and checked.
public struct PipelineFile: Sendable {
    /// What checking found, sorted by position: errors, warnings, notes.
    public let diagnostics: [Diagnostic]
    /// nil if there are errors.
    public let plan: Plan?
    /// SHA-256 of the file's text.
    public let hash: String

    public var isSound: Bool { plan != nil }

    /// Reads and checks a file.
    ///
    /// - Parameters:
    ///   - path: relative to the working directory; relative paths inside start from the file's folder.
    ///   - inputFolder: `--input`; when nil, a source that needs it is a note, not an error.
    ///   - workingDirectory: where relative paths in `settings` start.
    ///   - seed: `--seed`, which wins over the file's.
    /// - Throws: `Diagnostic` when the file cannot be read or is not YAML, or a setting leads nowhere.
    public init(
        path: String, catalog: Catalog, settings: [Setting] = [], seed: UInt64? = nil, inputFolder: String? = nil,
        workingDirectory: String = "."
    ) throws(Diagnostic) {
        let text = try FileSystem.text(path, limit: YAMLReader.maximumBytes)
        try self.init(
            text: text, name: path, folder: FileSystem.folder(of: path), catalog: catalog, settings: settings,
            seed: seed, inputFolder: inputFolder, workingDirectory: workingDirectory)
    }

    /// Checks a pipeline given as text.
    public init(
        text: String, name: String, folder: String, catalog: Catalog, settings: [Setting] = [], seed: UInt64? = nil,
        inputFolder: String? = nil, workingDirectory: String = "."
    ) throws(Diagnostic) {
        hash = SHA256.hex(of: text)
        let tree = try PipelineDeclaration.applying(settings, to: try YAMLReader.read(text, name: name))
        var decoding = Decoding(folder: folder, inputFolder: inputFolder)
        decoding.workingDirectory = workingDirectory
        var declaration = PipelineDeclaration(tree, &decoding)
        if let seed { declaration.seed = seed }
        var builder = PlanBuilder(declaration, catalog: catalog, decoding: decoding)
        plan = builder.build()
        // Where a reference leads nowhere, that its text is no number either says nothing new.
        let found = builder.decoding.diagnostics
        let broken = Set(
            found.filter { [.unknownReference, .cycle, .yamlTooLarge, .variantMisuse].contains($0.code) }.compactMap(
                \.place))
        let more = Diagnostic(
            .yamlTooLarge, "there is more to say than these \(found.count) things", at: .init(file: name),
            severity: .note)
        diagnostics =
            found.filter { $0.code != .badValue || !($0.place.map(broken.contains) ?? false) }.sorted {
                a, b in
                let left = a.place, right = b.place
                if left?.file != right?.file { return (left?.file == name ? 0 : 1) < (right?.file == name ? 0 : 1) }
                return (left?.line ?? 0, left?.column ?? 0, a.message) < (
                    right?.line ?? 0, right?.column ?? 0, b.message
                )
            } + (builder.decoding.hasMore ? [more] : [])
    }
}
