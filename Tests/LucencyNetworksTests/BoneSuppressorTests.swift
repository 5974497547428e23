import LucencyFoundation
import LucencyImaging
import LucencyNetworks
import LucencyTensor
import Testing

/// What is made of the answers that latent diffusion draws.
@Suite struct BoneSuppressorTests {
    private static var network: LatentDiffusion {
        var network = LatentDiffusion()
        network.autoencoder = VectorAutoencoder(channels: [4, 4], hidden: 4)
        (network.estimator.base, network.estimator.multipliers, network.estimator.blocks) = (8, [1, 2], 1)
        (network.estimator.attentionFactors, network.estimator.heads, network.estimator.groups) = ([2], 2, 2)
        return network
    }

    private static func model() throws -> ModelFile {
        let parameters = try Parameters(network.declarations(), seed: 2)
        return try ModelFile(
            network, parameters: parameters, preprocessing: FilmWindow(low: 0, high: 1000).preprocessing, training: nil)
    }

    private static func film() throws -> Image {
        var random = PhiloxStream(seed: 8)
        let size = GridSize(22, 18)
        return try Image(
            geometry: Geometry(size: size),
            pixels: AlignedBuffer((0..<size.count).map { _ in Float(random.uniform(in: 100...900)) }))
    }

    @Test func `detail that the autoencoder loses stays, and without it the answer stands alone`() throws {
        let film = try Self.film(), model = try Self.model(), window = try FilmWindow(of: model)
        var suppressor = BoneSuppressor()
        (suppressor.samples, suppressor.sampler.steps) = (2, 3)
        let x = try window.tensor(film)
        let draws = try LatentSampler(model)(
            x, samples: 2, suppressor.sampler, seed: 4, stream: "film", reconstructs: true)
        let picture = try #require(draws.reconstruction)
        #expect(picture.shape == x.shape || picture.shape.count == x.shape.count)
        for keepsDetail in [true, false] {
            suppressor.keepsDetail = keepsDetail
            let result = try suppressor(film, model, seed: 4, stream: "film")
            for index in 0..<x.shape.count {
                let answer = draws.mean.buffer[index]
                let wanted = keepsDetail ? x.buffer[index] - (picture.buffer[index] - answer) : answer
                let intensity = (min(max(wanted, -1), 1) + 1) * 500
                #expect(abs(result.softTissue.pixels[index] - intensity) < 0.1)
                let sum = result.softTissue.pixels[index] + result.bone.pixels[index]
                #expect(abs(sum - film.pixels[index]) < 0.1)
            }
        }
    }

    @Test func `a film of another depth than the model's is refused, unless its own window is stated`() throws {
        let film = try Self.film(), model = try Self.model()
        let values = film.pixels.withUnsafeBufferPointer { Array($0) }
        func image(_ factor: Float, _ stored: SampleType) throws -> Image {
            try Image(
                geometry: film.geometry, pixels: AlignedBuffer(values.map { ($0 * factor).rounded() }),
                origin: Origin(stored: stored))
        }
        var suppressor = BoneSuppressor()
        (suppressor.samples, suppressor.sampler.steps) = (1, 2)
        let shallow = try image(0.25, .uint8), deep = try image(60, .uint16)
        for wrong in [shallow, deep, try image(0.005, .float32)] {
            #expect(throws: Diagnostic.self) { try suppressor(wrong, model, seed: 4, stream: "film") }
        }
        suppressor.window = try FilmWindow(low: 0, high: 250)
        let stated = try suppressor(shallow, model, seed: 4, stream: "film")
        // What is stored in whole numbers stays so.
        #expect(stated.softTissue.origin?.stored == .uint8)
        for value in stated.softTissue.pixels.withUnsafeBufferPointer({ Array($0) }) {
            #expect(value == value.rounded() && (0...255).contains(value))
        }
    }

    @Test func `films of the network's own size are taken as they are`() throws {
        let network = Self.network, multiple = network.sizeMultiple
        let parameters = try Parameters(network.declarations(), seed: 2)
        var random = PhiloxStream(seed: 3)
        let x = Tensor.normal(try Shape([1, 1] + multiple), from: &random)
        let draws = try LatentSampler(network, parameters: parameters)(
            x.combined(with: x) { _, x, _ in max(-1, min(1, x)) }, seed: 1)
        #expect(draws.mean.shape.count == multiple[0] * multiple[1])
        #expect(draws.deviation.array.allSatisfy { $0 == 0 })
    }

    @Test func `networks that draw or tell classes segment nothing`() throws {
        var segmenter = NetworkSegmenter()
        segmenter.overlap = 0
        let error = #expect(throws: (any Error).self) { try segmenter(Self.film(), Self.model()) }
        #expect("\(error as Any)".contains("gives no result by itself"))
    }

    @Test func `images of a batch do not depend on each other, and conditions go behind them`() throws {
        let network = Self.network, parameters = try Parameters(network.declarations(), seed: 2)
        var random = PhiloxStream(seed: 9)
        for entry in parameters.declarations where entry.isTrainable && entry.shape.rank > 1 {
            try parameters.set(entry.name, to: .normal(entry.shape, standardDeviation: 0.1, from: &random))
        }
        let sampler = try LatentSampler(network, parameters: parameters), one = try Shape([1, 4, 6, 6])
        let x = [Tensor.normal(one, from: &random), .normal(one, from: &random)]
        let condition = [Tensor.normal(one, from: &random), .normal(one, from: &random)]
        let both = try Tensor.stacked(Tensor.joined(x), Tensor.joined(condition))
        #expect(both.shape.dimensions == [2, 8, 6, 6])
        let expected = [x[0], condition[0], x[1], condition[1]].flatMap(\.array)
        #expect(both.array == expected)
        let pair = try sampler.estimate(for: Shape([2, 4, 6, 6]))(
            Tensor.joined(x), condition: Tensor.joined(condition), times: [5, 700])
        let single = try sampler.estimate(for: one)
        let parts = try [0, 1].flatMap { try single(x[$0], condition: condition[$0], times: [[5, 700][$0]]).array }
        #expect(zip(pair.array, parts).allSatisfy { abs($0 - $1) < 1e-4 })
        #expect(throws: Diagnostic.self) { try Tensor.stacked(x[0], Tensor.joined(condition)) }
    }
}
