import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import LucencyTensor
import Support
import Testing

/// Early-learning regularisation and ADELE at work in trainings.
@Suite struct NoisyLabelTrainingTests {
    /// Discs of which every third lacks its right half.
    private static func cases(_ range: Range<Int>) throws -> [TrainingCase] {
        try Discs.cases(range).enumerated().map { index, item in
            guard index % 3 == 0 else { return item }
            let width = item.sample.size.x
            var labels = item.sample.labels
            let inside = (0..<labels.count).filter { labels[$0] == 1 }
            let middle = inside.reduce(0) { $0 + $1 % width } / max(1, inside.count)
            for pixel in inside where pixel % width > middle { labels[pixel] = 0 }
            return TrainingCase(
                try Sample(name: item.name, form: item.sample.form, image: item.sample.image, labels: labels))
        }
    }

    private func trainer(
        _ term: EarlyLearningTerm? = nil, strategy: Adele? = nil, epochs: Int = 4,
        network: UNet = UNet(channels: [8, 16]),
        patch: [Int] = [32, 32], augmentation: [Augmentation] = [], threads: Int = 1
    ) throws -> SegmentationTrainer {
        var settings = TrainingSettings()
        settings.epochs = epochs
        settings.batch = 4
        settings.patch = patch
        settings.rate = 0.01
        settings.seed = 3
        settings.keepsBest = false
        settings.objective = Objective([CrossEntropyTarget()] + (term.map { [$0] } ?? []))
        settings.augmentation = AugmentationPipeline(augmentation)
        if let strategy { settings.strategy = TrainingStrategy(strategy) }
        return try SegmentationTrainer(
            network, classes: 2, training: Self.cases(0..<12), validation: [], settings: settings,
            pool: ThreadPool(threads: threads))
    }

    private func weights(_ result: SegmentationTrainer.Result) -> [Tensor?] {
        result.parameters.declarations.map { result.parameters[$0.name] }
    }

    static let terms: [EarlyLearningTerm] = {
        var coarse = EarlyLearningTerm(), image = EarlyLearningTerm(), averaged = EarlyLearningTerm()
        coarse.every = 4
        image.scope = .image
        (averaged.averageDecay, averaged.rampSteps) = (0.9, 6)
        return [EarlyLearningTerm(), coarse, image, averaged]
    }()

