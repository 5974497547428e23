import LucencyFoundation
import LucencyImaging

/// The files of a folder by the case that they belong to.
///
/// A case is a relative name without extension, such as `patient1/slice3`. Its prediction is one file of that name; or a file
/// for each class, `patient1/slice3_CLASS.png`, or `CLASS/patient1/slice3.png`, where CLASS is a name or a number.
public struct PredictionFolder: Sendable {
    public let path: String
    /// Relative names without extension, sorted.
    public let names: [String]
    private let files: [String: String]
    private let doubles: [String: [String]]

    /// Extensions that predictions and labels may have.
    public static let fileExtensions = Set(ImageFormats.readers.flatMap(\.fileExtensions) + NumPyFile.fileExtensions)

    /// Lists a folder and those in it; names that begin with a dot are left out.
    /// - Throws: `Diagnostic` when the folder is missing, or holds no file that can be read.
    public init(_ path: String) throws(Diagnostic) {
        self.path = path
        var files: [String: String] = [:], doubles: [String: [String]] = [:]
        var visited: Set<String> = []
        func visit(_ folder: String, _ prefix: String, _ depth: Int) throws(Diagnostic) {
            // Links may lead round in circles.
            guard depth <= 32, let real = FileSystem.resolved(folder), visited.insert(real).inserted else {
                if depth == 0 { _ = try FileSystem.names(in: folder) }
                return
            }
            for name in try FileSystem.names(in: folder) where !name.hasPrefix(".") {
                let file = FileSystem.join(folder, name)
                if FileSystem.isFolder(file) {
                    try visit(file, prefix + name + "/", depth + 1)
                } else if FileSystem.isFile(file), Self.fileExtensions.contains(FileSystem.fileExtension(of: name)) {
                    let key = prefix + Self.stem(of: name)
                    if let other = files.updateValue(file, forKey: key) { doubles[key, default: [other]].append(file) }
                }
            }
        }
        try visit(path, "", 0)
        guard !files.isEmpty else {
            let known = Self.fileExtensions.sorted().joined(separator: ", ")
            throw Diagnostic(
                .noItems, "the folder holds no file that can be read", at: .init(file: path),
                remedy: "files must end in one of: \(known)")
        }
        self.files = files
        self.doubles = doubles
        names = files.keys.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    }

    private static func stem(of name: String) -> String {
        let stem = FileSystem.stem(of: name)
        // `scan.ome.tif` is called `scan`.
        return stem.lowercased().hasSuffix(".ome") ? String(stem.dropLast(4)) : stem
    }

    /// The file of a case, by its relative name; nil where there is none.
    /// - Throws: `Diagnostic` when two files have the name.
    public func file(of name: String) throws(Diagnostic) -> String? {
        if let both = doubles[name] {
            throw Diagnostic(
                .duplicateName, "two files are called '\(name)': \(both.joined(separator: ", "))",
                remedy: "move one of them away")
        }
        return files[name]
    }

    /// The prediction of every case that has one.
    /// - Parameters:
    ///   - cases: relative names of the labels.
    ///   - classes: names; where they are empty, files of classes must be numbered.
    public func predictions(of cases: [String], classes: [String]) -> [String: Result<PredictionFiles, Diagnostic>] {
        let known = Set(cases)
        var found: [String: Result<PredictionFiles, Diagnostic>] = [:]
        var used: Set<String> = []
        for name in cases {
            do throws(Diagnostic) {
                guard let path = try file(of: name) else { continue }
                found[name] = .success(.single(path))
                used.insert(name)
            } catch { found[name] = .failure(error) }
        }
        var parts: [String: [(suffix: String, path: String)]] = [:]
        for name in names where !used.contains(name) {
            guard let (item, suffix) = Self.split(name, known, classes), let path = files[name] else { continue }
            parts[item, default: []].append((suffix, path))
            used.insert(name)
        }
        for (item, parts) in parts where found[item] == nil { found[item] = Self.assembled(parts, classes) }
        // Folders that only one side has: a bare name that occurs once on either side.
        let loose = Dictionary(grouping: names.filter { !used.contains($0) }, by: FileSystem.name)
        let wanted = Dictionary(grouping: cases.filter { found[$0] == nil }, by: FileSystem.name)
        for (bare, items) in wanted where items.count == 1 {
            guard let candidates = loose[bare], candidates.count == 1, let path = files[candidates[0]],
                !items[0].contains("/") || !candidates[0].contains("/")
            else { continue }
            found[items[0]] = .success(.single(path))
        }
        return found
    }

    /// The case and class that a file's name states: `CASE_CLASS` or `CLASS/CASE`.
    private static func split(_ name: String, _ known: Set<String>, _ classes: [String]) -> (String, String)? {
        for place in name.indices where name[place] == "_" {
            let item = String(name[..<place]), suffix = String(name[name.index(after: place)...])
            if known.contains(item), isClass(suffix, classes) { return (item, suffix) }
        }
        guard let slash = name.firstIndex(of: "/") else { return nil }
        let item = String(name[name.index(after: slash)...]), suffix = String(name[..<slash])
        return known.contains(item) && isClass(suffix, classes) ? (item, suffix) : nil
    }

    private static func isClass(_ text: String, _ classes: [String]) -> Bool {
        classes.contains(text) || Int(text) != nil || classes.isEmpty && !text.contains("/")
    }

    private static func assembled(
        _ parts: [(suffix: String, path: String)], _ classes: [String]
    ) -> Result<PredictionFiles, Diagnostic> {
        var paths: [Int: String] = [:]
        for (suffix, path) in parts {
            guard let place = classes.firstIndex(of: suffix) ?? Int(suffix), (0..<(1 << 16)).contains(place) else {
                return .failure(
                    Diagnostic(
                        .badArgument, "the files of a case are called by class ('\(suffix)'), and no order is known",
                        at: .init(file: path), remedy: "name the classes in the order of their labels: `--classes FILE`"
                    ))
            }
            if let other = paths.updateValue(path, forKey: place) {
                return .failure(
                    Diagnostic(.duplicateName, "'\(other)' and '\(path)' are both the file of class \(place)"))
            }
        }
        return .success(.perClass(paths))
    }
}
