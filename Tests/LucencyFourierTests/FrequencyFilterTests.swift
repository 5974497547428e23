import LucencyFoundation
import LucencyFourier
import LucencyImaging
import Support
import Testing

@Suite("Frequency filters")
struct FrequencyFilterTests {
    private static let fixture = Result { try TestFiles.json(TestFiles.fixture("LucencyFourierTests", "filters.json")) }

    private static func image(_ tensor: JSONValue, spacing: [Double]? = nil) throws -> Image {
        let shape = tensor.tensorShape.count == 3 ? tensor.tensorShape : [1] + tensor.tensorShape
        let size = GridSize(shape[2], shape[1], shape[0])
        let mm = spacing.map { $0.count == 3 ? SIMD3($0[2], $0[1], $0[0]) : SIMD3($0[1], $0[0], 1) }
        let geometry =
            try mm.map { try Geometry(size: size, spacing: $0, source: .stated(.mm)) } ?? Geometry(size: size)
        return try Image(geometry: geometry, pixels: AlignedBuffer(tensor.tensorData.map { Float($0) }))
    }

    @Test("Responses are NumPy's: both profiles and borders, all bands, anisotropic volumes in mm")
    func numpy() throws {
        let cases = try #require(try Self.fixture.get()["filters"]?.arrayValue)
        #expect(cases.count == 24)
        for item in cases {
            let spacing = try #require(item["spacing"]?.arrayValue).compactMap(\.doubleValue)
            let image = try Self.image(#require(item["x"]), spacing: spacing)
            let short = Length.millimetres(try #require(item["shortest"]?.doubleValue))
            let long = Length.millimetres(try #require(item["longest"]?.doubleValue))
            let order = try #require(item["order"]?.intValue)
            let band: FrequencyFilter.Band =
                switch item["band"]?.stringValue {
                case "lowPass": .lowPass(long)
                case "highPass": .highPass(long)
                default: .bandPass(shortest: short, longest: long)
                }
            let filter = FrequencyFilter(
                band, profile: order == 0 ? .gaussian : .butterworth(order: order),
                border: try #require(Border(rawValue: item["border"]?.stringValue ?? "")))
            expectClose(try filter(image).pixels.array, try #require(item["result"]).tensorData, 2e-4)
        }
    }

    @Test("The Gaussian is SciPy's Gaussian, at every border", arguments: Border.allCases)
    func scipy(border: Border) throws {
        let gaussian = try #require(try Self.fixture.get()["gaussian"])
        let image = try Self.image(#require(gaussian["x"]))
        let filter = FrequencyFilter(
            .lowPass(.pixels(try #require(gaussian["wavelength"]?.doubleValue))), border: border,
            borderValue: gaussian["cval"]?.doubleValue)
        // SciPy samples the Gaussian in space, this filter in frequency: at the highest one they differ by 2⁻¹⁶.
        expectClose(
            try filter(image).pixels.array, try #require(gaussian["results"]?[border.rawValue]).tensorData, 1e-3)
    }

    @Test(
        "At the cut-off a wave keeps exactly half of its height", arguments: [Profile.gaussian, .butterworth(order: 3)])
    func half(profile: Profile) throws {
        for axis in 0..<2 {
            let wave = try Samples.wave(GridSize(64, 64), length: 16, along: axis, mean: 10)
            for band in [FrequencyFilter.Band.lowPass(.pixels(16)), .highPass(.pixels(16))] {
                let out = try FrequencyFilter(band, profile: profile, border: .periodic)(wave).pixels.array
                expectClose(out, wave.pixels.array.map { 10 + (Double($0) - 10) / 2 }, 1e-5)
            }
        }
    }

    @Test("Waves on the right side of the cut-off stay, those on the other go")
    func bands() throws {
        let long = try Samples.wave(GridSize(64, 32), length: 64, along: 0)
        let short = try Samples.wave(GridSize(64, 32), length: 4, along: 0)
        func height(_ image: Image, _ band: FrequencyFilter.Band) throws -> Float {
            try FrequencyFilter(band, profile: .butterworth(order: 4), border: .periodic)(image).pixels.array.max()
                ?? .nan
        }
        #expect(try height(long, .lowPass(.pixels(16))) > 0.99 && height(short, .lowPass(.pixels(16))) < 0.01)
        #expect(try height(long, .highPass(.pixels(16))) < 0.01 && height(short, .highPass(.pixels(16))) > 0.99)
        let band = FrequencyFilter.Band.bandPass(shortest: .pixels(8), longest: .pixels(32))
        let middle = try Samples.wave(GridSize(64, 32), length: 16, along: 0)
        #expect(try height(long, band) < 0.01 && height(short, band) < 0.01 && height(middle, band) > 0.98)
    }

    @Test("The mean stays with a low-pass, and with the others as asked")
    func mean() throws {
        let image = try Samples.noise(GridSize(50, 40))
        func mean(_ image: Image) -> Double { image.withChannel(0) { Moments.mean(of: $0) } }
        #expect(abs(try mean(FrequencyFilter(.lowPass(.pixels(200)))(image)) - mean(image)) < 1e-3)
        #expect(abs(try mean(FrequencyFilter(.highPass(.pixels(200)))(image)) - mean(image)) < 1e-3)
        #expect(abs(try mean(FrequencyFilter(.highPass(.pixels(200)), keepMean: false)(image))) < 1e-3)
        let flat = try Samples.image(GridSize(20, 20)) { _, _, _ in 1234.5 }
        #expect(try FrequencyFilter(.lowPass(.pixels(8)))(flat).pixels.array.allSatisfy { $0 == 1234.5 })
        #expect(try FrequencyFilter(.highPass(.pixels(8)), keepMean: false)(flat).pixels.array.allSatisfy { $0 == 0 })
    }

    @Test("Millimetres and pixels agree on a stated spacing, and millimetres are the same in every direction")
    func units() throws {
        let image = try Samples.noise(GridSize(40, 30), spacing: [0.5, 0.5, 1])
        let px = try FrequencyFilter(.lowPass(.pixels(8)))(image)
        #expect(try FrequencyFilter(.lowPass(.millimetres(4)))(image) == px)
        #expect(try FrequencyFilter(.lowPass(Length(4000, .um)))(image) == px)
        // 8 mm are 16 px along x and 4 px along y.
        let along = try Samples.wave(GridSize(64, 64), length: 16, along: 0, spacing: [0.5, 2, 1])
        let down = try Samples.wave(GridSize(64, 64), length: 4, along: 1, spacing: [0.5, 2, 1])
        for wave in [along, down] {
            let out = try FrequencyFilter(.lowPass(.millimetres(8)), border: .periodic)(wave)
            expectClose(out.pixels.array, wave.pixels.array.map { Double($0) / 2 }, 1e-5)
        }
    }

    @Test(
        "A reflected border lets nothing wrap around from the other side",
        arguments: [Profile.gaussian, .butterworth(order: 2)])
    func noGhost(profile: Profile) throws {
        let size = GridSize(200, 20)
        let image = try Samples.image(size) { x, _, _ in x >= 190 ? 1000 : 0 }
        let out = try FrequencyFilter(.lowPass(.pixels(12)), profile: profile)(image).pixels.array
        #expect(out.prefix(100).allSatisfy { abs($0) < 0.1 })
        #expect(out[199] > 900)
        let wrapped = try FrequencyFilter(.lowPass(.pixels(12)), profile: profile, border: .periodic)(image).pixels
            .array
        #expect(wrapped[0] > 300)
    }

    @Test("Wavelengths far beyond the image work: no grid of their size is made")
    func longWaves() throws {
        let image = try Samples.noise(GridSize(30, 23))
        let filter = FrequencyFilter(.lowPass(.pixels(1e6)), profile: .butterworth(order: 2))
        let out = try filter(image).pixels.array
        #expect((out.max() ?? 1) - (out.min() ?? 0) < 0.01)
    }

    @Test("Channels are filtered each by itself, alpha not at all; threads and repetition change nothing")
    func channels() throws {
        let size = GridSize(70, 60)
        let noise = try Samples.noise(size).pixels.array
        let values = noise + noise.map { $0 * 2 + 3 } + noise.reversed() + noise.map { _ in 0.5 }
        let image = try Image(geometry: Geometry(size: size), colorModel: .rgba, pixels: AlignedBuffer(values))
        let filter = FrequencyFilter(.bandPass(shortest: .pixels(4), longest: .pixels(20)))
        let out = try filter(image)
        #expect(out.withChannel(3) { Array($0) } == noise.map { _ in 0.5 })
        let green = try Image(geometry: image.geometry, pixels: AlignedBuffer(image.withChannel(1) { Array($0) }))
        #expect(try filter(green).pixels.array == out.withChannel(1) { Array($0) })
        #expect(try filter(image) == out)
        #expect(try filter(image, pool: ThreadPool(threads: 3)) == out)
    }

    @Test("Values too large for a transform are blamed, not NaN in the image")
    func overflow() throws {
        let image = try Samples.image(GridSize(16, 16)) { x, y, _ in (x + y) % 2 == 0 ? 3e38 : -3e38 }
        let filters: [(Image) throws -> Image] = [
            { try FrequencyFilter(.highPass(.pixels(8)))($0) }, { try Whitening()($0) },
            { try SpectrumPicture(fadesEdges: false)($0) },
            { try Notch(.given([[3, 2]]))($0) },
        ]
        for filter in filters {
            let refused = refusal { try filter(image) }
            #expect(refused?.code == .notFinite)
            #expect(refused?.message.contains("too large for a Fourier transform") == true)
            #expect(refused?.remedy?.contains("`normalize`") == true)
        }
    }

    @Test("Cut-offs that cannot be are refused")
    func refusals() throws {
        let image = try Samples.noise(GridSize(16, 16))
        for band in [
            FrequencyFilter.Band.lowPass(.pixels(0)), .lowPass(.pixels(-4)), .lowPass(.pixels(1.9)),
            .highPass(.pixels(.nan)),
            .highPass(.pixels(.infinity)), .bandPass(shortest: .pixels(8), longest: .pixels(8)),
            .bandPass(shortest: .pixels(9), longest: .pixels(8)),
        ] { #expect(refusal { try FrequencyFilter(band)(image) }?.code == .badArgument) }
        for order in [0, -1, 21] {
            let filter = FrequencyFilter(.lowPass(.pixels(8)), profile: .butterworth(order: order))
            #expect(refusal { try filter(image) }?.code == .badArgument)
        }
        #expect(refusal { try FrequencyFilter(.lowPass(.millimetres(8)))(image) }?.code == .assumedSpacing)
    }

    @Test("Homomorphic filtering is NumPy's")
    func homomorphic() throws {
        let case_ = try #require(try Self.fixture.get()["homomorphic"])
        let image = try Self.image(#require(case_["x"]))
        expectClose(try Homomorphic()(image).pixels.array, try #require(case_["result"]).tensorData, 1e-3)
        #expect(try Homomorphic(offset: 1)(image) == Homomorphic()(image), "the offset of a full 8-bit range is 1")
    }
}
