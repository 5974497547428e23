import LucencyFoundation
import LucencyImaging

/// Keys: what an item's or a whole value's result depends on, by name. Equal keys mean equal bytes.
///
/// No paths and no times stand in a key: moving a folder changes nothing.
struct Keys: Sendable {
    let plan: Plan
    let options: RunOptions
    /// Content of the files that stages read, by path.
    private let fileHashes: [String: String]

    /// - Throws: `Diagnostic` when a file that a stage reads is gone.
    init(_ plan: Plan, _ options: RunOptions) throws(Diagnostic) {
        self.plan = plan
        self.options = options
        var hashes: [String: String] = [:]
        for node in plan.nodes {
            if case .stage(let stage, _) = node.kind {
                for file in stage.files where hashes[file] == nil { hashes[file] = try FileSystem.hash(of: file) }
            }
        }
        fileHashes = hashes
    }

    /// What a node does, without what flows into it.
    func part(of node: PlanNode) -> String {
        var members: [String: JSONValue] = [
            "id": .string(node.about.id), "revision": .integer(node.about.revision), "parameters": node.parameters,
        ]
        if node.about.usesKernels { members["kernels"] = .string(options.kernels.rawValue) }
        // In every node, since algorithms use transforms inside; FFTW, the default, is not named.
        if FourierBackEnd.standard != .fftw { members["fourier"] = .string(FourierBackEnd.standard.rawValue) }
        if node.isRandom { members["seed"] = .string(String(node.seed)) }
        if case .stage(let stage, let form) = node.kind {
            members["form"] = .integer(form)
            members["files"] = .array(stage.files.map { .string(fileHashes[$0] ?? "") })
        }
        members["inputs"] = .array(
            node.rows.map { row in
                .array(row.map { $0.map { .string("\(plan.nodes[$0.node].label).\($0.output)") } ?? .null })
            })
        return short(.object(members))
    }

    /// The parts of an item's key for what some nodes make of it.
    ///
    /// - Parameters:
    ///   - feeds: values that a collector takes.
    ///   - wholeKey: the key of a whole value that the nodes read.
    func parts(
        of item: SourceItem, nodes: [Int], outputs: [PlanOutput], feeds: [PlanInput] = [], wholeKey: (Int) -> String
    ) throws -> [String: String] {
        var parts: [String: String] = [
            "spacing": options.source.assumedSpacing.map { "\($0.x) \($0.y) \($0.z) mm" } ?? ""
        ]
        var readsName = false, readsGrid = false
        var wires = Set(feeds)
        for id in nodes {
            let node = plan.nodes[id]
            if case .stage = node.kind { readsGrid = true }
            parts["stage \(node.label)"] = part(of: node)
            readsName = readsName || node.isRandom
            for input in node.rows.joined() { if let input { wires.insert(input) } }
        }
        for output in outputs {
            wires.insert(output.input)
            let label = PlanNode.label(output.name, output.combination)
            parts["output \(label)"] = short([
                "as": .string(output.template.text), "writer": output.writer.parameters,
                "revision": .integer(output.writer.revision),
                "from": .string("\(plan.nodes[output.input.node].label).\(output.input.output)"),
            ])
        }
        for wire in wires {
            let node = plan.nodes[wire.node]
            if case .source(let source) = node.kind {
                let port = source.ports[wire.output].name
                if let loader = item.loaders[port] {
                    parts["input \(port)"] = try loader.contentHash()
                    parts["reader of \(port)"] = loader.reader
                }
            } else if node.scope == .whole {
                parts["value \(node.label)"] = wholeKey(wire.node)
            }
        }
        if readsName { parts["name"] = item.relative }
        // Stages may look at the grid of the item's image (`StageContext.sourceGeometry`) where they do not read it.
        if readsGrid, parts["input image"] == nil, let image = item.loaders["image"] {
            parts["grid of image"] = (try? image.estimate())?.geometry.map(text) ?? ""
        }
        return parts
    }

    func key(_ parts: [String: String]) -> String {
        SHA256.hex(of: JSONValue.object(parts.mapValues { .string($0) }).text)
    }

    private func text(_ geometry: Geometry) -> String {
        let map = geometry.indexToWorld
        let numbers = [map.x, map.y, map.z, map.offset].flatMap { [$0.x, $0.y, $0.z] }
        return "\(geometry.size), \(numbers.map(\.description).joined(separator: " ")), \(geometry.spacingSource.name)"
    }

    private func short(_ json: JSONValue) -> String { String(SHA256.hex(of: json.text).prefix(32)) }
}

extension PlanNode {
    static func label(_ name: String, _ combination: Combination) -> String {
        combination.isEmpty
            ? name
            : name + "[" + combination.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
                + "]"
    }
}
