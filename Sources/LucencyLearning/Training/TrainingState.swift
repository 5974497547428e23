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

    /// The last state of this training in a folder, or nil.
    static func load(from folder: String, key: String) -> TrainingState? {
        guard let text = try? FileSystem.text(FileSystem.join(folder, name), limit: 1 << 26),
            let json = try? JSONValue(parsing: text), let state = try? json.decoded(as: TrainingState.self),
            state.key == key
        else { return nil }
        return state
    }

    /// Brings a learner to this state; gives the best weights so far.
    /// - Throws: when a file is damaged; the learner is as it was then.
    func restore(_ learner: Learner, from folder: String) throws -> [String: Tensor]? {
        let best = try bestEpoch.map {
            try Checkpoint(path: FileSystem.join(folder, bestName($0))).weights(averaged: true)
        }
        try learner.restore(try Checkpoint(path: FileSystem.join(folder, checkpointName(history.count))))
        return best
    }

    /// Keeps the state after an epoch.
    func save(_ learner: Learner, isBest: Bool, to folder: String) throws {
        try FileSystem.makeFolder(folder)
        let checkpoint = Checkpoint(learner), epoch = history.count
        try checkpoint.write(to: FileSystem.join(folder, checkpointName(epoch)))
        if isBest { try checkpoint.write(to: FileSystem.join(folder, bestName(epoch))) }
        try FileSystem.replace(FileSystem.join(folder, Self.name), temporaryName: ".state.tmp") {
            try FileSystem.write(try JSONValue(encoding: self).text, to: $0)
        }
        let kept = [Self.name, checkpointName(epoch)] + (bestEpoch.map { [bestName($0)] } ?? [])
        for name in (try? FileSystem.names(in: folder)) ?? [] where !kept.contains(name) {
            if name.hasSuffix(".safetensors") { FileSystem.remove(FileSystem.join(folder, name)) }
        }
    }
}
