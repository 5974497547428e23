import LucencyFoundation
import LucencyImaging
import LucencyMorphology

/// Weak labels as scribbles: in each slice, each class keeps its label under a few strokes along the middle of its
/// regions; all else is ignored.
///
/// A stroke follows the path between two roomy places of one region that is cheapest when a step costs the inverse square of
/// the distance to the region's border, which is close to its medial axis.
public struct Scribbles: LabelCorruptionStep, Hashable {
    /// Strokes per class and slice: a whole number of this range, at least 1.
    public var strokes: Interval
    /// Width of a stroke, along x.
    public var width: Length
    /// How much of its path a stroke covers.
    public var fraction: Interval
    /// Whether the background gets strokes too.
    public var background: Bool

    public static let strokesLimits = 1.0...1000

    public init(
        strokes: Interval = Interval(1, 2), width: Length = .pixels(3), fraction: Interval = Interval(0.5, 0.9),
        background: Bool = true
    ) {
        self.strokes = strokes
        self.width = width
        self.fraction = fraction
        self.background = background
    }

    public func check() throws {
        try requireInterval(strokes, "strokes", within: Self.strokesLimits)
        try requireInterval(fraction, "fraction", within: 0...1)
        try requireLength(width, "a stroke width", above: true)
    }

    public func callAsFunction(_ labels: LabelMap, random: inout PhiloxStream, pool: ThreadPool) throws -> LabelMap {
        try check()
        let size = labels.size, plane = size.x * size.y
        let radius = min(try width.pixels(along: 0, of: labels.geometry) / 2, Double(max(size.x, size.y)))
        let classes = (background ? [0] : []) + labels.classes()
        let seed = random.next()
        var result = AlignedBuffer<Int32>(repeating: LabelMap.ignoreLabel, count: labels.labels.count)
        try result.withUnsafeMutableBufferPointer { result in
            try labels.labels.withUnsafeBufferPointer { labels in
                nonisolated(unsafe) let result = result, labels = labels
                try pool.forEach(size.z) { z throws in
                    let slice = UnsafeBufferPointer(rebasing: labels[z * plane..<(z + 1) * plane])
                    let out = UnsafeMutableBufferPointer(rebasing: result[z * plane..<(z + 1) * plane])
                    var random = PhiloxStream(seed: seed, stream: UInt64(z))
                    for label in classes {
                        // A stream per class: how many strokes one gets does not move another's.
                        var own = PhiloxStream(seed: random.next())
                        try scribble(label, slice, out, size, radius, &own)
                    }
                }
            }
        }
        return try labels.replaced(by: result)
    }

    private func scribble(
        _ label: Int32, _ slice: UnsafeBufferPointer<Int32>, _ out: UnsafeMutableBufferPointer<Int32>,
        _ size: GridSize, _ radius: Double, _ random: inout PhiloxStream
    ) throws {
        guard let region = try MedialRegion(slice, size.x, size.y, label: label) else { return }
        let least = Int(strokes.lower.rounded()), most = max(least, Int(strokes.upper.rounded()))
        for _ in 0..<random.int(in: least...most) {
            let path = region.path(&random)
            let share = random.uniform(in: fraction.lower...fraction.upper), place = random.uniform()
            let length = max(1, Int((share * Double(path.count)).rounded()))
            let first = Int(place * Double(path.count - length + 1))
            for point in Self.smoothed(path)[first..<first + length] {
                let steps = Int(radius)
                for y in max(0, point.y - steps)...min(size.y - 1, point.y + steps) {
                    for x in max(0, point.x - steps)...min(size.x - 1, point.x + steps) {
                        let dx = Double(x - point.x), dy = Double(y - point.y)
                        let index = y &* size.x &+ x
                        let isCovered = dx * dx + dy * dy <= radius * radius || (dx == 0 && dy == 0)
                        if isCovered, slice[index] == label { out[index] = label }
                    }
                }
            }
            // A path that smoothing pushed out of the class still marks its middle.
            let middle = path[first + length / 2]
            out[middle.y * size.x + middle.x] = label
        }
    }

    /// The means of up to nine neighbouring points.
    private static func smoothed(_ path: [MedialRegion.Point]) -> [MedialRegion.Point] {
        path.indices.map { i in
            let reach = min(4, i, path.count - 1 - i)
            let part = path[i - reach...i + reach], count = Double(part.count)
            return MedialRegion.Point(
                x: Int((Double(part.reduce(0) { $0 + $1.x }) / count).rounded()),
                y: Int((Double(part.reduce(0) { $0 + $1.y }) / count).rounded()))
        }
    }
}

/// The pixels of one class in a slice, with their distances to its border.
struct MedialRegion {
    struct Point: Hashable {
        var x: Int
        var y: Int
    }

