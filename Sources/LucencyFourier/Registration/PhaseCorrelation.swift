import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How far one image is shifted against another, by the phases of their spectra: C. D. Kuglin and D. C. Hines (1975); the
/// peak is refined to a fraction of a pixel by the upsampled transform of M. Guizar-Sicairos, S. T. Thurman and J. R. Fienup,
/// Optics Letters 33 (2008), as in scikit-image's `phase_cross_correlation`. In 2-D and 3-D.
public struct PhaseCorrelation: Sendable {
    /// What lies beyond the images. There is no mirror image to choose: it moves the other way, so that every shift is
    /// several.
    public enum Border: String, CaseIterable, Hashable, Sendable {
        /// The image again: shifts of up to half its size.
        case periodic
        /// The image's mean: shifts of almost its size, in four times the time (eight in 3-D).
        case constant
    }

    /// Steps per pixel.
    public var upsampling: Int
    /// Weighs all frequencies alike, so that only phases count; otherwise strong ones count more (plain cross-correlation).
    public var normalized: Bool
    public var border: Border

    public init(upsampling: Int = 20, normalized: Bool = true, border: Border = .periodic) {
        self.upsampling = upsampling
        self.normalized = normalized
        self.border = border
    }

    public struct Shift: Hashable, Sendable {
        /// Pixels along x, y, z by which the moving image must be shifted to lie on the reference.
        public var pixels: SIMD3<Double>
        /// Height of the peak: with normalisation, 1 for images that are cyclically shifted copies, less the less they have
        /// in common, and towards 0 for unrelated ones.
        public var response: Double
    }

    /// - Throws: `Diagnostic` when the images differ in size, have several channels or one of them is constant, or the
    ///   upsampling is outside 1...1000.
    public func shift(of moving: Image, onto reference: Image, pool: ThreadPool = .serial) throws -> Shift {
        guard (1...1000).contains(upsampling) else {
            throw Diagnostic(.badArgument, "\(upsampling) steps per pixel are not possible", remedy: "give 1 to 1000")
        }
        guard moving.size == reference.size else {
            throw Diagnostic(
                .sizeMismatch, "the images differ in size: \(moving.size) and \(reference.size)",
                remedy: "`crop` or `pad` one of them")
        }
        guard moving.channels == 1, reference.channels == 1 else {
            throw Diagnostic(
                .channelMismatch,
                "correlation needs one channel each, and the images have \(moving.channels) and \(reference.channels)",
                remedy: "put a `gray` stage before it")
        }
        for (name, image) in [("image", moving), ("reference", reference)] {
            let extremes = image.withChannel(0) { Moments.extremes(of: $0) }
            guard extremes.high > extremes.low else {
                throw Diagnostic(.undefinedResult, "the \(name) is constant, so it has no place")
            }
        }
        var product = try spectrum(reference, pool)
        let size = product.size
        let other = try spectrum(moving, pool)
        for z in 0..<size.z {
            for y in 0..<size.y {
                for x in 0..<product.width {
                    let a = product[x, y, z], b = other[x, y, z]
                    var value = SIMD2(a.x * b.x + a.y * b.y, a.y * b.x - a.x * b.y)
                    if normalized {
                        let length = (value.x * value.x + value.y * value.y).squareRoot()
                        // Frequencies that hold nothing have no phase.
                        value /= max(length, 100 * Float.ulpOfOne)
                    }
                    product[x, y, z] = value
                }
            }
        }
        let correlation = try FourierTransform(size: size).inverse(product, pool: pool)
        var best = 0
        correlation.withUnsafeBufferPointer { values in
            for i in 0..<values.count where abs(values[i]) > abs(values[best]) { best = i }
        }
        func signed(_ index: Int, _ n: Int) -> Double { Double(index > n / 2 ? index - n : index) }
        let coarse = SIMD3(
            signed(best % size.x, size.x), signed(best / size.x % size.y, size.y),
            signed(best / (size.x * size.y), size.z))
        guard upsampling > 1 else { return Shift(pixels: coarse, response: Double(correlation[best])) }
        return refined(product, around: coarse)
    }

    /// The spectrum of an image and what lies beyond it.
    private func spectrum(_ image: Image, _ pool: ThreadPool) throws -> Spectrum {
        guard border == .constant else {
            return try FourierTransform(size: image.size).forward(image.pixels, pool: pool)
        }
        // Room for the image beside itself, so that none of its sides meets another.
        let size = image.size,
            sides = (0..<3).map { size[$0] > 1 ? FourierTransform.goodSize(atLeast: 2 * size[$0]) : 1 }
        let transform = try FourierTransform(size: GridSize(sides[0], sides[1], sides[2]))
        return try image.withChannel(0) { values in
            let mean = Moments.mean(of: values, pool: pool)
            nonisolated(unsafe) let source = values
            return try transform.forward(pool: pool) { y, z, row in
                row.update(repeating: 0, count: sides[0])
                guard y < size.y, z < size.z else { return }
                let line = (z * size.y + y) * size.x
                for x in 0..<size.x { row[x] = Float(Double(source[line &+ x]) - mean) }
            }
        }
    }

