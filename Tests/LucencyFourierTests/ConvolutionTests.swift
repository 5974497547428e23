import Foundation
import LucencyFoundation
import LucencyFourier
import LucencyImaging
import Support
import Testing

@Suite("Convolution, waves and shifts")
struct ConvolutionTests {
    private static func fixture(_ key: String) throws -> JSONValue {
        try #require(TestFiles.json(TestFiles.fixture("LucencyFourierTests", "convolution.json"))[key])
    }

    private static func image(_ tensor: JSONValue?, spacing: SIMD3<Double>? = nil) throws -> Image {
        let tensor = try #require(tensor), shape = tensor.tensorShape
        let size = shape.count == 2 ? GridSize(shape[1], shape[0]) : GridSize(shape[2], shape[1], shape[0])
        let geometry =
            try spacing.map { try Geometry(size: size, spacing: $0, source: .stated(.mm)) } ?? Geometry(size: size)
        return try Image(geometry: geometry, pixels: AlignedBuffer(tensor.tensorData.map { Float($0) }))
    }

    private static func kernel(_ entry: JSONValue) -> PointSpread? {
        let size = Length.pixels(entry["size"]?.doubleValue ?? 0)
        return switch entry["kernel"]?.stringValue {
        case "gaussian": .gaussian(deviation: size)
        case "box": .box(size: size)
        case "disk": .disk(radius: size)
        case "weights":
            .weights((entry["weights"]?.arrayValue ?? []).map { ($0.arrayValue ?? []).compactMap(\.doubleValue) })
        default: nil
        }
    }

    // MARK: Convolution

