import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import LucencyTensor

/// What each objective adds to a training step of a U-Net: all are run in turn, so that ratios are of the same minute.
struct ObjectiveTimes {
    /// A line of the table.
    struct Row {
        let name: String
        /// Milliseconds of a whole step: what is made of labels, both passes, and the optimiser.
        let step: Double
        /// The median over rounds of the step's time divided by that of cross-entropy in the same round.
        let ratio: Double
        /// Milliseconds for what is made of the batch's labels.
        let labels: Double
        /// Milliseconds of the objective alone, forward and backward, on given logits.
        let alone: Double
    }

    var batch = 8
    var side = 128
    var classes = 4
    var channels = [16, 32, 64]
    var threads = 1
    var rounds = 15
    var family = KernelFamily.best

    static let objectives: [(name: String, components: [any ObjectiveComponent])] = [
        ("cross-entropy", [CrossEntropyTarget()]),
        ("cross-entropy + dice", [CrossEntropyTarget(), DiceTerm()]),
        ("focal", [FocalTarget()]),
        ("label-smoothing", [LabelSmoothingTarget()]),
        ("svls", [VaryingSmoothingTarget()]),
        ("cross-entropy + confidence-penalty", [CrossEntropyTarget(), ConfidencePenaltyTerm()]),
        ("cross-entropy + mbls", [CrossEntropyTarget(), MarginTerm()]),
        ("cross-entropy + nacl", [CrossEntropyTarget(), NeighbourTerm()]),
        ("cross-entropy + nacl, window 5", [CrossEntropyTarget(), NeighbourTerm(window: 5)]),
        ("cross-entropy + dice + nacl", [CrossEntropyTarget(), DiceTerm(), NeighbourTerm()]),
    ]

    /// Discs of the classes on a ground of class 0, as wide as organs are in a patch.
    private func labels() throws -> [LabelMap] {
        try (0..<batch).map { index in
            var random = PhiloxStream(seed: 3, stream: "bench.labels", index: index)
            var map = [Int32](repeating: 0, count: side * side)
            for disc in 0..<2 * classes {
                let x = random.uniform(in: 0...Double(side)), y = random.uniform(in: 0...Double(side))
                let radius = random.uniform(in: Double(side) / 16...Double(side) / 5)
                for index in map.indices {
                    let dx = Double(index % side) - x, dy = Double(index / side) - y
                    if dx * dx + dy * dy < radius * radius { map[index] = Int32(disc % classes) }
                }
            }
            return try LabelMap(geometry: try Geometry(size: GridSize(side, side)), labels: AlignedBuffer(map))
        }
    }

    func callAsFunction() throws -> [Row] {
        let labels = try labels(), pool = ThreadPool(threads: threads)
        let runs = try Self.objectives.map { try Run(Objective($0.components), self, pool) }
        var steps = runs.map { _ in [Double]() }, prepared = steps, alone = steps, ratios = steps
        for round in 0...rounds {
            for (index, run) in runs.enumerated() {
                let samples = try milliseconds { try run.prepare(labels) }
                let step = try samples + milliseconds { try run.step() }
                let single = try milliseconds { try run.single() }
                // The first round only warms up.
                guard round > 0 else { continue }
                steps[index].append(step)
                prepared[index].append(samples)
                alone[index].append(single)
                if let first = steps[0].last { ratios[index].append(step / first) }
            }
        }
        return Self.objectives.indices.map { index in
            Row(
                name: Self.objectives[index].name, step: Self.median(steps[index]), ratio: Self.median(ratios[index]),
                labels: Self.median(prepared[index]), alone: Self.median(alone[index]))
        }
    }

    private static func median(_ numbers: [Double]) -> Double {
        numbers.isEmpty ? .nan : numbers.sorted()[numbers.count / 2]
    }

    private func milliseconds(_ body: () throws -> Void) rethrows -> Double {
        let start = Machine.seconds
        try body()
        return (Machine.seconds - start) * 1000
    }

    /// An objective behind a network, and alone.
    private final class Run {
        private let objective: Objective
        private let classes: Int
        private let network: Workspace
        private let learner: Learner
        private let inputs: ObjectiveInputs
        private var given: [Value: Tensor]
        private let image: Value
        private let alone: Workspace
        private let aloneInputs: ObjectiveInputs
        private var aloneGiven: [Value: Tensor]

        init(_ objective: Objective, _ times: ObjectiveTimes, _ pool: ThreadPool) throws {
            self.objective = objective
            classes = times.classes
            let options = TensorPlan.Options(kernels: Kernels(family: times.family))
            var stream = PhiloxStream(seed: 1, stream: "bench.objectives")
            let tape = Tape(.training), shape = try Shape([times.batch, 1, times.side, times.side])
            image = tape.input("image", shape)
            let unet = UNet(classes: times.classes, channels: times.channels)
            let logits = try unet(image, Scope(tape))[0]
            inputs = try objective.inputs(on: tape, logits: logits.shape)
            let total = try objective.record(on: tape, logits: logits, inputs: inputs).total
            let parameters = try Parameters(tape.parameters, seed: 1)
            network = try Workspace(
                TensorPlan(tape, outputs: [total], gradientsOf: total, options: options), parameters: parameters,
                pool: pool)
            learner = try Learner(
                parameters, settings: LearningSettings(optimizer: .adam(), schedule: Schedule(.constant, rate: 1e-4)),
                family: times.family, pool: pool)
            given = [image: Tensor.normal(shape, from: &stream)]
            let single = Tape(.training), x = single.input("logits", logits.shape)
            aloneInputs = try objective.inputs(on: single, logits: x.shape)
            let loss = try objective.record(on: single, logits: x, inputs: aloneInputs).total
            alone = try Workspace(
                TensorPlan(single, outputs: [loss], gradientsOf: loss, inputGradients: [x], options: options),
                parameters: Parameters([], seed: 0), pool: pool)
            aloneGiven = [x: Tensor.normal(x.shape, from: &stream)]
        }

        func prepare(_ labels: [LabelMap]) throws {
            let samples = try labels.map { try objective.sample($0, classes: classes) }
            given.merge(try inputs.tensors(samples)) { $1 }
            aloneGiven.merge(try aloneInputs.tensors(samples)) { $1 }
        }

        func step() throws {
            try network.run(given)
            try learner.learn(from: network)
        }

        func single() throws { try alone.run(aloneGiven) }
    }
}
