import LucencyFoundation
import LucencyFourier
import LucencyImaging
import LucencyPhantoms
import Support
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Ellipses: the tables, drawn and projected.
@Suite struct EllipseTests {
    private typealias Ellipse = SheppLogan.Ellipse
    private let tilted = Ellipse("tilted", .brain, value: 2, x: 7, y: -4, a: 20, b: 9, degrees: 30)

    @Test func `sampled at pixel centres, the modified table is scikit-image's picture in every pixel`() throws {
        let fixture = try TestFiles.json(TestFiles.fixture("LucencyPhantomsTests", "shepp-logan.json"))
        let size = try #require(fixture["size"]?.intValue), step = try #require(fixture["step"]?.intValue)
        let first = try #require(fixture["first"]?.intValue)
        let values = SheppLogan.Table.modified.ellipses.values(
            width: size, height: size, spacing: 2 / Double(size - 1), antialiased: false)
        // It stores 255 · value, cut off.
        let bytes = values.array.map { UInt8(Double($0) * 255 + 1e-4) }
        let samples = try #require(fixture["samples"]?.arrayValue).compactMap(\.intValue)
        var sampled: [Int] = []
        for y in stride(from: first, to: size, by: step) {
            for x in stride(from: first, to: size, by: step) { sampled.append(Int(bytes[y * size + x])) }
        }
        #expect(sampled == samples)
        let levels = try #require(fixture["levels"]?.arrayValue).compactMap(\.intValue)
        #expect(
            levels.map { level in bytes.count { Int($0) == level } }
                == fixture["counts"]?.arrayValue?.compactMap(\.intValue))
        #expect(bytes.withUnsafeBytes { SHA256.hex(of: $0) } == fixture["sha256"]?.stringValue)
    }

    @Test func `the standard table has the values of a head and the same shapes`() {
        let standard = SheppLogan.Table.standard.ellipses, modified = SheppLogan.Table.modified.ellipses
        func value(_ table: [Ellipse], _ x: Double, _ y: Double) -> Double {
            table.filter { $0.contains(x, y) }.reduce(0) { $0 + $1.value }
        }
        let places: [(Double, Double, Double, Double)] = [
            (0, 0.9, 2, 1), (0, -0.3, 1.02, 0.2), (0.22, -0.1, 1, 0), (-0.22, -0.1, 1, 0), (0, 0.4, 1.03, 0.3),
            (0, 0.12, 1.04, 0.4), (0, -0.1, 1.03, 0.3), (-0.08, -0.605, 1.03, 0.3), (0, -0.605, 1.03, 0.3),
            (0.06, -0.605, 1.03, 0.3), (0.68, 0.9, 0, 0),
        ]
        for (x, y, a, b) in places {
            #expect(abs(value(standard, x, y) - a) < 1e-12 && abs(value(modified, x, y) - b) < 1e-12, "\(x), \(y)")
        }
        for (a, b) in zip(standard, modified) {
            #expect(a.x == b.x && a.a == b.a && a.b == b.b && a.angle == b.angle && a.region == b.region)
            #expect(a.y == b.y || (a.name == "lowerTumour" && a.y == -0.605 && b.y == -0.606))
        }
    }

    // MARK: Drawing

    @Test func `pixels hold exactly the ellipse's share of their area`() {
        // A disc of radius 1 with its centre on the corner of four pixels of side 1: each holds a quarter, π/4.
        let disc = Ellipse("disc", .brain, value: 1, x: 0, y: 0, a: 1, b: 1)
        let four = [disc].values(width: 4, height: 4, spacing: 1).array
        let quarter = Float.pi / 4
        for (index, value) in four.enumerated() {
            let isMiddle = (1...2).contains(index % 4) && (1...2).contains(index / 4)
            #expect(abs(value - (isMiddle ? quarter : 0)) < 1e-6)
        }
        // Wholly within one pixel of side 4: π/16.
        #expect(abs([disc].values(width: 1, height: 1, spacing: 4).array[0] - .pi / 16) < 1e-6)
        // Beyond half a radius lies the segment π/3 − √3/4; of it, √3/4 + π/6 − ½ within half a radius of the axis.
        let cap = [disc.moved(-1, 0)].values(width: 1, height: 3, spacing: 1).array
        #expect(abs(cap.reduce(0, +) - Float(.pi / 3 - 3.0.squareRoot() / 4)) < 1e-6)
        #expect(abs(cap[1] - Float(3.0.squareRoot() / 4 + .pi / 6 - 0.5)) < 1e-6)
    }

    @Test func `anti-aliased values are the mean of many samples, and their sum is the area`() {
        let coarse = [tilted].values(width: 60, height: 50, spacing: 1).array
        let area = coarse.reduce(0.0) { $0 + Double($1) }
        #expect(abs(area - 2 * .pi * 20 * 9) < 1e-2)
        let factor = 32
        let fine = [tilted].values(
            width: 60 * factor, height: 50 * factor, spacing: 1 / Double(factor), antialiased: false
        ).array
        var worst: Float = 0
        for y in 0..<50 {
            for x in 0..<60 {
                var sum: Float = 0
                for v in 0..<factor {
                    for u in 0..<factor { sum += fine[(y * factor + v) * 60 * factor + x * factor + u] }
                }
                worst = max(worst, abs(sum / Float(factor * factor) - coarse[y * 60 + x]))
            }
        }
        #expect(worst < 0.02)
        #expect(coarse.contains { $0 > 0.1 && $0 < 1.9 })
    }

    @Test func `labels are those of the last ellipse that holds a pixel's centre`() {
        let labels = SheppLogan.Table.modified.ellipses.labels(width: 101, height: 101, spacing: 0.02).array
        func label(_ x: Double, _ y: Double) -> SheppLogan.Region? {
            SheppLogan.Region(rawValue: labels[Int(((1 - y) / 0.02).rounded()) * 101 + Int(((x + 1) / 0.02).rounded())])
        }
        #expect(label(-0.9, 0.9) == .air && label(0, 0.9) == .skull && label(0, -0.4) == .brain)
        #expect(label(-0.22, 0) == .ventricle && label(0.22, 0) == .ventricle)
        #expect(label(0, 0.4) == .largeTumour && label(0, 0.12) == .smallTumour && label(0.06, -0.6) == .smallTumour)
        #expect(Set(labels) == Set(SheppLogan.Region.allCases.map(\.rawValue)))
    }

    // MARK: Projecting

    @Test func `a centred disc projects to its chords in every direction`() throws {
        let disc = Ellipse("disc", .brain, value: 0.5, x: 0, y: 0, a: 30, b: 30)
        let beam = try ParallelBeam(angles: ParallelBeam.evenAngles(7), bins: 81, binWidth: 1)
        let sinogram = try [disc].radon(beam, averaged: false)
        for (index, value) in sinogram.values.array.enumerated() {
            let t = beam.position(of: index % 81)
            #expect(abs(Double(value) - max(0, 900 - t * t).squareRoot()) < 1e-5)
        }
    }

    @Test func `an ellipse casts the shadow of its axes, and bins hold the mean over their width`() throws {
        // Along its long axis, 40 mm of value 2 through the centre; across, 18 mm.
        for (view, turn) in [120.0, 30].enumerated() {
            let angle = turn * .pi / 180, middle = 7 * cos(angle) - 4 * sin(angle)
            let through = try ParallelBeam(angles: [angle], bins: 1, binWidth: 1, axis: -middle)
            let value = try [tilted].radon(through, averaged: false).values[0]
            #expect(abs(value - (view == 0 ? 80 : 36)) < 1e-4)
        }
        let coarse = try ParallelBeam(angles: ParallelBeam.evenAngles(12), bins: 16, binWidth: 4)
        let fine = try ParallelBeam(angles: coarse.angles, bins: 16 * 200, binWidth: 0.02)
        let bins = try [tilted].radon(coarse).values.array
        let samples = try [tilted].radon(fine, averaged: false).values.array
        for (index, value) in bins.enumerated() {
            let mean = samples[index * 200..<(index + 1) * 200].reduce(0.0) { $0 + Double($1) } / 200
            #expect(abs(Double(value) - mean) < 5e-3, "\(index)")
        }
    }

    @Test func `every projection holds the whole mass`() throws {
        let ellipses = SheppLogan.Table.standard.ellipses
        let mass = ellipses.reduce(0) { $0 + $1.value * .pi * $1.a * $1.b }
        let beam = try ParallelBeam(angles: ParallelBeam.evenAngles(23), bins: 40, binWidth: 0.05)
        let values = try ellipses.radon(beam).values.array
        for view in 0..<23 {
            let sum = values[view * 40..<(view + 1) * 40].reduce(0.0) { $0 + Double($1) } * 0.05
            #expect(abs(sum - mass) < 1e-5)
        }
    }

    @Test func `the closed form is what scikit-image sums up over pixels`() throws {
        let fixture = try TestFiles.json(TestFiles.fixture("LucencyFourierTests", "tomography.json"))
        let size = try #require(fixture["size"]?.intValue), angles = try #require(fixture["angles"]?.intValue)
        let numeric = try #require(fixture["sinogram"]?.arrayValue).compactMap(\.doubleValue)
        // Its picture is 400 pixels from −1 to 1 between centres, and turns about pixel 64, half a pixel right and below.
        let unit = 399.0 / 400 * Double(size) / 2
        let beam = try ParallelBeam(angles: ParallelBeam.evenAngles(angles), bins: size, binWidth: 1, axis: 64)
        func error(_ x: Double, _ y: Double) throws -> Double {
            let ellipses = SheppLogan.Table.modified.ellipses.map { $0.scaled(by: unit).moved(x, y) }
            let exact = try ellipses.radon(beam).values.array
            let squares = zip(exact, numeric).reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }
            return (squares / Double(numeric.count)).squareRoot() / (numeric.max() ?? 0)
        }
        // The root mean square, as a fraction of the largest line integral; pixels explain it.
        #expect(try error(-0.5, 0.5) < 0.01)
        for wrong in [(0.0, 0.0), (-0.5, -0.5), (0.5, 0.5)] { #expect(try error(wrong.0, wrong.1) > 0.03) }
    }

    @Test func `threads change nothing`() throws {
        let pool = ThreadPool(threads: 3), beam = try ParallelBeam(angles: [0, 1, 2], bins: 50, binWidth: 1)
        #expect(try [tilted].radon(beam, pool: pool) == [tilted].radon(beam))
        #expect(
            [tilted].values(width: 30, height: 20, spacing: 2, pool: pool)
                == [tilted].values(width: 30, height: 20, spacing: 2))
        #expect(
            [tilted].labels(width: 30, height: 20, spacing: 2, pool: pool)
                == [tilted].labels(width: 30, height: 20, spacing: 2))
    }
}
