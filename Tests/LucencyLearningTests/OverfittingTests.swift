import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import LucencyPhantoms
import LucencyTensor
import Testing

@Suite struct OverfittingTests {
    @Test func `a small U-Net learns four pictures of membranes by heart`() throws {
        let phantom = Membranes(width: 64, height: 64)
        var images: [Float] = [], signs: [Float] = []
        for index in 0..<4 {
            let values = try phantom(seed: 1, index: index).values
            let image = try #require(values["image"]?.image), labels = try #require(values["label"]?.labels)
            images += image.pixels.array.map { ($0 - 128) / 64 }
            signs += labels.labels.array.map { $0 == Membranes.membraneLabel ? -1 : 1 }
        }
        let shape = try Shape([4, 1, 64, 64])
        var schedule = Schedule(.cosine, rate: 0.02, steps: 60)
        schedule.floor = 0.05
        let network = UNet(classes: 1, channels: [8, 16, 32])
        let training = try Training(
            network, images: Tensor(shape, AlignedBuffer(images)), signs: Tensor(shape, AlignedBuffer(signs)),
            settings: LearningSettings(optimizer: .adamW(), schedule: schedule, maximumNorm: 10))
        let losses = try (0..<60).map { _ in try training.step() }
        #expect(losses[0] > 0.5)
        #expect(losses[59] < 0.25)
        // With running statistics too, nearly all pixels are right.
        let predictor = try Predictor(network, parameters: training.learner.parameters)
        let logits = try predictor(Tensor(shape, AlignedBuffer(images))).array
        let right = zip(logits, signs).count { $0 * $1 > 0 }
        #expect(Double(right) > 0.9 * Double(signs.count))
    }
}
