import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite("Preprocessing")
struct PreprocessingTests {
    private static func fixture(_ key: String) throws -> JSONValue {
        try #require(TestFiles.json(TestFiles.fixture("LucencyImagingTests", "preprocessing.json"))[key])
    }

    /// Bytes in z, y, x or y, x, with a leading axis of channels where there are colours.
    private static func image(_ tensor: JSONValue?, colors: Bool = false) throws -> Image {
        let tensor = try #require(tensor)
        let shape = Array(tensor.tensorShape.dropFirst(colors ? 1 : 0))
        let size = shape.count == 2 ? GridSize(shape[1], shape[0]) : GridSize(shape[2], shape[1], shape[0])
        return try Samples.image(tensor.tensorData.map { Float($0) }, size, colors ? .rgb : .gray, stored: .uint8)
    }

    @Test("Padding shows what NumPy's shows, and the old pixels stay in place")
    func padding() throws {
        let fixture = try Self.fixture("pad")
        let geometry = try Samples.oblique(GridSize(5, 3))
        let image = try Image(
            geometry: geometry, pixels: AlignedBuffer(try #require(fixture["x"]).tensorData.map { Float($0) }))
        let cases = try #require(fixture["cases"]?.arrayValue)
        #expect(cases.count == 5)
        for entry in cases {
            let mode = try #require(Continuation(rawValue: entry["mode"]?.stringValue ?? ""))
            let padded = try Pad(before: [2, 4], after: [9, 1], mode: mode, value: 7)(image)
            expectClose(padded.pixels.array, try #require(entry["padded"]).tensorData, 0)
            #expect(distance(padded.geometry.indexToWorld([2, 4, 0]), geometry.indexToWorld(.zero)) < 1e-9)
            // Going back gives the image again.
            #expect(try Restore()(padded, onto: geometry).pixels == image.pixels)
        }
        let even = try Pad(multipleOf: 4)(image)
        #expect(even.size == GridSize(8, 4) && even.pixels.array[1] == image.pixels[0])
    }

    @Test("Labels and probabilities are padded with background")
    func paddedLabels() throws {
        let labels = try Samples.labels([[1, 2]])
        #expect(try Pad(before: [1, 0], after: [0, 1])(labels).labels.array == [0, 1, 2, 0, 0, 0])
        let map = try ProbabilityMap(
            geometry: Geometry(size: GridSize(1, 1)), classes: ["a", "b"], values: AlignedBuffer([0.25, 0.75]))
        #expect(try Pad(before: [1, 0])(map).values.array == [1, 0.25, 0, 0.75])
        #expect(try Pad(before: [1, 0], mode: .edge)(map).values.array == [0.25, 0.25, 0.75, 0.75])
    }

    @Test("Impossible paddings are refused")
    func paddingRefused() throws {
        let image = try Samples.image([[1, 2, 3]])
        #expect(refusal { try Pad(before: [-1, 0])(image) }?.code == .badArgument)
        #expect(refusal { try Pad(before: [1, 1, 1])(image) }?.code == .badArgument)
        #expect(refusal { try Pad(multipleOf: 0)(image) }?.code == .badArgument)
        #expect(refusal { try Pad(value: .infinity)(image) }?.code == .badArgument)
        #expect(refusal { try Pad(before: [1 << 24, 1 << 24])(image) }?.code == .tooLarge)
    }

    @Test("CLAHE is scikit-image's, in 2-D, 3-D and colour, whatever the threads")
    func clahe() throws {
        var cases = try #require(Self.fixture("clahe").arrayValue)
        #expect(cases.count == 4)
        cases.append(try Self.fixture("claheColor"))
        for entry in cases {
            let isColor = entry["image"]?.tensorShape.first == 3
            let image = try Self.image(entry["image"], colors: isColor)
            let clahe = CLAHE(
                window: entry["kernel"]?.doubleValue.map { .pixels($0) }, clipLimit: entry["clip"]?.doubleValue ?? 0,
                bins: Int(entry["bins"]?.doubleValue ?? 0))
            let result = try clahe(image)
            let expected = try #require(entry["result"]).tensorData
            // Results keep the image's extremes; there they are stretched to 0...1. One of 2¹⁴ levels may differ.
            let ends = isColor ? Self.valueExtremes(image) : image.withChannel(0) { Moments.extremes(of: $0) }
            let scaled =
                isColor ? Self.rescaled(expected, ends) : expected.map { ends.low + $0 * (ends.high - ends.low) }
            // Where all light is gone, so is the colour.
            let kept = scaled.indices.filter { scaled[$0].isFinite }
            #expect(kept.count > scaled.count - 20)
            expectClose(kept.map { result.pixels[$0] }, kept.map { scaled[$0] }, 2.5e-4 * 255)
            #expect(try clahe(image, pool: ThreadPool(threads: 3)) == result)
        }
    }

    /// The extremes of the largest colour component.
    private static func valueExtremes(_ image: Image) -> (low: Double, high: Double) {
        let count = image.size.count
        let values = (0..<count).map { i in (0..<3).map { image.pixels[$0 * count + i] }.max() ?? 0 }
        return (Double(values.min() ?? 0), Double(values.max() ?? 0))
    }

    /// Colours whose largest component is in 0...1 with that component in `low...high`; black ones have none.
    private static func rescaled(_ colors: [Double], _ ends: (low: Double, high: Double)) -> [Double] {
        let count = colors.count / 3
        return colors.indices.map { index in
            let i = index % count
            let value = max(colors[i], colors[count + i], colors[2 * count + i])
            return colors[index] / value * (ends.low + value * (ends.high - ends.low))
        }
    }

    @Test("A flat image stays flat, and impossible settings of CLAHE are refused")
    func claheEdges() throws {
        let flat = try Samples.image([[3, 3, 3], [3, 3, 3]])
        #expect(try CLAHE()(flat).pixels == flat.pixels)
        #expect(refusal { try CLAHE(clipLimit: 2)(flat) }?.code == .badArgument)
        #expect(refusal { try CLAHE(bins: 1)(flat) }?.code == .badArgument)
        #expect(refusal { try CLAHE(window: .pixels(0))(flat) }?.code == .badArgument)
        #expect(refusal { try CLAHE(window: .millimetres(3))(flat) }?.code == .assumedSpacing)
    }

    @Test("Gamma is scikit-image's; white and black stay; negative values are refused")
    func gamma() throws {
        let fixture = try Self.fixture("gamma")
        let image = try Self.image(fixture["image"])
        expectClose(try GammaCorrection(0.6)(image).pixels.array, try #require(fixture["result"]).tensorData, 1e-4)
        #expect(try GammaCorrection(2, white: 4)(Samples.image([[0, 2, 4]])).pixels.array == [0, 1, 4])
        let colors = try Samples.image([0, 1, 0.5, 0.25], GridSize(1, 1), .rgba)
        #expect(try GammaCorrection(2)(colors).pixels.array == [0, 1, 0.25, 0.25])
        #expect(refusal { try GammaCorrection(0)(image) }?.code == .badArgument)
        #expect(refusal { try GammaCorrection(2, white: -1)(image) }?.code == .badArgument)
        #expect(refusal { try GammaCorrection(2)(Samples.image([[-1, 1]])) }?.code == .badArgument)
    }

    @Test("Inverting turns the stored range around, and twice is nothing")
    func invert() throws {
        let bytes = try Samples.image([0, 100, 255], GridSize(3, 1), stored: .uint8)
        let turned = try Invert()(bytes)
        #expect(turned.pixels.array == [255, 155, 0] && turned.origin == bytes.origin)
        #expect(try Invert()(turned) == bytes)
        #expect(try Invert()(Samples.image([[0.25, 1]])).pixels.array == [0.75, 0])
        let signed = try Samples.image([-128, 127], GridSize(2, 1), stored: SampleType(.signed, bits: 8))
        #expect(try Invert()(signed).pixels.array == [127, -128])
        #expect(try Invert(low: 10, high: 20)(Samples.image([[10, 12]])).pixels.array == [20, 18])
        #expect(refusal { try Invert(low: 2, high: 1)(bytes) }?.code == .badArgument)
    }

    @Test("Known stains are separated as scikit-image does, in optical density")
    func ruifrok() throws {
        let fixture = try Self.fixture("stains")
        let image = try Self.image(fixture["image"], colors: true)
        let expected = try #require(fixture["hed"]).tensorData
        let norms = try #require(fixture["hedNorms"]?.arrayValue).compactMap(\.doubleValue)
        let stains = try StainSeparation(.ruifrok(.hed))(image)
        let count = image.size.count, unit = 6 * 2.302_585_092_994_046
        for (index, stain) in [stains.hematoxylin, stains.counterstain, stains.residual].enumerated() {
            expectClose(
                stain.pixels.array, expected[index * count..<(index + 1) * count].map { $0 * unit * norms[index] }, 1e-4
            )
        }
        // Without a third stain the rest is perpendicular, and the slide has hardly any.
        let pair = try StainSeparation(.ruifrok(.he))(image)
        #expect(pair.hematoxylin.pixels.array.reduce(0, +) > 5 * pair.residual.pixels.array.reduce(0, +))
    }

    @Test("Macenko finds the slide's own stains, and normalises to the reference's")
    func macenko() throws {
        let fixture = try Self.fixture("macenko")
        let image = try Self.image(Self.fixture("stains")["image"], colors: true)
        let stains = try StainSeparation(.macenko())(image), count = image.size.count
        let amounts = try #require(fixture["amounts"]).tensorData
        expectClose(stains.hematoxylin.pixels.array, Array(amounts[..<count]), 2e-3)
        expectClose(stains.counterstain.pixels.array, Array(amounts[count...]), 2e-3)
        let normal = try StainNormalization()(image)
        // Rounded to bytes here.
        expectClose(normal.pixels.array, try #require(fixture["normalized"]).tensorData, 0.75)
        #expect(normal.origin == image.origin && normal.pixels.array.allSatisfy { $0 == $0.rounded() })
        // An image normalised to itself keeps its colours, but for what is neither stain.
        let same = try StainNormalization()(image, reference: image)
        let gaps = zip(same.pixels.array, image.pixels.array).map { abs($0 - $1) }
        #expect(gaps.reduce(0, +) / Float(gaps.count) < 1.5)
        #expect(try StainNormalization()(image, pool: ThreadPool(threads: 3)) == normal)
    }

    @Test("Images without colours or without tissue have no stains")
    func stainsRefused() throws {
        let gray = try Samples.image([[1, 2, 3]])
        #expect(refusal { try StainSeparation()(gray) }?.code == .channelMismatch)
        #expect(refusal { try StainNormalization()(gray) }?.code == .channelMismatch)
        let blank = try Samples.image([Float](repeating: 250, count: 3 * 400), GridSize(20, 20), .rgb, stored: .uint8)
        #expect(refusal { try StainNormalization()(blank) }?.code == .undefinedResult)
        let purple = try Samples.image(
            [Float](repeating: 120, count: 400) + [Float](repeating: 60, count: 400)
                + [Float](repeating: 140, count: 400), GridSize(20, 20), .rgb, stored: .uint8)
        #expect(refusal { try StainNormalization()(purple) }?.code == .undefinedResult)
        #expect(refusal { try StainSeparation(white: 0)(purple) }?.code == .badArgument)
        #expect(refusal { try StainSeparation(.macenko(minimumDensity: -1))(purple) }?.code == .badArgument)
        #expect(refusal { try StainSeparation(.macenko(percentile: 50))(purple) }?.code == .badArgument)
        #expect(refusal { try StainBasis(hematoxylin: [1, 0, 0], counterstain: [2, 0, 0]) }?.code == .badArgument)
        #expect(
            refusal { try StainBasis(hematoxylin: [1, 0, 0], counterstain: [0, 1, 0], residual: [1, 1, 0]) }?.code
                == .badArgument)
    }

    @Test("Tiles cover an image of any size, and together they are the image again")
    func tiles() throws {
        for size in [GridSize(23, 17), GridSize(8, 8), GridSize(5, 9), GridSize(13, 9, 6)] {
            let geometry = try Samples.oblique(size)
            let image = try Image(geometry: geometry, pixels: AlignedBuffer(Samples.noise(size.count)))
            let labels = try LabelMap(
                geometry: geometry, labels: AlignedBuffer(image.pixels.array.map { Int32($0) % 5 }))
            let counts = try Tile(size: [8], overlap: 3).counts(in: size), total = counts.reduce(1, *)
            let tiles = try (0..<total).map { try Tile(size: [8], overlap: 3, index: $0)(image) }
            #expect(tiles.allSatisfy { $0.size.x == min(8, size.x) && $0.size.y == min(8, size.y) })
            let whole = try Untile()(tiles, onto: geometry)
            expectClose(whole.pixels.array, image.pixels.array.map(Double.init), 1e-4)
            let parts = try (0..<total).map { try Tile(size: [8], overlap: 3, index: $0)(labels) }
            #expect(try Untile()(parts, onto: geometry).labels == labels.labels)
        }
    }

    @Test("Tiles' probabilities blend smoothly")
    func blending() throws {
        let geometry = try Geometry(size: GridSize(4, 1))
        func map(_ value: Float, _ x: Int, _ width: Int) throws -> ProbabilityMap {
            try ProbabilityMap(
                geometry: geometry.cropped(to: Region(x: x, y: 0, size: GridSize(width, 1))), classes: ["a"],
                kind: .independent, values: AlignedBuffer(repeating: value, count: width))
        }
        let joined = try Untile()([map(0, 0, 3), map(1, 1, 3)], onto: geometry)
        #expect(joined.values.array == [0, 0.5, 0.5, 1])
    }

    @Test("Tiles that do not exist, leave gaps or lie elsewhere are refused")
    func tilesRefused() throws {
        let image = try Samples.image([[1, 2, 3, 4, 5]])
        #expect(refusal { try Tile(size: [2, 1], index: 3)(image) }?.code == .regionOutside)
        #expect(refusal { try Tile(size: [0])(image) }?.code == .badArgument)
        #expect(refusal { try Tile(size: [2, 2, 2])(image) }?.code == .badArgument)
        #expect(refusal { try Tile(size: [2], overlap: 2)(image) }?.code == .badArgument)
        let left = try Tile(size: [3, 1])(image)
        #expect(refusal { try Untile()([left], onto: image.geometry) }?.code == .undefinedResult)
        #expect(refusal { try Untile()([Image](), onto: image.geometry) }?.code == .missingInput)
        #expect(refusal { try Untile()([image], onto: left.geometry) }?.code == .regionOutside)
        let small = try Resample(factor: [0.5])(image)
        #expect(refusal { try Untile()([small], onto: image.geometry) }?.code == .geometryMismatch)
        let colors = try Samples.image([1, 2, 3], GridSize(1, 1), .rgb)
        #expect(refusal { try Untile()([left, colors], onto: image.geometry) }?.code == .channelMismatch)
    }
}
