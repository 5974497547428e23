import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How much each pixel looks like part of a tube, 0...1: A. F. Frangi et al., "Multiscale vessel enhancement filtering",
/// MICCAI 1998, equations 13 and 15, the greatest over several widths.
///
/// Second derivatives are those of the image smoothed by a Gaussian of the width `s`, made of two first derivatives at
/// `s/√2` as scikit-image does, and multiplied by `s²` (Lindeberg's normalisation, which the paper asks for). Edges reflect.
///
/// At one width this is scikit-image's `frangi`. Over several it differs: without `gamma`, scikit-image holds on to half of the
/// strongest structure at the first width for all others, and does not multiply by `s²`, so that wide vessels fade.
public struct Vesselness: Sendable {
    /// Standard deviations of the Gaussians: about half of the vessels' widths, √2 times less for round profiles.
    public var scales: [Length]
    /// Which side of their surroundings vessels are on.
    public var vessels: Threshold.Foreground
    /// In 3-D, how sharply plates are told from tubes.
    public var alpha: Double
    /// How sharply blobs are told from tubes.
    public var beta: Double
    /// How strong structure must be, in the image's intensities; nil: at each width half of the strongest.
    public var strength: Double?

    public init(
        scales: [Length] = [1, 2, 3].map { .pixels($0) }, vessels: Threshold.Foreground = .dark, alpha: Double = 0.5,
        beta: Double = 0.5, strength: Double? = nil
    ) {
        self.scales = scales
        self.vessels = vessels
        self.alpha = alpha
        self.beta = beta
        self.strength = strength
    }

    /// - Throws: `Diagnostic` for several channels, or settings out of range.
    public func callAsFunction(_ image: Image, pool: ThreadPool = .serial) throws -> Image {
        guard image.channels == 1 else {
            throw Diagnostic(
                .channelMismatch, "vesselness needs one channel, and the image has \(image.channels)",
                remedy: "put a `gray` stage before it")
        }
        guard alpha > 0, alpha.isFinite, beta > 0, beta.isFinite, strength.map({ $0 > 0 && $0.isFinite }) ?? true else {
            throw Diagnostic(.badArgument, "alpha, beta and strength must be positive")
        }
        guard !scales.isEmpty, scales.count <= 64 else {
            throw Diagnostic(.badArgument, "\(scales.count) scales are not possible", remedy: "give 1 to 64")
        }
        var best = AlignedBuffer<Float>(repeating: 0, count: image.size.count)
        for scale in scales {
            var deviations = SIMD3<Double>(1, 1, 1)
            for axis in 0..<image.size.dimensions {
                deviations[axis] = try scale.pixels(along: axis, of: image.geometry)
                guard deviations[axis] > 0, deviations[axis] <= 1024 else {
                    throw Diagnostic(
                        .badArgument, "a scale of \(scale) is not possible",
                        remedy: "give more than 0 and at most 1024 px")
                }
            }
            let hessian = Hessian(image.pixels, size: image.size, deviations: deviations, pool: pool)
            raise(&best, hessian, pool)
        }
        return try Image(geometry: image.geometry, pixels: best, origin: image.origin?.rescaled)
    }

    /// Raises values to those at one scale.
    private func raise(_ best: inout AlignedBuffer<Float>, _ hessian: Hessian, _ pool: ThreadPool) {
        let isPlanar = hessian.size.isPlanar, count = hessian.size.count
        let sign = vessels == .dark ? 1.0 : -1
        let chunk = 1 << 14, chunks = (count + chunk - 1) / chunk
        var peaks = [Double](repeating: 0, count: chunks)
        peaks.withUnsafeMutableBufferPointer { peaks in
            nonisolated(unsafe) let peaks = peaks
            pool.forEach(chunks) { (task: Int) in
                var peak = 0.0
                for i in task * chunk..<min(count, (task + 1) * chunk) { peak = max(peak, hessian.squaredNorm(i)) }
                peaks[task] = peak
            }
        }
        let most = (peaks.max() ?? 0).squareRoot()
        // A flat image has nothing but rounding.
        guard most > 1e-6 * hessian.magnitude else { return }
        let c = strength ?? most / 2
        best.withUnsafeMutableBufferPointer { best in
            nonisolated(unsafe) let best = best
            pool.forEach(chunks) { (task: Int) in
                for i in task * chunk..<min(count, (task + 1) * chunk) {
                    let values = hessian.eigenvalues(i) * sign
                    let structure = 1 - exp(-hessian.squaredNorm(i) / (2 * c * c))
                    var value = 0.0
                    if isPlanar {
                        guard values.y > 0 else { continue }
                        let blob = abs(values.x) / values.y
                        value = exp(-blob * blob / (2 * beta * beta)) * structure
                    } else {
                        guard values.y > 0, values.z > 0 else { continue }
                        let plate = values.y / values.z
                        let blob = abs(values.x) / (values.y * values.z).squareRoot()
                        value =
                            (1 - exp(-plate * plate / (2 * alpha * alpha))) * exp(-blob * blob / (2 * beta * beta))
                            * structure
                    }
                    best[i] = max(best[i], Float(value))
                }
            }
        }
    }
}

