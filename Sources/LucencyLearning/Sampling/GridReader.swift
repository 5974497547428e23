import LucencyFoundation
import LucencyImaging

/// Reads rows of places between the pixels of a volume. Neighbours beyond its edge count as those at the edge.
struct GridReader {
    let size: GridSize
    /// Nearest, linear or cubic.
    let interpolation: Interpolation

    /// - Parameter outside: what pixels beyond the volume get; nil where coordinates are folded back into it.
    func read(
        _ volume: UnsafePointer<Float>, at row: CoordinateRow, outside: Float?, into target: UnsafeMutablePointer<Float>
    ) {
        switch interpolation {
        case .nearest: nearest(volume, row, outside, target)
        case .cubic: cubic(volume, row, outside, target)
        case .linear, .lanczos: linear(volume, row, outside, target)
        }
    }

    private func nearest<T>(
        _ volume: UnsafePointer<T>, _ row: CoordinateRow, _ outside: T?, _ target: UnsafeMutablePointer<T>
    ) {
        for i in 0..<row.count {
            if let outside, row.isOutside[i] {
                target[i] = outside
                continue
            }
            let x = min(Self.floor(row.x[i] + 0.5), size.x &- 1), y = min(Self.floor(row.y[i] + 0.5), size.y &- 1)
            let z = min(Self.floor(row.z[i] + 0.5), size.z &- 1)
            target[i] = volume[(z &* size.y &+ y) &* size.x &+ x]
        }
    }

    private func linear(
        _ volume: UnsafePointer<Float>, _ row: CoordinateRow, _ outside: Float?, _ target: UnsafeMutablePointer<Float>
    ) {
        let plane = size.x &* size.y
        for i in 0..<row.count {
            if let outside, row.isOutside[i] {
                target[i] = outside
                continue
            }
            let x = Pair(row.x[i], size.x), y = Pair(row.y[i], size.y), z = Pair(row.z[i], size.z)
            let lower = y.lower &* size.x, upper = y.upper &* size.x
            func inPlane(_ index: Int) -> Float {
                let base = volume + index &* plane
                let a = base[lower &+ x.lower], b = base[lower &+ x.upper]
                let c = base[upper &+ x.lower], d = base[upper &+ x.upper]
                let first = a + (b - a) * x.fraction, second = c + (d - c) * x.fraction
                return first + (second - first) * y.fraction
            }
            let near = inPlane(z.lower)
            target[i] = z.fraction == 0 ? near : near + (inPlane(z.upper) - near) * z.fraction
        }
    }

    private func cubic(
        _ volume: UnsafePointer<Float>, _ row: CoordinateRow, _ outside: Float?, _ target: UnsafeMutablePointer<Float>
    ) {
        let plane = size.x &* size.y
        for i in 0..<row.count {
            if let outside, row.isOutside[i] {
                target[i] = outside
                continue
            }
            let x = Quad(row.x[i], size.x), y = Quad(row.y[i], size.y)
            func inPlane(_ index: Int) -> Float {
                let base = volume + index &* plane
                var sum: Float = 0
                for j in 0..<4 {
                    let line = base + y.indices[j] &* size.x
                    let values = SIMD4(line[x.indices.x], line[x.indices.y], line[x.indices.z], line[x.indices.w])
                    sum += (values * x.weights).sum() * y.weights[j]
                }
                return sum
            }
            let place = row.z[i]
            if size.z == 1 || place == place.rounded(), place >= 0 {
                target[i] = inPlane(min(Self.floor(place + 0.5), size.z &- 1))
                continue
            }
            let z = Quad(place, size.z)
            var sum: Float = 0
            for k in 0..<4 { sum += inPlane(z.indices[k]) * z.weights[k] }
            target[i] = sum
        }
    }

    /// Labels; those beyond the volume are to be ignored.
    func labels(
        _ volume: UnsafePointer<Int32>, at row: CoordinateRow, by method: LabelInterpolation,
        into target: UnsafeMutablePointer<Int32>
    ) {
        guard method == .vote else { return nearest(volume, row, LabelMap.ignoreLabel, target) }
        for i in 0..<row.count {
            if row.isOutside[i] {
                target[i] = LabelMap.ignoreLabel
                continue
            }
            let x = Pair(row.x[i], size.x), y = Pair(row.y[i], size.y), z = Pair(row.z[i], size.z)
            var found: SIMD8<Int32> = .zero, weights: SIMD8<Float> = .zero
            for corner in 0..<8 {
                let isX = corner & 1 == 1, isY = corner & 2 == 2, isZ = corner & 4 == 4
                let index =
                    ((isZ ? z.upper : z.lower) &* size.y &+ (isY ? y.upper : y.lower)) &* size.x
                    &+ (isX ? x.upper : x.lower)
                found[corner] = volume[index]
                weights[corner] =
                    (isX ? x.fraction : 1 - x.fraction) * (isY ? y.fraction : 1 - y.fraction)
                    * (isZ ? z.fraction : 1 - z.fraction)
            }
            var best = found[0], most: Float = -1
            for corner in 0..<8 {
                let label = found[corner]
                let sum = weights.replacing(with: 0, where: found .!= label).sum()
                if sum > most || (sum == most && label < best) { (best, most) = (label, sum) }
            }
            target[i] = best
        }
    }

    /// The whole number below a place of at least −1.
    @inline(__always)
    private static func floor(_ place: Double) -> Int { max(0, Int(place + 1) &- 1) }

    /// The two neighbours of a place.
    private struct Pair {
        let lower, upper: Int
        let fraction: Float

        @inline(__always)
        init(_ place: Double, _ count: Int) {
            let below = Int(place + 1) &- 1
            fraction = Float(place - Double(below))
            lower = min(max(below, 0), count &- 1)
            upper = min(max(below &+ 1, 0), count &- 1)
        }
    }

    /// The four neighbours of a place, with Keys' weights for a = −1/2 (Keys 1981, IEEE TASSP 29(6), eq. 15).
    private struct Quad {
        let indices: SIMD4<Int>
        let weights: SIMD4<Float>

        @inline(__always)
        init(_ place: Double, _ count: Int) {
            let below = Int(place + 1) &- 1
            let t = Float(place - Double(below)), square = t * t, cube = square * t
            weights = SIMD4(
                -0.5 * cube + square - 0.5 * t, 1.5 * cube - 2.5 * square + 1, -1.5 * cube + 2 * square + 0.5 * t,
                0.5 * cube - 0.5 * square)
            let last = count &- 1
            indices = SIMD4(
                min(max(below &- 1, 0), last), min(max(below, 0), last), min(max(below &+ 1, 0), last),
                min(max(below &+ 2, 0), last))
        }
    }
}
