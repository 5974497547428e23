import LucencyFoundation
import LucencyFourier

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A detector that counts photons: of those sent into each bin, `photons · exp(−attenuation · line integral)` arrive on
/// average, and the counts are of the Poisson distribution.
public struct PhotonNoise: Hashable, Sendable {
    /// Photons per bin and projection where nothing is in the way, 1...10¹².
    public var photons: Double
    /// Attenuation per mm of a value of 1, 10⁻⁶...10.
    public var attenuation: Double

    public init(photons: Double, attenuation: Double) {
        self.photons = photons
        self.attenuation = attenuation
    }

    /// - Throws: `Diagnostic` when a number is out of range.
    public func check() throws(Diagnostic) {
        guard photons >= 1, photons <= 1e12 else {
            throw Diagnostic(
                .badArgument, "\(photons) photons per bin are outside 1...10¹²",
                remedy: "a CT scanner has 10⁴ to 10⁶; for no noise take the product without it")
        }
        guard 1e-6...10 ~= attenuation else {
            throw Diagnostic(
                .badArgument, "an attenuation of \(attenuation) per mm is outside 10⁻⁶...10",
                remedy: "water has 0.02 per mm at the energies of a CT scanner")
        }
    }

    /// Photon counts, `angle × bin`.
    /// - Parameter stream: the random numbers of a projection.
    /// - Throws: `Diagnostic` when a number is out of range.
    public func counts(
        _ sinogram: Sinogram, pool: ThreadPool = .serial, stream: @Sendable (_ view: Int) -> PhiloxStream
    ) throws(Diagnostic) -> AlignedBuffer<Float> {
        try check()
        let bins = sinogram.beam.bins, photons = photons, attenuation = attenuation
        return sinogram.values.withUnsafeBufferPointer { source in
            AlignedBuffer(count: source.count) { target in
                nonisolated(unsafe) let source = source, target = target
                pool.forEach(sinogram.beam.angles.count) { view in
                    var random = stream(view)
                    for i in view * bins..<(view + 1) * bins {
                        let mean = photons * exp(-attenuation * Double(source[i]))
                        target[i] = Float(random.poisson(mean: min(mean, 1e12)))
                    }
                }
            }
        }
    }

    /// Line integrals from counts: −ln(count / photons) / attenuation. A bin without a photon counts as one with half of
    /// one, since nothing has no logarithm. With n photons expected, the result is too large by 1/2n on average, and its
    /// variance is 1/n, both before dividing by the attenuation (and its square).
    /// - Parameter stream: the random numbers of a projection.
    /// - Throws: `Diagnostic` when a number is out of range.
    public func callAsFunction(
        _ sinogram: Sinogram, pool: ThreadPool = .serial, stream: @Sendable (_ view: Int) -> PhiloxStream
    ) throws(Diagnostic) -> Sinogram {
        var values = try counts(sinogram, pool: pool, stream: stream)
        let photons = photons, attenuation = attenuation
        values.withUnsafeMutableBufferPointer { values in
            for i in 0..<values.count {
                values[i] = Float(-log(max(0.5, Double(values[i])) / photons) / attenuation)
            }
        }
        return try Sinogram(sinogram.beam, values: values)
    }
}
