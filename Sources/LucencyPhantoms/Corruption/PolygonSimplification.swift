import LucencyFoundation
import LucencyImaging

/// Contours drawn as polygons with few corners: each class's outline, slice by slice, is simplified until no corner could be
/// left out without the line moving by more than a tolerance (D. H. Douglas and T. K. Peucker, "Algorithms for the reduction
/// of the number of points required to represent a digitized line or its caricature", Cartographica 10 (1973)).
///
/// A class never takes pixels that another class keeps.
public struct PolygonSimplification: LabelCorruptionStep, Hashable {
    /// The farthest that an outline may move. Pixels along x are taken.
    public var tolerance: Length

    public init(tolerance: Length = .pixels(2)) { self.tolerance = tolerance }

    public func check() throws { try requireLength(tolerance, "a tolerance") }

    public func callAsFunction(_ labels: LabelMap, random: inout PhiloxStream, pool: ThreadPool) throws -> LabelMap {
        try check()
        let size = labels.size, plane = size.x * size.y
        let limit = try tolerance.pixels(along: 0, of: labels.geometry)
        let ratio = tolerance.unit == .px ? 1 : labels.geometry.spacing.y / labels.geometry.spacing.x
        let classes = labels.classes()
        var result = labels.labels
        result.withUnsafeMutableBufferPointer { result in
            nonisolated(unsafe) let result = result
            pool.forEach(size.z) { z in
                let slice = UnsafeMutableBufferPointer(rebasing: result[z * plane..<(z + 1) * plane])
                let present = classes.filter { slice.contains($0) }
                let polygons = present.map { label in
                    let outlines = Outlines(width: size.x, height: size.y) { slice[$0] == label }
                    return outlines.simplified(tolerance: limit, ratio: ratio).filled(size.x, size.y)
                }
                for (label, inside) in zip(present, polygons) {
                    for i in 0..<plane where slice[i] == label && !inside[i] { slice[i] = 0 }
                }
                for (label, inside) in zip(present, polygons) {
                    for i in 0..<plane where slice[i] == 0 && inside[i] { slice[i] = label }
                }
            }
        }
        return try labels.replaced(by: result)
    }
}

/// Closed polygons around the set pixels of a plane, along the pixels' edges; a pixel (x, y) reaches from corner (x, y) to
/// corner (x + 1, y + 1).
struct Outlines {
    struct Corner: Hashable {
        var x: Int
        var y: Int
    }

    /// Without the last corner, which is the first.
    private(set) var loops: [[Corner]] = []

    private init(loops: [[Corner]]) { self.loops = loops }

    /// Follows all edges between set and other pixels, clockwise around set ones (y points down).
    init(width: Int, height: Int, isSet: (Int) -> Bool) {
        let steps = [(1, 0), (0, 1), (-1, 0), (0, -1)]
        let columns = width + 1
        // Per corner, one bit per direction in which an edge leaves it.
        var leaving = [UInt8](repeating: 0, count: columns * (height + 1))
        func has(_ x: Int, _ y: Int) -> Bool { x >= 0 && y >= 0 && x < width && y < height && isSet(y * width + x) }
        for y in 0..<height {
            for x in 0..<width where isSet(y * width + x) {
                if !has(x, y - 1) { leaving[y * columns + x] |= 1 }
                if !has(x + 1, y) { leaving[y * columns + x + 1] |= 2 }
                if !has(x, y + 1) { leaving[(y + 1) * columns + x + 1] |= 4 }
                if !has(x - 1, y) { leaving[(y + 1) * columns + x] |= 8 }
            }
        }
        for start in leaving.indices {
            while leaving[start] != 0 {
                var corners: [Corner] = []
                var place = start, direction = leaving[start].trailingZeroBitCount, last = -1
                repeat {
                    leaving[place] &= ~(1 << UInt8(direction))
                    if direction != last { corners.append(Corner(x: place % columns, y: place / columns)) }
                    last = direction
                    place += steps[direction].0 + steps[direction].1 * columns
                    // Where two pixels touch at a corner, turning right keeps to the same one.
                    for turn in [1, 0, 3] where leaving[place] & (1 << UInt8((last + turn) % 4)) != 0 {
                        direction = (last + turn) % 4
                        break
                    }
                } while place != start
                loops.append(corners)
            }
        }
    }

    /// The loops with fewer corners. Loops of which less than a triangle remains are left out.
    /// - Parameter ratio: how long a step along y is, in steps along x.
    func simplified(tolerance: Double, ratio: Double) -> Outlines {
        Outlines(loops: loops.map { Self.simplified($0, tolerance, ratio) }.filter { $0.count > 2 })
    }

    private static func simplified(_ loop: [Corner], _ tolerance: Double, _ ratio: Double) -> [Corner] {
        func distance(_ p: Corner, _ a: Corner, _ b: Corner) -> Double {
            let dx = Double(b.x - a.x), dy = Double(b.y - a.y) * ratio
            let px = Double(p.x - a.x), py = Double(p.y - a.y) * ratio
            let length = dx * dx + dy * dy
            let t = length > 0 ? min(max((px * dx + py * dy) / length, 0), 1) : 0
            return hypotenuse(px - t * dx, py - t * dy)
        }
        func farthest(_ from: Int, _ to: Int) -> (index: Int, distance: Double) {
            var best = (index: from, distance: 0.0)
            for i in from + 1..<max(to, from + 1) {
                let d = distance(loop[i], loop[from], loop[to % loop.count])
                if d > best.distance { best = (i, d) }
            }
            return best
        }
        let opposite = farthest(0, loop.count).index
        guard opposite > 0 else { return loop }
        var keeps = [Bool](repeating: false, count: loop.count)
        keeps[0] = true
        keeps[opposite] = true
        var parts = [(0, opposite), (opposite, loop.count)]
        while let (from, to) = parts.popLast() {
            let (index, distance) = farthest(from, to)
            guard distance > tolerance else { continue }
            keeps[index] = true
            parts += [(from, index), (index, to)]
        }
        return zip(loop, keeps).filter(\.1).map(\.0)
    }

    /// The pixels whose centres lie inside an odd number of loops.
    func filled(_ width: Int, _ height: Int) -> [Bool] {
        var crossings = [[Double]](repeating: [], count: height)
        for loop in loops {
            for (index, a) in loop.enumerated() {
                let b = loop[(index + 1) % loop.count]
                guard a.y != b.y else { continue }
                for y in min(a.y, b.y)..<max(a.y, b.y) {
                    let t = (Double(y) + 0.5 - Double(a.y)) / Double(b.y - a.y)
                    crossings[y].append(Double(a.x) + t * Double(b.x - a.x))
                }
            }
        }
        var inside = [Bool](repeating: false, count: width * height)
        for y in 0..<height {
            let sorted = crossings[y].sorted()
            for pair in stride(from: 0, to: sorted.count - 1, by: 2) {
                let first = max(0, Int((sorted[pair] - 0.5).rounded(.up)))
                let end = min(width, Int((sorted[pair + 1] - 0.5).rounded(.up)))
                for x in first..<max(first, end) { inside[y * width + x] = true }
            }
        }
        return inside
    }
}
