import LucencyFoundation
import LucencyImaging

/// What decoding needs and what it collects. Decoding never throws: it appends diagnostics and returns what it could,
/// so that one check reports everything.
public struct Decoding: Sendable {
    /// Nobody reads more errors (or warnings, or notes) of one file.
    static let maximumOfOneSeverity = 100

    /// Folder that relative paths in the file start from.
    public var folder: String
    /// Folder given by `--input`, if any.
    public var inputFolder: String?
    /// Folder that relative paths of the command line start from.
    var workingDirectory = "."
    public internal(set) var diagnostics: [Diagnostic] = []
    /// Whether some were left out beyond the limit.
    private(set) var hasMore = false
    private var known: Set<Diagnostic> = []
    private var counts: [Diagnostic.Severity: Int] = [:]
    /// How many errors were met, those told before and those beyond the limit included.
    private(set) var errorsMet = 0

    public init(folder: String, inputFolder: String? = nil) {
        self.folder = folder
        self.inputFolder = inputFolder
    }

    /// A path as it is meant: relative to the pipeline file, or to the working directory when its beginning was given on
    /// the command line.
    public func path(_ text: String, from base: PathBase) -> String {
        switch base {
        case .pipelineFile: FileSystem.join(folder, text)
        case .workingDirectory: FileSystem.join(workingDirectory, text)
        }
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
        if diagnostic.severity == .error { errorsMet &+= 1 }
        guard !isFull(of: diagnostic.severity) else {
            hasMore = true
            return
        }
        guard known.insert(diagnostic).inserted else { return }
        counts[diagnostic.severity, default: 0] += 1
        diagnostics.append(diagnostic)
    }

    /// Looks for values that do not fit together, if all of them could be read since there were `errors` of them: what
    /// stands in place of a value that could not be read says nothing about the others.
    mutating func check(
        since errors: Int, at place: Diagnostic.Place?, _ check: () throws -> Void
    ) {
        guard errorsMet == errors else { return }
        do {
            try check()
        } catch let list as DiagnosticList {
            for var fault in list.diagnostics {
                fault.place = fault.place ?? place
                report(fault)
            }
        } catch {
            var fault = Diagnostic.wrapping(error, as: .badValue)
            fault.place = fault.place ?? place
            report(fault)
        }
    }

    /// Whether further errors would be left out, so that looking for them is of no use.
    var isFull: Bool { isFull(of: .error) }

    private func isFull(of severity: Diagnostic.Severity) -> Bool {
        counts[severity, default: 0] >= Self.maximumOfOneSeverity
    }

    var hasErrors: Bool { counts[.error, default: 0] > 0 }
}