    @Test(arguments: terms)
    func `targets of every kind are learnt, and training that is stopped ends with the same bytes`(
        _ term: EarlyLearningTerm
    ) throws {
        var spatial = SpatialTransform()
        spatial.rotationProbability = 0.3
        let chain: [Augmentation] = [.spatial(spatial), .flip(Flip()), .rot90(QuarterTurn())]
        let plain = try #require(try trainer(augmentation: chain).train())
        let whole = try #require(try trainer(term, augmentation: chain, threads: 2).train())
        #expect(weights(whole) != weights(plain))
        // In the first step there are no targets; from then on agreement is rewarded.
        #expect(whole.history.allSatisfy { ($0.parts["elr"] ?? 0) < 0 })
        #expect((whole.history.last?.parts["elr"] ?? 0) < (whole.history.first?.parts["elr"] ?? 0))
        let facts = try #require(whole.history.last?.strategy?["elr"])
        #expect((facts["suspected"]?.intValue ?? 0) > 0 && (facts["share"]?.doubleValue ?? 1) < 0.5)
        #expect((facts["confidence"]?.doubleValue ?? 0) > 0.1)
        #expect(facts["byClass"]?.arrayValue?.count == 2)
        #expect(facts["cases"]?.arrayValue?.first?["case"]?.stringValue?.hasPrefix("disc") == true)
        try withTemporaryFolder { folder in
            for stop in [4, 8] {
                var steps = 0
                let first = try trainer(term, augmentation: chain).train(folder: folder.path, key: "k\(stop)") {
                    steps += 1
                    return steps > stop
                }
                #expect(first == nil)
                let second = try #require(
                    try trainer(term, augmentation: chain).train(folder: folder.path, key: "k\(stop)"))
                #expect(second.history == whole.history, "stopped after \(stop) steps")
                #expect(weights(second) == weights(whole))
            }
            // A file of targets that is damaged begins the training anew.
            let name = try #require(try FileSystem.names(in: folder.path).first { $0.hasSuffix("targets.f16") })
            try FileSystem.write("x", to: FileSystem.join(folder.path, name))
            let again = try #require(try trainer(term, augmentation: chain).train(folder: folder.path, key: "k8"))
            #expect(again.history == whole.history)
        }
    }

    @Test func `a weight of 0 is training without it, bit for bit`() throws {
        let plain = try #require(try trainer(epochs: 2).train())
        let result = try #require(try trainer(EarlyLearningTerm(weight: 0), epochs: 2).train())
        #expect(weights(result) == weights(plain) && result.history == plain.history)
    }

    @Test func `coarser results of a network have the targets of their own pixels`() throws {
        var network = UNet(channels: [8, 16, 16])
        network.scales = 2
        let result = try #require(try trainer(EarlyLearningTerm(), epochs: 3, network: network).train())
        #expect((result.history.last?.parts["elr"] ?? 0) < 0)
    }

    @Test func `targets are counted in the bytes that training takes`() throws {
        let plain = try trainer().predictedBytes(), bytes = try trainer(EarlyLearningTerm()).predictedBytes()
        #expect(bytes >= plain + 12 * 48 * 48 * 2 * 2)
    }

    // MARK: ADELE

    private var adele: Adele {
        var adele = Adele()
        (adele.level, adele.every, adele.weight, adele.confidence) = (0.6, 4, 0, 0.7)
        return adele
    }

    @Test func `labels that lack half of an object are corrected, and what was changed is on record`() throws {
        let epochs = 24
        let result = try #require(try trainer(strategy: adele, epochs: epochs).train())
        let facts = result.history.compactMap { $0.strategy?["adele"] }
        #expect(facts.count == epochs)
        #expect(facts.allSatisfy { $0["iou"]?.arrayValue?.count == 2 })
        let detected = try #require(facts.firstIndex { $0["corrected"] != nil })
        #expect(facts[detected]["corrected"] == [1])
        #expect(facts[detected]["changed"] != nil)
        #expect(!result.changedLabels.isEmpty)
        let clean = try Discs.cases(0..<12)
        var before = 0, after = 0
        for change in result.changedLabels {
            let truth = try #require(clean.first { $0.name == change.name }).sample.labels
            let given = try #require(try Self.cases(0..<12).first { $0.name == change.name }).sample.labels
            #expect(change.before == given)
            before += (0..<truth.count).count { change.before[$0] != truth[$0] }
            after += (0..<truth.count).count { change.after[$0] != truth[$0] }
        }
        #expect(Double(after) < 0.8 * Double(before), "\(after) of \(before) wrong")
        // Once corrected, a class waits for an epoch after a multiple of four.
        let next = facts[(detected + 1)...].indices.first { facts[$0]["corrected"] != nil }
        #expect(next.map { $0 / 4 > detected / 4 } ?? true)
    }

    @Test(arguments: [Adele.fast(weight: 1, .paper), .fast(weight: 1, .published), .fast(weight: 0, .published)])
    func `three scales are learnt from, and training that is stopped ends with the same bytes and labels`(
        _ strategy: Adele
    ) throws {
        let whole = try #require(try trainer(strategy: strategy, epochs: 6, threads: 2).train())
        let parts = whole.history.last?.parts ?? [:]
        #expect(parts["consistency"] != nil || strategy.weight == 0)
        if strategy.total == .published {
            #expect(Set(parts.keys).subtracting(["consistency"]) == ["small", "unscaled", "large"])
        } else {
            #expect(Set(parts.keys) == ["cross-entropy", "consistency"])
        }
        #expect(!whole.changedLabels.isEmpty)
        for stop in [5, 11, 14] {
            try withTemporaryFolder { folder in
                var steps = 0
                let first = try trainer(strategy: strategy, epochs: 6).train(folder: folder.path, key: "k") {
                    steps += 1
                    return steps > stop
                }
                #expect(first == nil)
                let second = try #require(
                    try trainer(strategy: strategy, epochs: 6).train(folder: folder.path, key: "k"))
                #expect(second.history == whole.history, "stopped after \(stop) steps")
                #expect(weights(second) == weights(whole))
                #expect(second.changedLabels.map(\.name) == whole.changedLabels.map(\.name))
                #expect(second.changedLabels.map(\.after) == whole.changedLabels.map(\.after))
            }
        }
    }

    @Test func `a network whose labels never need correction is trained as without the strategy`() throws {
        var idle = adele
        idle.confidence = 1
        let plain = try #require(try trainer().train())
        let result = try #require(try trainer(strategy: idle).train())
        #expect(weights(result) == weights(plain) && result.changedLabels.isEmpty)
    }

    @Test func `settings out of range are refused, each by itself`() {
        func problems(_ change: (inout Adele) -> Void) -> Int {
            var adele = Adele()
            change(&adele)
            return adele.problems(classes: 3).count
        }
        #expect(problems { _ in } == 0)
        #expect(problems { $0.level = 1.1 } == 1)
        #expect(problems { $0.minimumRise = -1 } == 1)
        #expect(problems { $0.every = 0 } == 1)
        #expect(problems { $0.confidence = 2 } == 2)
        #expect(problems { $0.backgroundConfidence = -1 } == 1)
        #expect(problems { $0.weight = -1 } == 1)
        #expect(problems { $0.scales = [0.7] } == 1)
        #expect(problems { $0.scales = [0.7, 9] } == 1)
        #expect(problems { $0.sureness = 3 } == 1)
    }

    @Test func `settings survive JSON`() throws {
        var adele = Adele()
        (adele.total, adele.dropped, adele.backgroundConfidence) = (.published, .ignored, 0.9)
        var settings = TrainingSettings()
        settings.strategy = TrainingStrategy(adele)
        settings.objective = Objective([CrossEntropyTarget(), EarlyLearningTerm(weight: 1, momentum: 0.9)])
        let again = try JSONValue(parsing: JSONValue(encoding: settings).text).decoded(as: TrainingSettings.self)
        #expect(again == settings)
    }
}

extension Adele {
    fileprivate static func fast(weight: Double, _ total: AdeleTotal) -> Adele {
        var adele = Adele()
        (adele.level, adele.every, adele.weight, adele.total, adele.confidence) = (0.1, 1, weight, total, 0.55)
        return adele
    }
}
