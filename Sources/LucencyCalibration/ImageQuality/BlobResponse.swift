import LucencyFoundation
import LucencyImaging

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
    let maps: [AlignedBuffer<Float>]

    /// A local maximum of the responses over space and scale.
    struct Peak {
        let x: Int
        let y: Int
        let scale: Int
        let response: Double
    }

    init(_ plane: QualityPlane, scales: [Double], pool: ThreadPool) {
        (width, height, self.scales) = (plane.width, plane.height, scales)
        let size = GridSize(plane.width, plane.height), values = AlignedBuffer(plane.values.map { Float($0) })
        maps = scales.map { sigma in
            let smooth = LineFilter.gaussian(sigma: sigma)
            // Times σ², and made to answer a constant with 0, which the samples of a narrow one do not.
            let second = LineFilter.gaussian(sigma: sigma, order: 2).weights.map { $0 * sigma * sigma }
            let sum = second.reduce(0, +)
            let curved = LineFilter(weights: zip(second, smooth.weights).map { $0 - sum * $1 })
            let across = values.filtered([curved, smooth], size: size, pool: pool)
            let down = values.filtered([smooth, curved], size: size, pool: pool)
            return AlignedBuffer(count: values.count) { target in
                for index in 0..<target.count {
                    target.initializeElement(at: index, to: -(across[index] + down[index]))
                }
            }
        }
    }

    /// The largest response over all scales at pixels within `radius` of a place.
    func largest(nearX x: Int, y: Int, radius: Double) -> Double {
        let reach = Int(radius.rounded(.up))
        var best = -Double.infinity
        for row in max(0, y - reach)...min(height - 1, y + reach) {
            for column in max(0, x - reach)...min(width - 1, x + reach) {
                let (dx, dy) = (Double(column - x), Double(row - y))
                guard dx * dx + dy * dy <= radius * radius else { continue }
                for map in maps { best = max(best, Double(map[row * width + column])) }
            }
        }
        return best
    }

    /// The largest response over all scales at some pixels.
    func largest(at pixels: [Int]) -> Double {
        pixels.reduce(-Double.infinity) { best, pixel in maps.reduce(best) { max($0, Double($1[pixel])) } }
    }

    /// Where the response is at least `threshold` and larger than at all neighbours in space and scale; of equal ones the
    /// first counts. In the order of pixels.
    func peaks(above threshold: Double) -> [Peak] {
        var peaks: [Peak] = []
        for y in 0..<height {
            for x in 0..<width {
                for scale in scales.indices {
                    let value = Double(maps[scale][y * width + x])
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
                    let other = Double(maps[s][row * width + column])
                    let isBefore = (row, column, s) < (y, x, scale)
                    if !isSelf, other > value || (other == value && isBefore) { return false }
                }
            }
        }
        return true
    }
}
