import Lucency

/// What `inspect` and `model inspect` say about a model or weights file.
struct ModelInspection {
    let path: String
    let weights: Weights
    /// nil for weights of another program's format.
    let model: ModelFile?

    /// - Parameter key: the entry of a PyTorch checkpoint; nil takes the likeliest.
    init(_ path: String, key: String? = nil) throws(Diagnostic) {
        self.path = path
        let weights = try Weights(path: path, key: key)
        model = weights.format == .safetensors ? try ModelFile(reading: weights, from: path) : nil
        self.weights = model?.weights ?? weights
    }

    /// Whether a file without an image's signature may be a model: by its name, or by how it begins.
    static func mayBeModel(_ path: String) -> Bool {
        ["safetensors", "lucency", "pt", "pth"].contains(FileSystem.fileExtension(of: path))
            || Weights.mayBeWeights(path)
    }

    private var format: String { weights.format?.rawValue ?? "none" }

    /// The facts as JSON.
    func json(hashing: Bool = true) throws -> JSONValue {
        let tensors = weights.tensors.map { tensor -> JSONValue in
            [
                "name": .string(tensor.name), "dtype": .string(tensor.elementType.rawValue),
                "shape": .array(tensor.shape.map { .integer($0) }),
            ]
        }
        var members: [String: JSONValue] = [
            "file": .string(path), "format": .string(format), "tensors": .array(tensors),
            "parameters": .integer(weights.parameterCount),
            "metadata": .object(weights.metadata.mapValues { .string($0) }),
            "notes": .array(weights.notes.map { .string($0.message) }),
        ]
        if hashing { members["sha256"] = .string(try FileSystem.hash(of: path)) }
        if let network = model?.network {
            members["kind"] = .string(network.kind)
            members["network"] = network.configuration
        }
        if let preprocessing = model?.preprocessing {
            members["preprocessing"] = try JSONValue(encoding: preprocessing)
        }
        if let classes = model?.classes { members["classes"] = try JSONValue(encoding: classes) }
        members["training"] = model?.training
        return .object(members)
    }

    /// The facts for people.
    var text: String {
        var rows = [
            ("format", format), ("parameters", "\(weights.parameterCount) in \(weights.tensors.count) tensors"),
        ]
        if let network = model?.network {
            rows.append(("kind", network.kind))
            if weights.tensors.isEmpty, let members = network.configuration.objectValue {
                // A fitted value has no weights: its numbers are what there is to see.
                rows += members.sorted { $0.key < $1.key }.map { ($0.key, $0.value.text) }
            } else {
                rows.append(("network", network.configuration.text))
            }
        }
        if let preprocessing = model?.preprocessing {
            if let spacing = preprocessing.spacing {
                rows.append(("spacing", spacing.map { JSONValue.number($0).text }.joined(separator: " × ") + " mm"))
            }
            if let orientation = preprocessing.orientation { rows.append(("orientation", orientation)) }
            for channel in preprocessing.channels {
                let normalization = (try? JSONValue(encoding: channel.normalization).text) ?? ""
                rows.append(("channel", "\(channel.name) \(normalization)"))
            }
        }
        for entry in model?.classes?.classes ?? [] { rows.append(("class", "\(entry.name) = \(entry.value)")) }
        if let training = model?.training { rows.append(("training", training.text)) }
        rows += weights.metadata.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        rows += weights.notes.map { ("note", $0.message) }
        rows += weights.tensors.map { tensor in
            ("tensor", "\(tensor.name)  \(tensor.elementType.rawValue) \(tensor.shape)")
        }
        return ImageInspection.text(path, rows)
    }
}
