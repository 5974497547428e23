import LucencyFoundation
import LucencyImaging

/// The noise of magnitude images in magnetic resonance: |A + σ(n₁ + i n₂)| with independent standard normal n₁, n₂
/// (Gudbjartsson and Patz, "The Rician distribution of noisy MRI data", Magnetic Resonance in Medicine 34, 1995).
/// Its mean square is A² + 2σ²; where there is no signal, the mean is σ√(π/2).
package struct RicianNoise: Sendable, Hashable {
    /// Standard deviation of the real and of the imaginary part, in units of the signal.
    package var sigma: Double

    package init(sigma: Double) { self.sigma = sigma }

    /// Adds the noise to magnitudes (none is negative), with a random stream per row.
    package func callAsFunction(_ values: inout [Float], size: GridSize, draws: PhantomDraws, pool: ThreadPool) {
        guard sigma > 0, values.count == size.count else { return }
        values.withUnsafeMutableBufferPointer { values in
            nonisolated(unsafe) let values = values
            pool.forEach(size.y * size.z) { row in
                var random = draws.stream("noise.\(row)")
                for i in row * size.x..<(row + 1) * size.x {
                    let real = Double(values[i]) + sigma * random.normal(), imaginary = sigma * random.normal()
                    values[i] = Float(hypotenuse(real, imaginary))
                }
            }
        }
    }
}
