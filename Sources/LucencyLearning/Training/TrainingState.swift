import LucencyFoundation
import LucencyNetworks
import LucencyTensor

/// Where training stands between two epochs, in a folder: training that goes on from there ends with the same bytes as
/// training that was never stopped.
///
/// `state.json` names the checkpoint that belongs to it and is replaced last, so that whenever the program dies, one whole
/// state is there.
struct TrainingState: Codable {
    /// What was trained: the settings, network and cases, hashed. Another training finds nothing here.
    var key: String
    var history: [EpochRecord] = []
    var best: Double?
    var bestEpoch: Int?

    private static let name = "state.json"
    private func checkpointName(_ epoch: Int) -> String { "checkpoint-\(epoch).safetensors" }
    private func bestName(_ epoch: Int) -> String { "best-\(epoch).safetensors" }
    /// How the files of a strategy begin.
    private func prefix(_ run: Int, _ epoch: Int) -> String { "strategy\(run)-\(epoch)-" }

    /// The last state of this training in a folder, or nil.
    static func load(from folder: String, key: String) -> TrainingState? {
        guard let text = try? FileSystem.text(FileSystem.join(folder, name), limit: 1 << 26),
            let json = try? JSONValue(parsing: text), let state = try? json.decoded(as: TrainingState.self),
            state.key == key
        else { return nil }
        return state
    }

    /// Takes away the state in a folder.
    static func forget(in folder: String) { FileSystem.remove(FileSystem.join(folder, name)) }

    /// Brings a learner and strategies to this state; gives the best weights so far.
    /// - Throws: when a file is damaged; what was restored until then is of no use.
    func restore(_ learner: Learner, _ runs: [any StrategyRun], from folder: String) throws -> [String: Tensor]? {
        let best = try bestEpoch.map { epoch in
            let stored = try Weights(path: FileSystem.join(folder, bestName(epoch))).tensors
            return try Dictionary(
                uniqueKeysWithValues: stored.map { ($0.name, try Tensor(Shape($0.shape), $0.floats())) })
        }
        for (index, run) in runs.enumerated() {
            try run.restore(from: folder, prefix: prefix(index, history.count))
        }
        try learner.restore(try Checkpoint(path: FileSystem.join(folder, checkpointName(history.count))))
        return best
    }

    /// Keeps the state after an epoch.
    /// - Parameter best: the weights that are the best now, where this epoch made them.
    func save(
        _ learner: Learner, _ runs: [any StrategyRun], best: [String: Tensor]?, to folder: String
    ) throws {
        try FileSystem.makeFolder(folder)
        let checkpoint = Checkpoint(learner), epoch = history.count
        try checkpoint.write(to: FileSystem.join(folder, checkpointName(epoch)))
        if let best {
            let stored = try best.sorted { $0.key < $1.key }.map { name, tensor in
                try StoredTensor(name: name, shape: tensor.shape.dimensions, floats: tensor.buffer)
            }
            try Safetensors.write(Weights(stored, metadata: [:]), to: FileSystem.join(folder, bestName(epoch)))
        }
        for (index, run) in runs.enumerated() { try run.save(to: folder, prefix: prefix(index, epoch)) }
        try FileSystem.replace(FileSystem.join(folder, Self.name), temporaryName: ".state.tmp") {
            try FileSystem.write(try JSONValue(encoding: self).text, to: $0)
        }
        let kept = [Self.name, checkpointName(epoch)] + (bestEpoch.map { [bestName($0)] } ?? [])
        for name in (try? FileSystem.names(in: folder)) ?? [] where !kept.contains(name) {
            let isOurs = name.hasPrefix("checkpoint-") || name.hasPrefix("best-") || name.hasPrefix("strategy")
            let isNow = runs.indices.contains { name.hasPrefix(prefix($0, epoch)) }
            if isOurs && !isNow { FileSystem.remove(FileSystem.join(folder, name)) }
        }
    }
}
