import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite("Intensities")
struct IntensityTests {
    @Test("Quantiles, mean, deviation and z-scores are NumPy's")
    func numpy() throws {
        let fixture = try TestFiles.json(TestFiles.fixture("LucencyImagingTests", "intensity.json"))
        let values = try #require(fixture["x"]).tensorData.map { Float($0) }
        let percent = try #require(fixture["percent"]?.arrayValue).compactMap(\.doubleValue)
        let expected = try #require(fixture["percentiles"]?.arrayValue).compactMap(\.doubleValue)
        values.withUnsafeBufferPointer { values in
            let quantiles = Quantiles([values])
            let split = Quantiles([
                UnsafeBufferPointer(rebasing: values[..<9]), UnsafeBufferPointer(rebasing: values[9...]),
            ])
            for (p, value) in zip(percent, expected) {
                #expect(abs((quantiles(p / 100) ?? .nan) - value) < 1e-6 * max(1, abs(value)))
                #expect(split(p / 100) == quantiles(p / 100))
            }
        }
        let image = try Samples.image(values, GridSize(values.count, 1))
        expectClose(try Normalize(.zScore)(image).pixels.array, try #require(fixture["zscore"]).tensorData, 1e-6)
        let moments = image.withChannel(0) { Moments(of: $0) }
        #expect(abs(moments.mean - (fixture["mean"]?.doubleValue ?? .nan)) < 1e-6)
        #expect(abs(moments.standardDeviation - (fixture["sd"]?.doubleValue ?? .nan)) < 1e-6)
    }

    @Test("Each method maps its range")
    func methods() throws {
        let image = try Samples.image([[0, 10, 20, 40]])
        #expect(try Normalize(.minMax())(image).pixels.array == [0, 0.25, 0.5, 1])
        #expect(try Normalize(.minMax(low: -1, high: 1))(image).pixels.array == [-1, -0.5, 0, 1])
        #expect(try Normalize(.window(low: 10, high: 20))(image).pixels.array == [0, 0, 1, 1])
        #expect(try Normalize(.window(low: 10, high: 20, clip: false))(image).pixels.array == [-1, 0, 1, 3])
        // The 50th percentile is 15, the 100th 40.
        #expect(try Normalize(.percentile(lower: 50, upper: 100))(image).pixels.array == [0, 0, 0.2, 1])
        #expect(try Normalize(.percentile(lower: 50, upper: 100, clip: false))(image).pixels.array[0] == -0.6)
    }

    @Test("Colours share one map unless told otherwise; alpha is untouched; bands go each by itself")
    func scopes() throws {
        let colors = try Samples.image([0, 10, 20, 40, 0, 0, 7, 9], GridSize(2, 1), .rgba)
        #expect(try Normalize(.minMax())(colors).pixels.array == [0, 0.25, 0.5, 1, 0, 0, 7, 9])
        #expect(try Normalize(.minMax(), scope: .perChannel)(colors).pixels.array == [0, 1, 0, 1, 0, 0, 7, 9])
        let bands = try Samples.image([0, 10, 20, 40], GridSize(2, 1), .channels(2))
        #expect(try Normalize(.minMax())(bands).pixels.array == [0, 1, 0, 1])
        #expect(try Normalize(.minMax(), scope: .joint)(bands).pixels.array == [0, 0.25, 0.5, 1])
    }

    @Test("A constant image has a defined result; a nearly constant one is refused where it would vanish")
    func constant() throws {
        let flat = try Samples.image([[0.1, 0.1, 0.1]])
        #expect(try Normalize(.zScore)(flat).pixels.array == [0, 0, 0])
        #expect(try Normalize(.minMax(low: 2, high: 3))(flat).pixels.array == [2, 2, 2])
        #expect(try Normalize(.percentile())(flat).pixels.array == [0, 0, 0])
        let sparse = try Samples.image([[Float](repeating: 0, count: 999) + [5]])
        #expect(refusal { try Normalize(.percentile())(sparse) }?.code == .undefinedResult)
    }

    @Test(
        "Empty ranges are refused",
        arguments: [
            Normalize.Method.minMax(low: 1, high: 1), .percentile(lower: 50, upper: 50),
            .percentile(lower: -1, upper: 50),
            .percentile(lower: 0, upper: 101), .window(low: 3, high: 2), .window(low: .nan, high: 2),
        ])
    func emptyRanges(method: Normalize.Method) throws {
        let image = try Samples.image([[0, 1]])
        #expect(refusal { try Normalize(method)(image) }?.code == .badArgument)
    }

    @Test("Threads change nothing")
    func threads() throws {
        let image = try Samples.image(Samples.noise(300_000), GridSize(500, 300), .channels(2))
        for method in [Normalize.Method.zScore, .percentile(), .minMax()] {
            #expect(try Normalize(method)(image) == Normalize(method)(image, pool: ThreadPool(threads: 3)))
        }
    }

    @Test("Gray is luminance, a mean or one channel")
    func gray() throws {
        let image = try Samples.image([100, 0, 50, 0, 200, 255], GridSize(2, 1), .rgb)
        expectClose(try Gray()(image).pixels.array, [29.9 + 29.35 + 22.8, 29.07], 1e-4)
        expectClose(try Gray(.mean)(image).pixels.array, [350.0 / 3, 85], 1e-4)
        #expect(try Gray(.channel(2))(image).pixels.array == [200, 255])
        #expect(try Gray()(image).colorModel == .gray)
        let plain = try Samples.image([[1, 2]])
        #expect(try Gray()(plain) == plain)
    }

    @Test("Transparent pixels are ignored, or seen over white or black")
    func alpha() throws {
        let image = try Samples.image([100, 200, 51, 255], GridSize(2, 1), .grayAlpha, stored: .uint8)
        #expect(try Gray()(image).pixels.array == [100, 200])
        #expect(try Gray(alpha: .overBlack)(image).pixels.array == [20, 200])
        #expect(try Gray(alpha: .overWhite)(image).pixels.array == [224, 200])
        let bare = try Samples.image([100, 200, 51, 255], GridSize(2, 1), .grayAlpha)
        #expect(refusal { try Gray(alpha: .overWhite)(bare) }?.code == .badArgument, "opacity 255 where white is 1")
        #expect(try Gray(alpha: .overWhite, white: 255)(bare).pixels.array == [224, 200])
    }

    @Test("Channels that are not there, or have no luminance, are refused")
    func grayRefusals() throws {
        let bands = try Samples.image([1, 2], GridSize(1, 1), .channels(2))
        #expect(refusal { try Gray()(bands) }?.code == .channelMismatch)
        #expect(refusal { try Gray(.channel(2))(bands) }?.code == .channelMismatch)
        #expect(refusal { try Gray(.channel(-1))(bands) }?.code == .channelMismatch)
        #expect(refusal { try Gray(.channel(1))(Samples.image([[1]])) }?.code == .channelMismatch)
        let transparent = try Samples.image([1, 1], GridSize(1, 1), .grayAlpha)
        #expect(refusal { try Gray(.channel(1))(transparent) }?.code == .channelMismatch)
    }
}