/// Second derivatives of a smoothed volume, in units of the Gaussian's width along each axis.
struct Hessian: Sendable {
    let size: GridSize
    /// The greatest absolute value of the image.
    let magnitude: Double
    /// xx, xy, yy; in 3-D also xz, yz, zz.
    private let parts: [AlignedBuffer<Float>]

    init(_ pixels: AlignedBuffer<Float>, size: GridSize, deviations: SIMD3<Double>, pool: ThreadPool) {
        self.size = size
        let extremes = pixels.withUnsafeBufferPointer { Moments.extremes(of: $0) }
        magnitude = max(abs(extremes.low), abs(extremes.high))
        let dimensions = size.dimensions
        // As far as a Gaussian is anything but 0, where its samples are too few to be one.
        let truncate = (0..<dimensions).allSatisfy { deviations[$0] > 1 } ? 8.0 : 40.0
        func filters(_ derived: Int) -> [LineFilter?] {
            (0..<3).map { axis in
                guard axis < dimensions else { return nil }
                return .gaussian(
                    sigma: deviations[axis] / 2.0.squareRoot(), truncate: truncate, order: axis == derived ? 1 : 0)
            }
        }
        var parts: [AlignedBuffer<Float>] = []
        let slopes = (0..<dimensions).map { pixels.filtered(filters($0), size: size, pool: pool) }
        for second in 0..<dimensions {
            for first in 0...second {
                // The slower axis first: near the edges the order matters.
                var part = slopes[second].filtered(filters(first), size: size, pool: pool)
                let scale = Float(deviations[first] * deviations[second])
                part.withUnsafeMutableBufferPointer { part in for i in 0..<part.count { part[i] *= scale } }
                parts.append(part)
            }
        }
        self.parts = parts
    }

    func squaredNorm(_ i: Int) -> Double {
        func square(_ part: Int) -> Double { Double(parts[part][i]) * Double(parts[part][i]) }
        let plane = square(0) + 2 * square(1) + square(2)
        return parts.count == 3 ? plane : plane + 2 * square(3) + 2 * square(4) + square(5)
    }

    /// By ascending magnitude; the third is 0 in the plane.
    func eigenvalues(_ i: Int) -> SIMD3<Double> {
        let a = Double(parts[0][i]), b = Double(parts[1][i]), c = Double(parts[2][i])
        guard parts.count > 3 else {
            let middle = (a + c) / 2, reach = ((a - c) / 2 * ((a - c) / 2) + b * b).squareRoot()
            let low = middle - reach, high = middle + reach
            return abs(low) <= abs(high) ? [low, high, 0] : [high, low, 0]
        }
        let d = Double(parts[3][i]), e = Double(parts[4][i]), f = Double(parts[5][i])
        // Closed form by the angle of the characteristic polynomial: O. K. Smith, Comm. ACM 4(4) (1961).
        let mean = (a + c + f) / 3
        let x = a - mean, y = c - mean, z = f - mean
        let spread = ((x * x + y * y + z * z + 2 * (b * b + d * d + e * e)) / 6).squareRoot()
        guard spread > 0 else { return [mean, mean, mean] }
        let determinant = x * (y * z - e * e) - b * (b * z - e * d) + d * (b * e - y * d)
        let angle = acos(min(1, max(-1, determinant / (2 * spread * spread * spread)))) / 3
        let first = mean + 2 * spread * cos(angle)
        let third = mean + 2 * spread * cos(angle + 2 * .pi / 3)
        var values = [first, 3 * mean - first - third, third]
        values.sort { abs($0) < abs($1) }
        return [values[0], values[1], values[2]]
    }
}
