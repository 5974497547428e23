import LucencyFoundation
import LucencyNetworks
import LucencyTensor

/// Another state of the network (as it was earlier, or its moving average), asked for its probabilities in each step.
struct Teacher {
    /// Its weights and states as they are now.
    let parameters: Parameters
    private let images: Value
    private let probabilities: Value
    private let workspace: Workspace
    private let updates: WeightUpdates

    /// - Parameters:
    ///   - shape: of a batch of images.
    ///   - parameters: those that are learnt; a copy is kept.
    init(
        _ network: any Network, shape: Shape, parameters: Parameters, kernels: Kernels, pool: ThreadPool
    ) throws {
        let made = try Self.plan(network, shape: shape, kernels: kernels)
        (images, probabilities) = (made.images, made.probabilities)
        self.parameters = try parameters.copy()
        workspace = try Workspace(made.plan, parameters: self.parameters, pool: pool)
        updates = WeightUpdates(kernels.family, pool: pool)
    }

    private static func plan(
        _ network: any Network, shape: Shape, kernels: Kernels
    ) throws -> (images: Value, probabilities: Value, plan: TensorPlan) {
        let tape = Tape(.inference)
        let images = tape.input("images", shape)
        guard let full = try network(images, Scope(tape)).first else {
            throw Diagnostic(.badArgument, "the network has no result")
        }
        let probabilities = try tape.softmax(full)
        return (
            images, probabilities, try TensorPlan(tape, outputs: [probabilities], options: .init(kernels: kernels))
        )
    }

    /// Bytes that a teacher takes, with its weights.
    static func bytes(_ network: any Network, shape: Shape, kernels: Kernels, threads: Int) throws -> Int {
        let plan = try plan(network, shape: shape, kernels: kernels).plan
        return plan.bytes(threads: threads) + 4 * (try network.parameters(seed: 0).trainableWeights)
    }

    /// Takes over the weights and states that the network has now.
    func follow(_ learnt: Parameters) {
        parameters.trainable.update(from: learnt.trainable, count: learnt.trainableCount)
        parameters.states.update(from: learnt.states, count: learnt.stateCount)
        parameters.noteChange()
    }

    /// Moves its weights towards those that the network has now.
    /// - Parameters:
    ///   - keep: how much of its own weights remains, in 0...1.
    ///   - buffers: what becomes of the states, such as running means.
    func follow(_ learnt: Parameters, keeping keep: Float, buffers: TeacherBufferForm = .copied) {
        updates.average(learnt.trainable, into: parameters.trainable, count: learnt.trainableCount, keep: keep)
        switch buffers {
        case .averaged: updates.average(learnt.states, into: parameters.states, count: learnt.stateCount, keep: keep)
        case .copied: parameters.states.update(from: learnt.states, count: learnt.stateCount)
        }
        parameters.noteChange()
    }

    /// Writes the weights as a safetensors file.
    func write(to path: String) throws {
        let stored = try parameters.slots.compactMap { slot in
            try parameters[slot.declaration.name].map {
                try StoredTensor(name: slot.declaration.name, shape: $0.shape.dimensions, floats: $0.buffer)
            }
        }
        try Safetensors.write(Weights(stored, metadata: [:]), to: path)
    }

    /// Takes over the weights that `write` wrote.
    func read(_ path: String) throws {
        let stored = try Weights(path: path).tensors
        try parameters.load(
            Dictionary(uniqueKeysWithValues: stored.map { ($0.name, try Tensor(Shape($0.shape), $0.floats())) }))
    }

    /// What it says of a batch: N, classes, spatial; each pixel's sum to 1.
    func callAsFunction(_ batch: Tensor) throws -> Tensor {
        try workspace.run([images: batch])
        return try workspace.tensor(probabilities)
    }
}
