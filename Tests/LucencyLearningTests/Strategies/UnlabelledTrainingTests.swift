import Foundation
import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import LucencyTensor
import Support
import Testing

/// Training with images without labels: CW-BASS and its rivals.
@Suite struct UnlabelledTrainingTests {
    private static let strategies: [any Strategy] = {
        // After so few steps no pixel is surer than 0.95.
        var unsure = FixMatch()
        unsure.threshold = 0.55
        return [CWBASS(), SelfTraining(), MeanTeacher(), unsure]
    }()

    /// With another weight; the teacher is judged where there is one.
    private static func weighted(_ index: Int, _ weight: Double) -> TrainingStrategy {
        switch strategies[index] {
        case var strategy as CWBASS:
            strategy.weight = weight
            return TrainingStrategy(strategy)
        case var strategy as SelfTraining:
            strategy.weight = weight
            return TrainingStrategy(strategy)
        case var strategy as MeanTeacher:
            strategy.weight = weight
            return TrainingStrategy(strategy)
        case var strategy as FixMatch:
            strategy.weight = weight
            return TrainingStrategy(strategy)
        default: return .supervised
        }
    }

    private static func unlabelled(_ range: Range<Int>) throws -> [TrainingCase] {
        try Discs.cases(range).map { item in
            let sample = item.sample
            return TrainingCase(
                try Sample(
                    name: sample.name, form: sample.form, image: sample.image,
                    labels: AlignedBuffer(repeating: LabelMap.ignoreLabel, count: sample.size.count)))
        }
    }

    private static func trainer(
        _ strategy: TrainingStrategy, unlabelled: Range<Int> = 4..<12, epochs: Int = 3, patch: [Int] = [32, 32],
        threads: Int = 1, keepsBest: Bool = false
    ) throws -> SegmentationTrainer {
        var settings = TrainingSettings()
        settings.epochs = epochs
        settings.batch = 4
        settings.rate = 5e-3
        settings.patch = patch
        settings.seed = 3
        settings.keepsBest = keepsBest
        settings.strategy = strategy
        settings.augmentation = AugmentationPipeline([.flip(Flip())])
        return try SegmentationTrainer(
            UNet(channels: [8, 16]), classes: 2, training: Discs.cases(0..<4), validation: Discs.cases(12..<14),
            unlabelled: Self.unlabelled(unlabelled), settings: settings, pool: ThreadPool(threads: threads))
    }

    private static func weights(_ result: SegmentationTrainer.Result) -> [String: [Float]] {
        let names = result.parameters.declarations.map(\.name)
        return Dictionary(uniqueKeysWithValues: names.map { ($0, result.parameters[$0]?.array ?? []) })
    }

    @Test(arguments: strategies.indices)
    func `each learns from both kinds of images, and says so in the record`(_ index: Int) throws {
        let strategy = TrainingStrategy(Self.strategies[index])
        let result = try #require(try Self.trainer(strategy, epochs: 10).train())
        // As many steps as a pass over the images without labels takes.
        #expect(result.history.map(\.step) == (1...10).map { 2 * $0 })
        let last = try #require(result.history.last)
        #expect(last.parts[strategy.name] ?? 0 > 0)
        #expect(last.strategy?[strategy.name]?["ramp"]?.doubleValue ?? 0 > 0.9)
        #expect(last.strategy?[strategy.name]?["confidence"]?.doubleValue ?? 0 > 0.5)
        #expect(last.parts["cross-entropy"] ?? 9 < result.history[0].parts["cross-entropy"] ?? 0)
        #expect(last.json.text.contains(#""strategy":{"\#(strategy.name)""#))
    }

