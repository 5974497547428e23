import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The way from path lengths to what the detector delivers: attenuation, scatter, quantum noise, blur, electronic noise.
///
/// The detector blurs what it has counted, so that quantum noise is correlated: of an even exposure, its variance falls to
/// the sum of the squares of the blur's weights. The electronics' noise comes after that and is white.
public struct XRayProjector: Sendable, Hashable {
    /// Photons per pixel without a patient.
    public var photons: Double
    /// Standard deviation of the electronics' noise in photons.
    public var electronicNoise = 0.0
    /// Scattered over primary radiation per unit of log attenuation: first-order scatter arises in proportion to what is
    /// lost, and spreads (convolution model of Love and Kruger, Med. Phys. 14, 1987).
    public var scatter = 0.0
    /// Standard deviations in pixels.
    public var scatterSpread = 0.0
    public var blur = 0.0

    public init(photons: Double) { self.photons = photons }

    /// Scattered photons over `photons`, smooth.
    public func scattered(_ attenuation: [Float], width: Int, height: Int, pool: ThreadPool = .serial) -> [Float] {
        guard scatter > 0 else { return Array(repeating: 0, count: attenuation.count) }
        var field = attenuation.map { Float(scatter) * $0 * expf(-$0) }
        gaussianBlur(&field, width: width, height: height, sigma: scatterSpread, pool: pool)
        return field
    }

    /// Expected photons that reach the detector over `photons`: primary and scatter.
    public func transmission(_ attenuation: [Float], scattered: [Float]) -> [Float] {
        attenuation.indices.map { expf(-attenuation[$0]) + scattered[$0] }
    }

    /// The expected signal of transmissions, or counts, after the detector's blur.
    public func blurred(_ plane: [Float], width: Int, height: Int, pool: ThreadPool = .serial) -> [Float] {
        var signal = plane
        gaussianBlur(&signal, width: width, height: height, sigma: blur, pool: pool)
        return signal
    }

    /// What the detector delivers, in photons, with a random stream for each row: counts of the Poisson distribution,
    /// blurred, with the electronics' noise.
    /// - Parameter transmission: expected ones, not blurred.
    public func counted(
        _ transmission: [Float], width: Int, height: Int, pool: ThreadPool = .serial,
        random: @Sendable (_ row: Int) -> PhiloxStream
    ) -> [Float] {
        var counts = transmission, electronic = [Float](repeating: 0, count: transmission.count)
        let photons = photons, electronicNoise = electronicNoise
        counts.withUnsafeMutableBufferPointer { counts in
            electronic.withUnsafeMutableBufferPointer { electronic in
                nonisolated(unsafe) let counts = counts, electronic = electronic
                pool.forEach(height) { row in
                    var random = random(row)
                    for i in row &* width..<(row &+ 1) &* width {
                        counts[i] = Float(random.poisson(mean: Double(counts[i]) * photons))
                        if electronicNoise > 0 { electronic[i] = Float(electronicNoise * random.normal()) }
                    }
                }
            }
        }
        counts = blurred(counts, width: width, height: height, pool: pool)
        for i in counts.indices { counts[i] += electronic[i] }
        return counts
    }

    /// Log attenuation of counts; what is below half a photon counts as half a photon.
    public func logarithm(ofCounts counts: [Float]) -> [Float] {
        let inverse = Float(1 / photons), least = 0.5 * inverse
        return counts.map { -logf(max($0 * inverse, least)) }
    }
}
