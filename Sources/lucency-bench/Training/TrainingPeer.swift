import Lucency

/// The same network in PyTorch, which learns from the files of a dump.
struct TrainingPeer {
    private let process: PeerProcess
    /// Of PyTorch.
    let version: String

    /// - Throws: `Diagnostic` when the interpreter cannot be started, or has no PyTorch.
    init(python: String, threads: Int) throws {
        process = try PeerProcess("training.py", python: python)
        guard let version = try process.versions(threads: threads)["torch"] else {
            throw Diagnostic(.missingFile, "\(python) has no torch")
        }
        self.version = version
    }

    /// Begins a training with its initial weights.
    func prepare(_ dump: TrainingDump) throws {
        _ = try process.ask([
            "do": "prepare", "settings": .string(dump.settings), "weights": .string(dump.initial),
        ])
    }

    /// Learns from a batch.
    /// - Returns: the loss before the step, and the step's seconds without reading the batch.
    func learn(_ batch: String) throws -> (loss: Double, seconds: Double) {
        let answer = try process.ask(["do": "step", "batch": .string(batch)])
        return (answer["loss"]?.doubleValue ?? .nan, answer["seconds"]?.doubleValue ?? .nan)
    }

    /// The mean Dice of test images.
    func dice(_ files: [String]) throws -> Double {
        try process.ask(["do": "test", "files": .array(files.map { .string($0) })])["dice"]?.doubleValue ?? .nan
    }
}
