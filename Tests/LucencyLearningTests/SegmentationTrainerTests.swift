import Foundation
import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import LucencyTensor
import Support
import Testing

@Suite struct SegmentationTrainerTests {
    private var settings: TrainingSettings {
        var settings = TrainingSettings()
        settings.epochs = 6
        settings.batch = 4
        settings.patch = [32, 32]
        settings.rate = 5e-3
        settings.seed = 3
        settings.augmentation = AugmentationPipeline([.flip(Flip()), .noise(GaussianNoise())])
        return settings
    }

    private func trainer(
        _ settings: TrainingSettings, threads: Int = 1, network: UNet = UNet(channels: [8, 16])
    ) throws -> SegmentationTrainer {
        try SegmentationTrainer(
            network, classes: 2, training: Discs.cases(0..<12), validation: Discs.cases(12..<16), settings: settings,
            kernels: Kernels(family: .best), pool: ThreadPool(threads: threads))
    }

    private func weights(_ result: SegmentationTrainer.Result) -> [String: [Float]] {
        let names = result.parameters.declarations.map(\.name)
        return Dictionary(uniqueKeysWithValues: names.map { ($0, result.parameters[$0]?.array ?? []) })
    }

    @Test func `a small network learns to find discs`() throws {
        let result = try #require(try trainer(settings).train())
        #expect(result.history.count == 6)
        #expect(result.history[5].loss < 0.75 * result.history[0].loss)
        #expect(try #require(result.validation).dice > 0.85)
        #expect(result.validation?.dice == result.history.compactMap { $0.validation?.dice }.max())
        #expect(result.history[0].parts.keys.sorted() == ["cross-entropy", "dice"])
    }

    @Test func `one and two threads give the same bytes`() throws {
        var short = settings
        short.epochs = 2
        let one = try #require(try trainer(short).train()), two = try #require(try trainer(short, threads: 2).train())
        #expect(weights(one) == weights(two))
        #expect(one.history == two.history)
        short.seed = 4
        #expect(weights(try #require(try trainer(short).train())) != weights(one))
    }

