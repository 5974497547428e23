import LucencyFoundation
import LucencyTensor

/// What a stretch of training steps came to: means over its steps.
public struct StepRecord: Codable, Hashable, Sendable {
    /// Steps done at its end.
    public var step: Int
    /// Losses and other figures by name.
    public var figures: [String: Double]

    public var json: JSONValue {
        .object(["step": .integer(step)].merging(figures.mapValues { .number($0) }) { $1 })
    }
}

/// Where training by steps stands, in a folder: the checkpoints of its learners, and `steps.json`, which names them and is
/// replaced last, so that one whole state is there whenever the program dies.
private struct StepState: Codable {
    /// What was trained, hashed. Another training finds nothing here.
    var key: String
    var records: [StepRecord] = []

    private static let name = "steps.json"
    private var step: Int { records.last?.step ?? 0 }
    private func checkpoint(_ learner: Int) -> String { "learner\(learner)-\(step).safetensors" }

    /// The last state of this training in a folder, restored; nil where there is none, or it cannot be read.
    static func restored(_ learners: [Learner], from folder: String?, key: String) -> StepState? {
        guard let folder, let text = try? FileSystem.text(FileSystem.join(folder, name), limit: 1 << 26),
            let json = try? JSONValue(parsing: text), let state = try? json.decoded(as: StepState.self),
            state.key == key
        else { return nil }
        do {
            // All are read before any is restored, so that a damaged one changes nothing.
            let checkpoints = try learners.indices.map {
                try Checkpoint(path: FileSystem.join(folder, state.checkpoint($0)))
            }
            for (learner, checkpoint) in zip(learners, checkpoints) { try learner.restore(checkpoint) }
        } catch {
            FileSystem.remove(FileSystem.join(folder, name))
            return nil
        }
        return state
    }

    func save(_ learners: [Learner], to folder: String) throws {
        try FileSystem.makeFolder(folder)
        for (index, learner) in learners.enumerated() {
            try Checkpoint(learner).write(to: FileSystem.join(folder, checkpoint(index)))
        }
        try FileSystem.replace(FileSystem.join(folder, Self.name), temporaryName: ".steps.tmp") {
            try FileSystem.write(try JSONValue(encoding: self).text, to: $0)
        }
        let kept = learners.indices.map(checkpoint)
        for name in (try? FileSystem.names(in: folder)) ?? []
        where name.hasPrefix("learner") && name.hasSuffix(".safetensors") && !kept.contains(name) {
            FileSystem.remove(FileSystem.join(folder, name))
        }
    }
}

/// Training by steps in stretches, after each of which there is a record and a checkpoint.
struct StepLoop {
    private let learners: [Learner]
    private let steps, interval: Int
    private let folder: String?
    private var state: StepState
    private var means = FigureMeans(), start = Machine.seconds

    /// Goes on where this training stopped in a folder, or begins.
    /// - Parameter learners: the first one's steps count.
    init(_ learners: [Learner], steps: Int, interval: Int, folder: String?, key: String) {
        self.learners = learners
        self.steps = steps
        self.interval = interval
        self.folder = folder
        state = StepState.restored(learners, from: folder, key: key) ?? StepState(key: key)
    }

    /// Steps done.
    var step: Int { learners[0].step }
    var isDone: Bool { step >= steps }
    var records: [StepRecord] { state.records }

    /// Takes the figures of a step that was done.
    /// - Returns: at the end of a stretch, which is saved then, its record and an estimate of the seconds left.
    mutating func add(_ figures: [String: Double]) throws -> (record: StepRecord, secondsLeft: Double)? {
        means.add(figures)
        guard step % interval == 0 || isDone else { return nil }
        let stretch = step - (state.records.last?.step ?? 0), record = means.taken(step: step)
        state.records.append(record)
        if let folder { try state.save(learners, to: folder) }
        let now = Machine.seconds, perStep = (now - start) / Double(max(1, stretch))
        start = now
        return (record, perStep * Double(steps - step))
    }
}

/// The means of figures over the steps of a stretch.
private struct FigureMeans {
    private var sums: [String: Double] = [:]
    private var count = 0

    mutating func add(_ figures: [String: Double]) {
        for (name, value) in figures { sums[name, default: 0] += value }
        count += 1
    }

    mutating func taken(step: Int) -> StepRecord {
        let record = StepRecord(step: step, figures: sums.mapValues { $0 / Double(max(1, count)) })
        self = FigureMeans()
        return record
    }
}
