import LucencyFoundation
import LucencyPhantoms
import LucencyPipeline

/// A declarative description of a phantom: which world, and its objects, random ranges, acquisition and annotators.
public struct PhantomFile: Sendable {
    static let version = 1
    private static let keys = ["phantom", "name", "summary", "uses", "with"]

    public let name: String
    public let summary: String
    public let world: PhantomWorld
    /// World and settings, resolved: equal ones render equal pictures.
    public var canonical: JSONValue { world.canonical }

    /// Reads and checks a file.
    /// - Parameter settings: `--set PATH=YAML`, paths below the file's `with:`.
    /// - Throws: `Diagnostic` when the file cannot be read or is not YAML; `DiagnosticList` with everything that is wrong
    ///   in it.
    public init(path: String, settings: [Setting] = []) throws {
        let tree = try Self.tree(path: path, settings: settings)
        var decoding = Decoding(folder: FileSystem.folder(of: path))
        guard let file = Self.decode(tree, &decoding), decoding.diagnostics.isEmpty else {
            throw DiagnosticList(decoding.diagnostics)
        }
        self = file
    }

    static func tree(path: String, settings: [Setting] = []) throws(Diagnostic) -> LocatedYAML {
        var tree = try YAMLReader.read(try FileSystem.text(path, limit: 1 << 20), name: path)
        for setting in settings {
            let steps = setting.key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            tree = try tree.setting((["with"] + steps)[...], to: setting.value, option: "--set \(setting.key)")
        }
        return tree
    }

    /// Decodes the file's tree and reports what is wrong. What could be decoded tells which products there are, even where
    /// something is wrong.
    static func decode(_ tree: LocatedYAML, _ decoding: inout Decoding) -> PhantomFile? {
        guard let entries = tree.entries else {
            decoding.error(.wrongKind, "a phantom is a mapping, found \(tree.shown)", at: tree.place)
            return nil
        }
        for entry in entries where !keys.contains(entry.key) {
            decoding.error(
                .unknownKey, "a phantom has no '\(entry.key)'", at: entry.keyPlace,
                remedy: nearestName(to: entry.key, in: keys).map { "did you mean '\($0)'?" }
                    ?? "it has: \(keys.joined(separator: ", ")); settings stand under `with:`")
        }
        guard let version = tree["phantom"], version.plainScalar.flatMap(Int.init) == Self.version else {
            decoding.error(
                tree["phantom"] == nil ? .missingKey : .unsupportedVersion,
                tree["phantom"].map { "format version \($0.shown) is not known" } ?? "the format version is missing",
                at: tree["phantom"]?.place ?? tree.place, remedy: "a phantom begins with `phantom: \(Self.version)`")
            return nil
        }
        guard let uses = tree["uses"] else {
            decoding.error(
                .missingKey, "the phantom does not say which world it uses", at: tree.place,
                remedy: "add `uses: NAME`; there are: \(PhantomWorld.typeName)")
            return nil
        }
        let name = tree["name"].flatMap { String.decode($0, &decoding) } ?? "phantom"
        let summary = tree["summary"].flatMap { String.decode($0, &decoding) } ?? ""
        let component = LocatedYAML(
            .mapping(entries.filter { $0.key == "uses" || $0.key == "with" }), at: uses.place, base: tree.base)
        guard let world = PhantomWorld.decode(component, &decoding) else { return nil }
        if !decoding.diagnostics.contains(where: { $0.severity == .error }) { world.check(at: uses.place, &decoding) }
        return PhantomFile(name: name, summary: summary, world: world)
    }

    private init(name: String, summary: String, world: PhantomWorld) {
        self.name = name
        self.summary = summary
        self.world = world
    }
}

extension PhantomWorld {
    /// Reports settings that do not fit together.
    func check(at place: Diagnostic.Place?, _ decoding: inout Decoding) {
        do {
            try phantom.check()
        } catch {
            var fault = Diagnostic.wrapping(error, as: .badValue)
            fault.place = fault.place ?? place
            decoding.report(fault)
        }
    }
}
