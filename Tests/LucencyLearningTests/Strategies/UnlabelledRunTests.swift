import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import LucencyTensor
import Support
import Testing

/// What teacher and student are to each other in one training, seen from beside the strategy at work.
@Suite(.serialized) struct UnlabelledRunTests {
    /// Works as CW-BASS does, and lets a test look at it.
    private struct Watched: Strategy {
        static let name = "watched"
        var strategy = CWBASS()
        var usesUnlabelled: Bool { true }
        func problems(classes: Int?) -> [Diagnostic] { [] }
        func run(in training: StrategyTraining) throws -> (any StrategyRun)? {
            let inner = try strategy.run(in: training)
            return inner.map { GradientRun($0, training) }
        }
    }

    /// What was found, step by step.
    private static let found = Lock<[String: [Float]]>([:])

    /// CW-BASS at work, whose gradients are taken apart.
    private final class GradientRun: StrategyRun {
        private let inner: any StrategyRun
        private let training: StrategyTraining
        private var probes: [(name: String, of: Value, workspace: Workspace)] = []

        init(_ inner: any StrategyRun, _ training: StrategyTraining) { (self.inner, self.training) = (inner, training) }

        func begin() throws { try inner.begin() }

        func record(_ scene: StepScene) throws -> [ObjectiveValues.Part] {
            let parts = try inner.record(scene), unlabelled = scene.tape.inputs("unlabelled.images")[0]
            let labelled = try scene.tape.mean(scene.tape.square(scene.outputs[0]))
            for (name, loss, of) in [
                ("unlabelled loss, labelled images", parts[0].value, scene.images),
                ("unlabelled loss, unlabelled images", parts[0].value, unlabelled),
                ("labelled loss, unlabelled images", labelled, unlabelled),
                ("labelled loss, labelled images", labelled, scene.images),
            ] {
                // Both losses on the tape, one of them without a say, so that both streams are connected.
                let other = loss.id == labelled.id ? parts[0].value : labelled
                let total = try scene.tape.add(loss, scene.tape.scale(other, by: 0))
                let plan = try TensorPlan(
                    scene.tape, outputs: [total], gradientsOf: total, inputGradients: [of],
                    options: .init(kernels: training.kernels))
                let workspace = try Workspace(plan, parameters: training.parameters.copy(), pool: training.pool)
                probes.append((name, of, workspace))
            }
            return parts
        }

        func inputs(step: Int, batch: BatchMaker.Batch, tensors: [Value: Tensor]) throws -> [Value: Tensor] {
            let inputs = try inner.inputs(step: step, batch: batch, tensors: tensors)
            for probe in probes {
                try probe.workspace.run(tensors.merging(inputs) { $1 })
                let gradient = try probe.workspace.gradient(of: probe.of).array
                UnlabelledRunTests.found.withLock { $0[probe.name, default: []] += gradient }
            }
            return inputs
        }

        /// The weights stand still for a moment, while the teacher follows.
        func finishStep(_ step: Int, _ workspace: Workspace) throws {
            guard step == 0, let teacher = inner.judged else { return }
            let names = teacher.declarations.map(\.name)
            func weights(_ parameters: Parameters) -> [[Float]] { names.map { parameters[$0]?.array ?? [] } }
            let before = weights(teacher), student = weights(training.parameters)
            for step in 0..<20 { try inner.finishStep(step, workspace) }
            let isState = teacher.declarations.map { !$0.isTrainable }
            UnlabelledRunTests.found.withLock { found in
                for (index, after) in weights(teacher).enumerated() {
                    let kind = isState[index] ? "states" : "weights"
                    found["\(kind) before", default: []] += before[index]
                    found["\(kind) student", default: []] += student[index]
                    found["\(kind) after", default: []] += after
                }
            }
        }

        var judged: Parameters? { inner.judged }
    }

