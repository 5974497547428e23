import LucencyFoundation
import LucencyImaging

/// The median of a window around every pixel, reflected at the image's edges (SciPy's `median_filter`).
struct MedianFilter: Sendable {
    let radius: Int

    func apply(
        _ source: UnsafeBufferPointer<Float>, into target: UnsafeMutableBufferPointer<Float>, size: GridSize,
        pool: ThreadPool
    ) {
        nonisolated(unsafe) let source = source, target = target
        let places = (0..<3).map { axis in
            let reach = axis < size.dimensions ? radius : 0
            return Continuation.reflect.sources(from: -reach, length: size[axis] + 2 * reach, of: size[axis])
        }
        let side = 2 * radius + 1, depth = size.isPlanar ? 1 : side
        let rows = size.y * size.z
        pool.forEach(rows) { (row: Int) in
            let y = row % size.y, z = row / size.y
            // The window's columns slide along x: each is a slice of `side · depth` values.
            withUnsafeTemporaryAllocation(of: Float.self, capacity: side * side * depth) { window in
                for x in 0..<size.x {
                    var count = 0
                    for dz in 0..<depth {
                        for dy in 0..<side {
                            let first = (places[2][z &+ dz] &* size.y &+ places[1][y &+ dy]) &* size.x
                            for dx in 0..<side {
                                window[count] = source[first &+ places[0][x &+ dx]]
                                count &+= 1
                            }
                        }
                    }
                    target[row &* size.x &+ x] = Self.select(count / 2, of: window)
                }
            }
        }
    }

    /// The value of a rank, by Hoare's selection; the order of the values is lost.
    static func select(_ rank: Int, of values: UnsafeMutableBufferPointer<Float>) -> Float {
        var low = 0, high = values.count - 1
        while low < high {
            let pivot = values[(low &+ high) >> 1]
            var i = low, j = high
            while i <= j {
                while values[i] < pivot { i &+= 1 }
                while values[j] > pivot { j &-= 1 }
                if i <= j {
                    (values[i], values[j]) = (values[j], values[i])
                    i &+= 1
                    j &-= 1
                }
            }
            if rank <= j { high = j } else if rank >= i { low = i } else { break }
        }
        return values[rank]
    }
}
