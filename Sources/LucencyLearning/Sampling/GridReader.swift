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

    @inline(__always)
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
        let width = size.x, height = size.y, depth = size.z, plane = width &* height
        for i in 0..<row.count {
            if let outside, row.isOutside[i] {
                target[i] = outside
                continue
            }
            let x = Pair(row.x[i], width), y = Pair(row.y[i], height), z = Pair(row.z[i], depth)
            let near = Self.inPlane(volume + z.lower &* plane, x, y, width)
            if z.fraction == 0 || z.lower == z.upper {
                target[i] = near
            } else {
                target[i] = near + (Self.inPlane(volume + z.upper &* plane, x, y, width) - near) * z.fraction
            }
        }
    }

    @inline(__always)
    private static func inPlane(_ plane: UnsafePointer<Float>, _ x: Pair, _ y: Pair, _ width: Int) -> Float {
        let upper = plane + y.lower &* width, lower = plane + y.upper &* width
        let first = upper[x.lower] + (upper[x.upper] - upper[x.lower]) * x.fraction
        let second = lower[x.lower] + (lower[x.upper] - lower[x.lower]) * x.fraction
        return first + (second - first) * y.fraction
    }

    private func cubic(
        _ volume: UnsafePointer<Float>, _ row: CoordinateRow, _ outside: Float?, _ target: UnsafeMutablePointer<Float>
    ) {
        let width = size.x, height = size.y, depth = size.z, plane = width &* height
        for i in 0..<row.count {
            if let outside, row.isOutside[i] {
                target[i] = outside
                continue
            }
            let x = Quad(row.x[i], width), y = Quad(row.y[i], height), place = row.z[i]
            let nearest = Self.floor(place + 0.5)
            if depth == 1 || Double(nearest) == place {
                target[i] = Self.inPlane(volume + min(nearest, depth &- 1) &* plane, x, y, width)
                continue
            }
            let z = Quad(place, depth)
            var sum = Self.inPlane(volume + z.indices.x &* plane, x, y, width) * z.weights.x
            sum += Self.inPlane(volume + z.indices.y &* plane, x, y, width) * z.weights.y
            sum += Self.inPlane(volume + z.indices.z &* plane, x, y, width) * z.weights.z
            sum += Self.inPlane(volume + z.indices.w &* plane, x, y, width) * z.weights.w
            target[i] = sum
        }
    }

    @inline(__always)
    private static func inPlane(_ plane: UnsafePointer<Float>, _ x: Quad, _ y: Quad, _ width: Int) -> Float {
        func line(_ index: Int) -> SIMD4<Float> {
            let line = plane + index &* width
            return SIMD4(line[x.indices.x], line[x.indices.y], line[x.indices.z], line[x.indices.w])
        }
        let column =
            line(y.indices.x) * y.weights.x + line(y.indices.y) * y.weights.y + line(y.indices.z) * y.weights.z
            + line(y.indices.w) * y.weights.w
        return (column * x.weights).sum()
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
            let a = z.lower &* size.y, b = z.upper &* size.y
            let rows = SIMD4(a &+ y.lower, a &+ y.upper, b &+ y.lower, b &+ y.upper) &* size.x
            let left = rows &+ x.lower, right = rows &+ x.upper
            let found = SIMD8<Int32>(
                volume[left.x], volume[right.x], volume[left.y], volume[right.y], volume[left.z], volume[right.z],
                volume[left.w], volume[right.w])
            let first = found[0]
            // Within one class there is nothing to count.
            if found == SIMD8(repeating: first) {
                target[i] = first
                continue
            }
            let near = 1 - z.fraction, low = 1 - y.fraction
            let weights = SIMD4(near * low, near * y.fraction, z.fraction * low, z.fraction * y.fraction)
            target[i] = Self.winner(found, weights * (1 - x.fraction), weights * x.fraction)
        }
    }

    /// The label with the greatest sum of weights, of equal ones the lowest.
    private static func winner(_ labels: SIMD8<Int32>, _ even: SIMD4<Float>, _ odd: SIMD4<Float>) -> Int32 {
        var best = labels[0], most: Float = -1
        for corner in 0..<8 {
            let label = labels[corner]
            var sum: Float = 0
            for other in 0..<4 {
                if labels[2 &* other] == label { sum += even[other] }
                if labels[2 &* other &+ 1] == label { sum += odd[other] }
            }
            if sum > most || (sum == most && label < best) { (best, most) = (label, sum) }
        }
        return best
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
