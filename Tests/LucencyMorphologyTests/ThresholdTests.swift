import LucencyFoundation
import LucencyImaging
import LucencyMorphology
import Support
import Testing

@Suite struct ThresholdTests {
    private func row(_ values: [Float], colorModel: ColorModel = .gray) throws -> Image {
        try Image(
            geometry: Geometry(size: GridSize(values.count / colorModel.channelCount, 1)), colorModel: colorModel,
            pixels: AlignedBuffer(values))
    }

    @Test func otsuMatchesScikitImage() throws {
        let cases = try Fixture.json("threshold.json")["otsu"]?.arrayValue ?? []
        #expect(cases.count == 3)
        for entry in cases {
            let image = try Fixture.image(entry["image"])
            let level = try #require(try Threshold().level(of: image))
            let expected = entry["level"]?.doubleValue ?? .nan
            // Whole numbers exactly; the bins of real values are cut in float32 there.
            #expect(abs(level - expected) <= (expected == expected.rounded() ? 0 : 1e-6))
            let labels = try Threshold()(image)
            for index in 0..<labels.labels.count {
                #expect(labels.labels[index] == (Double(image.pixels[index]) > level ? 1 : 0))
            }
        }
    }

    @Test func sauvolaMatchesScikitImageInPlaneAndVolume() throws {
        let cases = try Fixture.json("threshold.json")["sauvola"]?.arrayValue ?? []
        #expect(cases.count == 5)
        for entry in cases {
            let image = try Fixture.image(entry["image"])
            let window = Length.pixels(entry["window"]?.doubleValue ?? 0), k = entry["k"]?.doubleValue ?? 0
            let threshold = Threshold(.sauvola(window: window, k: k, range: entry["r"]?.doubleValue))
            let levels = try threshold.levels(of: image)
            for (index, expected) in (entry["levels"]?.tensorData ?? []).enumerated() {
                // scikit-image sums float images in float32 before it squares.
                #expect(abs(Double(levels.pixels[index]) - expected) <= 2e-6 * max(1, abs(expected)))
            }
            #expect(try threshold.level(of: image) == nil)
        }
    }

    @Test func theSideOfTheLevelDecides() throws {
        let image = try row([1, 2, 3, 4])
        #expect(try Threshold(.fixed(level: 2))(image).labels.array == [0, 0, 1, 1])
        #expect(try Threshold(.fixed(level: 2), foreground: .dark)(image).labels.array == [1, 1, 0, 0])
        #expect(try Threshold(.fixed(level: 2))(image).table[1]?.name == "foreground")
        #expect(try Threshold(.fixed(level: 2))(image).table[0]?.name == "background")
    }

    @Test func otsuSplitsNegativeAndFractionalValuesToo() throws {
        #expect(try Threshold().level(of: row([-5, -5, -4, 9, 9, 10])) == -4)
        let level = try #require(try Threshold().level(of: row([0.25, 0.5, 0.25, 7.5, 7.25])))
        #expect(level > 0.5 && level < 7.25)
        let wide = try #require(try Threshold().level(of: row([0, 1, 3e30, 2.9e30])))
        #expect(wide >= 1 && wide < 2.9e30)
    }

    @Test func aMetricWindowIsRoundedToAnOddNumberOfPixelsPerAxis() throws {
        let tensor = try Fixture.json("threshold.json")["otsu"]?.arrayValue?[0]["image"]
        let image = try Fixture.image(tensor, spacing: [0.2, 0.2])
        let metric = try Threshold(.sauvola(window: .millimetres(1.04), k: 0.2, range: nil))(image)
        #expect(try metric == Threshold(.sauvola(window: .pixels(5), k: 0.2, range: nil))(image))
    }

    @Test func whatIsDarkIsTheComplementAndThreadsChangeNothing() throws {
        let image = try Fixture.image(Fixture.json("threshold.json")["otsu"]?.arrayValue?[2]["image"])
        for method in [Threshold.Method.otsu, .sauvola(window: .pixels(9), k: 0.3, range: nil)] {
            let bright = try Threshold(method)(image), dark = try Threshold(method, foreground: .dark)(image)
            #expect(zip(bright.labels.array, dark.labels.array).allSatisfy { $0 + $1 == 1 })
            #expect(try bright == Threshold(method)(image, pool: ThreadPool(threads: 3)))
        }
    }

    @Test func impossibleRequestsAreRefused() throws {
        let image = try row([1, 2, 3])
        #expect(code { try Threshold()(row([1, 2, 3, 4, 5, 6], colorModel: .rgb)) } == .channelMismatch)
        #expect(code { try Threshold()(row([4, 4, 4])) } == .undefinedResult)
        #expect(
            code { try Threshold(.sauvola(window: .pixels(3), k: 0.2, range: nil))(row([4, 4])) } == .undefinedResult)
        #expect(code { try Threshold(.fixed(level: .nan))(image) } == .badArgument)
        for window in [Length.pixels(4), .pixels(2.5), .pixels(0), .pixels(-3), .pixels(.nan), .pixels(1e9)] {
            #expect(code { try Threshold(.sauvola(window: window, k: 0.2, range: nil))(image) } == .badArgument)
        }
        #expect(
            code { try Threshold(.sauvola(window: .millimetres(3), k: 0.2, range: nil))(image) } == .assumedSpacing)
        #expect(code { try Threshold(.sauvola(window: .pixels(3), k: .infinity, range: nil))(image) } == .badArgument)
        #expect(code { try Threshold(.sauvola(window: .pixels(3), k: 0.2, range: 0))(image) } == .badArgument)
    }
}
