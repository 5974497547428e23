import LucencyFoundation
import LucencyNetworks
import LucencyTensor

/// A training step as a tape, and the plan by which it is run: forward, objective, backward.
struct TrainingStep {
    let images: Value
    let inputs: [ObjectiveInputs]
    /// How much coarser each output is, per axis.
    let factors: [[Int]]
    let loss: Value
    let parts: [ObjectiveValues.Part]
    /// What strategies added.
    private let runs: [any StrategyRun]
    let plan: TensorPlan
    /// Floating-point operations of the network's forward pass over the batch, a multiply-add counted as two.
    let forwardOperations: Int
    /// Those of what strategies recorded, such as further passes.
    let addedOperations: Int
    private let stateBytes: Int
    /// What a teacher takes with some threads; nil where the objective has none.
    private let teacherBytes: ((_ threads: Int) throws -> Int)?

    /// - Parameters:
    ///   - settings: with the extents of the patch.
    ///   - runs: strategies that add to the objective.
    /// - Throws: `Diagnostic` when the network does not give the classes, or cannot take the patch.
    init(
        _ network: any Network, classes: Int, settings: TrainingSettings, runs: [any StrategyRun], kernels: Kernels
    ) throws {
        let tape = Tape(.training)
        images = tape.input("images", try Shape([settings.batch, network.inputChannels] + settings.patch.reversed()))
        let (outputs, features) = try network.withFeatures(images, Scope(tape))
        func operations() -> Int {
            tape.records.reduce(0) { sum, record in
                let inputs = record.inputs.map { tape.shapes[$0] }, outputs = record.outputs.map { tape.shapes[$0] }
                return sum + record.operation.floatingPointOperations(inputs, outputs)
            }
        }
        forwardOperations = operations()
        guard let full = outputs.first, full.shape.channels == classes else {
            throw Diagnostic(
                .shapeMismatch,
                "the network gives \(outputs.first?.shape.channels ?? 0) classes, the data have \(classes)")
        }
        var total: Value?, parts: [ObjectiveValues.Part] = [], inputs: [ObjectiveInputs] = [], factors: [[Int]] = []
        // Deep supervision: each coarser result counts half as much as the one before (Isensee et al. 2021); sum 1.
        let weights = outputs.indices.map { 1 / Double(1 << $0) }, sum = weights.reduce(0, +)
        for (index, output) in outputs.enumerated() {
            let objective = try settings.objective.inputs(on: tape, logits: output.shape)
            let values = try settings.objective.record(on: tape, logits: output, inputs: objective)
            if index == 0 { parts = values.parts }
            inputs.append(objective)
            factors.append(zip(full.shape.spatial, output.shape.spatial).map { $0 / $1 })
            let weight = weights[index] / sum
            let part = weight == 1 ? values.total : try tape.scale(values.total, by: Float(weight))
            if let before = total { total = try tape.add(before, part) } else { total = part }
        }
        if runs.contains(where: \.replacesObjective) { (total, parts) = (nil, []) }
        let scene = StepScene(
            tape: tape, images: images, outputs: outputs, features: features, inputs: inputs)
        let ownOperations = operations()
        for run in runs {
            for part in try run.record(scene) where part.weight != 0 {
                parts.append(part)
                let weighted = part.weight == 1 ? part.value : try tape.scale(part.value, by: Float(part.weight))
                if let before = total { total = try tape.add(before, weighted) } else { total = weighted }
            }
        }
        addedOperations = operations() - ownOperations
        guard let loss = total else { throw Diagnostic(.badArgument, "the network has no result") }
        plan = try TensorPlan(
            tape, outputs: [loss] + parts.map(\.value) + runs.flatMap(\.watched), gradientsOf: loss,
            options: .init(kernels: kernels))
        let weightCount = tape.parameters.reduce(0) { $0 + ($1.isTrainable ? $1.shape.count : 0) }
        stateBytes = 4 * weightCount * (1 + settings.optimizer.moments + 1)
        let shape = images.shape
        teacherBytes =
            settings.objective.selfDistillation.map { _ in
                { try Teacher.bytes(network, shape: shape, kernels: kernels, threads: $0) }
            }
        (self.inputs, self.factors, self.parts, self.loss, self.runs) = (inputs, factors, parts, loss, runs)
    }

    /// Bytes that training takes, besides the cases: weights, gradients, moments, activations, a teacher.
    func bytes(threads: Int) throws -> Int {
        try plan.bytes(threads: threads) + stateBytes + (teacherBytes?(threads) ?? 0)
            + runs.reduce(0) { try $0 + $1.bytes(threads: threads) }
    }
}
