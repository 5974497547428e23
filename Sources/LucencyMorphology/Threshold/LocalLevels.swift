import LucencyFoundation
import LucencyImaging

/// A level for every pixel from the mean m and standard deviation s of the window around it, by sums that slide over the
/// image: the cost per pixel does not depend on the window's width and height.
struct LocalLevels: Sendable {
    enum Rule: Sendable {
        /// m (1 + k (s/range − 1)).
        case sauvola(range: Double)
        /// m − k s.
        case niblack
    }

    var rule: Rule
    /// Pixels of the window to each side of its middle.
    var half: (x: Int, y: Int, z: Int)
    var k: Double
    /// Taken off before squaring, so that the variance keeps its digits.
    var center: Double

    /// Rows that share one set of sliding sums; fixed, so that sums do not depend on threads.
    private static let band = 64

    /// Calls `body` with the index of each row's first pixel and the row's levels.
    func forEachRow(
        of pixels: UnsafeBufferPointer<Float>, size: GridSize, pool: ThreadPool,
        _ body: @Sendable (Int, UnsafeBufferPointer<Double>) -> Void
    ) {
        nonisolated(unsafe) let pixels = pixels
        let bands = (size.y + Self.band - 1) / Self.band
        pool.forEach(bands * size.z) { (index: Int) in
            let top = index % bands * Self.band
            self.band(top..<min(size.y, top + Self.band), z: index / bands, pixels, size, body)
        }
    }

    private func band(
        _ rows: Range<Int>, z: Int, _ pixels: UnsafeBufferPointer<Float>, _ size: GridSize,
        _ body: (Int, UnsafeBufferPointer<Double>) -> Void
    ) {
        let width = size.x
        let columns = Self.mirrored(from: -half.x - 1, count: width + 2 * half.x + 1, side: width)
        let planes = Self.mirrored(from: z - half.z, count: 2 * half.z + 1, side: size.z)
        // Sums over the window's rows and planes, per column; then the levels of one row.
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 3 * width) { scratch in
            scratch.initialize(repeating: 0)
            let sums = UnsafeMutableBufferPointer(rebasing: scratch[0..<width])
            let squares = UnsafeMutableBufferPointer(rebasing: scratch[width..<2 * width])
            let levels = UnsafeMutableBufferPointer(rebasing: scratch[2 * width..<3 * width])
            func slide(row: Int, sign: Double) {
                let y = Continuation.mirror.source(row, of: size.y)
                for plane in planes {
                    let first = (plane &* size.y &+ y) &* width
                    for x in 0..<width {
                        let value = Double(pixels[first &+ x]) - center
                        sums[x] += sign * value
                        squares[x] += sign * (value * value)
                    }
                }
            }
            for row in rows.lowerBound - half.y...rows.lowerBound + half.y { slide(row: row, sign: 1) }
            for y in rows {
                if y > rows.lowerBound {
                    slide(row: y + half.y, sign: 1)
                    slide(row: y - half.y - 1, sign: -1)
                }
                level(sums, squares, columns, into: levels)
                body((z &* size.y &+ y) &* width, UnsafeBufferPointer(levels))
            }
        }
    }

    /// Slides the window along one row of column sums.
    private func level(
        _ sums: UnsafeMutableBufferPointer<Double>, _ squares: UnsafeMutableBufferPointer<Double>, _ columns: [Int],
        into levels: UnsafeMutableBufferPointer<Double>
    ) {
        let side = 2 * half.x + 1
        let count = Double(side) * Double(2 * half.y + 1) * Double(2 * half.z + 1)
        columns.withUnsafeBufferPointer { columns in
            var sum = 0.0, square = 0.0
            // columns[0] lies one pixel left of the first window.
            for index in 0..<side {
                sum += sums[columns[index]]
                square += squares[columns[index]]
            }
            for x in 0..<levels.count {
                let entering = columns[x &+ side], leaving = columns[x]
                sum += sums[entering] - sums[leaving]
                square += squares[entering] - squares[leaving]
                let mean = sum / count
                let deviation = max(0, square / count - mean * mean).squareRoot()
                switch rule {
                case .sauvola(let range): levels[x] = (mean + center) * (1 + k * (deviation / range - 1))
                case .niblack: levels[x] = mean + center - k * deviation
                }
            }
        }
    }

    private static func mirrored(from start: Int, count: Int, side: Int) -> [Int] {
        Continuation.mirror.sources(from: start, length: count, of: side)
    }
}
