import LucencyFoundation
import LucencyImaging
import LucencyTensor

/// Keeps the targets of early-learning regularisation through one training.
final class EarlyLearningRun: StrategyRun {
    private let term: EarlyLearningTerm
    private let training: StrategyTraining
    private let memory: TargetMemory
    private var ramps: [Value] = []
    /// By the input of each output of the network, how much coarser that is.
    private var targets: [(input: Value, step: Subsampling)] = []
    /// N, C, spatial.
    private var probabilities: Value?
    private var average: Teacher?
    /// Of the batch that the step is about: where its pixels lie in their cases.
    private var origins: [(origin: PatchOrigin, places: AlignedBuffer<Int32>)] = []

    init(_ term: EarlyLearningTerm, _ training: StrategyTraining) throws {
        self.term = term
        self.training = training
        let largest = training.cases.reduce(1) { max($0, $1.sample.size.x, $1.sample.size.y, $1.sample.size.z) }
        memory = try TargetMemory(
            training.cases.map(\.sample.size), classes: training.classes,
            every: term.scope == .image ? largest : term.every, momentum: term.momentum, folder: training.folder)
    }

    func begin() throws {
        guard term.averageDecay != nil else { return }
        average = try Teacher(
            training.network, shape: training.batchShape, parameters: training.parameters, kernels: training.kernels,
            pool: training.pool)
    }

    func record(_ scene: StepScene) throws -> [ObjectiveValues.Part] {
        guard let full = scene.outputs.first else { return [] }
        ramps = scene.tape.inputs(EarlyLearningTerm.ramp)
        targets = try zip(scene.inputs, scene.outputs).map { inputs, output in
            let factors = zip(full.shape.spatial, output.shape.spatial).map { $0 / $1 }
            return (try inputs.additional(EarlyLearningTerm.targets), Subsampling(factors))
        }
        if term.averageDecay == nil { probabilities = try scene.tape.softmax(full) }
        return []
    }

    var watched: [Value] { probabilities.map { [$0] } ?? [] }

    func inputs(step: Int, batch: BatchMaker.Batch, tensors: [Value: Tensor]) throws -> [Value: Tensor] {
        origins = try batch.origins.map { origin in
            (origin, try origin.places(in: training.cases[origin.item].sample.form, by: training.sampler))
        }
        let told = try average.map { try $0(batch.images) }
        if let told { learn(told) }
        guard let full = targets.first?.input.shape else { return [:] }
        var known = Tensor(trusted: full) { target in
            guard let base = target.baseAddress else { return }
            for (position, entry) in origins.enumerated() {
                memory.read(entry.origin.item, at: entry.places, into: base + position * full.channels * full.pixels)
            }
        }
        // Samples whose targets stay as they are take up the average's word for this step alone.
        if let told { known = blended(known, told) }
        var inputs: [Value: Tensor] = [:]
        for target in targets { inputs[target.input] = try target.step(known) }
        for ramp in ramps { inputs[ramp] = Tensor(Float(term.ramp(step: step))) }
        return inputs
    }

    /// β t + (1 - β) p where t was not changed, t elsewhere.
    private func blended(_ known: Tensor, _ told: Tensor) -> Tensor {
        let share = training.classes * known.shape.pixels, momentum = term.momentum
        return Tensor(trusted: known.shape) { target in
            known.buffer.withUnsafeBufferPointer { known in
                told.buffer.withUnsafeBufferPointer { told in
                    for (position, entry) in origins.enumerated() {
                        let keep = isTakenUp(entry.origin) ? 1 : momentum
                        for index in position * share..<(position + 1) * share {
                            target[index] = keep * known[index] + (1 - keep) * told[index]
                        }
                    }
                }
            }
        }
    }

    private func isTakenUp(_ origin: PatchOrigin) -> Bool { term.scope == .image || origin.isExact }

    /// Takes up what was predicted for the batch, image after image.
    private func learn(_ told: Tensor) {
        let share = told.shape.channels * told.shape.pixels
        told.buffer.withUnsafeBufferPointer { told in
            guard let base = told.baseAddress else { return }
            for (position, entry) in origins.enumerated() where isTakenUp(entry.origin) {
                memory.update(entry.origin.item, at: entry.places, with: base + position * share)
            }
        }
    }

    func finishStep(_ step: Int, _ workspace: Workspace) throws {
        if let probabilities { learn(try workspace.tensor(probabilities)) }
        if let decay = term.averageDecay {
            average?.follow(training.parameters, keeping: min(decay, Float(2 + step) / Float(11 + step)))
        }
    }

    /// Cases that the record names.
    private static let listed = 10

    func finishEpoch(_ epoch: Int) throws -> [String: JSONValue] {
        var pixels = Array(repeating: 0, count: training.classes), confidence = 0.0, seen = 0
        var cases: [(name: String, found: TargetMemory.Suspects)] = []
        for (index, item) in training.cases.enumerated() {
            let found = memory.suspects(index, labels: item.sample.labels)
            for number in pixels.indices { pixels[number] += found.pixels[number] }
            confidence += found.confidence
            seen += found.seen
            if found.count > 0 { cases.append((item.name, found)) }
        }
        let count = pixels.reduce(0, +)
        cases.sort { ($0.found.count, $1.name) > ($1.found.count, $0.name) }
        func mean(_ sum: Double, _ count: Int) -> JSONValue { .number(count > 0 ? sum / Double(count) : 0) }
        return [
            "elr": [
                "suspected": .integer(count), "share": mean(Double(count), seen), "confidence": mean(confidence, count),
                "byClass": .array(pixels.map { .integer($0) }),
                "cases": .array(
                    cases.prefix(Self.listed).map { name, found in
                        [
                            "case": .string(name), "pixels": .integer(found.count),
                            "confidence": mean(found.confidence, found.count),
                        ]
                    }),
            ]
        ]
    }

    private static let targetsName = "targets.f16", averageName = "average.safetensors"

    func save(to folder: String, prefix: String) throws {
        try memory.write(to: FileSystem.join(folder, prefix + Self.targetsName))
        try average?.write(to: FileSystem.join(folder, prefix + Self.averageName))
    }

    func restore(from folder: String, prefix: String) throws {
        try memory.read(from: FileSystem.join(folder, prefix + Self.targetsName))
        try average?.read(FileSystem.join(folder, prefix + Self.averageName))
    }

    func bytes(threads: Int) throws -> Int {
        let inMemory = training.folder == nil ? memory.byteCount : 0
        guard term.averageDecay != nil else { return inMemory }
        return try inMemory
            + Teacher.bytes(
                training.network, shape: training.batchShape, kernels: training.kernels, threads: threads)
    }
}
