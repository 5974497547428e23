import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How steeply a filter falls.
public enum Profile: Hashable, Sendable {
    /// Low-pass response `2^−(f/fc)²`: no ringing. In space a Gaussian of standard deviation `√(2 ln 2)/(2π) ≈ 0.187`
    /// cut-off wavelengths.
    case gaussian
    /// Low-pass response `1/(1 + (f/fc)^(2·order))` (Gonzalez & Woods, Digital Image Processing, 4th ed., eq. 4-117);
    /// order 1...20, steeper and with more ringing the higher it is.
    case butterworth(order: Int)
}

/// The low-pass response, ½ at the cut-off, on the frequencies of a grid; every other filter is made from it.
struct LowPass: Sendable {
    private let order: Int?
    /// Squared frequency over squared cut-off frequency, by index along each axis; for the Gaussian, the response itself.
    private let tables: [[Double]]

    /// - Parameter cutoff: wavelength in pixels along x, y, z.
    init(_ profile: Profile, cutoff: SIMD3<Double>, size: GridSize) {
        if case .butterworth(let order) = profile { self.order = order } else { order = nil }
        let gaussian = profile == .gaussian
        tables = (0..<3).map { axis in
            let n = size[axis]
            return (0..<n).map { index in
                let frequency = Double(min(index, n - index)) / Double(n) * cutoff[axis]
                return gaussian ? exp2(-frequency * frequency) : frequency * frequency
            }
        }
    }

    /// Calls `use` with the response at each index along x of a row.
    @inline(__always)
    func forEach(_ y: Int, _ z: Int, _ width: Int, _ use: (Int, Double) -> Void) {
        tables[0].withUnsafeBufferPointer { table in
            let a = tables[1][y], b = tables[2][z]
            guard let order else {
                for x in 0..<width { use(x, table[x] * (a * b)) }
                return
            }
            for x in 0..<width {
                let square = table[x] + a + b
                var power = 1.0
                for _ in 0..<order { power *= square }
                use(x, 1 / (1 + power))
            }
        }
    }

    /// A cut-off wavelength in pixels along each axis: a length in mm is the same distance in every direction, one in px
    /// the same number of pixels.
    /// - Throws: `Diagnostic` when a metric length meets an assumed spacing, or is too short for any grid to hold.
    static func pixels(of cutoff: Length, in geometry: Geometry, profile: Profile) throws(Diagnostic) -> SIMD3<Double> {
        var pixels = SIMD3<Double>.zero
        for axis in 0..<3 { pixels[axis] = try cutoff.pixels(along: axis, of: geometry) }
        let used = geometry.size.isPlanar ? max(pixels.x, pixels.y) : pixels.max()
        guard used.isFinite, used >= 2, pixels.min() > 0, pixels.max().isFinite else {
            throw Diagnostic(
                .badArgument, "a cut-off of \(cutoff) is not possible: no wave shorter than 2 px fits on a grid",
                remedy: cutoff.unit == .px
                    ? "give a wavelength of 2 px or more" : "2 px are \(shortest(in: geometry)) here")
        }
        if case .butterworth(let order) = profile {
            guard (1...20).contains(order) else {
                throw Diagnostic(.badArgument, "a Butterworth order of \(order) is outside 1...20")
            }
        }
        return pixels
    }

    private static func shortest(in geometry: Geometry) -> Length {
        let s = geometry.spacing
        return .millimetres(2 * (geometry.size.isPlanar ? min(s.x, s.y) : s.min()))
    }

    /// How far the impulse response reaches, in cut-off wavelengths: beyond it less than a millionth (Gaussian) or about a
    /// thousandth (Butterworth) of it is left.
    static func reach(_ profile: Profile) -> Double { profile == .gaussian ? 1 : 2 }
}
