import LucencyFoundation

extension ModelFile {
    /// One model that averages the probabilities of several, which take the same images to the same classes.
    /// - Throws: `Diagnostic` naming the member that does not fit the first.
    public init(ensemble members: [ModelFile]) throws(Diagnostic) {
        guard let first = members.first else { throw Diagnostic(.noItems, "an ensemble needs a model") }
        var networks: [Ensemble.Member] = [], tensors: [StoredTensor] = []
        var channels = first.preprocessing?.channels ?? []
        for (index, member) in members.enumerated() {
            let name = member.path ?? "model \(index + 1)"
            guard let network = member.network else {
                throw Diagnostic(.missingKey, "\(name) has weights, but does not say of which network")
            }
            func require(_ holds: Bool, _ what: String) throws(Diagnostic) {
                guard holds else {
                    throw Diagnostic(
                        .badValue, "\(name) and \(first.path ?? "model 1") differ in \(what)",
                        remedy: "only models that take the same images to the same classes can be averaged")
                }
            }
            let own = member.preprocessing
            try require(own?.withoutRanges == first.preprocessing?.withoutRanges, "what they do to images first")
            try require(member.classes == first.classes, "their classes")
            for (number, channel) in (own?.channels ?? []).enumerated() where channels.indices.contains(number) {
                channels[number].range = Preprocessing.Channel.hull(channels[number].range, channel.range)
            }
            networks.append(Ensemble.Member(uses: network.kind, with: network.configuration))
            for tensor in member.weights.tensors { tensors.append(tensor.renamed("\(index).\(tensor.name)")) }
        }
        let ensemble = Ensemble(networks)
        if let problem = ensemble.problems().first { throw problem }
        var preprocessing = first.preprocessing
        preprocessing?.channels = channels
        // What prediction looks at is that of the first.
        var training: [String: JSONValue] = [
            "method": "ensemble", "members": .array(members.map { $0.training ?? .null }),
        ]
        for key in ["patch", "stages"] { training[key] = first.training?[key] }
        try self.init(
            network: Network(kind: Ensemble.kind, configuration: JSONValue(encoding: ensemble)),
            preprocessing: preprocessing, classes: first.classes, training: .object(training),
            weights: Weights(tensors))
    }
}

extension Preprocessing {
    /// What is done to images, without what the training images happened to hold.
    fileprivate var withoutRanges: Preprocessing {
        var copy = self
        for index in copy.channels.indices { copy.channels[index].range = nil }
        return copy
    }
}

extension Preprocessing.Channel {
    fileprivate static func hull(_ a: [Double]?, _ b: [Double]?) -> [Double]? {
        guard let a, let b, a.count == 2, b.count == 2 else { return nil }
        return [min(a[0], b[0]), max(a[1], b[1])]
    }
}
