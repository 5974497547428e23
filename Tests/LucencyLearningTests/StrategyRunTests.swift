import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import LucencyTensor
import Support
import Testing

/// What the trainer promises every strategy, shown by one that does a little of everything.
@Suite struct StrategyRunTests {
    /// Adds count · mean(logits²), counts steps, moves the labels' border after each epoch.
    private struct Meddler: Strategy {
        static let name = "meddler"
        var weight = 0.01
        func problems(classes: Int?) -> [Diagnostic] { weight < 0 ? [problem("the weight is negative")] : [] }
        func run(in training: StrategyTraining) throws -> (any StrategyRun)? {
            MeddlerRun(weight: weight, first: training.cases[0])
        }
    }

    private final class MeddlerRun: StrategyRun {
        private let weight: Double, first: TrainingCase
        private var count = 0, grown = 0
        private var factor: Value?, size: Value?

        init(weight: Double, first: TrainingCase) { (self.weight, self.first) = (weight, first) }

        func record(_ scene: StepScene) throws -> [ObjectiveValues.Part] {
            let factor = scene.tape.input("count", .scalar), size = try scene.tape.mean(scene.tape.square(scene.outputs[0]))
            (self.factor, self.size) = (factor, size)
            let value = try scene.tape.multiply(factor, size)
            return [ObjectiveValues.Part(name: "size", weight: weight, value: value)]
        }
        var watched: [Value] { size.map { [$0] } ?? [] }
        func inputs(step: Int, batch: BatchMaker.Batch, tensors: [Value: Tensor]) throws -> [Value: Tensor] {
            guard let factor else { return [:] }
            return [factor: try Tensor(.scalar, AlignedBuffer([Float(count)]))]
        }
        func finishStep(_ step: Int, _ workspace: Workspace) throws {
            guard let size, try workspace.tensor(size).scalar > 0 else { return }
            count += 1
        }
        func finishEpoch(_ epoch: Int) throws -> [String: JSONValue] {
            grown = epoch
            return ["count": .integer(count)]
        }
        private var grownLabels: AlignedBuffer<Int32> {
            var labels = first.sample.labels
            labels.withUnsafeMutableBufferPointer { for index in 0..<grown * 48 { $0[index] = 1 } }
            return labels
        }
        func cases(_ original: [TrainingCase]) throws -> [TrainingCase] {
            guard grown > 0 else { return original }
            let sample = try Sample(
                name: first.name, form: first.sample.form, image: first.sample.image, labels: grownLabels)
            return [TrainingCase(sample)] + original.dropFirst()
        }
        var changedLabels: [ChangedLabels] {
            [ChangedLabels(name: first.name, before: first.sample.labels, after: grownLabels)]
        }
        func save(to folder: String, prefix: String) throws {
            try FileSystem.write("\(count) \(grown)", to: FileSystem.join(folder, prefix + "counts"))
        }
        func restore(from folder: String, prefix: String) throws {
            let text = try FileSystem.text(FileSystem.join(folder, prefix + "counts"), limit: 100)
            let numbers = text.split(separator: " ").compactMap { Int($0) }
            guard numbers.count == 2 else { throw Diagnostic(.damagedFile, "no counts") }
            (count, grown) = (numbers[0], numbers[1])
        }
    }

    private func trainer(_ strategy: TrainingStrategy, threads: Int = 1) throws -> SegmentationTrainer {
        var settings = TrainingSettings()
        settings.epochs = 4
        settings.batch = 4
        settings.patch = [32, 32]
        settings.seed = 3
        settings.strategy = strategy
        return try SegmentationTrainer(
            UNet(channels: [8, 16]), classes: 2, training: Discs.cases(0..<12), validation: Discs.cases(12..<14),
            settings: settings, pool: ThreadPool(threads: threads))
    }

    @Test func `a strategy adds terms, fills its inputs, watches steps, changes labels and is on record`() throws {
        let plain = try #require(try trainer(.supervised).train())
        let result = try #require(try trainer(TrainingStrategy(Meddler())).train())
        #expect(result.history != plain.history)
        #expect(result.history.map { $0.strategy?["count"] } == [3, 6, 9, 12].map { JSONValue.integer($0) })
        #expect(result.history[1].parts["size"] ?? 0 > 0)
        #expect(result.history.allSatisfy { $0.json.text.contains(#""strategy":{"count""#) })
        #expect(result.changedLabels.count == 1)
        #expect(result.changedLabels[0].before != result.changedLabels[0].after)
        // Without its term and its labels there is no difference.
        #expect(plain.history.allSatisfy { $0.strategy == nil })
    }

    @Test func `training with a strategy that is stopped and goes on ends with the same bytes, on any threads`() throws {
        let strategy = TrainingStrategy(Meddler())
        let whole = try #require(try trainer(strategy, threads: 2).train())
        for stop in [4, 7, 10] {
            try withTemporaryFolder { folder in
                var steps = 0
                let first = try trainer(strategy).train(folder: folder.path, key: "k") {
                    steps += 1
                    return steps > stop
                }
                #expect(first == nil)
                let second = try #require(try trainer(strategy).train(folder: folder.path, key: "k"))
                #expect(second.history == whole.history, "stopped after \(stop) steps")
                #expect(second.changedLabels.map(\.after) == whole.changedLabels.map(\.after))
            }
        }
    }

    @Test func `a strategy's damaged file begins the training anew`() throws {
        let strategy = TrainingStrategy(Meddler())
        let whole = try #require(try trainer(strategy).train())
        try withTemporaryFolder { folder in
            _ = try trainer(strategy).train(folder: folder.path, key: "k")
            let names = try FileSystem.names(in: folder.path).filter { $0.hasPrefix("strategy") }
            #expect(names == ["strategy0-4-counts"])
            try FileSystem.write("x", to: FileSystem.join(folder.path, names[0]))
            #expect(try trainer(strategy).train(folder: folder.path, key: "k")?.history == whole.history)
        }
    }

    @Test func `what is wrong with a strategy's settings is refused`() {
        #expect(throws: DiagnosticList.self) { try trainer(TrainingStrategy(Meddler(weight: -1))) }
        #expect(throws: DecodingError.self) {
            try JSONValue(parsing: #"{"uses": "nothing", "with": {}}"#).decoded(as: TrainingStrategy.self)
        }
    }
}
