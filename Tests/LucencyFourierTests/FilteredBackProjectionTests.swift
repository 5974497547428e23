import LucencyFoundation
import LucencyFourier
import LucencyImaging
import Support
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite struct FilteredBackProjectionTests {
    /// A sinogram that scikit-image made of its head, and its reconstructions of it.
    private struct Fixture {
        let size: Int
        let sinogram: Sinogram
        let grid: Geometry
        let axis: SIMD2<Double>
        let json: JSONValue

        init() throws {
            json = try TestFiles.json(TestFiles.fixture("LucencyFourierTests", "tomography.json"))
            size = try #require(json["size"]?.intValue)
            let angles = try #require(json["angles"]?.intValue), axis = try #require(json["axis"]?.doubleValue)
            let values = try #require(json["sinogram"]?.arrayValue).compactMap(\.doubleValue)
            sinogram = try Sinogram(
                ParallelBeam(angles: ParallelBeam.evenAngles(angles), bins: size, binWidth: 1, axis: axis),
                values: AlignedBuffer(values.map(Float.init)))
            grid = try Geometry(size: GridSize(size, size), spacing: [1, 1, 1], source: .stated(.mm))
            self.axis = [axis, axis]
        }

        /// The largest difference from a reconstruction, where its largest value is about 1.
        func error(of image: Image, from name: String) throws -> Double {
            let expected = try #require(json["reconstructions"]?[name]?.arrayValue).compactMap(\.doubleValue)
            let first = try #require(json["first"]?.intValue), step = try #require(json["step"]?.intValue)
            let places = Array(stride(from: first, to: size, by: step))
            try #require(expected.count == places.count * places.count)
            var worst = 0.0
            for (i, y) in places.enumerated() {
                for (j, x) in places.enumerated() {
                    let difference = Double(image.pixels[y * size + x]) - expected[i * places.count + j]
                    worst = max(worst, difference.isNaN ? .infinity : abs(difference))
                }
            }
            return worst
        }
    }

    @Test(arguments: [
        (RampWindow.ramLak, "ramp"), (.sheppLogan, "shepp-logan"), (.cosine, "cosine"), (.hamming, "ideal hamming"),
        (.hann, "ideal hann"),
    ])
    func `reconstructions are scikit-image's to a millionth`(_ window: RampWindow, _ name: String) throws {
        let fixture = try Fixture()
        let image = try FilteredBackProjection(window: window)(fixture.sinogram, onto: fixture.grid, axis: fixture.axis)
        let error = try fixture.error(of: image, from: name)
        #expect(error < 1e-6, "\(name): \(error)")
    }

    @Test(arguments: [(RampWindow.hamming, "hamming"), (.hann, "hann")])
    func `its Hamming and Hann windows, which end one sample early, differ by less than a thousandth`(
        _ window: RampWindow, _ name: String
    ) throws {
        let fixture = try Fixture()
        let image = try FilteredBackProjection(window: window)(fixture.sinogram, onto: fixture.grid, axis: fixture.axis)
        let error = try fixture.error(of: image, from: name)
        #expect(error < 1e-3 && error > 1e-5, "\(name): \(error)")
    }

    @Test func `corners are reconstructed where they are wanted`() throws {
        let fixture = try Fixture()
        let image = try FilteredBackProjection(circle: false)(
            fixture.sinogram, onto: fixture.grid, axis: fixture.axis)
        let error = try fixture.error(of: image, from: "ramp, square")
        #expect(error < 1e-6, "\(error)")
        let circle = try FilteredBackProjection()(fixture.sinogram, onto: fixture.grid, axis: fixture.axis)
        #expect(circle.pixels[0] == 0 && image.pixels[0] != 0)
        let middle = 70 * fixture.size + 40
        #expect(circle.pixels[middle] == image.pixels[middle])
    }

    /// A disc of value 3 at (8, −5) mm with a radius of 20 mm: chords of 2·√(r² − t²).
    private func disc(_ beam: ParallelBeam) throws -> Sinogram {
        var values: [Float] = []
        for angle in beam.angles {
            for bin in 0..<beam.bins {
                let t = beam.position(of: bin) - 8 * cos(angle) + 5 * sin(angle)
                values.append(Float(6 * max(0, 400 - t * t).squareRoot()))
            }
        }
        return try Sinogram(beam, values: AlignedBuffer(values))
    }

    @Test(arguments: [false, true])
    func `a disc returns at its place with its value, in millimetres`(_ wholeTurn: Bool) throws {
        // Neither bins nor pixels are a millimetre wide, pixels are not square, and the axis is in no one's middle.
        let angles = wholeTurn ? (0..<360).map { Double($0) * .pi / 180 } : ParallelBeam.evenAngles(180)
        let beam = try ParallelBeam(angles: angles, bins: 160, binWidth: 0.5, axis: 71.3)
        let grid = try Geometry(size: GridSize(60, 100), spacing: [1.25, 0.75, 2], source: .stated(.mm))
        let image = try FilteredBackProjection(window: .hann, circle: false)(
            try disc(beam), onto: grid, axis: [24, 47])
        func value(_ x: Double, _ y: Double) -> Double {
            Double(image.pixels[Int((47 - y / 0.75).rounded()) * 60 + Int((24 + x / 1.25).rounded())])
        }
        for (x, y) in [(8.0, -5.0), (23, -5), (8, -21), (-6, -5), (8, 9)] {
            #expect(abs(value(x, y) - 3) < 0.03, "inside, \(x), \(y): \(value(x, y))")
        }
        for (x, y) in [(32.0, -5.0), (-16, -5), (8, 20), (8, -30)] {
            #expect(abs(value(x, y)) < 0.03, "outside, \(x), \(y): \(value(x, y))")
        }
    }

    @Test func `threads change nothing`() throws {
        let fixture = try Fixture(), reconstruct = FilteredBackProjection(window: .hann)
        #expect(
            try reconstruct(fixture.sinogram, onto: fixture.grid)
                == reconstruct(fixture.sinogram, onto: fixture.grid, pool: ThreadPool(threads: 3)))
    }

    @Test func `a detector of one bin and grids of one pixel are no harm`() throws {
        let beam = try ParallelBeam(angles: [0.3], bins: 1, binWidth: 2)
        let sinogram = try Sinogram(beam, values: AlignedBuffer([4]))
        let grid = try Geometry(size: GridSize(1, 1), spacing: [1, 1, 1], source: .stated(.mm))
        // π · 4 · h(0) / width.
        let image = try FilteredBackProjection()(sinogram, onto: grid)
        #expect(abs(image.pixels[0] - Float.pi * 4 / 4 / 2) < 1e-5)
        let wide = try Geometry(size: GridSize(300, 2), spacing: [1, 1, 1], source: .stated(.mm))
        #expect(try FilteredBackProjection(circle: false)(sinogram, onto: wide).pixels.array.allSatisfy { $0.isFinite })
    }

    @Test func `windows fall from 1 as their formulas say`() {
        for window in RampWindow.allCases { #expect(window.factor(at: 0) == 1) }
        let ends = RampWindow.allCases.map { $0.factor(at: 0.5) }
        for (end, expected) in zip(ends, [1, 2 / Double.pi, 0, 0.08, 0]) { #expect(abs(end - expected) < 1e-12) }
        #expect(abs(RampWindow.sheppLogan.factor(at: 0.25) - 0.900316316157106) < 1e-12)
        #expect(abs(RampWindow.hann.factor(at: 0.25) - 0.5) < 1e-12)
    }

    @Test func `impossible scans and grids are refused`() throws {
        let beam = try ParallelBeam(angles: [0], bins: 4, binWidth: 1)
        #expect(beam.axis == 1.5)
        let sinogram = try Sinogram(beam, values: AlignedBuffer([1, 2, 3, 4]))
        #expect(refusal { try ParallelBeam(angles: [.nan], bins: 4, binWidth: 1) }?.code == .badArgument)
        #expect(refusal { try ParallelBeam(angles: [0], bins: 4, binWidth: 0) }?.code == .badArgument)
        #expect(refusal { try ParallelBeam(angles: [0], bins: 4, binWidth: .infinity) }?.code == .badArgument)
        #expect(refusal { try ParallelBeam(angles: [0], bins: 4, binWidth: 1, axis: .nan) }?.code == .badArgument)
        #expect(refusal { try ParallelBeam(angles: [], bins: 4, binWidth: 1) }?.code == .badGeometry)
        #expect(refusal { try ParallelBeam(angles: [0], bins: 0, binWidth: 1) }?.code == .badGeometry)
        #expect(refusal { try ParallelBeam(angles: [0], bins: 1 << 30, binWidth: 1) }?.code == .tooLarge)
        #expect(refusal { try Sinogram(beam, values: AlignedBuffer([1, 2, 3])) }?.code == .sizeMismatch)
        #expect(refusal { try Sinogram(beam, values: AlignedBuffer([1, 2, 3, .nan])) }?.code == .notFinite)

        let assumed = try Geometry(size: GridSize(4, 4))
        #expect(refusal { try FilteredBackProjection()(sinogram, onto: assumed) }?.code == .assumedSpacing)
        let volume = try Geometry(size: GridSize(4, 4, 2), spacing: [1, 1, 1], source: .stated(.mm))
        #expect(refusal { try FilteredBackProjection()(sinogram, onto: volume) }?.code == .badArgument)
        let plane = try Geometry(size: GridSize(4, 4), spacing: [1, 1, 1], source: .stated(.mm))
        #expect(
            refusal { try FilteredBackProjection()(sinogram, onto: plane, axis: [0, .infinity]) }?.code == .badArgument)
        let far = try Geometry(size: GridSize(4, 4), spacing: [50000, 50000, 1], source: .stated(.mm))
        #expect(refusal { try FilteredBackProjection(circle: false)(sinogram, onto: far) }?.code == .tooLarge)
    }

    @Test func `as a picture, a sinogram has a row for each projection and no spacing`() throws {
        let beam = try ParallelBeam(angles: [0, 1, 2], bins: 2, binWidth: 0.5)
        let image = try Sinogram(beam, values: AlignedBuffer([1, 2, 3, 4, 5, 6])).image
        #expect(image.size == GridSize(2, 3) && image.geometry.spacingSource == .assumed)
        #expect(image.pixels.array == [1, 2, 3, 4, 5, 6])
    }
}
