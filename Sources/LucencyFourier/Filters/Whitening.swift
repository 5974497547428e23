import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Makes all wavelengths equally strong: every frequency is divided by the root-mean-square amplitude of its ring, so fine
/// structure stands out as much as coarse. Phases, mean and standard deviation stay. Each channel by itself; alpha is
/// untouched.
public struct Whitening: Sendable {
    /// 0 changes nothing, 1 makes all wavelengths equal: amplitudes are divided by the ring's to this power.
    public var strength: Double
    public var border: Border

    public init(strength: Double = 1, border: Border = .reflect) {
        self.strength = strength
        self.border = border
    }

    /// - Throws: `Diagnostic` when the strength is outside 0...1.
    public func callAsFunction(_ image: Image, pool: ThreadPool = .serial) throws -> Image {
        guard strength >= 0, strength <= 1 else {
            throw Diagnostic(.badArgument, "a strength of \(strength) is outside 0...1")
        }
        // The border is half of the image to each side, so that it closes on itself.
        let half = SIMD3(Double(image.size.x), Double(image.size.y), Double(image.size.z)) / 2
        let grid = try PaddedGrid(image.size, reach: half, border: border)
        let rings = FrequencyRings(grid.padded)
        let whitened = try image.filteringChannels(grid, pool: pool) { mean in
            (offset: mean, base: 0, outside: mean)
        } through: { spectrum in
            whiten(&spectrum, rings)
        }
        let count = image.size.count
        var pixels = whitened.pixels
        pixels.withUnsafeMutableBufferPointer { pixels in
            for channel in 0..<image.colors {
                let range = channel * count..<(channel + 1) * count
                let old = image.withChannel(channel) { Moments(of: $0, pool: pool) }
                let new = Moments(of: UnsafeBufferPointer(rebasing: pixels[range]), pool: pool)
                let scale = new.standardDeviation > 0 ? old.standardDeviation / new.standardDeviation : 0
                for i in range { pixels[i] = Float((Double(pixels[i]) - new.mean) * scale + old.mean) }
            }
        }
        return try Image(
            transformed: pixels, geometry: image.geometry, colorModel: image.colorModel,
            origin: image.origin?.rescaled)
    }

    private func whiten(_ spectrum: inout Spectrum, _ rings: FrequencyRings) {
        let size = spectrum.size, width = spectrum.width
        var powers = [Double](repeating: 0, count: rings.count), counts = powers
        for z in 0..<size.z {
            for y in 0..<size.y {
                for x in 0..<width {
                    let value = spectrum[x, y, z], ring = Int(rings.distance(x, y, z).rounded())
                    // The half that is not stored is the same again.
                    let times = x == 0 || 2 * x == size.x ? 1.0 : 2
                    powers[ring] += times * (Double(value.x) * Double(value.x) + Double(value.y) * Double(value.y))
                    counts[ring] += times
                }
            }
        }
        let amplitudes = zip(powers, counts).map { $1 > 0 ? ($0 / $1).squareRoot() : 0 }
        // Rings of rounding noise are not raised.
        let floor = (amplitudes.max() ?? 0) * 1e-6
        let strength = strength
        let factors = amplitudes.map { $0 > floor ? Float(pow($0, -strength)) : 0 }
        for z in 0..<size.z {
            for y in 0..<size.y {
                for x in 0..<width {
                    spectrum[x, y, z] *= factors[Int(rings.distance(x, y, z).rounded())]
                }
            }
        }
    }
}
