import LucencyFoundation
import LucencyFourier
import LucencyPhantoms
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite struct PhotonNoiseTests {
    private func moments(_ values: [Double]) -> (mean: Double, variance: Double) {
        let mean = values.reduce(0, +) / Double(values.count)
        return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1))
    }

    @Test(arguments: [0.02, 0.7, 4, 9.99, 10, 11.5, 37, 1000, 250_000, 3e9])
    func `counts have mean and variance of the Poisson distribution`(_ mean: Double) {
        var stream = PhiloxStream(seed: 5, stream: "poisson", index: Int(mean * 100))
        let count = 60_000, found = moments((0..<count).map { _ in stream.poisson(mean: mean) })
        let error = (mean / Double(count)).squareRoot()
        #expect(abs(found.mean - mean) < 4 * error, "\(found)")
        // The variance of a variance: (μ₄ − σ⁴)/n with μ₄ = λ + 3λ².
        let spread = ((mean + 2 * mean * mean) / Double(count)).squareRoot()
        #expect(abs(found.variance - mean) < 4 * spread, "\(found)")
    }

    @Test(arguments: [3.0, 12])
    func `each count is as frequent as it should be`(_ mean: Double) {
        var stream = PhiloxStream(seed: 6, stream: "poisson", index: Int(mean))
        let draws = 100_000
        var seen = [Int](repeating: 0, count: 60)
        for _ in 0..<draws { seen[min(59, Int(stream.poisson(mean: mean)))] += 1 }
        var expected = exp(-mean), square = 0.0, classes = 0
        for count in 0..<60 {
            let wanted = expected * Double(draws)
            if wanted > 5 {
                square += (Double(seen[count]) - wanted) * (Double(seen[count]) - wanted) / wanted
                classes += 1
            }
            expected *= mean / Double(count + 1)
        }
        // χ² with as many degrees of freedom, less one: 4 standard deviations above its mean.
        #expect(square < Double(classes) + 4 * (2 * Double(classes)).squareRoot(), "\(square) in \(classes) classes")
    }

    @Test func `no photons are expected, none come`() {
        var stream = PhiloxStream(seed: 1)
        #expect(stream.poisson(mean: 0) == 0 && stream.poisson(mean: -1) == 0 && stream.poisson(mean: .nan) == 0)
    }

    /// Many rays through 100 mm of a value of 0.9.
    private func flat(_ views: Int = 60, _ bins: Int = 500) throws -> Sinogram {
        let beam = try ParallelBeam(angles: ParallelBeam.evenAngles(views), bins: bins, binWidth: 1)
        return try Sinogram(beam, values: AlignedBuffer(repeating: 90, count: views * bins))
    }

    private func stream(_ view: Int) -> PhiloxStream { PhiloxStream(seed: 9, stream: "test", index: view) }

    @Test func `line integrals keep their mean, and half the photons double the variance`() throws {
        let rays = try flat()
        var variances: [Double] = []
        for photons in [40_000.0, 20_000] {
            let noise = PhotonNoise(photons: photons, attenuation: 0.02), arriving = photons * exp(-0.02 * 90)
            let counted = moments(try noise.counts(rays) { stream($0) }.array.map(Double.init))
            #expect(abs(counted.mean / arriving - 1) < 4 / (arriving * 30_000).squareRoot())
            let found = moments(try noise(rays) { stream($0) }.values.array.map(Double.init))
            let expected = 1 / arriving / (0.02 * 0.02)
            #expect(abs(found.variance / expected - 1) < 0.04, "\(found.variance), expected \(expected)")
            // The logarithm's bias of 1/2n is within its error here.
            let error = (expected / 30_000).squareRoot()
            #expect(abs(found.mean - 90 - 0.5 / arriving / 0.02) < 4 * error, "\(found.mean)")
            variances.append(found.variance)
        }
        #expect(abs(variances[1] / variances[0] - 2) < 0.1)
    }

    @Test func `where no photon arrives, half of one is taken, and all stays finite`() throws {
        let beam = try ParallelBeam(angles: [0], bins: 3, binWidth: 1)
        let rays = try Sinogram(beam, values: AlignedBuffer([1e6, 1e6, 1e6]))
        let noise = PhotonNoise(photons: 1000, attenuation: 0.02)
        let expected = Float(log(2000.0) / 0.02)
        #expect(try noise(rays) { stream($0) }.values.array.allSatisfy { abs($0 - expected) < 0.01 })
        // Line integrals below 0 send more photons than came, up to a limit.
        let source = try Sinogram(beam, values: AlignedBuffer([-1e6, -1e6, -1e6]))
        #expect(try noise(source) { stream($0) }.values.array.allSatisfy { $0.isFinite && $0 < -900 })
    }

    @Test func `threads change nothing, streams do`() throws {
        let rays = try flat(5, 40), noise = PhotonNoise(photons: 500, attenuation: 0.02)
        let one = try noise(rays) { stream($0) }
        #expect(try noise(rays, pool: ThreadPool(threads: 3)) { stream($0) } == one)
        #expect(try noise(rays) { stream($0 + 1) } != one)
        #expect(one.values.array[..<40] != one.values.array[40..<80])
    }

    @Test func `impossible numbers are refused`() throws {
        let rays = try flat(1, 1)
        for noise in [
            PhotonNoise(photons: 0.5, attenuation: 0.02), PhotonNoise(photons: .nan, attenuation: 0.02),
            PhotonNoise(photons: 2e12, attenuation: 0.02), PhotonNoise(photons: 1000, attenuation: 0),
            PhotonNoise(photons: 1000, attenuation: .infinity), PhotonNoise(photons: 1000, attenuation: .nan),
        ] {
            let error = #expect(throws: Diagnostic.self) { try noise(rays) { stream($0) } }
            #expect(error?.code == .badArgument && error?.remedy != nil)
        }
    }
}
