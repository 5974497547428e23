import Foundation
import LucencyFoundation
import LucencyImaging
import LucencyPhantoms
import Testing

/// Numbers that numpy made; see the file's `made`.
private func fixture() throws -> JSONValue {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    return try JSONValue(parsing: String(contentsOf: folder.appending(path: "Fixtures/thorax.json"), encoding: .utf8))
}

private func number(_ value: JSONValue?, _ key: String) throws -> Double { try #require(value?[key]?.doubleValue) }

@Suite struct ThoraxPhysicsTests {
    @Test func `attenuation coefficients are the table's, and between its energies follow powers of the energy`() throws
    {
        let table = try #require(try fixture()["attenuation"])
        for material in ChestMaterial.allCases {
            let rows = try #require(table[material.rawValue]?.arrayValue)
            #expect(rows.count == 6)
            for row in rows {
                let expected = try number(row, "perMM")
                #expect(abs(try material.attenuation(at: number(row, "keV")) / expected - 1) < 1e-9)
            }
        }
        // Cortical bone at 60 keV: 0.3148 cm²/g · 1.92 g/cm³.
        #expect(abs(try ChestMaterial.corticalBone.attenuation(at: 60) - 0.0604416) < 1e-9)
    }

    @Test func `a slab attenuates as the closed form of Beer and Lambert says`() throws {
        // 60 keV: 200 mm of soft tissue, 100 mm of lung, 5 mm of compact bone.
        let slab = PathLengths(width: 8, height: 6, slabOfSoft: 200, lung: 100, bone: 5)
        let exponent = 20 * 0.2048 * 1.06 + 10 * 0.2053 * 0.26 + 0.5 * 0.3148 * 1.92
        let log = try ChestAttenuation(energy: 60)(slab)
        #expect(log.allSatisfy { abs(Double($0) - exponent) < 1e-5 })
        var projector = XRayProjector(photons: 1e6)
        projector.blur = 1.3
        let none = projector.scattered(log, width: 8, height: 6)
        let signal = projector.blurred(projector.transmission(log, scattered: none), width: 8, height: 6)
        #expect(signal.allSatisfy { abs(Double($0) / exp(-exponent) - 1) < 1e-5 })
    }

    @Test func `scatter behind a slab is its primary times log attenuation times the scatter's share`() throws {
        let slab = PathLengths(width: 40, height: 40, slabOfSoft: 150)
        let log = try ChestAttenuation(energy: 60)(slab)
        var projector = XRayProjector(photons: 1e6)
        projector.scatter = 0.1
        projector.scatterSpread = 15
        let scattered = projector.scattered(log, width: 40, height: 40)
        let exponent = 15 * 0.2048 * 1.06
        #expect(scattered.allSatisfy { abs(Double($0) / (0.1 * exponent * exp(-exponent)) - 1) < 1e-4 })
    }

    @Test func `two energies give back the path lengths of a noiseless patient`() throws {
        var phantom = ThoraxPhantom()
        phantom.size = 128
        phantom.nodules.number = 2
        let paths = try phantom.pathLengths(seed: 5, index: 0)
        let dual = try DualEnergy(lowEnergy: 46, highEnergy: 74)
        let low = dual.low(paths), high = dual.high(paths), soft = paths.softEquivalent
        var boneError = 0.0, bone = 0.0, softError = 0.0, tissue = 0.0, worst: Float = 0
        for i in low.indices {
            let found = dual.paths(low: low[i], high: high[i])
            boneError += Double(abs(found.bone - paths.bone[i]))
            bone += Double(paths.bone[i])
            softError += Double(abs(found.soft - soft[i]))
            tissue += Double(soft[i])
            worst = max(worst, abs(found.bone - paths.bone[i]))
        }
        #expect(bone / Double(low.count) > 0.5)
        // What is left comes from lung, whose coefficients differ from those of soft tissue by 0.3 %.
        #expect(boneError / bone < 0.005)
        #expect(softError / tissue < 1e-4)
        #expect(worst < 0.06)

        // Without lung the equations are exact.
        var solid = paths
        solid.lung = Array(repeating: 0, count: solid.lung.count)
        let solidLow = dual.low(solid), solidHigh = dual.high(solid)
        for i in solidLow.indices {
            let found = dual.paths(low: solidLow[i], high: solidHigh[i])
            #expect(abs(found.bone - solid.bone[i]) < 1e-3)
            #expect(abs(found.soft - solid.soft[i]) < 2e-3)
        }
    }

    @Test func `suppression leaves soft tissue in the place of bone`() throws {
        let paths = PathLengths(
            width: 2, height: 1, soft: [100, 80], lung: [0, 0], bone: [0, 6])
        let dual = try DualEnergy(lowEnergy: 46, highEnergy: 74)
        let soft = try ChestAttenuation(energy: 58).soft, weights = dual.suppression(to: soft)
        let low = dual.low(paths), high = dual.high(paths)
        for (i, thickness) in [100.0, 86].enumerated() {
            let found = weights.low * low[i] + weights.high * high[i]
            #expect(abs(Double(found) - soft * thickness) < 1e-4)
        }
    }

    @Test func `Poisson numbers have the mean and the variance of the distribution`() {
        let count = 40_000
        for (index, mean) in [0.2, 3, 9.99, 10, 37, 1000, 1e6].enumerated() {
            var random = PhiloxStream(seed: 11, stream: UInt64(index))
            let values = (0..<count).map { _ in random.poisson(mean: mean) }
            let average = values.reduce(0, +) / Double(count)
            let variance = values.reduce(0) { $0 + ($1 - average) * ($1 - average) } / Double(count - 1)
            #expect(abs(average - mean) < 4 * (mean / Double(count)).squareRoot(), "mean \(mean)")
            // The standard error of a variance is √(2/n + 1/(n·mean)) of it.
            let limit = 4 * (2 / Double(count) + 1 / (Double(count) * mean)).squareRoot()
            #expect(abs(variance / mean - 1) < limit, "variance at \(mean)")
            #expect(values.allSatisfy { $0 >= 0 && $0 == $0.rounded() })
        }
        var random = PhiloxStream(seed: 1)
        #expect(random.poisson(mean: 0) == 0)
        #expect(random.poisson(mean: -3) == 0)
        #expect(random.poisson(mean: .nan) == 0)
        #expect(random.poisson(mean: .infinity) == .infinity)
    }

    @Test(arguments: [1e12, 1.0001e12, 1e15, 1e300]) func `huge Poisson numbers lie around their mean`(mean: Double) {
        var random = PhiloxStream(seed: 4), sum = 0.0, square = 0.0
        for _ in 0..<2000 {
            let deviation = (random.poisson(mean: mean) - mean) / mean.squareRoot()
            sum += deviation
            square += deviation * deviation
        }
        #expect(abs(sum / 2000) < 0.1)
        // Beyond 2⁵³ a count is no exact number; the deviation is what the format leaves of it.
        if mean < 1e20 { #expect(abs(square / 2000 - 1) < 0.15) }
    }

    @Test func `Poisson numbers follow the probabilities of the distribution`() {
        for mean in [2.5, 12.0] {
            var random = PhiloxStream(seed: 3, stream: UInt64(mean * 2))
            var counts = [Int](repeating: 0, count: 60)
            let total = 60_000
            for _ in 0..<total { counts[min(59, Int(random.poisson(mean: mean)))] += 1 }
            var probability = exp(-mean), square = 0.0, cells = 0.0
            for k in 0..<59 {
                let expected = probability * Double(total)
                if expected > 10 {
                    square += (Double(counts[k]) - expected) * (Double(counts[k]) - expected) / expected
                    cells += 1
                }
                probability *= mean / Double(k + 1)
            }
            // χ² of n cells has mean n and variance 2n.
            #expect(cells > 8)
            #expect(square < cells + 5 * (2 * cells).squareRoot())
        }
    }

    @Test(arguments: [0.0, 0.5, 0.9])
    func `counts behind a slab have Poisson's variance times the blur's sum of squares, and that of the electronics`(
        blur: Double
    ) throws {
        let slab = PathLengths(width: 200, height: 200, slabOfSoft: 120)
        let log = try ChestAttenuation(energy: 60)(slab)
        var projector = XRayProjector(photons: 5000)
        projector.electronicNoise = 12
        projector.blur = blur
        let none = projector.scattered(log, width: 200, height: 200)
        let counts = projector.counted(projector.transmission(log, scattered: none), width: 200, height: 200) {
            PhiloxStream(seed: 2, stream: "row", index: $0)
        }
        // Weights of a Gaussian at whole pixels; in two directions the sum of squares is squared.
        let weights = (-8...8).map { blur > 0 ? exp(-Double($0 * $0) / (2 * blur * blur)) : $0 == 0 ? 1 : 0 }
        let total = weights.reduce(0, +), line = weights.reduce(0) { $0 + $1 * $1 } / (total * total)
        let expected = 5000 * exp(-12 * 0.2048 * 1.06), number = Double(counts.count)
        let mean = counts.reduce(0) { $0 + Double($1) } / number
        let variance = counts.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / number
        // Neighbours are correlated by the blur, so that the mean is as uncertain as without it.
        #expect(abs(mean - expected) < 4 * ((expected + 144) / number).squareRoot())
        let wanted = expected * line * line + 144
        #expect(abs(variance / wanted - 1) < 0.05, "\(variance), expected \(wanted)")
        // The noise of neighbours: none without blur, Σ w(i) w(i + 1) with it.
        let shared = zip(weights, weights.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / (total * total)
        var product = 0.0
        for i in 0..<counts.count where i % 200 < 199 {
            product += (Double(counts[i]) - mean) * (Double(counts[i + 1]) - mean)
        }
        #expect(abs(product / number - expected * line * shared) < 0.03 * expected)
    }

    @Test func `a blur keeps the sum and has the wanted width, narrow or wide`() {
        for sigma in [0.8, 3.0, 20.0] {
            let side = 201
            var plane = [Float](repeating: 0, count: side * side)
            plane[100 * side + 100] = 1
            gaussianBlur(&plane, width: side, height: side, sigma: sigma, pool: .serial)
            var sum = 0.0, second = 0.0
            for row in 0..<side {
                for column in 0..<side {
                    let value = Double(plane[row * side + column]), x = Double(column - 100)
                    sum += value
                    second += value * x * x
                }
            }
            #expect(abs(sum - 1) < 0.01)
            #expect(abs((second / sum).squareRoot() / sigma - 1) < 0.04)
        }
    }

    @Test func `the display curve is half way at its center and keeps within its bits`() {
        let curve = DisplayCurve(center: 2, width: 3, bits: 12)
        #expect(curve(2) == 2048)
        #expect(curve(-100) == 0)
        #expect(curve(100) == 4095)
        // One width above the center: 4095 / (1 + e⁻⁴).
        #expect(abs(curve(5) - 4021.35) < 1)
    }
}

@Suite struct ThoraxShapesTests {
    private let grid = ThoraxGrid(count: 160, pixel: 0.5, left: -40, top: -40)

    @Test func `chords of an ellipsoid agree with counting along rays, and fill its volume`() throws {
        let shape = Ellipsoid(center: SIMD3(3, -4, 10), axes: SIMD3(20, 9, 14), angle: 0.6)
        for row in try #require(try fixture()["ellipsoid"]?.arrayValue) {
            let length = shape.chord(try number(row, "x"), try number(row, "y")).length
            #expect(abs(length - (try number(row, "length"))) < 1e-3)
        }
        var volume = 0.0
        shape.forEachPixel(grid) { volume += $1.length * 0.25 }
        #expect(abs(volume / (4.0 / 3 * .pi * 20 * 9 * 14) - 1) < 0.002)
    }

    @Test func `chords of a bent tube agree with counting along rays`() throws {
        let tube = Tube([SIMD3(-30, 0, -10), SIMD3(0, 4, 5), SIMD3(25, -12, 20)], radius: 4)
        for row in try #require(try fixture()["tube"]?.arrayValue) {
            let x = try number(row, "x"), y = try number(row, "y")
            let point = ThoraxGrid(count: 1, pixel: 1e-3, left: x - 5e-4, top: y - 5e-4)
            var length = 0.0
            tube.forEachPixel(point) { _, outer, _ in length += outer }
            #expect(abs(length - (try number(row, "length"))) < 1e-3, "at \(x), \(y)")
        }
    }

    @Test func `a straight tube has the chord of a cylinder, longer where it is tilted, and a lumen`() {
        let point = ThoraxGrid(count: 1, pixel: 1e-6, left: 1, top: 1.5)
        func lengths(_ tube: Tube) -> (outer: Double, inner: Double) {
            var found = (outer: 0.0, inner: 0.0)
            tube.forEachPixel(point) { _, outer, inner in found = (found.outer + outer, found.inner + inner) }
            return found
        }
        let level = lengths(Tube([SIMD3(-50, 0, 0), SIMD3(50, 0, 0)], radius: 4, wall: 1))
        #expect(abs(level.outer - 2 * (16 - 2.25).squareRoot()) < 1e-4)
        #expect(abs(level.inner - 2 * (9 - 2.25).squareRoot()) < 1e-4)
        // A tube at 60° to the image plane.
        let tilted = lengths(
            Tube([SIMD3(-50, 0, -50 * 3.0.squareRoot()), SIMD3(50, 0, 50 * 3.0.squareRoot())], radius: 4))
        #expect(abs(tilted.outer - 2 * (16 - 2.25).squareRoot() / 0.5) < 1e-3)
        #expect(tilted.inner == 0)
    }

    @Test func `a tube's chords fill its volume, even when it is thinner than a pixel`() {
        let points: [SIMD3<Double>] = [SIMD3(-30, -9, -10), SIMD3(-3, 4, 5), SIMD3(25, -12, 20), SIMD3(30, -20, 12)]
        let length = zip(points, points.dropFirst()).reduce(0) { sum, pair in
            let step = pair.1 - pair.0
            return sum + (step * step).sum().squareRoot()
        }
        for radius in [0.1, 0.4, 3] {
            var volume = 0.0
            Tube(points, radius: radius).forEachPixel(grid) { _, outer, _ in volume += 0.25 * outer }
            #expect(abs(volume / (.pi * radius * radius * length) - 1) < 0.02, "radius \(radius)")
        }
    }
}