    @Test(arguments: strategies.indices)
    func `without images it is supervised training, bit for bit`(_ index: Int) throws {
        let plain = try #require(try Self.trainer(.supervised, unlabelled: 0..<0).train())
        let none = try #require(
            try Self.trainer(TrainingStrategy(Self.strategies[index]), unlabelled: 0..<0).train())
        #expect(Self.weights(none) == Self.weights(plain) && none.history == plain.history)
    }

    @Test(arguments: strategies.indices)
    func `with a weight of 0 it is supervised training, bit for bit`(_ index: Int) throws {
        // Twice as many images without labels as with, so that the length of an epoch would differ too.
        let plain = try #require(try Self.trainer(.supervised).train())
        let none = try #require(try Self.trainer(Self.weighted(index, 0)).train())
        #expect(Self.weights(none) == Self.weights(plain) && none.history == plain.history)
        #expect(!Self.weighted(index, 0).usesUnlabelled)
        let some = try #require(try Self.trainer(Self.weighted(index, 1)).train())
        #expect(Self.weights(some) != Self.weights(plain))
    }

    @Test(arguments: strategies.indices)
    func `two threads and training that was stopped end with the same bytes`(_ index: Int) throws {
        let strategy = TrainingStrategy(Self.strategies[index])
        // The last weights, or those of the best validation, which is the teacher's where there is one to judge.
        for (stop, keepsBest) in [(2, false), (3, true), (4, true), (5, false), (5, true)] {
            let whole = try #require(try Self.trainer(strategy, threads: 2, keepsBest: keepsBest).train())
            try withTemporaryFolder { folder in
                var steps = 0
                let first = try Self.trainer(strategy, keepsBest: keepsBest).train(folder: folder.path, key: "k") {
                    steps += 1
                    return steps > stop
                }
                #expect(first == nil)
                let second = try #require(
                    try Self.trainer(strategy, keepsBest: keepsBest).train(folder: folder.path, key: "k"))
                #expect(second.epoch == whole.epoch)
                #expect(
                    second.history.map(\.json.text) == whole.history.map(\.json.text), "stopped after \(stop) steps")
                #expect(Self.weights(second) == Self.weights(whole))
            }
        }
    }

    @Test func `no gradient reaches the teacher, which keeps what it is told to keep of its weights`() throws {
        var strategy = CWBASS()
        (strategy.teacher.decay, strategy.teacher.form) = (1, .constant)
        strategy.warmUp = 0
        let result = try #require(try Self.trainer(TrainingStrategy(strategy)).train())
        let initial = try UNet(channels: [8, 16]).fitted(axes: 2, inputChannels: 1, classes: 2).parameters(seed: 3)
        for entry in initial.declarations {
            #expect(result.parameters[entry.name]?.array == initial[entry.name]?.array)
        }
        strategy.teacher.decay = 0
        let teacher = try #require(try Self.trainer(TrainingStrategy(strategy)).train())
        strategy.judged = .student
        let student = try #require(try Self.trainer(TrainingStrategy(strategy)).train())
        #expect(Self.weights(teacher) == Self.weights(student))
    }

    @Test func `self-training begins after its part of the training, with a teacher that stands still`() throws {
        var strategy = SelfTraining()
        strategy.start = 0.5
        let result = try #require(try Self.trainer(TrainingStrategy(strategy), epochs: 4).train())
        let losses = result.history.map { $0.parts[SelfTraining.name] ?? -1 }
        #expect(losses[0] == 0 && losses[1] == 0 && losses[2] > 0 && losses[3] > 0)
    }

    @Test func `before self-training begins it is supervised training, running statistics included`() throws {
        // The state after the first two of four epochs, each of one step.
        func state(_ strategy: TrainingStrategy) throws -> Checkpoint {
            try withTemporaryFolder { folder in
                var steps = 0
                let result = try Self.trainer(strategy, unlabelled: 4..<8, epochs: 4).train(
                    folder: folder.path, key: "k"
                ) {
                    steps += 1
                    return steps > 2
                }
                #expect(result == nil)
                return try Checkpoint(path: folder.appending(path: "checkpoint-2.safetensors").path)
            }
        }
        let plain = try state(.supervised)
        #expect(plain.tensors.keys.contains { $0.hasSuffix("running_var") })
        var strategy = SelfTraining()
        strategy.start = 0.5
        #expect(try state(TrainingStrategy(strategy)) == plain)
        strategy.start = 0.25
        #expect(try state(TrainingStrategy(strategy)) != plain)
    }

    /// Keeps the training that it is asked to work in.
    private struct Spy: Strategy {
        static let name = "spy"
        static let seen = Lock<StrategyTraining?>(nil)
        func problems(classes: Int?) -> [Diagnostic] { [] }
        func run(in training: StrategyTraining) throws -> (any StrategyRun)? {
            Self.seen.withLock { $0 = training }
            return nil
        }
    }

    @Test func `pixels beyond the image and cut-out ones do not count, the rest does`() throws {
        _ = try Self.trainer(TrainingStrategy(Spy()), patch: [64, 64]).predictedBytes()
        let training = try #require(Spy.seen.withLock { $0 })
        let plain = try UnlabelledBatches(training, isStrong: false)(step: 3, pool: .serial)
        #expect(plain.images.array == plain.spoilt.array)
        let inside = plain.counted.array.map { $0 >= 0 }
        // A frame of 8 pixels around 48.
        #expect(inside.count { $0 } == 4 * 48 * 48)
        #expect(zip(plain.images.array, inside).allSatisfy { $1 || $0 == 0 })
        let batches = try UnlabelledBatches(training, isStrong: true)
        var cut = 0
        for step in 0..<8 {
            let batch = try batches(step: step, pool: .serial)
            #expect(batch.images.array != batch.spoilt.array)
            for (value, (counts, inside)) in zip(batch.spoilt.array, zip(batch.counted.array, inside))
            where counts < 0 && inside {
                cut += 1
                #expect(value == 0)
            }
            // The same, however many threads make it.
            let again = try batches(step: step, pool: ThreadPool(threads: 2))
            #expect(again.spoilt.array == batch.spoilt.array && again.counted.array == batch.counted.array)
        }
        // Every second image loses 2 to 40 %.
        let share = Double(cut) / Double(8 * inside.count { $0 })
        #expect(share > 0.02 && share < 0.3)
    }

    @Test func `impossible settings are refused by name, and possible ones survive JSON`() throws {
        var strategy = CWBASS()
        (strategy.weight, strategy.base, strategy.gamma, strategy.teacher.decay) = (-1, 2, -1, 1.5)
        (strategy.decay, strategy.level, strategy.slope) = (2, -1, .nan)
        (strategy.warmUp, strategy.boundaryWeight) = (-1, -1)
        let text = strategy.problems(classes: nil).map(\.message).joined(separator: "\n")
        for name in ["weight", "base", "gamma", "teacherDecay", "decay", "level", "beta", "warmUp", "boundaryWeight"] {
            #expect(text.contains(name), "\(name) was accepted")
        }
        #expect(throws: DiagnosticList.self) { try Self.trainer(TrainingStrategy(strategy)) }
        var late = SelfTraining(), sure = FixMatch(), mean = MeanTeacher()
        (late.start, sure.threshold, mean.rampUp) = (1, 1.5, 2)
        for strategy in [late, sure, mean] as [any Strategy] {
            #expect(strategy.problems(classes: nil).count == 1)
        }
        for index in Self.strategies.indices {
            let kept = Self.weighted(index, 0.25)
            #expect(kept.usesUnlabelled)
            #expect(try JSONValue(encoding: kept).decoded(as: TrainingStrategy.self) == kept)
        }
    }
}
