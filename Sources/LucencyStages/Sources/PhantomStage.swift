import LucencyFoundation
import LucencyImaging
import LucencyPhantoms
import LucencyPipeline
import LucencyReports

extension SourceDescriptor {
    static let phantom = SourceDescriptor(
        "phantom", "Test images rendered on the fly, with their truth; its ports are the phantom's products.",
        prototype: PhantomSettings(),
        parameters: [
            Parameter("file", \.file, help: "Phantom file, such as phantoms/organs.yaml."),
            Parameter("world", \.world, help: "A world written out here, instead of a file."),
            Parameter("set", \.set, help: "Values that replace those under `with:` of the file, as a mapping like it."),
            Parameter("count", \.count, in: .within(1...1_000_000), help: "How many items."),
            Parameter(
                "first", \.first, in: .within(0...999_999),
                help: "Index of the first one; items of other indices are other pictures."),
            Parameter(
                "seed", \.seed, in: .atLeast(0),
                help: "Equal seeds and indices are equal pictures; left out: the run's."
            ),
        ] + PhantomSettings.choiceParameters
    ) { settings, place, decoding in
        let none = ConfiguredSource(ports: [Port("image", Image.portType)], needsInput: false) { _ in
            ItemListing(items: [])
        }
        guard let world = settings.resolvedWorld(at: place, &decoding) else { return none }
        let source = PhantomSource(
            world: world, indices: settings.first..<settings.first + settings.count,
            seed: settings.seed.map { UInt64($0) })
        return source.configured(files: settings.file.map { [$0.path] } ?? [])
            .choosing(settings.choice, at: place, &decoding)
    }
}

private struct PhantomSettings: ItemChoosing {
    var file: FilePath?
    var world: PhantomWorld?
    var set: VerbatimYAML?
    var count = 100
    var first = 0
    var seed: Int?
    var choice = ItemChoice()

    func resolvedWorld(at place: Diagnostic.Place?, _ decoding: inout Decoding) -> PhantomWorld? {
        switch (file, world) {
        case (nil, nil):
            decoding.error(
                .missingKey, "a phantom source needs a file", at: place,
                remedy: "add `file: phantoms/NAME.yaml`, or `world: {uses: NAME, with: {…}}`")
            return nil
        case (.some, .some):
            decoding.error(.badValue, "`file` and `world` are both given", at: place, remedy: "keep one")
            return nil
        case (nil, let world?):
            if let set {
                decoding.error(
                    .badValue, "`set` changes a file's values, and there is no file", at: set.yaml.place,
                    remedy: "write the values under `world: {with: …}`")
                return nil
            }
            world.check(at: place, &decoding)
            return world
        case (let file?, nil):
            do throws(Diagnostic) {
                var tree = try PhantomFile.tree(path: file.path)
                if let set {
                    let below = tree["with"] ?? LocatedYAML(.mapping([]), at: tree.place)
                    tree = try tree.setting(["with"], to: below.merged(with: set.yaml), option: "set")
                }
                var inner = Decoding(folder: FileSystem.folder(of: file.path))
                let phantom = PhantomFile.decode(tree, &inner)
                for diagnostic in inner.diagnostics { decoding.report(diagnostic) }
                return phantom?.world
            } catch {
                var fault = error
                if fault.place == nil { fault.place = place }
                decoding.report(fault)
                return nil
            }
        }
    }
}

/// A piece of YAML that something else decodes.
private struct VerbatimYAML: ParameterValue {
    let yaml: LocatedYAML

    static var typeName: String { "a mapping" }
    static var schema: JSONValue { ["type": "object"] }
    static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> VerbatimYAML? {
        guard yaml.entries != nil else {
            decoding.error(.badValue, "expected a mapping, found \(yaml.shown)", at: yaml.place)
            return nil
        }
        return VerbatimYAML(yaml: yaml)
    }
    var canonical: JSONValue { yaml.canonical }
}

