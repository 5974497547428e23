import LucencyFoundation

/// A trained or fitted model: a safetensors file whose metadata say which network the weights belong to, what is done to
/// images before it, and what its outputs mean. Other programs can read the weights without knowing any of that.
///
/// The metadata `lucency` is the format's version; `network`, `preprocessing`, `classes` and `training` are JSON texts.
/// A safetensors file without `lucency` opens too: it has weights and no network.
public struct ModelFile: Sendable {
    /// Which network: a kind, and a configuration that is decoded by who knows the kind. In JSON as a pipeline writes
    /// components: `{"uses": "unet", "with": {…}}`.
    public struct Network: Hashable, Sendable {
        public var kind: String
        public var configuration: JSONValue

        public init(kind: String, configuration: JSONValue = [:]) {
            self.kind = kind
            self.configuration = configuration
        }

        fileprivate var json: JSONValue { ["uses": .string(kind), "with": configuration] }
    }

    /// The version that is written. Newer ones are refused.
    public static let formatVersion = 1

    /// The file this was read from; nil for a new model.
    public let path: String?
    /// nil for plain weights.
    public let network: Network?
    public let preprocessing: Preprocessing?
    public let classes: ClassTable?
    /// How the weights came about: an object without wall times, paths or machine names, so that equal training gives equal
    /// files.
    public let training: JSONValue?
    /// The tensors; their metadata are those that the members above do not hold.
    public let weights: Weights
    /// Networks that were built from it.
    let predictors = PredictorPool()

    private static let reserved = ["lucency", "network", "preprocessing", "classes", "training"]

    /// - Throws: `Diagnostic` naming the part that is not possible.
    public init(
        network: Network, preprocessing: Preprocessing? = nil, classes: ClassTable? = nil, training: JSONValue? = nil,
        weights: Weights
    ) throws(Diagnostic) {
        for key in Self.reserved where weights.metadata[key] != nil {
            throw Diagnostic(.duplicateName, "the weights' metadata have a '\(key)', which is the model's own")
        }
        path = nil
        self.network = network
        self.preprocessing = preprocessing
        self.classes = classes
        self.training = training
        self.weights = weights
        try validate()
    }

    /// Opens a model file and checks everything but the numbers, which are read later.
    /// - Throws: `Diagnostic` naming the file and what is wrong with it.
    public init(path: String) throws(Diagnostic) { try self.init(reading: try Weights(path: path), from: path) }

    /// The model that weights and their metadata make, which were read from the file at `path`.
    /// - Throws: `Diagnostic` naming the file and what is wrong with it.
    public init(reading weights: Weights, from path: String) throws(Diagnostic) {
        var weights = weights
        guard weights.format == .safetensors else {
            throw Diagnostic(
                .unknownFormat, "this is a PyTorch checkpoint, not a model file", at: .init(file: path),
                remedy: "make one of it: lucency model import \(path) OUT.safetensors")
        }
        do throws(Diagnostic) {
            func part(_ name: String) throws(Diagnostic) -> JSONValue? {
                guard let text = weights.metadata[name] else { return nil }
                do { return try JSONValue(parsing: text) } catch {
                    throw Diagnostic(.damagedFile, "the model's \(name) is not JSON: \(error)")
                }
            }
            func decoded<Part: Decodable>(_ name: String, as _: Part.Type) throws(Diagnostic) -> Part? {
                do throws(Diagnostic) { return try part(name)?.decoded() } catch {
                    var error = error
                    if error.place == nil { error.message = "the model's \(name): \(error.message)" }
                    throw error
                }
            }
            if let version = weights.metadata["lucency"] {
                guard let number = Int(version), number >= 1 else {
                    throw Diagnostic(.damagedFile, "the model's version '\(version)' is no number")
                }
                guard number <= Self.formatVersion else {
                    throw Diagnostic(
                        .unsupportedVersion,
                        "the model is of version \(number); this program knows \(Self.formatVersion)",
                        remedy: "use a newer lucency")
                }
                guard let json = try part("network"), let kind = json["uses"]?.stringValue, !kind.isEmpty else {
                    throw Diagnostic(.damagedFile, "the model does not say which network it is")
                }
                network = Network(kind: kind, configuration: json["with"] ?? [:])
                preprocessing = try decoded("preprocessing", as: Preprocessing.self)
                classes = try decoded("classes", as: ClassTable.self)
                training = try part("training")
                for key in Self.reserved { weights.metadata[key] = nil }
            } else {
                (network, preprocessing, classes, training) = (nil, nil, nil, nil)
            }
            self.path = path
            self.weights = weights
            try validate()
        } catch { throw error.located(in: path) }
    }

    private func validate() throws(Diagnostic) {
        if let network {
            guard !network.kind.isEmpty else { throw Diagnostic(.badValue, "the network has no kind") }
            guard case .object = network.configuration else {
                throw Diagnostic(.wrongKind, "the network's configuration is no JSON object")
            }
        }
        try preprocessing?.validate()
        try classes?.validate()
        guard let training else { return }
        guard case .object = training else { throw Diagnostic(.wrongKind, "the training record is no JSON object") }
        if let path = Self.firstPath(in: training) {
            throw Diagnostic(
                .badValue, "the training record holds the path '\(path)'", remedy: "keep names, not places")
        }
    }

    /// A path would tell of the machine, and make equal trainings differ.
    private static func firstPath(in json: JSONValue) -> String? {
        switch json {
        case .string(let text): text.hasPrefix("/") || text.hasPrefix("~/") || text.hasPrefix("file:") ? text : nil
        case .array(let values): values.lazy.compactMap(firstPath).first
        case .object(let members): members.sorted { $0.key < $1.key }.lazy.compactMap { firstPath(in: $0.value) }.first
        default: nil
        }
    }

    /// Writes the model; equal models give equal bytes. A reader sees the old file, the new one, or none.
    /// - Throws: `Diagnostic` when the file cannot be written, or a tensor cannot be read.
    public func write(to path: String) throws(Diagnostic) {
        var weights = weights
        if let network {
            weights.metadata["lucency"] = String(Self.formatVersion)
            weights.metadata["network"] = network.json.text
            if let preprocessing { weights.metadata["preprocessing"] = try JSONValue(encoding: preprocessing).text }
            if let classes { weights.metadata["classes"] = try JSONValue(encoding: classes).text }
            weights.metadata["training"] = training?.text
        }
        try Safetensors.write(weights, to: path)
    }
}
