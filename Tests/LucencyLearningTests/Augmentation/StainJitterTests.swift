import Foundation
import LucencyFoundation
import LucencyImaging
import LucencyLearning
import Testing

@Suite struct StainJitterTests {
    /// Unit vectors of optical density, as published.
    let stains: [[Double]] = [[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]].map { stain in
        let length = stain.map { $0 * $0 }.reduce(0, +).squareRoot()
        return stain.map { $0 / length }
    }

    /// The colour of amounts of haematoxylin, eosin and residual.
    func color(_ amounts: [Double], white: Double) -> [Double] {
        (0..<3).map { color in
            white * exp(-(0..<3).map { amounts[$0] * stains[$0][color] }.reduce(0, +))
        }
    }

    @Test(arguments: [255.0, 1.0])
    func `amounts of stain are multiplied and added to`(white: Double) throws {
        let pixels: [[Double]] = [[0.8, 0.1, 0], [0.2, 0.9, 0.05], [0.3, 0.3, 0.3], [1.1, 0.6, 0.02]]
        let colors = pixels.map { color($0, white: white) }
        let values = (0..<3).flatMap { channel in colors.map { Float($0[channel]) } }
        let sample = try Samples.image(values, GridSize(4, 1), channels: 3)
        let factors = [1.2, 0.9, 1.05], shifts = [0.02, 0.03, -0.01]
        let changed = try sample.after(.stain(.init(factors: factors, shifts: shifts, white: white)))
        for (index, amounts) in pixels.enumerated() {
            let expected = color((0..<3).map { amounts[$0] * factors[$0] + shifts[$0] }, white: white)
            for channel in 0..<3 {
                #expect(abs(Double(changed.values(channel)[index]) - min(white, expected[channel])) < 2e-5 * white)
            }
        }
    }

    @Test func `no strength changes nothing, any strength stays within the range of colours`() throws {
        var random = PhiloxStream(seed: 8)
        let size = GridSize(20, 20)
        let values = (0..<size.count * 3).map { _ in Float(random.int(in: 0...255)) }
        let sample = try Samples.image(values, size, channels: 3)
        #expect(try sample.after(.stain(.init(factors: [1, 1, 1], shifts: [0, 0, 0]))) == sample)
        var component = StainJitter()
        component.probability = 1
        component.strength = 1
        component.shift = 1
        for _ in 0..<10 {
            let drawn = try #require(component.draw(from: &random, for: sample.form))
            let changed = try sample.after(drawn)
            #expect(changed.image.array.allSatisfy { $0 >= 0 && $0 <= 255 })
            #expect(changed != sample)
        }
    }

    @Test func `white stays white where nothing is added`() throws {
        let sample = try Samples.image([255, 255, 255], GridSize(1, 1), channels: 3)
        #expect(try sample.after(.stain(.init(factors: [1.2, 0.8, 1.1], shifts: [0, 0, 0]))) == sample)
    }
}
