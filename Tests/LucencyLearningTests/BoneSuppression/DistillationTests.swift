import Foundation
import LucencyFoundation
import LucencyLearning
import LucencyNetworks
import LucencyTensor
import Support
import Testing

/// Few-step training of latent diffusion, on latent images of a single site: points in a plane.
@Suite struct DistillationTests {
    /// Two channels at one site, no resampling.
    private static func network(_ prediction: DiffusionPrediction = .velocity) -> LatentDiffusion {
        var network = LatentDiffusion()
        network.autoencoder = VectorAutoencoder(channels: [4], hidden: 4)
        (network.autoencoder.units, network.autoencoder.latent, network.autoencoder.codes) = (0, 2, 8)
        (network.estimator.inputChannels, network.estimator.outputChannels) = (4, 4)
        (network.estimator.base, network.estimator.multipliers, network.estimator.blocks) = (32, [1], 1)
        (network.estimator.attentionFactors, network.estimator.heads, network.estimator.groups) = ([], 1, 1)
        network.schedule = .scaledLinear
        (network.prediction, network.endsInNoise) = (prediction, prediction == .velocity)
        return network
    }

    private static func point(_ x: Double, _ y: Double) throws -> Tensor {
        try Tensor([1, 2, 1, 1], [Float(x), Float(y)])
    }

    /// A mixture of two Gaussians in the plane, and what is seen of a point: a linear map of it with noise.
    private static func mixture(_ count: Int, _ stream: String) throws -> [(seen: Tensor, point: Tensor)] {
        var random = PhiloxStream(seed: 11, stream: stream)
        return try (0..<count).map { _ in
            let side = random.uniform() < 0.5 ? -1.0 : 1.0
            let (x, y) = (side + 0.4 * random.normal(), 0.6 * side + 0.4 * random.normal())
            let (n, m) = (0.7 * random.normal(), 0.7 * random.normal())
            return (try point(x + 0.4 * y + n, y - 0.4 * x + m), try point(x, y))
        }
    }

    private static var weights: [String: Tensor] {
        get throws { try network().autoencoder.parameters(seed: 1).tensors }
    }

    private static func settings(_ steps: Int, seed: UInt64 = 1) -> DiffusionTrainer.Settings {
        var settings = DiffusionTrainer.Settings()
        (settings.steps, settings.batch, settings.rate, settings.offset) = (steps, 16, 2e-3, 0)
        (settings.interval, settings.seed, settings.averageDecay) = (50, seed, 0.98)
        return settings
    }

    private static func trainer(
        _ pairs: [(seen: Tensor, point: Tensor)], _ settings: DiffusionTrainer.Settings,
        _ network: LatentDiffusion = network()
    ) throws -> DiffusionTrainer {
        try DiffusionTrainer(
            network, autoencoder: weights, pairs: pairs.map { (condition: $0.seen, target: $0.point) },
            settings: settings)
    }

    /// Mean squared distance of a one-step draw from the truth.
    private static func error(
        _ parameters: Parameters, _ pairs: [(seen: Tensor, point: Tensor)]
    ) throws -> Double {
        let network = network(), sampler = try LatentSampler(network, parameters: parameters)
        let estimate = try sampler.estimate(for: Shape([1, 2, 1, 1]))
        let denoising = try Denoising(network.noiseSchedule(), network.prediction)
        var one = DiffusionSampler(), sum = 0.0
        (one.steps, one.limit) = (1, .none)
        for (index, pair) in pairs.enumerated() {
            var random = PhiloxStream(seed: 3, stream: "start", index: index)
            let drawn = try one(
                from: .normal(pair.point.shape, from: &random), denoising, noise: { _ in pair.point },
                network: { try estimate($0, condition: pair.seen, times: [$1]) })
            for (a, b) in zip(drawn.array, pair.point.array) { sum += Double(a - b) * Double(a - b) }
        }
        return sum / Double(pairs.count)
    }

    @Test func `a student that is its teacher under the same condition has nothing to learn`() throws {
        let pairs = try Self.mixture(32, "train")
        let taught = try #require(try Self.trainer(pairs, Self.settings(50)).train())
        // One step: Adam makes full steps of any rounding there is.
        var trainer = try Self.trainer(pairs, Self.settings(1, seed: 2))
        trainer.initial = taught.parameters
        trainer.teacher = .init(weights: taught.parameters, conditions: pairs.map(\.seen))
        var losses: [Double] = []
        _ = try trainer.train(report: { losses.append($0.record.figures["loss"] ?? .nan) })
        #expect(losses.count == 1 && losses.allSatisfy { $0 < 1e-9 }, "\(losses)")
        // The same with another condition has.
        trainer.teacher?.conditions = pairs.map(\.point)
        losses = []
        _ = try trainer.train(report: { losses.append($0.record.figures["loss"] ?? .nan) })
        #expect(losses.allSatisfy { $0 > 1e-5 }, "\(losses)")
    }

