import LucencyFoundation
import LucencyNetworks
import LucencyTensor

/// Everything that training continues from: weights and states, the optimiser's moments, the moving average, the number of
/// steps and the seed. Training that continues from one gives the same bytes as training that never stopped.
///
/// Tensors are named after the parameters behind `network.`, `average.`, `moment.0.` and `moment.1.`, so that any program
/// that reads safetensors finds the weights.
public struct Checkpoint: Hashable, Sendable {
    public var tensors: [String: Tensor]
    public var step: Int
    public var seed: UInt64
    /// The optimiser's method, which must be the same to continue.
    public var method: Optimizer.Method

    private static let network = "network.", average = "average."
    private static func moment(_ index: Int) -> String { "moment.\(index)." }

    /// What a learner holds now.
    public init(_ learner: Learner) {
        step = learner.step
        seed = learner.seed
        method = learner.settings.optimizer.method
        tensors = [:]
        for slot in learner.parameters.slots {
            let name = slot.declaration.name
            tensors[Self.network + name] = learner.parameters[name]
            tensors[Self.average + name] = learner.average?[name]
            guard slot.declaration.isTrainable else { continue }
            for (index, moment) in learner.moments.enumerated() {
                tensors[Self.moment(index) + name] = Tensor(slot.declaration.shape, moment, from: slot.offset)
            }
        }
    }

    /// Weights and states under the names of the parameters; the moving average where there is one and it is wanted.
    public func weights(averaged: Bool) -> [String: Tensor] {
        let averages = tensors(behind: Self.average)
        return averaged && !averages.isEmpty ? averages : tensors(behind: Self.network)
    }

    private func tensors(behind prefix: String) -> [String: Tensor] {
        var found: [String: Tensor] = [:]
        for (name, tensor) in tensors where name.hasPrefix(prefix) {
            found[String(name.dropFirst(prefix.count))] = tensor
        }
        return found
    }

    fileprivate func restore(_ learner: Learner) throws(DiagnosticList) {
        guard method == learner.settings.optimizer.method else {
            throw DiagnosticList([
                Diagnostic(
                    .badValue,
                    "the checkpoint is of training by \(method.rawValue), not \(learner.settings.optimizer.method.rawValue)",
                    remedy: "continue with the optimiser it was made with, or start anew from its weights")
            ])
        }
        guard Self.steps.contains(step) else {
            throw DiagnosticList([Diagnostic(.damagedFile, "the checkpoint's step \(step) is not possible")])
        }
        // Moments are checked before anything changes.
        var problems: [Diagnostic] = []
        for slot in learner.parameters.slots where slot.declaration.isTrainable {
            for index in learner.moments.indices {
                let name = Self.moment(index) + slot.declaration.name
                if tensors[name]?.shape != slot.declaration.shape {
                    problems.append(
                        Diagnostic(.missingKey, "there is no tensor '\(name)' of shape \(slot.declaration.shape)"))
                }
            }
        }
        guard problems.isEmpty else { throw DiagnosticList(problems) }
        let average = tensors(behind: Self.average)
        try learner.parameters.load(tensors(behind: Self.network))
        // Where an average is wanted that the checkpoint lacks, it begins here.
        try learner.average?.load(average.isEmpty ? tensors(behind: Self.network) : average)
        for slot in learner.parameters.slots where slot.declaration.isTrainable {
            for (index, moment) in learner.moments.enumerated() {
                tensors[Self.moment(index) + slot.declaration.name]?.buffer.withUnsafeBufferPointer { source in
                    guard let base = source.baseAddress else { return }
                    (moment.stableAddress + slot.offset).update(from: base, count: source.count)
                }
            }
        }
        learner.step = step
        learner.seed = seed
    }
}

// MARK: Files

extension Checkpoint {
    /// Numbers of steps that training can come to.
    private static let steps = 0...(1 << 53)

    /// Writes the checkpoint as a safetensors file; a reader sees the old file, the new one, or none. Equal checkpoints give
    /// equal bytes.
    /// - Throws: `Diagnostic` when the file cannot be written.
    public func write(to path: String) throws(Diagnostic) {
        var stored: [StoredTensor] = []
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            stored.append(try StoredTensor(name: name, shape: tensor.shape.dimensions, floats: tensor.buffer))
        }
        let metadata = ["checkpoint": "1", "step": "\(step)", "seed": "\(seed)", "method": method.rawValue]
        try Safetensors.write(Weights(stored, metadata: metadata), to: path)
    }

    /// Reads a checkpoint.
    /// - Throws: `Diagnostic` naming the file and what is wrong with it.
    public init(path: String) throws(Diagnostic) {
        do throws(Diagnostic) {
            let weights = try Weights(path: path), metadata = weights.metadata
            guard metadata["checkpoint"] == "1" else {
                throw Diagnostic(.unsupportedVersion, "the file is no checkpoint that this program knows")
            }
            guard let step = metadata["step"].flatMap({ Int($0) }), Self.steps.contains(step),
                let seed = metadata["seed"].flatMap({ UInt64($0) }),
                let method = metadata["method"].flatMap({ Optimizer.Method(rawValue: $0) })
            else { throw Diagnostic(.damagedFile, "the checkpoint's step, seed or method is damaged") }
            self.step = step
            self.seed = seed
            self.method = method
            tensors = [:]
            for stored in weights.tensors {
                tensors[stored.name] = try Tensor(Shape(stored.shape), stored.floats())
            }
        } catch { throw error.located(in: path) }
    }
}

extension Learner {
    /// Continues from a checkpoint of the same network and optimiser.
    /// - Throws: `DiagnosticList` with everything that does not fit; nothing is changed then, unless the moving average
    ///   alone is damaged.
    public func restore(_ checkpoint: Checkpoint) throws(DiagnosticList) { try checkpoint.restore(self) }
}

extension Tensor {
    /// A part of a flat buffer.
    fileprivate init(_ shape: Shape, _ buffer: AlignedBuffer<Float>, from offset: Int) {
        self = Tensor(trusted: shape) { target in
            buffer.withUnsafeBufferPointer { _ = target.initialize(from: $0[offset..<offset + shape.count]) }
        }
    }
}
