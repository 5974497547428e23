import Foundation
import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import LucencyTensor
import Support
import Testing

/// Joint training on small stripes: of one class they stand, of the other they lie.
@Suite struct HistologyTrainerTests {
    private static func image(_ index: Int, side: Int = 64) throws -> Image {
        var random = PhiloxStream(seed: 9, stream: "stripes", index: index)
        let phase = 6 * random.uniform(), pitch = 3.0 + random.uniform(), isLying = index % 2 == 1
        let pixels = (0..<3).flatMap { channel in
            (0..<side * side).map { place -> Float in
                let along = Double(isLying ? place / side : place % side)
                return Float(127 + (60 + 20 * Double(channel)) * sin(along / pitch + phase))
            }
        }
        return try Image(
            geometry: Geometry(size: GridSize(side, side)), colorModel: .rgb, pixels: AlignedBuffer(pixels))
    }

    private static func cases(_ range: Range<Int>, patient: (Int) -> String? = { "p\($0)" }) throws -> [HistologyCase] {
        try range.map {
            try HistologyCase(
                name: "\($0)", sharp: image($0), factor: 2, label: $0 % 2, patient: patient($0))
        }
    }

    private static var network: SHISRCNet {
        var network = SHISRCNet(factor: 2, skip: .cubic)
        (network.features, network.blocks) = (8, 1)
        return network
    }

    private static var settings: HistologySettings {
        var settings = HistologySettings()
        (settings.patch, settings.batch, settings.epochs, settings.seed) = (64, 2, 2, 5)
        // A turn would make one class the other.
        settings.augmentation = AugmentationPipeline([.flip(Flip())])
        return settings
    }

    private static func trainer(
        _ settings: HistologySettings = settings, training: Range<Int> = 0..<4, threads: Int = 1
    ) throws -> HistologyTrainer {
        try HistologyTrainer(
            network, training: cases(training), validation: cases(100..<104), settings: settings,
            kernels: Kernels(family: .portable), pool: ThreadPool(threads: threads))
    }

    private static func weights(_ result: HistologyTrainer.Result?) throws -> [String: Tensor] {
        let result = try #require(result)
        return result.parameters.tensors
    }

    @Test func `training that was stopped goes on to the same bytes, whatever the threads, staged or not`() throws {
        for order in HistologySettings.Order.allCases {
            var settings = Self.settings
            (settings.order, settings.firstStage, settings.averageDecay) = (order, 0.25, 0.9)
            let whole = try Self.trainer(settings).train()
            #expect(whole?.history.count == 2 && whole?.history.last?.step == 4)
            #expect(whole?.history.first?.parts.count == (order == .classifierOnly ? 2 : 3))
            try withTemporaryFolder { folder in
                var steps = 0
                let stopped = try Self.trainer(settings).train(folder: folder.path, key: "k") {
                    steps += 1
                    return steps > 3
                }
                #expect(stopped == nil)
                let resumed = try Self.trainer(settings, threads: 2).train(folder: folder.path, key: "k")
                #expect(try Self.weights(resumed) == Self.weights(whole))
                #expect(resumed?.history == whole?.history)
                #expect(resumed?.validation == whole?.validation)
            }
        }
    }

