import LucencyFoundation
import LucencyImaging

/// A Gaussian blur of every slice of a grid, in place. The border's values continue outside.
/// - Parameter sigma: standard deviation in pixels along x and y; nothing happens below 0.05.
func blurSlices(_ values: inout [Float], size: GridSize, sigma: Double, pool: ThreadPool) {
    guard sigma >= 0.05, values.count == size.count else { return }
    let reach = max(1, Int((4 * sigma).rounded(.up)))
    let raw = (-reach...reach).map { bell(Double($0) / (sigma * 2.0.squareRoot())) }
    let sum = raw.reduce(0, +), weights = raw.map { Float($0 / sum) }
    let width = size.x, height = size.y
    var across = [Float](repeating: 0, count: values.count)
    values.withUnsafeMutableBufferPointer { values in
        across.withUnsafeMutableBufferPointer { across in
            weights.withUnsafeBufferPointer { weights in
                nonisolated(unsafe) let values = values, across = across, weights = weights
                pool.forEach(height * size.z) { row in
                    let start = row &* width
                    for column in 0..<width {
                        var total: Float = 0
                        for k in 0..<weights.count {
                            let at = min(max(column &+ k &- reach, 0), width &- 1)
                            total += weights[k] * values[start &+ at]
                        }
                        across[start &+ column] = total
                    }
                }
                pool.forEach(height * size.z) { line in
                    let target = line &* width, row = line % height, slice = (line &- row) &* width
                    for column in 0..<width { values[target &+ column] = 0 }
                    for k in 0..<weights.count {
                        let source = slice &+ min(max(row &+ k &- reach, 0), height &- 1) &* width
                        let weight = weights[k]
                        for column in 0..<width { values[target &+ column] += weight * across[source &+ column] }
                    }
                }
            }
        }
    }
}