    /// The image at its place on the reference: its pixels are untouched, its grid is moved.
    /// - Throws: as `shift(of:onto:)`.
    public func callAsFunction(
        _ moving: Image, onto reference: Image, pool: ThreadPool = .serial
    ) throws -> (image: Image, shift: Shift) {
        let shift = try shift(of: moving, onto: reference, pool: pool)
        var map = reference.geometry.indexToWorld
        map.offset = map(shift.pixels)
        let geometry = try Geometry(
            size: moving.size, indexToWorld: map, spacingSource: reference.geometry.spacingSource)
        return (try moving.with(geometry: geometry), shift)
    }

    /// The correlation on a fine grid of a pixel and a half around a place: the inverse transform there, axis by axis.
    private func refined(_ product: Spectrum, around coarse: SIMD3<Double>) -> Shift {
        let size = product.size, fine = Double(upsampling)
        let span = Int((1.5 * fine).rounded(.up)), middle = span / 2
        /// exp(2πi f s) for the frequencies f and fine shifts s of an axis.
        func waves(_ axis: Int) -> (shifts: Int, cosines: [Double], sines: [Double]) {
            let n = size[axis], shifts = n > 1 ? span : 1
            var cosines: [Double] = [], sines: [Double] = []
            for s in 0..<shifts {
                let shift = n > 1 ? (coarse[axis] * fine).rounded() / fine + Double(s - middle) / fine : 0
                for k in 0..<n {
                    let frequency = Double(k > (n - 1) / 2 ? k - n : k) / Double(n)
                    let angle = 2 * .pi * frequency * shift
                    cosines.append(cos(angle))
                    sines.append(sin(angle))
                }
            }
            return (shifts, cosines, sines)
        }
        let x = waves(0), y = waves(1), z = waves(2)
        // Along x: the full spectrum's rows become `x.shifts` numbers each.
        var lines = [SIMD2<Double>](repeating: .zero, count: size.z * size.y * x.shifts)
        for plane in 0..<size.z {
            for row in 0..<size.y {
                let values = (0..<size.x).map { SIMD2<Double>(product.anywhere($0, row, plane)) }
                for s in 0..<x.shifts {
                    var sum = SIMD2<Double>.zero
                    for k in 0..<size.x { sum += turned(values[k], x.cosines[s * size.x + k], x.sines[s * size.x + k]) }
                    lines[(plane * size.y + row) * x.shifts + s] = sum
                }
            }
        }
        var planes = [SIMD2<Double>](repeating: .zero, count: size.z * y.shifts * x.shifts)
        for plane in 0..<size.z {
            for t in 0..<y.shifts {
                for s in 0..<x.shifts {
                    var sum = SIMD2<Double>.zero
                    for k in 0..<size.y {
                        sum += turned(
                            lines[(plane * size.y + k) * x.shifts + s], y.cosines[t * size.y + k],
                            y.sines[t * size.y + k])
                    }
                    planes[(plane * y.shifts + t) * x.shifts + s] = sum
                }
            }
        }
        var best = (power: -1.0, x: 0, y: 0, z: 0)
        for u in 0..<z.shifts {
            for t in 0..<y.shifts {
                for s in 0..<x.shifts {
                    var sum = SIMD2<Double>.zero
                    for k in 0..<size.z {
                        sum += turned(
                            planes[(k * y.shifts + t) * x.shifts + s], z.cosines[u * size.z + k],
                            z.sines[u * size.z + k])
                    }
                    let power = (sum * sum).sum()
                    if power > best.power { best = (power, s, t, u) }
                }
            }
        }
        func place(_ axis: Int, _ index: Int) -> Double {
            size[axis] > 1 ? coarse[axis] + Double(index - middle) / fine : 0
        }
        return Shift(
            pixels: [place(0, best.x), place(1, best.y), place(2, best.z)],
            response: best.power.squareRoot() / Double(size.count))
    }

    @inline(__always)
    private func turned(_ value: SIMD2<Double>, _ cosine: Double, _ sine: Double) -> SIMD2<Double> {
        [value.x * cosine - value.y * sine, value.x * sine + value.y * cosine]
    }
}
