import LucencyFoundation
import LucencyImaging

extension Spectrum {
    /// Multiplies by another spectrum of the same grid.
    mutating func multiply(by other: Spectrum, pool: ThreadPool) {
        guard other.size == size else { return }
        let width = width, height = size.y, rowStride = rowStride, planeStride = planeStride, rows = size.y * size.z
        values.withUnsafeMutableBufferPointer { values in
            other.values.withUnsafeBufferPointer { factors in
                nonisolated(unsafe) let values = values, factors = factors
                let rowsPerTask = max(1, 8192 / width)
                pool.forEach((rows + rowsPerTask - 1) / rowsPerTask) { (task: Int) in
                    for row in task * rowsPerTask..<min(rows, (task + 1) * rowsPerTask) {
                        let start = row / height &* planeStride &+ row % height &* rowStride
                        for x in 0..<width {
                            let i = start &+ 2 &* x
                            let a = values[i], b = values[i &+ 1], c = factors[i], d = factors[i &+ 1]
                            values[i] = a * c - b * d
                            values[i &+ 1] = a * d + b * c
                        }
                    }
                }
            }
        }
    }

    /// Replaces every complex number.
    mutating func map(_ change: (SIMD2<Float>) -> SIMD2<Float>) {
        let width = width, height = size.y, rowStride = rowStride, planeStride = planeStride, rows = size.y * size.z
        values.withUnsafeMutableBufferPointer { values in
            for row in 0..<rows {
                let start = row / height &* planeStride &+ row % height &* rowStride
                for x in 0..<width {
                    let i = start &+ 2 &* x
                    let changed = change([values[i], values[i &+ 1]])
                    values[i] = changed.x
                    values[i &+ 1] = changed.y
                }
            }
        }
    }

    /// The number at any frequency index, also in the half that is not stored.
    func anywhere(_ x: Int, _ y: Int, _ z: Int) -> SIMD2<Float> {
        guard x >= width else { return self[x, y, z] }
        let value = self[size.x - x, (size.y - y) % size.y, (size.z - z) % size.z]
        return [value.x, -value.y]
    }
}