    @Test func `while the super-resolution learns alone, the classifier stays as it began`() throws {
        var settings = Self.settings
        (settings.order, settings.firstStage, settings.epochs, settings.keepsBest) = (.staged, 0.9, 1, false)
        settings.steps = 1
        // One step is no stage of its own; of two the first is.
        #expect(try Self.trainer(settings).stepsAlone == 0)
        settings.steps = 2
        let trainer = try Self.trainer(settings)
        #expect(trainer.stepsAlone == 1)
        var seen = 0
        let initial = try Self.network.parameters(seed: 5).tensors
        try withTemporaryFolder { folder in
            settings.steps = nil
            (settings.patchesPerCase, settings.firstStage) = (1, 0.5)
            settings.epochs = 2
            let trainer = try Self.trainer(settings)
            _ = try trainer.train(folder: folder.path, key: "k") {
                seen += 1
                return seen > 2
            }
            let checkpoint = try Checkpoint(path: folder.appending(path: "checkpoint-1.safetensors").path)
            let weights = checkpoint.weights(averaged: false)
            for (name, tensor) in weights where name.hasPrefix("cf.") { #expect(tensor == initial[name], "\(name)") }
            #expect(weights.contains { $0.key.hasPrefix("sr.") && $0.value != initial[$0.key] })
        }
    }

    @Test func `the classifier alone learns on pictures that stay as the network enlarges them at first`() throws {
        var settings = Self.settings
        (settings.order, settings.keepsBest, settings.optimizer) = (.classifierOnly, false, .adamW(decay: 0.1))
        let result = try #require(try Self.trainer(settings).train())
        let initial = try Self.network.parameters(seed: settings.seed).tensors
        // Weights, that is: norms go on following the pictures.
        for entry in try Self.network.declarations() where entry.isTrainable && entry.name.hasPrefix("sr.") {
            #expect(result.parameters.tensors[entry.name] == initial[entry.name], "\(entry.name)")
        }
        #expect(result.parameters.tensors.contains { $0.key.hasPrefix("cf.") && $0.value != initial[$0.key] })
        settings.objective = settings.objective.only(superResolution: true)
        #expect(throws: DiagnosticList.self) { try Self.trainer(settings) }
    }

    @Test func `a network learns to tell how stripes lie, coarse or sharp`() throws {
        var settings = Self.settings
        (settings.epochs, settings.rate, settings.validationInterval) = (12, 2e-3, 4)
        settings.batch = 4
        (settings.keepsBest, settings.objective.gamma) = (false, 0)
        settings.metric = .psnr
        let result = try #require(
            try HistologyTrainer(
                Self.network, training: Self.cases(0..<16), validation: Self.cases(100..<108), settings: settings,
                pool: ThreadPool(threads: 2)
            ).train())
        let score = try #require(result.validation)
        #expect(score.accuracy >= 0.85 && score.sharpAccuracy >= 0.85, "\(score)")
        let (first, last) = (try #require(result.history.first), try #require(result.history.last))
        #expect(last.loss < 0.7 * first.loss)
        #expect(result.history.filter { $0.scores != nil }.map(\.epoch) == [4, 8, 12])
    }

    @Test func `a patient is on one side only`() throws {
        let training = try Self.cases(0..<4), validation = try Self.cases(4..<6) { $0 == 4 ? "p2" : nil }
        let error = #expect(throws: DiagnosticList.self) {
            try HistologyTrainer(Self.network, training: training, validation: validation, settings: Self.settings)
        }
        #expect(
            error?.diagnostics.first?.message == "the patient 'p2' is in training ('2') and in validation ('4')")
        let cases = try Self.cases(0..<30) { $0 < 24 ? "p\($0 / 4)" : nil }
        var sizes: Set<Int> = []
        for seed in 0..<6 {
            let (left, right) = HistologyCase.divided(cases, validation: 0.2, seed: UInt64(seed))
            #expect(left.count + right.count == 30 && (6...9).contains(right.count))
            #expect(Set(left.compactMap(\.patient)).isDisjoint(with: right.compactMap(\.patient)))
            sizes.insert(right.count)
        }
        #expect(sizes.count > 1)
        #expect(HistologyCase.divided(cases, validation: 0, seed: 0).validation.isEmpty)
        let one = HistologyCase.divided(Array(cases[0..<4]), validation: 0.5, seed: 0)
        #expect(one.training.count == 4 && one.validation.isEmpty)
    }

    @Test func `patches of both resolutions show the same, and augmentation happens to both`() throws {
        var settings = Self.settings
        settings.augmentation = AugmentationPipeline([.flip(Flip()), .rot90(QuarterTurn())])
        let item = try HistologyCase(name: "a", sharp: Self.image(0, side: 128), factor: 4, label: 1)
        let batches = HistologyBatches(cases: [item], settings: settings, factor: 4)
        let batch = try batches(step: 3, pool: .serial)
        #expect(batch.sharp.shape.dimensions == [2, 3, 64, 64] && batch.coarse.shape.dimensions == [2, 3, 16, 16])
        #expect(batch.labels.array == [1, 1])
        let sharp = batch.sharp.array, coarse = batch.coarse.array
        var worst: Float = 0
        for plane in 0..<6 {
            for y in 2..<14 {
                for x in 2..<14 {
                    var mean: Float = 0
                    for dy in 0..<4 {
                        for dx in 0..<4 { mean += sharp[(plane * 64 + 4 * y + dy) * 64 + 4 * x + dx] / 16 }
                    }
                    worst = max(worst, abs(mean - coarse[(plane * 16 + y) * 16 + x]))
                }
            }
        }
        // The bicubic reduction is close to the mean of what a coarse pixel covers.
        #expect(worst < 0.1, "\(worst)")
        #expect(sharp.allSatisfy { $0 > 0 && $0 < 1 })
        let again = try batches(step: 3, pool: ThreadPool(threads: 2))
        #expect(again.sharp == batch.sharp && again.coarse == batch.coarse)
        #expect(try batches(step: 4, pool: .serial).sharp != batch.sharp)
    }

    @Test func `rare classes count more where they should`() {
        #expect(HistologyTrainer.balance([0, 0, 0, 1], classes: 2) == [4 / 6, 2])
        #expect(HistologyTrainer.balance([1, 1], classes: 3) == [1, 1 / 3, 1])
    }

    @Test(arguments: [
        ("patch", "the patch of 96 pixels is no multiple of 64"),
        ("white", "white must be positive"),
        ("noise", "the augmentation noise would change how the two resolutions differ"),
        ("stain", "the augmentation stain has the white 1.0, training 255.0"),
        ("large", "'0' has 64 × 64 pixels, the patch 128 × 128"),
        ("weights", "objective: all weights are 0"),
    ])
    func `what cannot be trained is refused`(what: String, message: String) throws {
        var settings = Self.settings
        switch what {
        case "patch": settings.patch = 96
        case "white": settings.white = 0
        case "noise": settings.augmentation = AugmentationPipeline([.noise(GaussianNoise())])
        case "stain":
            var stain = StainJitter()
            stain.white = 1
            settings.augmentation = AugmentationPipeline([.stain(stain)])
        case "large": settings.patch = 128
        default:
            settings.objective.superResolution = 0
            settings.objective.classification = 0
            settings.objective.contrast = 0
        }
        let error = #expect(throws: DiagnosticList.self) { try Self.trainer(settings) }
        #expect(
            error?.diagnostics.contains { $0.message.contains(message) } == true,
            "\(error.map { "\($0)" } ?? "nothing was refused")")
    }

    @Test func `pictures whose resolutions do not belong together are refused`() throws {
        let image = try Self.image(0), small = try Self.image(1, side: 30)
        let error = #expect(throws: Diagnostic.self) {
            try HistologyCase(name: "a", sharp: image, coarse: small, factor: 2, label: 0)
        }
        #expect(error?.message.contains("should have 32 × 32 for the factor 2") == true)
    }
}
