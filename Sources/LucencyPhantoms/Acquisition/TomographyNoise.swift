import LucencyFoundation
import LucencyFourier
import LucencyImaging

/// The noise of slices that filtered back-projection has made: normal, with a power spectrum that grows like a ramp from
/// 0 and falls off at the kernel's end, W(f) ∝ f·exp(−(f/f₀)²)². So neighbouring pixels are correlated and the mean
/// over a large region is quieter than that of white noise would be
/// (Riederer, Pelc and Chesler, "The noise power spectrum in computed X-ray tomography", Physics in Medicine and Biology
/// 23, 1978). Slices are independent of each other.
package struct TomographyNoise: Sendable, Hashable {
    /// Standard deviation of every pixel.
    package var sigma: Double
    /// f₀, cycles per pixel: small for a soft kernel.
    package var cutoff: Double

    package init(sigma: Double, cutoff: Double) {
        self.sigma = sigma
        self.cutoff = cutoff
    }

    /// Adds the noise. The variance is `sigma`² in every pixel: the noise is made on a periodic grid, in which none is
    /// special, of which the slice is a part.
    /// - Throws: `Diagnostic` when the slice is too large to transform, or too small for such coarse grain.
    package func callAsFunction(
        _ values: inout [Float], size: GridSize, draws: PhantomDraws, pool: ThreadPool
    ) throws {
        guard sigma > 0, values.count == size.count else { return }
        let grid = GridSize(
            FourierTransform.goodSize(atLeast: size.x), FourierTransform.goodSize(atLeast: size.y))
        let transform = try FourierTransform(size: grid)
        let response = try response(of: grid)
        try values.withUnsafeMutableBufferPointer { values in
            nonisolated(unsafe) let values = values
            try pool.forEach(size.z) { slice in
                var random = draws.stream("noise.\(slice)")
                let white = AlignedBuffer<Float>(count: grid.count) { white in
                    for i in 0..<white.count { white[i] = Float(random.normal()) }
                }
                var spectrum = try transform.forward(white)
                for y in 0..<grid.y {
                    for x in 0..<spectrum.width { spectrum[x, y] *= response[y * spectrum.width + x] }
                }
                let noise = try transform.inverse(spectrum)
                noise.withUnsafeBufferPointer { noise in
                    for y in 0..<size.y {
                        let target = (slice &* size.y &+ y) &* size.x, source = y &* grid.x
                        for x in 0..<size.x { values[target &+ x] += noise[source &+ x] }
                    }
                }
            }
        }
    }

    /// - Throws: `Diagnostic` when slices of a size are too small for such coarse grain.
    package func check(width: Int, height: Int) throws(Diagnostic) {
        guard sigma > 0 else { return }
        try checkGrain(
            GridSize(FourierTransform.goodSize(atLeast: width), FourierTransform.goodSize(atLeast: height)))
    }

    private func checkGrain(_ grid: GridSize) throws(Diagnostic) {
        // The lowest frequency has the most power of those that are above the peak, f₀/2.
        let lowest = 1 / Double(max(grid.x, grid.y)), fall = bell(lowest / cutoff)
        guard lowest * fall * fall > 1e-9 else {
            throw Diagnostic(
                .badArgument, "noise below \(cutoff) cycles per pixel does not fit into \(grid) pixels",
                remedy: "choose a higher cutoff, or more pixels")
        }
    }

    /// √W at the frequencies of half a spectrum, scaled so that white noise of variance 1 becomes noise of `sigma`².
    private func response(of grid: GridSize) throws -> [Float] {
        try checkGrain(grid)
        let width = grid.x / 2 + 1
        var power = 0.0
        var values = [Double](repeating: 0, count: width * grid.y)
        for y in 0..<grid.y {
            let v = Double(y <= grid.y / 2 ? y : y - grid.y) / Double(grid.y)
            for x in 0..<width {
                let f = hypotenuse(Double(x) / Double(grid.x), v)
                let value = f.squareRoot() * bell(f / cutoff)
                values[y * width + x] = value
                // All columns but the first (and the last, if even) stand for two.
                power += value * value * (x == 0 || 2 * x == grid.x ? 1 : 2)
            }
        }
        let scale = sigma / (power / Double(grid.count)).squareRoot()
        return values.map { Float($0 * scale) }
    }
}
