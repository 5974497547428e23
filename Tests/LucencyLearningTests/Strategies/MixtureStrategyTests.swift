import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import LucencyTensor
import Support
import Testing

/// Training from a few labelled pixels with Gaussian mixtures.
@Suite struct MixtureStrategyTests {
    /// Discs of which only a few pixels keep their labels.
    /// - Parameter keeps: whether a pixel does.
    private static func sparse(
        _ range: Range<Int>, keeps: (_ index: Int, _ label: Int32) -> Bool = { index, _ in index % 61 == 0 }
    ) throws -> [TrainingCase] {
        try Discs.cases(range).map { item in
            let sample = item.sample
            let labels = sample.labels.array.enumerated().map { keeps($0, $1) ? $1 : LabelMap.ignoreLabel }
            return TrainingCase(
                try Sample(name: sample.name, form: sample.form, image: sample.image, labels: AlignedBuffer(labels)))
        }
    }

    private static func trainer(
        _ strategy: MixtureStrategy?, cases: [TrainingCase]? = nil, patch: [Int] = [48, 48], epochs: Int = 3,
        threads: Int = 1
    ) throws -> SegmentationTrainer {
        var settings = TrainingSettings()
        settings.objective = Objective([CrossEntropyTarget()])
        settings.epochs = epochs
        settings.rate = 0.01
        settings.batch = 4
        settings.patch = patch
        settings.seed = 3
        if let strategy { settings.strategy = TrainingStrategy(strategy) }
        return try SegmentationTrainer(
            UNet(channels: [8, 16]), classes: 2, training: cases ?? sparse(0..<12), validation: Discs.cases(12..<14),
            settings: settings, pool: ThreadPool(threads: threads))
    }

    @Test func `its four losses are on record and fall`() throws {
        let result = try #require(try Self.trainer(MixtureStrategy(), epochs: 12).train())
        let names = ["agmm.absent", "agmm.mutual", "agmm.supervised", "agmm.separation"]
        let first = try #require(result.history.first), last = try #require(result.history.last)
        #expect(names.allSatisfy { first.parts[$0] != nil })
        #expect(last.loss < first.loss)
        #expect(last.validation?.dice ?? 0 > 0.5)
    }

    @Test func `what lies beyond the image is void, not unlabelled`() throws {
        let cases = try Self.sparse(0..<4)
        // The same pixels in images that are as large as the patch, so that the margin is unlabelled.
        let wide = try cases.map { item in
            let form = SampleForm(size: GridSize(64, 64))
            func place(_ index: Int) -> Int? {
                let x = index % 64 - 8, y = index / 64 - 8
                return (0..<48).contains(x) && (0..<48).contains(y) ? y * 48 + x : nil
            }
            return TrainingCase(
                try Sample(
                    name: item.name, form: form,
                    image: AlignedBuffer((0..<64 * 64).map { place($0).map { item.sample.image[$0] } ?? 0 }),
                    labels: AlignedBuffer((0..<64 * 64).map { place($0).map { item.sample.labels[$0] } ?? -1 })))
        }
        func parts(_ cases: [TrainingCase]) throws -> [String: Double] {
            let result = try Self.trainer(MixtureStrategy(), cases: cases, patch: [64, 64], epochs: 1).train()
            return try #require(result?.history.first).parts
        }
        let beyond = try parts(cases), unlabelled = try parts(wide)
        #expect(beyond["cross-entropy"] == unlabelled["cross-entropy"])
        #expect(beyond["agmm.supervised"] == unlabelled["agmm.supervised"])
        #expect(beyond["agmm.mutual"] != unlabelled["agmm.mutual"])
    }

    @Test func `with all weights 0 it is learning from the labelled pixels alone, bit for bit`() throws {
        var nothing = MixtureStrategy()
        (nothing.absentWeight, nothing.mutualWeight) = (0, 0)
        (nothing.supervisedWeight, nothing.separationWeight) = (0, 0)
        let plain = try #require(try Self.trainer(nil).train()),
            without = try #require(try Self.trainer(nothing).train())
        #expect(plain.history.map(\.loss) == without.history.map(\.loss))
        #expect(plain.history.map(\.parts) == without.history.map(\.parts))
        for entry in plain.parameters.declarations {
            #expect(plain.parameters[entry.name]?.array == without.parameters[entry.name]?.array)
        }
    }

    @Test func `two threads and training that was stopped end with the same bytes`() throws {
        let whole = try #require(try Self.trainer(MixtureStrategy(), threads: 2).train())
        try withTemporaryFolder { folder in
            var steps = 0
            let first = try Self.trainer(MixtureStrategy()).train(folder: folder.path, key: "k") {
                steps += 1
                return steps > 4
            }
            #expect(first == nil)
            let second = try #require(try Self.trainer(MixtureStrategy()).train(folder: folder.path, key: "k"))
            #expect(second.history == whole.history)
        }
    }

    @Test func `an image with foreground but no background among its labels is refused with a way out`() throws {
        let cases = try Self.sparse(0..<4) { index, label in index % 5 == 0 && label == 1 }
        let error = #expect(throws: Diagnostic.self) { try Self.trainer(MixtureStrategy(), cases: cases).train() }
        #expect(error?.message.contains("no labelled background") == true)
        #expect(error?.remedy?.contains("mark some background") == true)
        // One that is labelled wholly may show what it likes.
        let full = try Self.sparse(0..<4) { _, _ in true }
        #expect(try Self.trainer(MixtureStrategy(), cases: full, epochs: 1).train() != nil)
    }

    @Test func `negative weights are refused, and settings survive JSON`() throws {
        var strategy = MixtureStrategy()
        strategy.mutualWeight = -1
        #expect(throws: DiagnosticList.self) { try Self.trainer(strategy) }
        strategy.mutualWeight = 0.5
        strategy.imageClasses = .all
        strategy.separation = .code
        let kept = TrainingStrategy(strategy)
        #expect(try JSONValue(encoding: kept).decoded(as: TrainingStrategy.self) == kept)
    }
}