    private static func trainer(_ strategy: CWBASS, spoilt: Bool = false) throws -> SegmentationTrainer {
        var settings = TrainingSettings()
        settings.epochs = 2
        settings.batch = 4
        settings.patch = [32, 32]
        settings.rate = 0.01
        settings.keepsBest = false
        settings.strategy = spoilt ? TrainingStrategy(strategy) : TrainingStrategy(Watched(strategy: strategy))
        let unlabelled = try Discs.cases(4..<8).map { item in
            let sample = item.sample
            var image = sample.image
            if spoilt { image.withUnsafeMutableBufferPointer { $0.update(repeating: .greatestFiniteMagnitude) } }
            return TrainingCase(
                try Sample(
                    name: sample.name, form: sample.form, image: image,
                    labels: AlignedBuffer(repeating: LabelMap.ignoreLabel, count: sample.size.count)))
        }
        return try SegmentationTrainer(
            UNet(channels: [4, 8]), classes: 2, training: Discs.cases(0..<4), validation: [],
            unlabelled: unlabelled, settings: settings)
    }

    private static func watch(_ strategy: CWBASS) throws -> [String: [Float]] {
        found.withLock { $0 = [:] }
        _ = try #require(try trainer(strategy).train())
        return found.withLock { $0 }
    }

    @Test func `the loss of one kind of images has no gradient in the other`() throws {
        var strategy = CWBASS()
        strategy.warmUp = 0
        strategy.threshold = .fixed
        strategy.level = 0
        let found = try Self.watch(strategy)
        func isZero(_ name: String) throws -> Bool { try #require(found[name]).allSatisfy { $0 == 0 } }
        #expect(try isZero("unlabelled loss, labelled images"))
        #expect(try isZero("labelled loss, unlabelled images"))
        #expect(try !isZero("unlabelled loss, unlabelled images"))
        #expect(try !isZero("labelled loss, labelled images"))
    }

    // φ = θ + dⁿ (φ₀ - θ) for constant θ; with the rising form φ = θ + (φ₀ - θ)/(n + 1).
    @Test func `a teacher of a student that stands still comes nearer by its decay`() throws {
        var strategy = CWBASS()
        strategy.teacher.decay = 0.95
        strategy.teacher.form = .constant
        for buffers in TeacherBufferForm.allCases {
            strategy.teacher.buffers = buffers
            try follows(Self.watch(strategy), by: (0..<20).reduce(1) { share, _ in share * 0.95 }, states: buffers)
        }
        strategy.teacher = AveragedTeacher()
        try follows(Self.watch(strategy), by: 1 / 21, states: .averaged)
    }

    private func follows(_ found: [String: [Float]], by share: Float, states: TeacherBufferForm) throws {
        for kind in ["weights", "states"] {
            let before = try #require(found["\(kind) before"]), student = try #require(found["\(kind) student"])
            let after = try #require(found["\(kind) after"])
            #expect(before != student && !before.isEmpty)
            let rest = kind == "states" && states == .copied ? 0 : share
            for index in before.indices {
                let expected = student[index] + rest * (before[index] - student[index])
                #expect(abs(after[index] - expected) <= 1e-5 * max(1, abs(student[index])))
            }
        }
    }

    @Test func `images without labels that leave the range of numbers stop training with an error`() throws {
        let error = #expect(throws: Diagnostic.self) { _ = try Self.trainer(CWBASS(), spoilt: true).train() }
        #expect(
            error?.code == .undefinedResult && error?.remedy?.contains("lower the learning rate") == true,
            "\(String(describing: error))")
    }

    @Test func `what cannot be told before the images are there is told then`() throws {
        var strategy = CWBASS()
        strategy.warmUp = 2
        #expect(strategy.notes(classes: 2, epochs: 3).isEmpty)
        #expect(strategy.notes(classes: 2, epochs: 2).joined().contains("of which there are 2"))
        #expect(strategy.notes(classes: 5, epochs: 3).joined().contains("5 classes, never exceeds 0.338"))
        strategy.threshold = .floor
        #expect(strategy.notes(classes: 5, epochs: 3).isEmpty)
        #expect(try Self.trainer(CWBASS(), spoilt: true).notes.count == 1)
    }
}
