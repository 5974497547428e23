import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A weighted sum of neighbours along one axis; lines are mirrored at their ends, with the end pixels repeated.
package struct LineFilter: Sendable {
    /// Weights of the neighbours `−reach...reach`.
    package let weights: [Double]
    package var reach: Int { weights.count / 2 }

    /// - Parameter weights: an odd number of them.
    package init(weights: [Double]) { self.weights = weights }

    /// A Gaussian, or its first or second derivative, cut off at `truncate` standard deviations and normalised as SciPy's
    /// `gaussian_filter1d` does.
    /// - Parameters:
    ///   - sigma: in pixels along the axis, above 0.
    ///   - order: 0, 1 or 2.
    package static func gaussian(sigma: Double, truncate: Double = 4, order: Int = 0) -> LineFilter {
        // Far out a Gaussian is 0 in any precision.
        let reach = Int(min(truncate * sigma + 0.5, 40 * sigma + 1, Double(BufferLimit.side)))
        let values = (-reach...reach).map { exp(-0.5 * Double($0) * Double($0) / (sigma * sigma)) }
        let sum = values.reduce(0, +)
        let variance = sigma * sigma
        return LineFilter(
            weights: zip(-reach...reach, values).map { place, value in
                let x = Double(place)
                let factor = order == 0 ? 1 : order == 1 ? x / variance : (x * x / variance - 1) / variance
                return value / sum * factor
            })
    }

    /// Filters a volume along an axis (0 x, 1 y, 2 z). Source and target must not overlap.
    package func apply(
        _ source: UnsafeBufferPointer<Float>, into target: UnsafeMutableBufferPointer<Float>, size: GridSize, axis: Int,
        pool: ThreadPool
    ) {
        nonisolated(unsafe) let source = source, target = target
        let width = size.x, reach = reach, length = size[axis]
        let places = Continuation.reflect.sources(from: -reach, length: length + 2 * reach, of: length)
        let rows = size.y * size.z, rowsPerTask = max(1, 16_384 / width)
        pool.forEach((rows + rowsPerTask - 1) / rowsPerTask) { (task: Int) in
            let room = width + (axis == 0 ? width + 2 * reach : 0)
            withUnsafeTemporaryAllocation(of: Double.self, capacity: room) { scratch in
                guard let sums = scratch.baseAddress else { return }
                let line = sums + width
                for row in task * rowsPerTask..<min(rows, (task + 1) * rowsPerTask) {
                    for x in 0..<width { sums[x] = 0 }
                    let y = row % size.y, z = row / size.y
                    if axis == 0 {
                        let first = row &* width
                        for x in 0..<places.count { line[x] = Double(source[first &+ places[x]]) }
                    }
                    for (tap, weight) in weights.enumerated() {
                        if axis == 0 {
                            let shifted = line + tap
                            for x in 0..<width { sums[x] += weight * shifted[x] }
                        } else {
                            let other = axis == 1 ? z &* size.y &+ places[y + tap] : places[z + tap] &* size.y &+ y
                            let first = other &* width
                            for x in 0..<width { sums[x] += weight * Double(source[first &+ x]) }
                        }
                    }
                    let out = row &* width
                    for x in 0..<width { target[out &+ x] = Float(sums[x]) }
                }
            }
        }
    }
}

extension AlignedBuffer where Element == Float {
    /// One volume filtered along each axis that has a filter, x first.
    package func filtered(_ filters: [LineFilter?], size: GridSize, pool: ThreadPool) -> AlignedBuffer {
        var values = self
        for (axis, filter) in filters.enumerated() {
            guard let filter else { continue }
            values = AlignedBuffer(count: count) { out in
                values.withUnsafeBufferPointer { filter.apply($0, into: out, size: size, axis: axis, pool: pool) }
            }
        }
        return values
    }
}
