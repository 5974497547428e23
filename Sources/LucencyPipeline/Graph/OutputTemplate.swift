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

    /// The extension after the last dot, lower-case.
    var fileExtension: String {
        let name = text.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: "."), !name[dot...].contains("}") else { return "" }
        return name[name.index(after: dot)...].lowercased()
    }

    /// - Throws: `Diagnostic` (without a place) for unbalanced braces and paths that leave the output folder.
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
        if let reason = escapeReason(text) {
            throw Diagnostic(
                .escapingPath, "'\(text)' \(reason)", remedy: "outputs stay inside the folder given by --output")
        }
        let name = text.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
        if name.isEmpty { throw Diagnostic(.badTemplate, "'\(text)' names no file") }
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
        if let reason = escapeReason(path) { throw Diagnostic(.escapingPath, "'\(path)' \(reason)") }
        return path
    }
}

/// Why a relative path would leave its root, or nil if it stays inside.
func escapeReason(_ path: String) -> String? {
    if path.hasPrefix("/") { return "is an absolute path" }
    if path.hasPrefix("~") { return "begins with ~" }
    if path.split(separator: "/").contains("..") { return "leads out of its folder through '..'" }
    if path.unicodeScalars.contains("\0") { return "contains a zero byte" }
    if path.split(separator: "/").first == ".lucency" { return "lies in the folder that lucency keeps for itself" }
    return nil
}
