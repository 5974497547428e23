import Foundation
import LucencyFoundation
import LucencyFourier
import LucencyImaging
import LucencyPhantoms
import Testing

@Suite struct NoiseTests {
    private func moments(_ values: [Float]) -> (mean: Double, variance: Double) {
        let mean = values.reduce(0) { $0 + Double($1) } / Double(values.count)
        return (mean, values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(values.count))
    }

    /// e^(−x) I_n(x) by the integral (1/π)∫ exp(x(cos t − 1)) cos(nt) dt over 0...π.
    private func scaledBessel(_ n: Double, _ x: Double) -> Double {
        let steps = 4000
        return (0..<steps).reduce(0) { sum, step in
            let t = (Double(step) + 0.5) * .pi / Double(steps)
            return sum + exp(x * (cos(t) - 1)) * cos(n * t) / Double(steps)
        }
    }

    @Test(arguments: [0.0, 10, 25, 100]) func `Rician noise has the closed form's mean and variance`(
        signal: Double
    ) {
        let size = GridSize(400, 400), sigma = 12.0
        var values = [Float](repeating: Float(signal), count: size.count)
        RicianNoise(sigma: sigma)(&values, size: size, draws: PhantomDraws(seed: 1, index: 0), pool: .serial)
        // Mean σ√(π/2) L(−A²/2σ²), L(x) = e^(x/2)((1 − x) I₀(−x/2) − x I₁(−x/2)); mean square A² + 2σ².
        let x = signal * signal / (2 * sigma * sigma)
        let laguerre = (1 + x) * scaledBessel(0, x / 2) + x * scaledBessel(1, x / 2)
        let mean = sigma * (Double.pi / 2).squareRoot() * laguerre
        let variance = signal * signal + 2 * sigma * sigma - mean * mean
        let found = moments(values)
        // Five standard errors: of the mean √(v/n), of the variance less than v√(3/n).
        #expect(abs(found.mean - mean) < 5 * (variance / Double(size.count)).squareRoot())
        #expect(abs(found.variance - variance) < 5 * variance * (3 / Double(size.count)).squareRoot())
    }

    @Test func `tomographic noise has the stated variance and a spectrum that rises from zero`() throws {
        let size = GridSize(128, 128, 24)
        var values = [Float](repeating: 100, count: size.count)
        try TomographyNoise(sigma: 15, cutoff: 0.3)(
            &values, size: size, draws: PhantomDraws(seed: 2, index: 0), pool: .serial)
        let found = moments(values)
        // The spectrum is 0 at frequency 0: the mean of a slice does not change.
        #expect(abs(found.mean - 100) < 1e-3)
        #expect(abs(found.variance.squareRoot() - 15) < 0.15)
        // Mean power in rings of frequency, beside f·exp(−2(f/f₀)²): 24 slices and some 100 frequencies or more per ring.
        var power = [Double](repeating: 0, count: 8), law = power
        let transform = try FourierTransform(size: GridSize(128, 128))
        for z in 0..<24 {
            let slice = values[z * 128 * 128..<(z + 1) * 128 * 128]
            let spectrum = try transform.forward(AlignedBuffer(Array(slice)))
            for y in 0..<128 {
                for x in 1..<64 {
                    let v = Double(y <= 64 ? y : y - 128) / 128, u = Double(x) / 128
                    let f = (u * u + v * v).squareRoot(), ring = Int(f / 0.05), value = spectrum[x, y]
                    guard ring < 8 else { continue }
                    power[ring] += Double(value.x * value.x + value.y * value.y)
                    law[ring] += f * exp(-2 * f * f / 0.09)
                }
            }
        }
        let scale = power.reduce(0, +) / law.reduce(0, +)
        for ring in 0..<8 { #expect(abs(power[ring] / (scale * law[ring]) - 1) < 0.1) }
        // Neighbours are alike.
        var product = 0.0
        for i in stride(from: 0, to: size.count, by: 2) {
            product += (Double(values[i]) - 100) * (Double(values[i + 1]) - 100)
        }
        #expect(product / Double(size.count / 2) / found.variance > 0.2)
    }

    @Test func `grain that is coarser than the slice is refused`() {
        var values = [Float](repeating: 0, count: 256)
        let error = #expect(throws: Diagnostic.self) {
            try TomographyNoise(sigma: 1, cutoff: 0.002)(
                &values, size: GridSize(16, 16), draws: PhantomDraws(seed: 0, index: 0), pool: .serial)
        }
        #expect(error?.code == .badArgument)
    }

    @Test func `noise does not depend on threads`() throws {
        let size = GridSize(40, 30, 3), draws = PhantomDraws(seed: 3, index: 1), two = ThreadPool(threads: 2)
        var one = [Float](repeating: 9, count: size.count), other = one
        RicianNoise(sigma: 2)(&one, size: size, draws: draws, pool: .serial)
        RicianNoise(sigma: 2)(&other, size: size, draws: draws, pool: two)
        #expect(one == other)
        try TomographyNoise(sigma: 2, cutoff: 0.3)(&one, size: size, draws: draws, pool: .serial)
        try TomographyNoise(sigma: 2, cutoff: 0.3)(&other, size: size, draws: draws, pool: two)
        #expect(one == other)
    }
}
