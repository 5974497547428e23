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
