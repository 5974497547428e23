import LucencyFoundation

/// A Gaussian blur of a plane, in place. The border's values continue outside.
///
/// Wide ones (`sigma` of 12 pixels and more) are computed on a coarser grid of block means and interpolated linearly,
/// which adds less than 2 % to the width; sums are kept.
/// - Parameter sigma: standard deviation in pixels; nothing happens below 0.05.
package func gaussianBlur(_ plane: inout [Float], width: Int, height: Int, sigma: Double, pool: ThreadPool) {
    guard sigma >= 0.05, width > 0, height > 0, plane.count == width * height else { return }
    let factor = Int(sigma / 6)
    if factor >= 2 {
        coarseBlur(&plane, width: width, height: height, sigma: sigma, factor: factor, pool: pool)
        return
    }
    let blur = PlaneBlur(sigma: sigma, reach: max(1, Int((3.5 * sigma).rounded(.up))), border: .edge)
    plane = blur(plane, width: width, height: height, pool: pool)
}

private func coarseBlur(
    _ plane: inout [Float], width: Int, height: Int, sigma: Double, factor: Int, pool: ThreadPool
) {
    let columns = (width + factor - 1) / factor, rows = (height + factor - 1) / factor
    var small = [Float](repeating: 0, count: columns * rows)
    for row in 0..<rows {
        for column in 0..<columns {
            var sum = 0.0
            let y1 = min(height, (row + 1) * factor), x1 = min(width, (column + 1) * factor)
            for y in row * factor..<y1 { for x in column * factor..<x1 { sum += Double(plane[y * width + x]) } }
            small[row * columns + column] = Float(sum / Double((y1 - row * factor) * (x1 - column * factor)))
        }
    }
    gaussianBlur(&small, width: columns, height: rows, sigma: sigma / Double(factor), pool: pool)
    let scale = 1 / Float(factor)
    small.withUnsafeBufferPointer { small in
        for y in 0..<height {
            let v = min(max((Float(y) + 0.5) * scale - 0.5, 0), Float(rows - 1)), top = Int(v)
            let low = top &* columns, high = min(top + 1, rows - 1) &* columns, t = v - Float(top)
            for x in 0..<width {
                let u = min(max((Float(x) + 0.5) * scale - 0.5, 0), Float(columns - 1)), left = Int(u)
                let right = min(left + 1, columns - 1), s = u - Float(left)
                let a = small[low &+ left] * (1 - s) + small[low &+ right] * s
                let b = small[high &+ left] * (1 - s) + small[high &+ right] * s
                plane[y &* width &+ x] = a * (1 - t) + b * t
            }
        }
    }
}
