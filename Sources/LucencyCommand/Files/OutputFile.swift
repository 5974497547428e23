import Lucency

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where a command may write.
enum OutputFile {
    /// - Throws: `Diagnostic` when the path is a folder, or leads (also through a link) to one of the inputs.
    static func check(_ path: String, inputs: [String]) throws(Diagnostic) {
        guard !path.isEmpty, !path.hasSuffix("/"), !FileSystem.isFolder(path) else {
            throw Diagnostic(
                .unwritable, "this is a folder, not a file", at: .init(file: path), remedy: "name a file in it")
        }
        if let obstacle = FileSystem.obstacleToWriting(below: FileSystem.folder(of: path)) {
            throw Diagnostic(.unwritable, "nothing can be written there: \(obstacle)", at: .init(file: path))
        }
        for input in inputs where isSameFile(path, input) {
            throw Diagnostic(
                .unwritable, "this would overwrite the input '\(input)'", at: .init(file: path),
                remedy: "choose another name")
        }
    }

    /// Whether two paths lead to one file, also through symbolic and hard links.
    private static func isSameFile(_ left: String, _ right: String) -> Bool {
        var a = stat(), b = stat()
        return stat(left, &a) == 0 && stat(right, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino
    }
}

extension Diagnostic {
    /// Writers speak of options as a pipeline writes them (`bits: 16`); here they are given on the command line.
    /// - Parameter spelling: the option for a name and its value (nil where only the name is mentioned).
    func spellingOptions(
        _ names: Set<String>, as spelling: (_ name: String, _ value: String?) -> String
    ) -> Diagnostic {
        func rewritten(_ text: String) -> String {
            // Odd pieces stand between backticks.
            let pieces = text.split(separator: "`", omittingEmptySubsequences: false)
            return pieces.enumerated().map { index, piece in
                guard index % 2 == 1 else { return String(piece) }
                let parts = piece.split(separator: ":", maxSplits: 1)
                guard let name = parts.first.map(String.init), names.contains(name) else { return String(piece) }
                return spelling(name, parts.count == 2 ? String(parts[1].drop { $0 == " " }) : nil)
            }.joined(separator: "`")
        }
        var copy = self
        copy.message = rewritten(message)
        copy.remedy = remedy.map(rewritten)
        return copy
    }
}
