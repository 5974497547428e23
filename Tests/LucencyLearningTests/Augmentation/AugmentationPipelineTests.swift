import Foundation
import LucencyFoundation
import LucencyImaging
import LucencyLearning
import Testing

@Suite struct AugmentationPipelineTests {
    /// Every kind, always applied.
    static func everything() -> AugmentationPipeline {
        var spatial = SpatialTransform()
        (spatial.rotationProbability, spatial.scaleProbability, spatial.elasticProbability) = (1, 1, 1)
        var flip = Flip(), turn = QuarterTurn(), gamma = Gamma(), contrast = Contrast(), brightness = Brightness()
        flip.probability = 1
        turn.probability = 1
        gamma.probability = 1
        contrast.probability = 1
        brightness.probability = 1
        var noise = GaussianNoise(), blur = GaussianBlur(), coarse = LowResolution(), stain = StainJitter()
        noise.probability = 1
        (blur.probability, blur.channelProbability) = (1, 1)
        (coarse.probability, coarse.channelProbability) = (1, 1)
        stain.probability = 1
        stain.white = 8
        var bias = BiasField()
        bias.probability = 1
        return AugmentationPipeline([
            .spatial(spatial), .stain(stain), .normalize(.init(means: [1, 2, 3], deviations: [1, 1, 2])),
            .biasField(bias), .flip(flip), .rot90(turn), .noise(noise), .blur(blur), .brightness(brightness),
            .contrast(contrast), .lowResolution(coarse), .gamma(gamma),
        ])
    }

    let form = SampleForm(size: GridSize(24, 24), spacing: [0.5, 0.5, 1], channels: 3)

    func draw(_ pipeline: AugmentationPipeline, _ step: Int, _ name: String) throws -> [DrawnAugmentation] {
        try pipeline.draw(seed: 11, step: step, name: name, for: form)
    }

    @Test func `the same seed, step and item draw the same, any other differs`() throws {
        let pipeline = Self.everything()
        let drawn = try draw(pipeline, 3, "a")
        #expect(drawn.count == pipeline.augmentations.count)
        #expect(try draw(pipeline, 3, "a") == drawn)
        #expect(try draw(pipeline, 4, "a") != drawn)
        #expect(try draw(pipeline, 3, "b") != drawn)
        #expect(try pipeline.draw(seed: 12, step: 3, name: "a", for: form) != drawn)
        #expect(try pipeline.draw(seed: 11, step: 3, name: "a", position: 1, for: form) != drawn)
    }

    @Test func `another augmentation leaves the draws of the rest alone`() throws {
        var pipeline = Self.everything()
        let all = try draw(pipeline, 0, "a")
        pipeline.augmentations.remove(at: 3)
        #expect(try draw(pipeline, 0, "a") == all.filter { $0.name != "bias-field" })
    }

