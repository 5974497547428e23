import LucencyFoundation
import LucencyImaging

/// What decoding needs and what it collects. Decoding never throws: it appends diagnostics and returns what it could,
/// so that one check reports everything.
public struct Decoding: Sendable {
    /// Folder that relative paths in the file start from.
    public var folder: String
    /// Folder given by `--input`, if any.
    public var inputFolder: String?
    public internal(set) var diagnostics: [Diagnostic] = []

    public init(folder: String, inputFolder: String? = nil) {
        self.folder = folder
        self.inputFolder = inputFolder
    }

    /// A path as it is meant: relative to the pipeline file, or to the working directory when it was given by `--set`.
    public func path(_ text: String, at place: Diagnostic.Place) -> String {
        place.file.hasPrefix("--set ") ? text : FileSystem.join(folder, text)
    }

    /// Stands for the folder given by `--input` while there is none (only checking goes on then).
    public static let missingInput = "<--input>"

    /// Records an error at a value.
    public mutating func error(
        _ code: DiagnosticCode, _ message: String, at place: Diagnostic.Place?, remedy: String? = nil
    ) {
        report(Diagnostic(code, message, at: place, remedy: remedy))
    }

    /// Records a diagnostic once: the same slip is met once per variant.
    public mutating func report(_ diagnostic: Diagnostic) {
        if !diagnostics.contains(diagnostic) { diagnostics.append(diagnostic) }
    }

    var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }
}
