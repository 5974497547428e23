import LucencyFoundation
import LucencyImaging
import LucencyLearning
import Support
import Testing

@Suite struct PatchOriginTests {
    /// A case whose labels are the numbers of its pixels.
    private func item(_ size: GridSize) throws -> TrainingCase {
        let labels = AlignedBuffer((0..<size.count).map { Int32($0) })
        return TrainingCase(
            try Sample(
                name: "case", form: SampleForm(size: size), image: AlignedBuffer(repeating: 0, count: size.count),
                labels: labels))
    }

    static let chains: [[Augmentation]] = {
        var flip = Flip(), turn = QuarterTurn(), spatial = SpatialTransform()
        (flip.probability, turn.probability) = (0.7, 0.9)
        (spatial.rotationProbability, spatial.scaleProbability, spatial.elasticProbability) = (0.5, 0.5, 0.5)
        return [
            [], [.flip(flip)], [.rot90(turn)], [.noise(GaussianNoise()), .flip(flip), .rot90(turn)],
            [.spatial(spatial)],
            [.spatial(spatial), .rot90(turn), .gamma(Gamma()), .flip(flip)],
        ]
    }()

    @Test(
        arguments: chains,
        [
            (GridSize(30, 20), GridSize(16, 16)), (GridSize(12, 30), GridSize(16, 16)),
            (GridSize(14, 13, 9), GridSize(8, 8, 8)), (GridSize(14, 13, 5), GridSize(8, 8)),
        ])
    func `places are where labels came from, whatever was drawn`(
        _ chain: [Augmentation], _ sizes: (grid: GridSize, patch: GridSize)
    ) throws {
        let item = try item(sizes.grid), sampler = PatchSampler(size: sizes.patch),
            pipeline = AugmentationPipeline(chain)
        var exact = 0
        for step in 0..<12 {
            let patch = try sampler.draw(in: item, seed: 3, step: step, position: 0, batch: 2)
            let drawn = try pipeline.draw(seed: 3, step: step, name: item.name, for: sampler.form(of: item))
            let sample = try AugmentationPipeline.apply(drawn, to: patch, of: item, by: sampler)
            let origin = PatchOrigin(item: 0, patch: patch, drawn: drawn)
            #expect(try origin.places(in: item.sample.form, by: sampler) == sample.labels)
            if origin.isExact { exact += 1 }
        }
        let isResampling = chain.contains { if case .spatial = $0 { true } else { false } }
        #expect(isResampling ? exact < 12 : exact == 12)
    }
}