    @Test func `neither the number of threads nor their order changes a byte`() throws {
        let pipeline = Self.everything()
        let size = GridSize(40, 36)
        let item = TrainingCase(try Samples.random(size, channels: 3, spacing: form.spacing))
        let sampler = PatchSampler(size: form.size)
        @Sendable func sample(_ index: Int) throws -> Sample {
            let patch = try sampler.draw(in: item, seed: 11, step: 0, position: index, batch: 12)
            let drawn = try pipeline.draw(seed: 11, step: 0, name: item.name, position: index, for: form)
            return try AugmentationPipeline.apply(drawn, to: patch, of: item, by: sampler)
        }
        let alone = try (0..<12).map(sample)
        #expect(Set(alone.map { $0.image.array }).count == 12)
        let together = Monitor<[Int: Sample]>([:])
        try ThreadPool(threads: 3).forEach(12) { index in
            let made = try sample(11 - index)
            together.update { $0[11 - index] = made }
        }
        let made = together.update { $0 }
        for index in 0..<12 { #expect(made[index] == alone[index]) }
    }

    @Test func `drawn parameters and settings survive JSON and give the same bytes again`() throws {
        let pipeline = Self.everything()
        let drawn = try draw(pipeline, 5, "json")
        let text = try JSONEncoder().encode(drawn)
        let read = try JSONDecoder().decode([DrawnAugmentation].self, from: text)
        #expect(read == drawn)
        let sample = try Samples.random(form.size, channels: 3, spacing: form.spacing)
        let changed = try AugmentationPipeline.apply(drawn, to: sample)
        #expect(try AugmentationPipeline.apply(read, to: sample) == changed)
        #expect(changed.image.array.allSatisfy { $0.isFinite })
        let settings = try JSONEncoder().encode(pipeline)
        #expect(try JSONDecoder().decode(AugmentationPipeline.self, from: settings) == pipeline)
        let unknown = Data(#"[{"uses": "sharpen", "with": {}}]"#.utf8)
        #expect(throws: (any Error).self) { try JSONDecoder().decode([DrawnAugmentation].self, from: unknown) }
        #expect(throws: (any Error).self) { try JSONDecoder().decode([Augmentation].self, from: unknown) }
        #expect(throws: (any Error).self) { try JSONDecoder().decode([GridAxis].self, from: Data(#"["w"]"#.utf8)) }
    }

    @Test func `applying leaves the sample itself as it was`() throws {
        let sample = try Samples.random(form.size, channels: 3, spacing: form.spacing)
        let copy = try Samples.random(form.size, channels: 3, spacing: form.spacing)
        for drawn in try draw(Self.everything(), 1, "pure") {
            let changed = try sample.after(drawn)
            #expect(changed != sample, "\(drawn.name)")
            #expect(sample == copy)
        }
    }

    @Test func `the default chain follows nnU-Net in order, frequency and form`() throws {
        let planar = AugmentationPipeline.nnUNet(for: SampleForm(size: GridSize(64, 64)))
        #expect(
            planar.augmentations.map(\.name) == [
                "spatial", "noise", "blur", "brightness", "contrast", "low-resolution", "gamma", "gamma", "flip",
            ])
        var counts: [String: Int] = [:]
        for index in 0..<2000 {
            let drawn = try planar.draw(
                seed: 2, step: index, name: "x", for: SampleForm(size: GridSize(64, 64)))
            for augmentation in drawn { counts[augmentation.name, default: 0] += 1 }
        }
        // Probability of each; five standard deviations of 2000 draws are below 112, of the two gammas below 124.
        for (name, expected) in [
            ("spatial", 0.36), ("noise", 0.1), ("blur", 0.1), ("brightness", 0.15), ("contrast", 0.15),
            ("low-resolution", 0.125), ("gamma", 0.4), ("flip", 0.75),
        ] { #expect(abs(Double(counts[name] ?? 0) - 2000 * expected) < 125, "\(name)") }
        func spatial(_ size: GridSize) -> SpatialTransform? {
            let chain = AugmentationPipeline.nnUNet(for: SampleForm(size: size)).augmentations
            if case .spatial(let found)? = chain.first { return found }
            return nil
        }
        #expect(spatial(GridSize(64, 32))?.rotation == Interval(-15, 15))
        #expect(spatial(GridSize(64, 64, 48))?.rotation == Interval(-30, 30))
        #expect(spatial(GridSize(128, 128, 16))?.isInPlane == true)
    }

    @Test func `factors are as often below 1 as above`() throws {
        var contrast = Contrast()
        contrast.probability = 1
        contrast.factor = Interval(0.9, 3)
        var random = PhiloxStream(seed: 3)
        var below = 0
        for _ in 0..<1000 {
            guard case .contrast(let drawn)? = contrast.draw(from: &random, for: form) else { continue }
            #expect(drawn.factors.allSatisfy { $0 >= 0.9 && $0 <= 3 })
            below += drawn.factors.filter { $0 < 1 }.count
        }
        #expect(abs(below - 1500) < 140)
    }

    @Test func `all impossible settings are told at once`() throws {
        var noise = GaussianNoise()
        noise.deviation = Interval(0.2, 0.1)
        var gamma = Gamma()
        gamma.exponent = Interval(0, 1)
        let pipeline = AugmentationPipeline([.flip(Flip()), .spatial(SpatialTransform()), .noise(noise), .gamma(gamma)])
        let errors = #expect(throws: DiagnosticList.self) { try pipeline.check(for: form) }
        #expect(errors?.diagnostics.count == 3)
        #expect(errors?.diagnostics.allSatisfy { $0.code == .badArgument && $0.remedy != nil } == true)
        #expect(throws: DiagnosticList.self) { try draw(pipeline, 0, "a") }
    }

    static let impossible: [Augmentation] = {
        func made<C>(_ component: C, _ change: (inout C) -> Void) -> C {
            var component = component
            change(&component)
            return component
        }
        return [
            .spatial(made(.init()) { $0.rotationProbability = 1.1 }), .spatial(made(.init()) { $0.scale = 0 }),
            .spatial(made(.init()) { $0.elasticAmplitude = Interval(0, 0.5) }),
            .spatial(made(.init()) { $0.elasticDistance = 0 }), .spatial(made(.init()) { $0.rotation = 181 }),
            .spatial(made(.init()) { $0.tilt = Interval(.nan, 3) }),
            .spatial(made(.init()) { $0.interpolation = .lanczos }),
            .spatial(made(.init()) { $0.elasticProbability = .nan }),
            .spatial(made(.init()) { $0.scaleProbability = -1 }),
            .flip(made(.init()) { $0.axes = [.x, .x] }), .flip(made(.init()) { $0.probability = 2 }),
            .rot90(made(.init()) { $0.axis = .x }), .rot90(made(.init()) { $0.probability = -0.5 }),
            .gamma(made(.init()) { $0.probability = 2 }), .gamma(made(.init()) { $0.exponent = Interval(2, 1) }),
            .contrast(made(.init()) { $0.factor = -1 }), .contrast(made(.init()) { $0.probability = 2 }),
            .brightness(made(.init()) { $0.factor = -1 }), .brightness(made(.init()) { $0.probability = 2 }),
            .brightness(made(.init()) { $0.addition = Interval(0, .infinity) }),
            .noise(made(.init()) { $0.deviation = -1 }), .noise(made(.init()) { $0.probability = 2 }),
            .blur(made(.init()) { $0.deviation = Interval(0, 1e6) }), .blur(made(.init()) { $0.probability = 2 }),
            .blur(made(.init()) { $0.channelProbability = 2 }),
            .lowResolution(made(.init()) { $0.scale = Interval(0.5, 1.5) }),
            .lowResolution(made(.init()) { $0.probability = 2 }),
            .lowResolution(made(.init()) { $0.channelProbability = 2 }),
            .stain(made(.init()) { $0.strength = 2 }), .stain(made(.init()) { $0.shift = -1 }),
            .stain(made(.init()) { $0.white = 0 }), .stain(made(.init()) { $0.probability = 2 }),
            .biasField(made(.init()) { $0.strength = -1 }), .biasField(made(.init()) { $0.distance = 0 }),
            .biasField(made(.init()) { $0.probability = 2 }),
            .normalize(.init(means: [1], deviations: [1])),
            .normalize(.init(means: [1, 1, 1], deviations: [1, 0, 1])),
        ]
    }()

    @Test(arguments: impossible)
    func `an impossible setting is refused with a remedy`(augmentation: Augmentation) throws {
        let error = #expect(throws: Diagnostic.self) { try augmentation.component.check(for: form) }
        #expect(error?.remedy != nil || error?.message.contains("twice") == true)
        #expect(error?.message.contains(augmentation.name) == true)
    }

    @Test func `stains need colours`() {
        let gray = SampleForm(size: GridSize(8, 8))
        #expect(throws: Diagnostic.self) { try StainJitter().check(for: gray) }
    }
}