    @Test(arguments: DiffusionPrediction.allCases)
    func `errors of outputs and of estimated images agree up to the factor of their time`(
        _ prediction: DiffusionPrediction
    ) throws {
        var random = PhiloxStream(seed: 5)
        let denoising = try Denoising(NoiseSchedule(.scaledLinear), prediction), shape = try Shape([1, 2, 4, 4])
        let x = Tensor.normal(shape, from: &random)
        let a = Tensor.normal(shape, from: &random), b = Tensor.normal(shape, from: &random)
        let parameters = try Parameters([], seed: 0)
        let plain = DiffusionTrainer.Teacher(weights: parameters, conditions: [], isPlain: true)
        let weighted = DiffusionTrainer.Teacher(weights: parameters, conditions: [])
        func squares(_ a: Tensor, _ b: Tensor) -> Double {
            zip(a.array, b.array).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
        }
        for time in [0, 10, 200, 600, 900] {
            let left = denoising.schedule.left(at: time)
            let images = squares(
                denoising.estimates(x, output: a, time: time).clean,
                denoising.estimates(x, output: b, time: time).clean)
            let factor = plain.factor(prediction, left: left)
            #expect(abs(images / (factor * factor * squares(a, b)) - 1) < 1e-3, "\(time)")
            if prediction == .velocity { #expect(abs(factor * factor - (1 - left)) < 1e-12) }
            let w = weighted.factor(prediction, left: left) / factor
            #expect(w * w <= 5 + 1e-9)
        }
    }

    @Test func `one step from noise alone gives minus the output, as any sampler with one trailing step`() throws {
        let network = Self.network(), denoising = try Denoising(network.noiseSchedule(), .velocity)
        var random = PhiloxStream(seed: 6)
        let shape = try Shape([1, 2, 4, 4]), output = Tensor.normal(shape, from: &random)
        for method in DiffusionSampler.Method.allCases {
            var sampler = DiffusionSampler()
            (sampler.method, sampler.steps, sampler.limit, sampler.spacing) = (method, 1, .none, .trailing)
            let drawn = try sampler(
                from: .normal(shape, from: &random), denoising, noise: { _ in output },
                network: { _, time in
                    #expect(time == 999)
                    return output
                })
            // Ancestral steps add their posterior's noise.
            if method != .ddpm { #expect(drawn.array == output.array.map { -$0 }, "\(method)") }
        }
    }

    @Test func `a share of 1 is the film and one of 0 its soft tissue`() throws {
        let film = try Tensor([4], [0.1, 0.7, -0.3, 1]), soft = try Tensor([4], [0.3, 0.1, -0.3, -1])
        #expect(DistillationTrainer.attenuated(film, softTissue: soft, share: 1) == film)
        #expect(DistillationTrainer.attenuated(film, softTissue: soft, share: 0) == soft)
        let half = DistillationTrainer.attenuated(film, softTissue: soft, share: 0.5).array
        #expect(zip(half, [0.2, 0.4, -0.3, 0] as [Float]).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    private static func ladder(
        _ pairs: [(seen: Tensor, point: Tensor)], steps: Int, seed: UInt64
    ) throws -> DistillationTrainer {
        var settings = DistillationTrainer.Settings()
        settings.first = Self.settings(steps, seed: seed)
        settings.laterRate = 1e-3
        let rungs = [0.25, 0.5, 1].map { share in
            pairs.map { DistillationTrainer.attenuated($0.seen, softTissue: $0.point, share: share) }
        }
        return try DistillationTrainer(
            network(), autoencoder: weights, conditions: rungs, targets: pairs.map(\.point), settings: settings)
    }

    /// Few pairs, so that what chance has drawn matters; the means over three seeds.
    @Test func `one step after a ladder errs less than after direct training of as many steps`() throws {
        let train = try Self.mixture(48, "train"), test = try Self.mixture(300, "test")
        var direct = 0.0, distilled = 0.0
        for seed in 1...3 as ClosedRange<UInt64> {
            direct += try Self.error(
                #require(try Self.trainer(train, Self.settings(600, seed: seed)).train()).parameters, test)
            distilled += try Self.error(
                #require(try Self.ladder(train, steps: 400, seed: seed).train()).parameters, test)
        }
        #expect(distilled < 0.9 * direct, "\(distilled / 3), \(direct / 3)")
    }

    @Test func `a ladder goes on where it was stopped, with the same bytes, on any rung`() throws {
        let pairs = try Self.mixture(20, "train"), trainer = try Self.ladder(pairs, steps: 200, seed: 4)
        let whole = try #require(try trainer.train())
        #expect(whole.records.map(\.count) == [4, 1, 1])
        try withTemporaryFolder { folder in
            for limit in [2, 5] {
                let path = folder.appending(path: "\(limit)").path
                var seen = 0
                let stopped = try trainer.train(folder: path, key: "k", isCancelled: { seen >= limit }) { _ in seen += 1
                }
                #expect(stopped == nil && seen == limit)
                var again = 0
                let resumed = try #require(try trainer.train(folder: path, key: "k", report: { _ in again += 1 }))
                #expect(again == 6 - limit)
                #expect(resumed.parameters.tensors == whole.parameters.tensors)
                #expect(resumed.records == whole.records)
            }
        }
        var checked = trainer
        checked.recomputation = .segments
        #expect(try #require(try checked.train()).parameters.tensors == whole.parameters.tensors)
    }

    @Test func `a ladder refuses rungs that do not fit`() throws {
        let pairs = try Self.mixture(4, "train")
        #expect(throws: Diagnostic.self) {
            try DistillationTrainer(
                Self.network(), autoencoder: Self.weights, conditions: [pairs.map(\.seen), [pairs[0].seen]],
                targets: pairs.map(\.point), settings: .init())
        }
        var settings = DistillationTrainer.Settings()
        settings.share = 0
        #expect(throws: DiagnosticList.self) {
            try DistillationTrainer(
                Self.network(), autoencoder: Self.weights, conditions: [pairs.map(\.seen)],
                targets: pairs.map(\.point), settings: settings)
        }
        var trainer = try Self.trainer(pairs, Self.settings(2))
        trainer.teacher = .init(weights: try Self.network().parameters(seed: 1), conditions: [pairs[0].seen])
        #expect(throws: Diagnostic.self) { try trainer.train() }
    }
}
