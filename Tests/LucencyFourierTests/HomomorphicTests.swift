import LucencyFoundation
import LucencyFourier
import LucencyImaging
import Testing

@Suite("Homomorphic filter")
struct HomomorphicTests {
    @Test("Uneven light is evened out while detail is kept")
    func illumination() throws {
        // A checkerboard of 4-px squares under light that falls to a fifth from left to right.
        let size = GridSize(256, 64)
        let image = try Samples.image(size) { x, y, _ in
            let light = 1 - 0.8 * Double(x) / 255
            return 200 * light * ((x / 4 + y / 4) % 2 == 0 ? 1 : 0.5)
        }
        let out = try Homomorphic(gammaLow: 0.3, gammaHigh: 1, keepMean: true)(image).pixels.array
        func mean(_ values: [Float], _ columns: Range<Int>) -> Float {
            var sum: Float = 0
            for y in 16..<48 { for x in columns { sum += values[y * 256 + x] } }
            return sum / Float(32 * columns.count)
        }
        let before = mean(image.pixels.array, 24..<56) / mean(image.pixels.array, 200..<232)
        let after = mean(out, 24..<56) / mean(out, 200..<232)
        #expect(before > 2.5 && after < 1.6)
        let bright = out[32 * 256 + 130], dark = out[32 * 256 + 134]
        #expect(abs(max(bright, dark) / min(bright, dark) - 2) < 0.25, "squares still differ by a factor of two")
    }

    @Test("Gammas of 1 change nothing; the same picture at another scale comes out the same")
    func scale() throws {
        let image = try Samples.noise(GridSize(40, 30))
        expectClose(
            try Homomorphic(gammaLow: 1, gammaHigh: 1)(image).pixels.array, image.pixels.array.map(Double.init), 1e-3)
        let scaled = try Image(geometry: image.geometry, pixels: AlignedBuffer(image.pixels.array.map { $0 / 256 }))
        let a = try Homomorphic(keepMean: true)(image).pixels.array
        let b = try Homomorphic(keepMean: true)(scaled).pixels.array
        expectClose(b.map { $0 * 256 }, a.map(Double.init), 2e-3)
    }

    @Test("A constant image stays constant, black too; alpha is untouched")
    func constant() throws {
        for value in [0.0, 100] {
            let image = try Samples.image(GridSize(9, 9)) { _, _, _ in value }
            let out = try Homomorphic(keepMean: true)(image).pixels.array
            #expect(out.allSatisfy { abs(Double($0) - value) < 1e-3 })
        }
        let values = try Samples.noise(GridSize(9, 9)).pixels.array
        let image = try Image(
            geometry: Geometry(size: GridSize(9, 9)), colorModel: .grayAlpha, pixels: AlignedBuffer(values + values))
        #expect(try Homomorphic()(image).withChannel(1) { Array($0) } == values)
        #expect(try Homomorphic()(image) == Homomorphic()(image, pool: ThreadPool(threads: 3)))
    }

    @Test("Negative values, offsets too small, gammas and cut-offs that cannot be are refused with a remedy")
    func refusals() throws {
        let image = try Samples.image(GridSize(4, 4)) { x, _, _ in Double(x) - 1 }
        #expect(refusal { try Homomorphic()(image) }?.message.contains("-1.0") == true)
        #expect(refusal { try Homomorphic()(image) }?.remedy != nil)
        #expect(refusal { try Homomorphic(offset: 1)(image) }?.code == .badArgument)
        #expect(throws: Never.self) { try Homomorphic(offset: 1.5)(image) }
        for wrong in [
            Homomorphic(gammaLow: 0, offset: 2), Homomorphic(gammaHigh: .nan, offset: 2),
            Homomorphic(cutoff: .pixels(1), offset: 2), Homomorphic(offset: .infinity),
        ] { #expect(refusal { try wrong(image) }?.code == .badArgument) }
        #expect(refusal { try Homomorphic(cutoff: .millimetres(3), offset: 2)(image) }?.code == .assumedSpacing)
    }
}
