import LucencyFoundation

/// The tensors that a network owns, in two flat buffers (what training changes, and states), so that optimisers, averages
/// and checkpoints are loops over one array.
///
/// One writer at a time, and none while a workspace runs with it.
public final class Parameters: @unchecked Sendable {
    // Sendable by hand: see the rule above; the values are plain memory.

    /// Where a parameter lies.
    package struct Slot: Sendable {
        package let declaration: ParameterDeclaration
        /// Position in `trainable` or `states`, a multiple of 16.
        package let offset: Int
    }

    package let slots: [Slot]
    private let indices: [String: Int]
    /// Floats in the buffers, with up to 15 unused ones (0) after each parameter.
    package let trainableCount: Int
    package let stateCount: Int
    package let trainable: UnsafeMutablePointer<Float>
    package let states: UnsafeMutablePointer<Float>
    private let storage: (AlignedBuffer<Float>, AlignedBuffer<Float>)
    /// Changes with every write through this type, so that packed copies know when they are stale.
    package private(set) var version = 0

    /// Initial values of all parameters of a tape: a function of seed and name only, so that a layer added elsewhere
    /// changes no other.
    public init(_ declarations: [ParameterDeclaration], seed: UInt64) throws(Diagnostic) {
        var slots: [Slot] = []
        var indices: [String: Int] = [:]
        var trainableCount = 0, stateCount = 0
        for declaration in declarations {
            guard indices.updateValue(slots.count, forKey: declaration.name) == nil else {
                throw Diagnostic(.duplicateName, "two parameters are named '\(declaration.name)'")
            }
            let padded = (declaration.shape.count + 15) / 16 * 16
            guard trainableCount < Shape.maximumCount, stateCount < Shape.maximumCount else {
                throw Diagnostic(.tooLarge, "the network has more than \(Shape.maximumCount) weights")
            }
            slots.append(Slot(declaration: declaration, offset: declaration.isTrainable ? trainableCount : stateCount))
            if declaration.isTrainable { trainableCount += padded } else { stateCount += padded }
        }
        guard 4 * (trainableCount + stateCount) <= Machine.memory else {
            throw Diagnostic(
                .tooLarge, "the network's \(trainableCount + stateCount) weights are more than the memory holds")
        }
        self.slots = slots
        self.indices = indices
        self.trainableCount = trainableCount
        self.stateCount = stateCount
        storage = (
            AlignedBuffer(repeating: 0, count: trainableCount), AlignedBuffer(repeating: 0, count: stateCount)
        )
        // The buffers are never shared, so their addresses stay.
        trainable = storage.0.stableAddress
        states = storage.1.stableAddress
        for slot in slots {
            let target = UnsafeMutableBufferPointer(start: address(slot), count: slot.declaration.shape.count)
            var stream = PhiloxStream(seed: seed, stream: slot.declaration.name)
            switch slot.declaration.initializer {
            case .constant(let value): target.update(repeating: value)
            case .uniform(let bound):
                let range = Double(-bound)...Double(bound)
                for index in target.indices { target[index] = Float(stream.uniform(in: range)) }
            case .normal(let deviation):
                for index in target.indices {
                    target[index] = Float(stream.normal(standardDeviation: Double(deviation)))
                }
            }
        }
    }

    package func address(_ slot: Slot) -> UnsafeMutablePointer<Float> {
        (slot.declaration.isTrainable ? trainable : states) + slot.offset
    }

    public var declarations: [ParameterDeclaration] { slots.map(\.declaration) }

    /// Number of weights that training changes.
    public var trainableWeights: Int {
        slots.reduce(0) { $0 + ($1.declaration.isTrainable ? $1.declaration.shape.count : 0) }
    }

    package func slot(_ name: String) -> Slot? { indices[name].map { slots[$0] } }

    /// The values of a parameter, or nil if there is none of that name.
    public subscript(name: String) -> Tensor? {
        guard let slot = slot(name) else { return nil }
        let source = UnsafeBufferPointer(start: address(slot), count: slot.declaration.shape.count)
        return Tensor(trusted: slot.declaration.shape) { _ = $0.initialize(from: source) }
    }

    /// Replaces the values of a parameter.
    /// - Throws: `Diagnostic` when there is none of that name, or it has another shape.
    public func set(_ name: String, to tensor: Tensor) throws(Diagnostic) {
        guard let slot = slot(name) else {
            throw Diagnostic(.unknownReference, "the network has no parameter '\(name)'")
        }
        guard slot.declaration.shape == tensor.shape else {
            throw Diagnostic(
                .shapeMismatch, "the parameter '\(name)' has the shape \(slot.declaration.shape), not \(tensor.shape)")
        }
        tensor.buffer.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { address(slot).update(from: base, count: source.count) }
        }
        version += 1
    }

    /// To be called by whoever writes through `trainable` or `states`.
    package func noteChange() { version += 1 }

    /// A copy with values of its own.
    public func copy() throws(Diagnostic) -> Parameters {
        let copy = try Parameters(declarations, seed: 0)
        copy.trainable.update(from: trainable, count: trainableCount)
        copy.states.update(from: states, count: stateCount)
        return copy
    }
}