    @Test("Convolution is SciPy's, with every kernel and border, in 2-D and 3-D")
    func convolution() throws {
        let cases = try #require(Self.fixture("convolutions").arrayValue)
        #expect(cases.count == 13)
        for entry in cases {
            let image = try Self.image(entry["image"]),
                border = try #require(Border(rawValue: entry["border"]?.stringValue ?? ""))
            let filter = FourierConvolution(try #require(Self.kernel(entry)), border: border, borderValue: 11)
            let result = try filter(image)
            expectClose(result.pixels.array, try #require(entry["result"]).tensorData, 5e-4)
            #expect(try filter(image, pool: ThreadPool(threads: 3)) == result)
        }
    }

    @Test("A kernel in mm follows the spacing; alpha is untouched")
    func metric() throws {
        let entry = try #require(Self.fixture("convolutions").arrayValue?[1])
        let image = try Self.image(entry["image"], spacing: [0.5, 0.5, 1])
        let metric = try FourierConvolution(.gaussian(deviation: .millimetres(1)))(image)
        expectClose(metric.pixels.array, try #require(entry["result"]).tensorData, 5e-4)
        let alpha = try Image(
            geometry: Geometry(size: GridSize(3, 1)), colorModel: .grayAlpha, pixels: AlignedBuffer([0, 9, 0, 1, 2, 3]))
        let blurred = try FourierConvolution(.box(size: .pixels(3)))(alpha).pixels.array
        #expect(blurred[3...] == [1, 2, 3] && abs(blurred[1] - 3) < 1e-5)
    }

    @Test("Motion spreads a point along its line, evenly to both sides")
    func motion() throws {
        let size = GridSize(31, 31)
        let point = try Samples.image(size) { x, y, _ in x == 15 && y == 15 ? 1 : 0 }
        let flat = try FourierConvolution(.motion(length: .pixels(9), angle: 0), border: .constant, borderValue: 0)(
            point)
        let row = (0..<31).map { flat.pixels[15 * 31 + $0] }
        #expect(abs(row.reduce(0, +) - 1) < 1e-4)
        #expect((12...18).allSatisfy { abs(row[$0] - 1.0 / 9) < 2e-3 })
        #expect((0..<31).allSatisfy { abs(row[$0] - row[30 - $0]) < 1e-5 })
        // Up and to the right: where y is smaller.
        let slanted = try FourierConvolution(
            .motion(length: .pixels(12), angle: 45), border: .constant, borderValue: 0)(point)
        #expect(slanted.pixels[12 * 31 + 18] > 0.03 && slanted.pixels[18 * 31 + 12] > 0.03)
        #expect(abs(slanted.pixels[12 * 31 + 12]) < 1e-4)
    }

    @Test("Impossible kernels are refused")
    func kernelsRefused() throws {
        let image = try Samples.noise(GridSize(8, 6)), volume = try Samples.noise(GridSize(4, 4, 4))
        for kernel in [
            PointSpread.gaussian(deviation: .pixels(0)), .box(size: .pixels(-1)), .disk(radius: .pixels(.nan)),
            .motion(length: .pixels(3), angle: .infinity), .weights([]), .weights([[1, 2]]), .weights([[1], [2]]),
            .weights([[1, 2, 3], [1, 2, 3], [1]]), .weights([[.nan]]),
        ] {
            #expect(refusal { try FourierConvolution(kernel)(image) }?.code == .badArgument, "\(kernel)")
        }
        #expect(refusal { try FourierConvolution(.motion(length: .pixels(3), angle: 0))(volume) }?.code == .badArgument)
        #expect(refusal { try FourierConvolution(.box(size: .pixels(1e6)))(image) }?.code == .tooLarge)
        #expect(refusal { try FourierConvolution(.box(size: .millimetres(2)))(image) }?.code == .assumedSpacing)
        #expect(refusal { try Wiener(.box(size: .pixels(3)), snr: 0)(image) }?.code == .badArgument)
    }

    // MARK: Wiener

    @Test("Wiener's filter is its definition, and sharpens what was blurred")
    func wiener() throws {
        let fixture = try Self.fixture("wiener")
        let blurred = try Self.image(fixture["image"]), truth = try #require(fixture["truth"]).tensorData
        let filter = Wiener(.box(size: .pixels(5)), snr: fixture["snr"]?.doubleValue ?? 0, border: .periodic)
        let restored = try filter(blurred)
        expectClose(restored.pixels.array, try #require(fixture["result"]).tensorData, 2e-3)
        func error(_ image: Image) -> Double {
            zip(image.pixels.array, truth).map { (Double($0) - $1) * (Double($0) - $1) }.reduce(0, +)
        }
        #expect(error(restored) < 0.35 * error(blurred))
        // Reflection knows nothing of what lies beyond, but inside it must sharpen too.
        #expect(try error(Wiener(.box(size: .pixels(5)), snr: 50)(blurred)) < 0.7 * error(blurred))
        #expect(try filter(blurred, pool: ThreadPool(threads: 3)) == restored)
    }

    // MARK: Whitening

    @Test("Whitening makes every ring of frequencies equally strong and keeps mean and deviation")
    func whitening() throws {
        let image = try Samples.image(GridSize(32, 32)) { x, y, _ in
            40 * cos(Double(x) / 5) + 12 * sin(Double(y) / 3) + Double((x * 31 + y * 17) % 23)
        }
        let white = try Whitening(border: .periodic)(image)
        let old = image.withChannel(0) { Moments(of: $0) }, new = white.withChannel(0) { Moments(of: $0) }
        #expect(abs(old.mean - new.mean) < 1e-3 && abs(old.standardDeviation - new.standardDeviation) < 1e-3)
        func powers(_ image: Image) throws -> [Double] {
            let spectrum = try FourierTransform(size: image.size).forward(image.pixels)
            var powers = [Double](repeating: 0, count: 16), counts = powers
            for y in 0..<32 {
                for x in 0..<17 {
                    let ring = Int(Double(x * x + min(y, 32 - y) * min(y, 32 - y)).squareRoot().rounded())
                    guard ring < 16 else { continue }
                    let value = spectrum[x, y], times = x == 0 || x == 16 ? 1.0 : 2
                    powers[ring] += times * Double(value.x * value.x + value.y * value.y)
                    counts[ring] += times
                }
            }
            return zip(powers, counts).map { $0 / $1 }
        }
        let before = try powers(image)[1...], after = try powers(white)[1...]
        #expect((before.max() ?? 0) > 100 * (before.min() ?? 0))
        #expect((after.max() ?? 0) < 1.01 * (after.min() ?? 0))
        let same = try Whitening(strength: 0)(image)
        expectClose(same.pixels.array, image.pixels.array.map(Double.init), 1e-3)
        #expect(try Whitening()(Samples.image(GridSize(4, 4)) { _, _, _ in 3 }).pixels.array.allSatisfy { $0 == 3 })
        #expect(refusal { try Whitening(strength: 1.5)(image) }?.code == .badArgument)
    }

    // MARK: Pictures of frequencies

    @Test("The picture of the frequencies is NumPy's, shifted to the middle")
    func pictures() throws {
        let cases = try #require(Self.fixture("spectra").arrayValue)
        #expect(cases.count == 3)
        for entry in cases {
            let image = try Self.image(entry["image"])
            for (key, fades) in [("plain", false), ("faded", true)] {
                let picture = try SpectrumPicture(fadesEdges: fades)(image)
                let expected = try #require(entry[key]).tensorData
                // Frequency 0 holds the mean's rounding.
                let middle = (image.size.z / 2 * image.size.y + image.size.y / 2) * image.size.x + image.size.x / 2
                for i in expected.indices where i != middle {
                    #expect(abs(Double(picture.pixels[i]) - expected[i]) < 2e-3)
                }
            }
        }
        let wave = try Samples.wave(GridSize(24, 16), length: 4, along: 0)
        let picture = try SpectrumPicture(fadesEdges: false)(wave)
        #expect(picture.pixels[8 * 24 + 12 + 6] > 5 && picture.pixels[8 * 24 + 12 - 6] > 5)
        let colors = try Image(
            geometry: Geometry(size: GridSize(1, 1)), colorModel: .rgb, pixels: AlignedBuffer([1, 2, 3]))
        #expect(refusal { try SpectrumPicture()(colors) }?.code == .channelMismatch)
    }

    // MARK: Notches

    /// A smooth image, and the same with two waves of whole cycles.
    private func humming() throws -> (clean: Image, humming: Image) {
        let size = GridSize(64, 48)
        var random = PhiloxStream(seed: 5, stream: 0)
        let clean = try Samples.image(size) { x, y, _ in
            60 + 20 * sin(2 * .pi * Double(x) / 64) + 15 * cos(2 * .pi * Double(2 * y) / 48) + random.uniform()
        }
        let pixels = clean.pixels.array.enumerated().map { index, value in
            let x = Double(index % 64) / 64, y = Double(index / 64) / 48
            return value + Float(12 * cos(2 * .pi * 11 * x) + 8 * sin(2 * .pi * (5 * x - 9 * y)))
        }
        return (clean, try Image(geometry: clean.geometry, pixels: AlignedBuffer(pixels)))
    }

    private func deviation(_ a: Image, _ b: Image) -> Double {
        let squares = zip(a.pixels.array, b.pixels.array).map { Double($0 - $1) * Double($0 - $1) }
        return (squares.reduce(0, +) / Double(squares.count)).squareRoot()
    }

    @Test("Waves that stand out are found and taken out, and so are given ones")
    func notches() throws {
        let (clean, humming) = try humming()
        let found = try Notch().waves(in: humming)[0]
        #expect(Set(found.map { abs($0.x) * 100 + $0.y * ($0.x < 0 ? -1 : 1) }) == [1100, 491])
        #expect(try Notch().waves(in: clean)[0].isEmpty)
        let automatic = try Notch()(humming)
        let given = try Notch(.given([[11, 0], [5, -9]]))(humming)
        #expect(deviation(humming, clean) > 9)
        #expect(deviation(automatic, clean) < 0.25 && deviation(given, clean) < 0.25)
        let mean = humming.withChannel(0) { Moments.mean(of: $0) }
        #expect(abs(automatic.withChannel(0) { Moments.mean(of: $0) } - mean) < 1e-3)
        #expect(try Notch()(humming, pool: ThreadPool(threads: 3)) == automatic)
    }

    @Test(
        "Notches with a border find the same waves, and leave less of broken cycles at the edges",
        arguments: Border.allCases)
    func notchBorders(_ border: Border) throws {
        let (clean, humming) = try humming()
        let quiet = try Notch(border: border)(humming)
        // Whole cycles: periodic takes them out everywhere, the others away from the edges.
        let middle = Region(x: 20, y: 14, size: GridSize(24, 20))
        let remains = deviation(try quiet.cropped(to: middle), try clean.cropped(to: middle))
        #expect(remains < (border == .periodic ? 0.25 : 1))
        #expect(deviation(quiet, clean) < (border == .periodic ? 0.25 : 4))
        let mean = humming.withChannel(0) { Moments.mean(of: $0) }
        #expect(abs(quiet.withChannel(0) { Moments.mean(of: $0) } - mean) < (border == .periodic ? 1e-3 : 0.5))
        #expect(try Notch(border: border)(humming, pool: ThreadPool(threads: 3)) == quiet)
        // Ten and a half.
        let flat = try Samples.image(GridSize(64, 48)) { _, _, _ in 50 }
        let broken = try Samples.image(GridSize(64, 48)) { x, _, _ in 50 + 10 * cos(2 * .pi * 10.5 * Double(x) / 64) }
        func left(_ border: Border) throws -> Double {
            deviation(try Notch(.given([[10.5, 0]]), border: border)(broken), flat)
        }
        let rest = try left(border), periodic = try left(.periodic)
        #expect(border == .periodic || rest < 0.9 * periodic, "\(rest) of \(periodic)")
        #expect(deviation(try Notch(border: border)(flat), flat) < 1e-4)
    }

    @Test("Waves in a volume are taken out too")
    func volumeNotch() throws {
        let size = GridSize(16, 12, 10)
        let clean = try Samples.image(size) { x, y, z in
            5 + sin(2 * .pi * Double(y) / 12) + 0.1 * Double((x + 3 * z) % 4)
        }
        let hum = try Samples.image(size) { x, y, z in
            5 + sin(2 * .pi * Double(y) / 12) + 0.1 * Double((x + 3 * z) % 4)
                + 3 * cos(2 * .pi * (Double(5 * x) / 16 + Double(2 * z) / 10))
        }
        #expect(deviation(try Notch(.given([[5, 0, 2]]), width: 0.4)(hum), clean) < 0.1)
        let bordered = try Notch(.given([[5, 0, 2]]), width: 0.4, border: .reflect)(hum)
        #expect(deviation(bordered, clean) < 0.75 * deviation(hum, clean))
    }

    @Test("Impossible notches are refused")
    func notchesRefused() throws {
        let image = try Samples.noise(GridSize(8, 6))
        for notch in [
            Notch(.given([[1]])), Notch(.given([[0, 0]])), Notch(.given([[5, 0]])), Notch(.given([[.nan, 1]])),
            Notch(.found(threshold: 1)), Notch(.found(protected: -1)), Notch(.found(most: 0)), Notch(width: 0),
        ] {
            #expect(refusal { try notch(image) }?.code == .badArgument, "\(notch)")
        }
    }

    // MARK: Shifts

    @Test("With a constant border shifts beyond half of the image are found, in 2-D and 3-D")
    func longShifts() throws {
        for (whole, size, shift) in [
            (GridSize(90, 70), GridSize(50, 40), SIMD3(31, -3, 0)),
            (GridSize(30, 28, 24), GridSize(20, 16, 14), SIMD3(-2, 1, 9)),
        ] {
            var random = PhiloxStream(seed: 8, stream: "scene")
            let scene = try Samples.image(whole) { _, _, _ in 100 * random.uniform() }
            func part(_ x: Int, _ y: Int, _ z: Int) throws -> Image {
                try scene.cropped(to: Region(x: x, y: y, z: z, size: size))
            }
            let reference = try part(5, 5, 0)
            let moving = try part(5 + shift.x, 5 + shift.y, shift.z)
            let found = try PhaseCorrelation(upsampling: 10, border: .constant).shift(of: moving, onto: reference)
            for axis in 0..<3 { #expect(abs(found.pixels[axis] - Double(shift[axis])) < 0.11, "\(found)") }
            #expect(try PhaseCorrelation(upsampling: 1).shift(of: moving, onto: reference).pixels != found.pixels)
        }
    }

    @Test("Shifts are scikit-image's to a fraction of a pixel, in 2-D and 3-D")
    func shifts() throws {
        let cases = try #require(Self.fixture("shifts").arrayValue)
        #expect(cases.count == 3)
        for entry in cases {
            let reference = try Self.image(entry["reference"]), moving = try Self.image(entry["moving"])
            for (upsampling, normalized, key) in [
                (1, true, "found1"), (20, true, "found20"), (100, true, "found100"), (20, false, "plain20"),
                (100, false, "plain100"),
            ] {
                let expected = try #require(entry[key]?.arrayValue).compactMap(\.doubleValue)
                let shift = try PhaseCorrelation(upsampling: upsampling, normalized: normalized)
                    .shift(of: moving, onto: reference)
                for (axis, number) in expected.reversed().enumerated() {
                    #expect(abs(shift.pixels[axis] - number) <= 1.01 / Double(upsampling), "\(key) \(shift)")
                }
            }
            // And they are right.
            let truth = try #require(entry["shift"]?.arrayValue).compactMap(\.doubleValue)
            let shift = try PhaseCorrelation(upsampling: 100, normalized: false).shift(of: moving, onto: reference)
            for (axis, number) in truth.reversed().enumerated() { #expect(abs(shift.pixels[axis] + number) < 0.1) }
        }
    }

    @Test("A registered image keeps its pixels and lies on the reference")
    func registered() throws {
        let size = GridSize(40, 32)
        func blob(_ x: Double, _ y: Double) throws -> Image {
            try Samples.image(size, spacing: [0.5, 0.25, 1]) { px, py, _ in
                100 * exp(-((Double(px) - x) * (Double(px) - x) + (Double(py) - y) * (Double(py) - y)) / 18)
            }
        }
        let reference = try blob(18, 14), moving = try blob(21.5, 12)
        let (image, shift) = try PhaseCorrelation(normalized: false)(moving, onto: reference)
        #expect(image.pixels == moving.pixels && abs(shift.pixels.x + 3.5) < 0.06 && abs(shift.pixels.y - 2) < 0.06)
        // The blob's middle is at the same place in the world.
        let place = image.geometry.indexToWorld([21.5, 12, 0]) - reference.geometry.indexToWorld([18, 14, 0])
        #expect(abs(place.x) < 0.03 && abs(place.y) < 0.03)
        let back = try Restore(outside: .edge)(image, onto: reference.geometry)
        #expect(deviation(back, reference) < 1.5 && deviation(moving, reference) > 10)
        let grain = try Self.image(Self.fixture("shifts").arrayValue?[0]["reference"])
        #expect(try PhaseCorrelation(upsampling: 1).shift(of: grain, onto: grain).response > 0.99)
        #expect(try PhaseCorrelation(upsampling: 10).shift(of: grain, onto: grain).pixels == .zero)
    }

    @Test("Images that cannot be compared are refused")
    func shiftsRefused() throws {
        let image = try Samples.noise(GridSize(8, 6)), flat = try Samples.image(GridSize(8, 6)) { _, _, _ in 1 }
        let colors = try Image(
            geometry: Geometry(size: GridSize(8, 6)), colorModel: .grayAlpha,
            pixels: AlignedBuffer(repeating: 1, count: 96))
        let register = PhaseCorrelation()
        #expect(refusal { try register.shift(of: image, onto: Samples.noise(GridSize(6, 8))) }?.code == .sizeMismatch)
        #expect(refusal { try register.shift(of: image, onto: flat) }?.code == .undefinedResult)
        #expect(refusal { try register.shift(of: colors, onto: image) }?.code == .channelMismatch)
        #expect(refusal { try PhaseCorrelation(upsampling: 0).shift(of: image, onto: image) }?.code == .badArgument)
    }
}