/// Renders items of a phantom when they are asked for.
package struct PhantomSource: Sendable {
    let world: PhantomWorld
    let indices: Range<Int>
    let seed: UInt64?

    func configured(files: [String]) -> ConfiguredSource {
        var ports =
            world.phantom.products.map { Port($0.name, $0.portType) } + [Port("parameters", RecordValue.portType)]
        if !world.phantom.factNames.isEmpty { ports.append(Port(ConfiguredSource.factsPort, Table.portType)) }
        return ConfiguredSource(ports: ports, needsInput: false, files: files) { context in
            let pictures = try Pictures(world, seed: seed ?? context.seed)
            return ItemListing(items: indices.map { pictures.item(Pictures.name($0), $0) })
        }
    }

    /// The ports asked for of one picture.
    /// - Throws: `Diagnostic` as the phantom does, or when it leaves out a product.
    package static func render(
        _ phantom: any Phantom, seed: UInt64, index: Int, _ wanted: Set<String>, pool: ThreadPool
    ) throws -> [String: any PortValue] {
        var ports: [String: any PortValue] = [:]
        if wanted.contains(ConfiguredSource.factsPort), !phantom.factNames.isEmpty {
            ports[ConfiguredSource.factsPort] = try facts(phantom, seed: seed, index: index)
        }
        let others = wanted.subtracting([ConfiguredSource.factsPort])
        guard !others.isEmpty else { return ports }
        let (values, drawn) = try phantom(seed: seed, index: index, others.subtracting(["parameters"]), pool: pool)
        ports.merge(values.mapValues(\.portValue)) { first, _ in first }
        ports["parameters"] = RecordValue([
            "seed": .string(String(seed)), "index": .integer(index), "drawn": drawn,
        ])
        for name in wanted.sorted() where ports[name] == nil {
            throw Diagnostic.missing(name)
        }
        return ports
    }
}

extension PhantomSource {
    /// What is known of a picture; facts that the phantom forgets are missing.
    fileprivate static func facts(_ phantom: any Phantom, seed: UInt64, index: Int) throws -> Table {
        let values = phantom.facts(seed: seed, index: index)
        return try .facts(phantom.factNames.map { ($0, Table.Cell(values[$0] ?? .null)) })
    }
}

/// What all pictures of a phantom have in common.
private final class Pictures: Sendable {
    private let phantom: any Phantom
    private let products: [PhantomProduct]
    private let geometry: Geometry
    private let canonical: String
    private let seed: UInt64

    /// What phantoms draw for equal settings; raise it whenever any of them draws something else.
    private static let revision = 2

    init(_ world: PhantomWorld, seed: UInt64) throws {
        phantom = world.phantom
        products = world.phantom.products
        geometry = try world.phantom.geometry
        canonical = world.canonical.text
        self.seed = seed
    }

    /// The same whatever the count.
    static func name(_ index: Int) -> String {
        let digits = String(index)
        return String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    /// There may be a million of them, so an item is little more than its name.
    func item(_ name: String, _ index: Int) -> SourceItem {
        SourceItem(
            computed: name, scratchBytes: { self.phantom.scratchBytes($0.subtracting(["parameters", "facts"])) }
        ) {
            self.loaders(index)
        } loadTogether: { wanted, pool in
            try self.render(index, wanted, pool)
        }
    }

    private func loaders(_ index: Int) -> [String: ItemLoader] {
        let described = products.map { ($0.name, $0.estimate(geometry)) }
        let ports = described + [("parameters", ValueEstimate(size: GridSize(1, 1)))]
        let loaders = ports.map { port, estimate in
            let loader = ItemLoader(paths: [], reader: "phantom \(Self.revision)") {
                estimate
            } contentHashes: {
                [SHA256.hex(of: "\(self.canonical)\n\(self.seed)\n\(index)\n\(port)")]
            } load: {
                guard let value = try self.render(index, [port], .serial)[port] else { throw Diagnostic.missing(port) }
                return value
            }
            return (port, loader)
        }
        var made = Dictionary(loaders, uniquingKeysWith: { first, _ in first })
        if !phantom.factNames.isEmpty {
            made[ConfiguredSource.factsPort] = .facts {
                try PhantomSource.facts(self.phantom, seed: self.seed, index: index)
            }
        }
        return made
    }

    private func render(
        _ index: Int, _ wanted: Set<String>, _ pool: ThreadPool
    ) throws -> [String: any PortValue] {
        try PhantomSource.render(phantom, seed: seed, index: index, wanted, pool: pool)
    }
}

extension Diagnostic {
    fileprivate static func missing(_ product: String) -> Diagnostic {
        Diagnostic(.stageFailed, "the phantom did not render its product '\(product)' (a defect in lucency)")
    }
}

extension PhantomProduct {
    fileprivate var portType: PortType {
        switch kind {
        case .image, .floatImage: Image.portType
        case .labels: LabelMap.portType
        case .probabilities: ProbabilityMap.portType
        }
    }

    fileprivate func estimate(_ common: Geometry) -> ValueEstimate {
        let channels =
            switch kind {
            case .image(let channels, _), .floatImage(let channels): channels
            case .labels: 1
            case .probabilities(let classes): classes
            }
        return ValueEstimate(geometry: geometry ?? common, channels: channels)
    }
}

extension PhantomValue {
    fileprivate var portValue: any PortValue {
        switch self {
        case .image(let image): image
        case .labels(let labels): labels
        case .probabilities(let map): map
        }
    }
}
