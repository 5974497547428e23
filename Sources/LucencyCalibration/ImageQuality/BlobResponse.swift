import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How much each pixel looks like the middle of a bright round spot: for each scale σ the scale-normalised, negated Laplacian of
/// Gaussian, −σ² ∇²(G_σ ∗ image), edges mirrored (Lindeberg, "Feature detection with automatic scale selection", International
/// Journal of Computer Vision 30, 1998).
///
/// A spot of Gaussian profile with height A gives A / 2 at its own scale; a disc of radius r answers most at r / √2, with
/// 2 A / e.
struct BlobResponse {
    let width: Int
    let height: Int
    let scales: [Double]
    /// For each scale a response for each pixel, in units of the values.
    let maps: [[Double]]

    /// A local maximum of the responses over space and scale.
    struct Peak {
        let x: Int
        let y: Int
        let scale: Int
        let response: Double
    }

    init(_ plane: QualityPlane, scales: [Double], pool: ThreadPool) {
        (width, height, self.scales) = (plane.width, plane.height, scales)
        let results = Lock<[Int: [Double]]>([:])
        pool.forEach(scales.count) { index in
            let map = Self.map(plane, sigma: scales[index])
            results.withLock { $0[index] = map }
        }
        let found = results.withLock { $0 }
        maps = scales.indices.map { found[$0] ?? [] }
    }

    private static func map(_ plane: QualityPlane, sigma: Double) -> [Double] {
        let reach = Int((4 * sigma).rounded(.up))
        var smooth = (-reach...reach).map { exp(-Double($0 * $0) / (2 * sigma * sigma)) }
        let sum = smooth.reduce(0, +)
        smooth = smooth.map { $0 / sum }
        // Times σ², of the sampled Gaussian, made to answer a constant with 0 and a parabola as the analytic one does.
        var second = zip(-reach...reach, smooth).map { k, g in (Double(k * k) / (sigma * sigma) - 1) * g }
        let mean = second.reduce(0, +)
        second = zip(second, smooth).map { $0 - mean * $1 }
        let acrossSmooth = along(plane.values, plane.width, plane.height, smooth)
        let acrossSecond = along(plane.values, plane.width, plane.height, second)
        let a = down(acrossSecond, plane.width, plane.height, smooth)
        let b = down(acrossSmooth, plane.width, plane.height, second)
        return zip(a, b).map { -($0 + $1) }
    }

    /// Pixel `index` of an axis whose ends are mirrored, the last pixel twice.
    private static func mirrored(_ index: Int, _ count: Int) -> Int {
        let period = 2 * count
        let place = ((index % period) + period) % period
        return place < count ? place : period - 1 - place
    }

    private static func along(_ values: [Double], _ width: Int, _ height: Int, _ taps: [Double]) -> [Double] {
        let reach = taps.count / 2
        let places = (0..<width + 2 * reach).map { mirrored($0 - reach, width) }
        var result = [Double](repeating: 0, count: values.count)
        var line = [Double](repeating: 0, count: places.count)
        for y in 0..<height {
            for (index, place) in places.enumerated() { line[index] = values[y * width + place] }
            result.withUnsafeMutableBufferPointer { result in
                line.withUnsafeBufferPointer { line in
                    taps.withUnsafeBufferPointer { taps in
                        for x in 0..<width {
                            var sum = 0.0
                            for k in taps.indices { sum += taps[k] * line[x &+ k] }
                            result[y &* width &+ x] = sum
                        }
                    }
                }
            }
        }
        return result
    }

    private static func down(_ values: [Double], _ width: Int, _ height: Int, _ taps: [Double]) -> [Double] {
        let reach = taps.count / 2
        var result = [Double](repeating: 0, count: values.count)
        result.withUnsafeMutableBufferPointer { result in
            values.withUnsafeBufferPointer { values in
                for y in 0..<height {
                    for (k, tap) in taps.enumerated() {
                        let row = mirrored(y + k - reach, height) * width
                        for x in 0..<width { result[y &* width &+ x] += tap * values[row &+ x] }
                    }
                }
            }
        }
        return result
    }

    /// The largest response over all scales at pixels within `radius` of a place.
    func largest(nearX x: Int, y: Int, radius: Double) -> Double {
        let reach = Int(radius.rounded(.up))
        var best = -Double.infinity
        for row in max(0, y - reach)...min(height - 1, y + reach) {
            for column in max(0, x - reach)...min(width - 1, x + reach) {
                let (dx, dy) = (Double(column - x), Double(row - y))
                guard dx * dx + dy * dy <= radius * radius else { continue }
                for map in maps { best = max(best, map[row * width + column]) }
            }
        }
        return best
    }

    /// The largest response over all scales at some pixels.
    func largest(at pixels: [Int]) -> Double {
        pixels.reduce(-Double.infinity) { best, pixel in maps.reduce(best) { max($0, $1[pixel]) } }
    }

    /// Where the response is at least `threshold` and larger than at all neighbours in space and scale; of equal ones the
    /// first counts. In the order of pixels.
    func peaks(above threshold: Double) -> [Peak] {
        var peaks: [Peak] = []
        for y in 0..<height {
            for x in 0..<width {
                for scale in scales.indices {
                    let value = maps[scale][y * width + x]
                    if value >= threshold, isPeak(x, y, scale, value) {
                        peaks.append(Peak(x: x, y: y, scale: scale, response: value))
                    }
                }
            }
        }
        return peaks
    }

    private func isPeak(_ x: Int, _ y: Int, _ scale: Int, _ value: Double) -> Bool {
        for s in max(0, scale - 1)...min(scales.count - 1, scale + 1) {
            for row in max(0, y - 1)...min(height - 1, y + 1) {
                for column in max(0, x - 1)...min(width - 1, x + 1) {
                    let isSelf = s == scale && row == y && column == x
                    let other = maps[s][row * width + column]
                    let isBefore = (row, column, s) < (y, x, scale)
                    if !isSelf, other > value || (other == value && isBefore) { return false }
                }
            }
        }
        return true
    }
}