    @Test(arguments: [0, 1, 2, 3])
    func `objectives for calibration learn too, with the same bytes on any threads and after a stop`(
        _ index: Int
    ) throws {
        let all: [[any ObjectiveComponent]] = [
            [VaryingSmoothingTarget(), DiceTerm()], [CrossEntropyTarget(), NeighbourTerm()],
            [CrossEntropyTarget(), NeighbourTerm(prior: .imageSquared)], [SelfDistillationTarget(), DiceTerm()],
        ]
        var chosen = settings
        chosen.objective = Objective(all[index])
        // Coarser results have targets, priors and teachers of their own.
        var network = UNet(channels: [8, 16, 16])
        network.scales = index > 1 ? 2 : 1
        let one = try #require(try trainer(chosen, network: network).train())
        #expect(try #require(one.validation).dice > 0.75)
        #expect(one.history[0].parts.count == 2)
        try withTemporaryFolder { folder in
            var steps = 0
            let stopped = try trainer(chosen, network: network).train(folder: folder.path, key: "k") {
                steps += 1
                return steps > 7
            }
            #expect(stopped == nil)
            let two = try #require(
                try trainer(chosen, threads: 2, network: network).train(folder: folder.path, key: "k"))
            #expect(weights(two) == weights(one) && two.history == one.history)
        }
    }

    @Test func `the first epoch with a teacher is cross-entropy's, and later ones are not`() throws {
        var plain = settings, taught = settings
        (plain.epochs, taught.epochs) = (2, 2)
        plain.keepsBest = false
        taught.keepsBest = false
        plain.objective = Objective([CrossEntropyTarget()])
        taught.objective = Objective([SelfDistillationTarget()])
        let one = try #require(try trainer(plain).train()), two = try #require(try trainer(taught).train())
        #expect(one.history[0].loss == two.history[0].loss && one.history[0].validation == two.history[0].validation)
        #expect(one.history[1].loss != two.history[1].loss && weights(one) != weights(two))
        taught.objective = Objective([SelfDistillationTarget(alpha: 0)])
        #expect(weights(try #require(try trainer(taught).train())) == weights(one))
        // Its weights and its forward pass take memory.
        let without = try trainer(taught).predictedBytes()
        taught.objective = Objective([SelfDistillationTarget()])
        #expect(try trainer(taught).predictedBytes() > without)
    }

    @Test func `training that is stopped anywhere and goes on ends with the same bytes`() throws {
        var average = settings
        average.epochs = 4
        average.averageDecay = 0.9
        let whole = try #require(try trainer(average).train())
        for stop in [1, 4, 8] {
            try withTemporaryFolder { folder in
                var steps = 0
                let first = try trainer(average).train(folder: folder.path, key: "k") {
                    steps += 1
                    return steps > stop
                }
                #expect(first == nil)
                let second = try #require(try trainer(average).train(folder: folder.path, key: "k"))
                #expect(weights(second) == weights(whole), "stopped after \(stop) steps")
                #expect(second.history == whole.history)
                // Another training does not take these checkpoints for its own.
                let other = try trainer(average).train(folder: folder.path, key: "other")
                #expect(other?.history == whole.history)
            }
        }
    }

    @Test func `a damaged checkpoint begins the training anew instead of failing it`() throws {
        try withTemporaryFolder { folder in
            var short = settings
            short.epochs = 2
            let whole = try #require(try trainer(short).train(folder: folder.path, key: "k"))
            for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name.hasPrefix("check") {
                try Data("rubbish".utf8).write(to: folder.appending(path: name))
            }
            let again = try #require(try trainer(short).train(folder: folder.path, key: "k"))
            #expect(weights(again) == weights(whole))
        }
    }

    @Test func `patience stops training when validation gets no better`() throws {
        var long = settings
        long.epochs = 40
        long.patience = 2
        long.rate = 1e-9
        let result = try #require(try trainer(long).train())
        #expect(result.history.count < 40)
    }

    @Test func `validation is judged by the metric that is named`() throws {
        var byLoss = settings
        byLoss.metric = .logLoss
        let result = try #require(try trainer(byLoss).train())
        let losses = result.history.compactMap { $0.validation?.logLoss }
        #expect(result.validation?.logLoss == losses.min())
        #expect(losses.count == 6 && losses[0] > 0)
        for entry in result.history {
            let score = try #require(entry.validation)
            // One foreground class in each case: IoU is Dice / (2 - Dice) case by case, so that means stay in order.
            #expect(score.iou <= score.dice && score.iou >= score.dice / 2)
        }
        let score = ValidationScore(dice: 0.6, diceByClass: [0.9, 0.8, nil, 0.4], iou: 0.5, logLoss: 0.3)
        #expect(ValidationMetric.allCases.map { $0.merit(score) } == [0.6, 0.5, 0.4, -0.3])
    }

    @Test func `deep supervision learns from coarser results too`() throws {
        var network = UNet(channels: [8, 16, 16])
        network.scales = 2
        let result = try #require(try trainer(settings, network: network).train())
        #expect(try #require(result.validation).dice > 0.8)
    }

    @Test func `steps win over epochs, and memory is known beforehand`() throws {
        var some = settings
        some.steps = 4
        let trainer = try trainer(some)
        #expect(trainer.steps == 4 && trainer.epochs == 2)
        #expect(try trainer.predictedBytes() > 100_000)
        let result = try #require(try trainer.train())
        #expect(result.history.map(\.step) == [3, 4])
    }

    @Test func `what contradicts is refused, all at once`() throws {
        var wrong = settings
        wrong.batch = 0
        wrong.patch = [32, 32, 8]
        wrong.objective = Objective([CrossEntropyTarget(), FocalTarget()])
        let error = #expect(throws: DiagnosticList.self) { try trainer(wrong) }
        let text = error?.description ?? ""
        #expect(text.contains("batch must be in"))
        #expect(text.contains("targets"))
        #expect(text.contains("2 dimensions"))
        #expect(throws: Diagnostic.self) {
            try SegmentationTrainer(
                UNet(channels: [8, 16]), classes: 2, training: [], validation: [], settings: settings)
        }
    }
}
