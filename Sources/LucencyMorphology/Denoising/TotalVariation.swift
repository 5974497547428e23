import LucencyFoundation
import LucencyImaging

/// Chambolle's dual iteration: with p = 0 at first, `u = f + div p` and `p ← (p + τ/w·∇u·w) / (1 + τ|∇u|/w)` until the energy
/// `Σ (u − f)² + w Σ |∇u|` changes by less than `tolerance` of what it was at first. Forward differences, 0 at the far edge.
struct TotalVariation: Sendable {
    let weight: Double
    let tolerance: Double
    let iterations: Int

    func apply(
        _ source: UnsafeBufferPointer<Float>, into target: UnsafeMutableBufferPointer<Float>, size: GridSize,
        pool: ThreadPool
    ) {
        nonisolated(unsafe) let source = source, target = target
        let axes = (0..<size.dimensions).filter { size[$0] > 1 }
        let steps = [1, size.x, size.x * size.y], count = size.count, dimensions = Double(size.dimensions)
        let rate = Float(1 / (2 * dimensions)), pull = Float(1 / (2 * dimensions) / weight)
        _ = target.initialize(from: source)
        var dual = [AlignedBuffer<Float>](repeating: AlignedBuffer(repeating: 0, count: count), count: 3)
        let rows = size.y * size.z
        var energies = [Double](repeating: 0, count: rows)
        var first = 0.0, previous = 0.0
        for iteration in 0..<iterations {
            withDual(&dual) { dual in
                nonisolated(unsafe) let dual = dual
                if iteration > 0 {
                    pool.forEach(rows) { (row: Int) in
                        for index in row &* size.x..<(row &+ 1) &* size.x {
                            var divergence: Float = 0
                            for axis in axes {
                                divergence -= dual[axis][index]
                                if Self.place(index, axis, size) > 0 { divergence += dual[axis][index &- steps[axis]] }
                            }
                            target[index] = source[index] + divergence
                        }
                    }
                }
                energies.withUnsafeMutableBufferPointer { energies in
                    nonisolated(unsafe) let energies = energies
                    pool.forEach(rows) { (row: Int) in
                        var energy = 0.0
                        for index in row &* size.x..<(row &+ 1) &* size.x {
                            let gap = Double(target[index]) - Double(source[index])
                            var square: Float = 0
                            withUnsafeTemporaryAllocation(of: Float.self, capacity: 3) { slope in
                                for axis in axes {
                                    let isLast = Self.place(index, axis, size) == size[axis] - 1
                                    slope[axis] = isLast ? 0 : target[index &+ steps[axis]] - target[index]
                                    square += slope[axis] * slope[axis]
                                }
                                let length = square.squareRoot()
                                let norm = 1 + pull * length
                                for axis in axes {
                                    dual[axis][index] = (dual[axis][index] - rate * slope[axis]) / norm
                                }
                                energy += gap * gap + weight * Double(length)
                            }
                        }
                        energies[row] = energy
                    }
                }
            }
            let energy = energies.reduce(0, +) / Double(count)
            if iteration == 0 { first = energy } else if abs(previous - energy) < tolerance * first { break }
            previous = energy
        }
    }

    private func withDual(
        _ dual: inout [AlignedBuffer<Float>], _ body: ([UnsafeMutableBufferPointer<Float>]) -> Void
    ) {
        var a = dual[0], b = dual[1], c = dual[2]
        dual = []
        a.withUnsafeMutableBufferPointer { a in
            b.withUnsafeMutableBufferPointer { b in c.withUnsafeMutableBufferPointer { c in body([a, b, c]) } }
        }
        dual = [a, b, c]
    }

    @inline(__always)
    private static func place(_ index: Int, _ axis: Int, _ size: GridSize) -> Int {
        axis == 0 ? index % size.x : axis == 1 ? index / size.x % size.y : index / (size.x * size.y)
    }
}
