import LucencyFoundation

extension SHISRCNet {
    /// The modules of which the network consists.
    public enum Part: String, Codable, Hashable, Sendable, CaseIterable {
        /// `PatchClassifier`, which takes images as sharp as those that the network makes.
        case classifier
        /// `SuperResolver`.
        case superResolution = "super-resolution"

        /// What the names of its weights begin with.
        var prefix: String { self == .classifier ? "cf." : "sr." }
    }
}

extension ModelFile {
    /// A module of a SHISRCNet as a model of its own, with the same preprocessing and training record.
    /// - Throws: `Diagnostic` when the model is none, `DiagnosticList` when its settings make no network.
    public func part(_ part: SHISRCNet.Part) throws -> ModelFile {
        guard let whole = try builtNetwork() as? SHISRCNet else {
            let kind = network?.kind ?? ""
            let diagnostic = Diagnostic(
                .badArgument, "a network of the kind '\(kind)' does not enlarge and classify: it has no parts",
                remedy: "give a model of train.shisrcnet, or one imported by `lucency model import --map shisrcnet`")
            throw path.map { diagnostic.located(in: $0) } ?? diagnostic
        }
        let module =
            part == .classifier
            ? Network(kind: PatchClassifier.kind, configuration: try JSONValue(encoding: whole.classifier))
            : Network(kind: SuperResolver.kind, configuration: try JSONValue(encoding: whole.resolver))
        let weights = weights.tensors.filter { $0.name.hasPrefix(part.prefix) }
            .map { $0.renamed(String($0.name.dropFirst(part.prefix.count))) }
        return try ModelFile(
            network: module, preprocessing: preprocessing, classes: part == .classifier ? classes : nil,
            training: training, weights: Weights(weights))
    }
}
