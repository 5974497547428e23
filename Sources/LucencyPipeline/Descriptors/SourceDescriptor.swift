import LucencyFoundation
import LucencyImaging

/// One port of one item: how to know it, and how to get it.
public final class ItemLoader: Sendable {
    /// File names for the manifest; empty where no file stands behind the value.
    public let paths: [String]
    /// Which decoder, in which revision, so that a better decoder makes items new.
    public let reader: String
    let estimate: @Sendable () throws -> ValueEstimate
    let load: @Sendable () throws -> any PortValue
    private let makeHashes: @Sendable () throws -> [String]
    private let hashes = Lock<[String]?>(nil)

    /// - Parameter contentHashes: SHA-256 of each file, in the order of `paths`; of the value where there is no file.
    public init(
        paths: [String], reader: String, estimate: @escaping @Sendable () throws -> ValueEstimate,
        contentHashes: @escaping @Sendable () throws -> [String], load: @escaping @Sendable () throws -> any PortValue
    ) {
        self.paths = paths
        self.reader = reader
        self.estimate = estimate
        self.load = load
        makeHashes = contentHashes
    }

    /// SHA-256 of each file, computed once.
    func contentHashes() throws -> [String] {
        try hashes.withLock { known in
            if let known { return known }
            let made = try makeHashes()
            known = made
            return made
        }
    }

    /// One SHA-256 for all of the content.
    func contentHash() throws -> String {
        let hashes = try contentHashes()
        return hashes.count == 1 ? hashes[0] : SHA256.hex(of: hashes.joined(separator: "\n"))
    }
}

/// One item of a source.
public struct SourceItem: Sendable {
    /// Path relative to the source's root without extension, with `/`: `patient1/slice3`. Names the item everywhere.
    public let relative: String
    /// File name with extension.
    public let name: String
    /// How to get each port, by its name. Made anew by every call where the item was declared with a closure.
    public var loaders: [String: ItemLoader] { known ?? makeLoaders?() ?? [:] }
    private var known: [String: ItemLoader]?
    private var makeLoaders: (@Sendable () -> [String: ItemLoader])?
    /// Memory that loading some ports needs beside the values themselves, in bytes.
    private(set) var scratchBytes: @Sendable (Set<String>) -> Int
    /// Makes several ports at once, where that costs less than one by one; the loaders still describe them.
    private(set) var loadTogether: (@Sendable (Set<String>, ThreadPool) throws -> [String: any PortValue])?

    /// - Parameter scratchBytes: memory that loading the named ports needs beside the values themselves, 0 or more.
    public init(
        relative: String, name: String, loaders: [String: ItemLoader],
        scratchBytes: @escaping @Sendable (Set<String>) -> Int = { _ in 0 },
        loadTogether: (@Sendable (Set<String>, ThreadPool) throws -> [String: any PortValue])? = nil
    ) {
        self.relative = relative
        self.name = name
        known = loaders
        makeLoaders = nil
        self.scratchBytes = scratchBytes
        self.loadTogether = loadTogether
    }

    /// An item that no file stands behind. Its loaders are made when they are asked for, so that a million items that
    /// nobody has asked for yet are light.
    public init(
        computed relative: String, scratchBytes: @escaping @Sendable (Set<String>) -> Int = { _ in 0 },
        loaders: @escaping @Sendable () -> [String: ItemLoader],
        loadTogether: (@Sendable (Set<String>, ThreadPool) throws -> [String: any PortValue])? = nil
    ) {
        self.relative = relative
        name = relative
        known = nil
        makeLoaders = loaders
        self.scratchBytes = scratchBytes
        self.loadTogether = loadTogether
    }

    /// The same item with one more port.
    package func adding(_ port: String, _ loader: ItemLoader) -> SourceItem {
        let scratchBytes = scratchBytes, together = loadTogether, makeLoaders = makeLoaders
        var item = self
        item.known?[port] = loader
        if let makeLoaders {
            item.makeLoaders = {
                var loaders = makeLoaders()
                loaders[port] = loader
                return loaders
            }
        }
        item.scratchBytes = { wanted in scratchBytes(wanted.subtracting([port])) }
        if let together {
            item.loadTogether = { wanted, pool in
                let others = wanted.subtracting([port])
                return others.isEmpty ? [:] : try together(others, pool)
            }
        }
        return item
    }

    /// The files behind it.
    var paths: [String] { known?.values.flatMap(\.paths) ?? [] }

    /// File name without folders and extension.
    public var stem: String { relative.split(separator: "/").last.map(String.init) ?? relative }
}

/// What a source found.
public struct ItemListing: Sendable {
    /// Sorted by relative name.
    public var items: [SourceItem]
    /// Files without a partner: `labels/17.png: no image`.
    public var unmatched: [String]
    /// What users should know (warnings, notes).
    public var notices: [Diagnostic]

    public init(items: [SourceItem], unmatched: [String] = [], notices: [Diagnostic] = []) {
        self.items = items
        self.unmatched = unmatched
        self.notices = notices
    }
}

/// Options of a run that reach sources.
public struct SourceContext: Sendable {
    public var inputFolder: String?
    /// Where the run writes; what earlier runs wrote there is no input.
    var outputFolder: String?
    /// Spacing (x, y, z in mm) for images that state none.
    public var assumedSpacing: SIMD3<Double>?
    public var limits: ReadLimits
    public var seed: UInt64

    public init(
        inputFolder: String? = nil, assumedSpacing: SIMD3<Double>? = nil, limits: ReadLimits = .standard,
        seed: UInt64 = 0
    ) {
        self.inputFolder = inputFolder
        self.assumedSpacing = assumedSpacing
        self.limits = limits
        self.seed = seed
    }
}

/// A source with its parameters decoded.
public struct ConfiguredSource: Sendable {
    /// The first port is the main one.
    public let ports: [Port]
    /// Whether `--input` must supply a folder.
    public let needsInput: Bool
    /// Files beside the items' own that it reads, such as a list.
    public let files: [String]
    /// How its items were divided, where it takes a part of them.
    let split: ItemSplit?
    package let list: @Sendable (SourceContext) throws -> ItemListing

    public init(
        ports: [Port], needsInput: Bool, files: [String] = [], split: ItemSplit? = nil,
        list: @escaping @Sendable (SourceContext) throws -> ItemListing
    ) {
        self.ports = ports
        self.needsInput = needsInput
        self.files = files
        self.split = split
        self.list = list
    }
}

/// A source: makes a stream of items. Its ports may depend on its parameters.
public struct SourceDescriptor: Sendable {
    public let about: StageAbout
    public let parameters: [ParameterDescription]
    let configure: @Sendable (LocatedYAML?, Diagnostic.Place?, inout Decoding) -> (ConfiguredSource, JSONValue)

    /// - Parameter make: a configured source from the parameters; reports missing folders and files.
    public init<Settings: Sendable>(
        _ id: String, _ summary: String, prototype: Settings, revision: Int = 1, parameters: [Parameter<Settings>],
        make: @escaping @Sendable (Settings, Diagnostic.Place?, inout Decoding) -> ConfiguredSource
    ) {
        let list = ParameterList(prototype: prototype, parameters: parameters)
        about = StageAbout(id: id, summary: summary, source: nil, revision: revision)
        self.parameters = list.descriptions
        configure = { yaml, place, decoding in
            let settings = list.decode(yaml, owner: id, at: place, &decoding)
            return (make(settings, place, &decoding), list.canonical(settings))
        }
    }
}
