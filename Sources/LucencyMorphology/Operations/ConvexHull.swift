import LucencyFoundation
import LucencyImaging

extension Mask {
    /// The pixels of a planar mask whose centres lie in the convex hull, or on its edge, of the middles of all pixels' sides
    /// (as scikit-image's `convex_hull_image`). Whole numbers throughout, so it is exact.
    package func convexHull() -> Mask {
        struct Point { var x, y: Int }
        // Only the first and last pixel of a row can be corners. Coordinates are doubled.
        var points: [Point] = []
        for y in 0..<size.y {
            let row = (0..<size.x).filter { bits[y * size.x + $0] != 0 }
            guard let first = row.first, let last = row.last else { continue }
            for x in Set([first, last]) {
                points += [
                    Point(x: 2 * x - 1, y: 2 * y), Point(x: 2 * x + 1, y: 2 * y), Point(x: 2 * x, y: 2 * y - 1),
                    Point(x: 2 * x, y: 2 * y + 1),
                ]
            }
        }
        guard !points.isEmpty else { return self }
        points.sort { ($0.x, $0.y) < ($1.x, $1.y) }
        // A. M. Andrew's monotone chain (1979).
        func chain(_ points: [Point]) -> [Point] {
            var chain: [Point] = []
            for point in points {
                while chain.count >= 2 {
                    let a = chain[chain.count - 2], b = chain[chain.count - 1]
                    let turn = (b.x - a.x) * (point.y - a.y) - (b.y - a.y) * (point.x - a.x)
                    guard turn <= 0 else { break }
                    chain.removeLast()
                }
                chain.append(point)
            }
            return chain
        }
        let corners = chain(points).dropLast() + chain(points.reversed()).dropLast()
        let outline = Array(corners)
        var out = AlignedBuffer<UInt8>(repeating: 0, count: bits.count)
        out.withUnsafeMutableBufferPointer { out in
            for y in 0..<size.y {
                // The hull's ends along a row, in pixels: rounded up on the left, down on the right.
                var left = Int.max, right = Int.min
                for (index, a) in outline.enumerated() {
                    let b = outline[(index + 1) % outline.count]
                    guard min(a.y, b.y) <= 2 * y, 2 * y <= max(a.y, b.y) else { continue }
                    guard a.y != b.y else {
                        left = min(left, Self.ceiling(min(a.x, b.x), 2))
                        right = max(right, Self.floor(max(a.x, b.x), 2))
                        continue
                    }
                    let (low, high) = a.y < b.y ? (a, b) : (b, a)
                    let height = high.y - low.y
                    let place = low.x * height + (2 * y - low.y) * (high.x - low.x)
                    left = min(left, Self.ceiling(place, 2 * height))
                    right = max(right, Self.floor(place, 2 * height))
                }
                guard left <= right else { continue }
                for x in max(0, left)...min(size.x - 1, right) { out[y * size.x + x] = 1 }
            }
        }
        return Mask(size: size, bits: out)
    }

    private static func floor(_ a: Int, _ b: Int) -> Int { a >= 0 ? a / b : -((b - 1 - a) / b) }
    private static func ceiling(_ a: Int, _ b: Int) -> Int { -floor(-a, b) }
}