    /// The class's box and one pixel around, which may lie outside the slice.
    private let left: Int
    private let top: Int
    private let width: Int
    /// 0 outside the class.
    private let depth: [Float]
    /// Pixels by connected component, and how many pixels come before each.
    private let components: [[Int32]]
    private let count: Int

    /// - Returns: nil where the class does not occur.
    init?(_ slice: UnsafeBufferPointer<Int32>, _ columns: Int, _ rows: Int, label: Int32) throws {
        var low = (x: columns, y: rows), high = (x: -1, y: -1)
        for y in 0..<rows {
            for x in 0..<columns where slice[y &* columns &+ x] == label {
                low = (min(low.x, x), min(low.y, y))
                high = (max(high.x, x), max(high.y, y))
            }
        }
        guard high.x >= 0 else { return nil }
        let (left, top, width, height) = (low.x - 1, low.y - 1, high.x - low.x + 3, high.y - low.y + 3)
        var bits = AlignedBuffer<UInt8>(repeating: 0, count: width * height)
        bits.withUnsafeMutableBufferPointer { bits in
            for y in low.y...high.y {
                for x in low.x...high.x where slice[y &* columns &+ x] == label {
                    bits[(y &- top) &* width &+ x &- left] = 1
                }
            }
        }
        let mask = Mask(size: GridSize(width, height), bits: bits)
        depth = DistanceTransform.squared(to: mask.complement, spacing: [1, 1, 1])
            .withUnsafeBufferPointer { $0.map { Float($0.squareRoot()) } }
        let runs = try ComponentRuns(mask, .full)
        var pixels = [[Int32]](repeating: [], count: runs.values.count)
        for (run, component) in zip(runs.runs, runs.components) {
            for index in run.start..<run.end { pixels[Int(component) - 1].append(Int32(index)) }
        }
        components = pixels
        count = pixels.reduce(0) { $0 + $1.count }
        (self.left, self.top, self.width) = (left, top, width)
    }

    /// A path along the middle of a component; large ones are taken more often.
    func path(_ random: inout PhiloxStream) -> [Point] {
        var rest = random.int(in: 0...count - 1), chosen = 0
        while rest >= components[chosen].count {
            rest -= components[chosen].count
            chosen += 1
        }
        let pixels = components[chosen]
        let tries = (0..<24).map { _ in Int(pixels[random.int(in: 0...pixels.count - 1)]) }
        let start = tries.prefix(8).max { depth[$0] < depth[$1] } ?? tries[0]
        func reach(_ index: Int) -> Double {
            hypotenuse(Double(index % width - start % width), Double(index / width - start / width))
                * Double(depth[index])
        }
        let end = tries.suffix(16).max { reach($0) < reach($1) } ?? start
        return cheapest(from: start, to: end).map { Point(x: $0 % width + left, y: $0 / width + top) }
    }

    /// Dijkstra's algorithm on the eight-connected pixels of the class.
    private func cheapest(from start: Int, to end: Int) -> [Int] {
        var cost = [Float](repeating: .infinity, count: depth.count)
        var previous = [Int32](repeating: -1, count: depth.count)
        var queue = CostQueue()
        cost[start] = 0
        queue.push(0, start)
        let straight = [1, -1, width, -width], diagonal = [width + 1, width - 1, -width + 1, -width - 1]
        let steps = straight.map { (offset: $0, length: Float(1)) } + diagonal.map { ($0, Float(2).squareRoot()) }
        while let next = queue.pop(), next.index != end {
            let (paid, index) = next
            guard paid <= cost[index] else { continue }
            for (step, length) in steps where depth[index + step] > 0 {
                let next = index + step, total = paid + length / (depth[next] * depth[next])
                guard total < cost[next] else { continue }
                cost[next] = total
                previous[next] = Int32(index)
                queue.push(total, next)
            }
        }
        var path = [end]
        while let last = path.last, last != start, previous[last] >= 0 { path.append(Int(previous[last])) }
        return path
    }
}

/// A binary heap of pixels by cost; of equal costs the lower pixel comes first.
private struct CostQueue {
    private var entries: [(cost: Float, index: Int)] = []

    private func isBefore(_ a: Int, _ b: Int) -> Bool {
        entries[a].cost != entries[b].cost ? entries[a].cost < entries[b].cost : entries[a].index < entries[b].index
    }

    mutating func push(_ cost: Float, _ index: Int) {
        entries.append((cost, index))
        var child = entries.count - 1
        while child > 0, isBefore(child, (child - 1) / 2) {
            entries.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop() -> (cost: Float, index: Int)? {
        guard let first = entries.first else { return nil }
        let last = entries.removeLast()
        guard !entries.isEmpty else { return first }
        entries[0] = last
        var parent = 0
        while 2 * parent + 1 < entries.count {
            var child = 2 * parent + 1
            if child + 1 < entries.count, isBefore(child + 1, child) { child += 1 }
            guard isBefore(child, parent) else { break }
            entries.swapAt(child, parent)
            parent = child
        }
        return first
    }
}
