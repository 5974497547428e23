import LucencyFoundation

/// The `as:` of an output: `"{method}/masks/{stem}.png"`.
struct OutputTemplate: Hashable, Sendable {
    static let itemPlaceholders = ["stem", "name", "relative", "index"]

    let text: String
    private let pieces: [Piece]

    private enum Piece: Hashable, Sendable {
        case text(String)
        case placeholder(String)
    }

    /// The placeholders that occur.
    var placeholders: [String] { pieces.compactMap { if case .placeholder(let name) = $0 { name } else { nil } } }

    /// The extension after the last dot, lower-case; of compressed NIfTI files `nii.gz`.
    var fileExtension: String {
        let name = text.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: "."), !name[dot...].contains("}") else { return "" }
        return name.lowercased().hasSuffix(".nii.gz") ? "nii.gz" : name[name.index(after: dot)...].lowercased()
    }

    /// - Throws: `Diagnostic` (without a place) for unbalanced braces and paths that no result can have.
    init(parsing text: String) throws(Diagnostic) {
        self.text = text
        var pieces: [Piece] = []
        var rest = text[...]
        while let open = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
            guard rest[open] == "{", let close = rest[open...].firstIndex(of: "}") else {
                throw Diagnostic(.badTemplate, "unbalanced braces in '\(text)'")
            }
            pieces.append(.text(String(rest[..<open])))
            pieces.append(.placeholder(String(rest[rest.index(after: open)..<close])))
            rest = rest[rest.index(after: close)...]
        }
        pieces.append(.text(String(rest)))
        self.pieces = pieces
        if let fault = Self.fault(of: text) { throw fault }
    }

    /// The path below the output folder for given placeholder values.
    /// - Throws: `Diagnostic` when a value would lead out of the folder or make an impossible name.
    func path(_ values: [String: String]) throws(Diagnostic) -> String {
        var path = ""
        for piece in pieces {
            switch piece {
            case .text(let text): path += text
            case .placeholder(let name): path += values[name] ?? ""
            }
        }
        if let fault = Self.fault(of: path) { throw fault }
        return path
    }

    /// Why a result cannot have a path, or nil if it can.
    ///
    /// Two results must not reach one file by different spellings, nor a result what the run keeps in the same folder.
    static func fault(of path: String) -> Diagnostic? {
        if let reason = escapeReason(path) {
            return Diagnostic(
                .escapingPath, "'\(path)' \(reason)", remedy: "outputs stay inside the folder given by --output")
        }
        let components = path.split(separator: "/", omittingEmptySubsequences: false)
        if components.last?.isEmpty ?? true { return Diagnostic(.badTemplate, "'\(path)' names no file") }
        if components.contains("") || components.contains(".") {
            return Diagnostic(
                .badTemplate, "'\(path)' holds an empty or '.' folder name", remedy: "write each folder's name once")
        }
        // Where capital letters do not count, `RUN.json` is the same file.
        let name = path.lowercased()
        let isRecord = [("run.", ".json"), ("manifest.", ".jsonl")].contains { start, end in
            name.hasPrefix(start) && name.hasSuffix(end) && name.utf8.count + 1 >= start.utf8.count + end.utf8.count
        }
        if isRecord, components.count == 1 {
            return Diagnostic(
                .outputCollision, "'\(path)' is where the run keeps its own record",
                remedy: "choose another name, or a folder below; run*.json and manifest*.jsonl are taken")
        }
        if let temporary = components.first(where: { $0.lowercased().hasPrefix(".lucency") }) {
            return Diagnostic(.outputCollision, "'\(temporary)' in '\(path)' is a name that lucency keeps for itself")
        }
        return nil
    }
}

/// Why a relative path would leave its root, or nil if it stays inside.
func escapeReason(_ path: String) -> String? {
    if path.hasPrefix("/") { return "is an absolute path" }
    if path.split(separator: "/").contains("..") { return "leads out of its folder through '..'" }
    if path.unicodeScalars.contains("\0") { return "contains a zero byte" }
    if path.split(separator: "/").first == ".lucency" { return "lies in the folder that lucency keeps for itself" }
    return nil
}
