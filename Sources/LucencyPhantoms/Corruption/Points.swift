import LucencyFoundation
import LucencyImaging
import LucencyMorphology

/// Weak labels as points: a few discs (balls in volumes) per object or class keep their labels, all else is ignored.
/// Discs do not reach beyond the class in which they lie. No pixel is chosen twice: an object or class of fewer pixels than
/// points is marked as a whole.
public struct Points: LabelCorruptionStep, Hashable {
    /// Points per object, or per class, 1...1000.
    public var count: Int
    /// Points of the background, 0...100000.
    public var background: Int
    /// 0 for single pixels.
    public var radius: Length
    /// Whether each connected object gets `count` points, not each class.
    public var perObject: Bool

    public static let countLimits = 1.0...1000
    public static let backgroundLimits = 0.0...100_000

    public init(count: Int = 1, background: Int = 5, radius: Length = .pixels(2), perObject: Bool = true) {
        self.count = count
        self.background = background
        self.radius = radius
        self.perObject = perObject
    }

    public func check() throws {
        guard Self.countLimits ~= Double(count), Self.backgroundLimits ~= Double(background) else {
            throw Diagnostic(
                .badArgument, "\(count) points and \(background) of the background are not possible",
                remedy: "give 1 to 1000 points, and 0 to 100000 of the background")
        }
        try requireLength(radius, "a radius")
    }

    public func callAsFunction(_ labels: LabelMap, random: inout PhiloxStream, pool: ThreadPool) throws -> LabelMap {
        try check()
        let size = labels.size
        var reach = SIMD3<Double>(repeating: 0)
        for axis in 0..<size.dimensions {
            // From a million pixels on, all of a grid is reached.
            reach[axis] = min(try radius.pixels(along: axis, of: labels.geometry), 1e6)
        }
        let chosen = try centers(labels, &random)
        var result = AlignedBuffer<Int32>(repeating: LabelMap.ignoreLabel, count: labels.labels.count)
        let boxes = Dictionary(uniqueKeysWithValues: labels.boundingBoxes().map { ($0.label, $0.box) })
        let whole = Region(x: 0, y: 0, z: 0, size: size)
        let disc = (0..<3).reduce(1.0) { $0 * Double(min(2 * Int(reach[$1]) + 1, size[$1])) }
        for (label, centers) in chosen {
            let box = boxes[label] ?? whole
            result.withUnsafeMutableBufferPointer { out in
                labels.labels.withUnsafeBufferPointer { labels in
                    // Whichever costs less; both mark the same pixels.
                    if Double(centers.count) * disc < 8 * Double(box.size.count) {
                        draw(label, centers, reach, size, labels, out)
                    } else {
                        flood(label, centers, reach, size, box, labels, out)
                    }
                }
            }
        }
        return try labels.replaced(by: result)
    }

    /// Whether a place lies on a disc, by its squared distance in radii: those at the very edge do.
    private static let edge = 1 + 1e-9
    /// Discs of less than half a pixel are that pixel.
    private static func radii(_ reach: SIMD3<Double>) -> SIMD3<Double> {
        SIMD3(max(reach.x, 0.5), max(reach.y, 0.5), max(reach.z, 0.5))
    }

    /// Marks disc by disc.
    private func draw(
        _ label: Int32, _ centers: [Int], _ reach: SIMD3<Double>, _ size: GridSize,
        _ labels: UnsafeBufferPointer<Int32>, _ out: UnsafeMutableBufferPointer<Int32>
    ) {
        let radii = Self.radii(reach), steps = (x: Int(reach.x), y: Int(reach.y), z: Int(reach.z))
        for index in centers {
            let x = index % size.x, y = index / size.x % size.y, z = index / (size.x * size.y)
            for k in max(0, z - steps.z)...min(size.z - 1, z + steps.z) {
                for j in max(0, y - steps.y)...min(size.y - 1, y + steps.y) {
                    for i in max(0, x - steps.x)...min(size.x - 1, x + steps.x) {
                        let place = (k &* size.y &+ j) &* size.x &+ i
                        let a = Double(i - x) / radii.x, b = Double(j - y) / radii.y, c = Double(k - z) / radii.z
                        if a * a + b * b + c * c <= Self.edge, labels[place] == label { out[place] = label }
                    }
                }
            }
        }
    }

    /// Marks what is near enough to any of the centres, by a distance transform: the cost does not depend on their number.
    private func flood(
        _ label: Int32, _ centers: [Int], _ reach: SIMD3<Double>, _ size: GridSize, _ box: Region,
        _ labels: UnsafeBufferPointer<Int32>, _ out: UnsafeMutableBufferPointer<Int32>
    ) {
        var bits = AlignedBuffer<UInt8>(repeating: 0, count: box.size.count)
        bits.withUnsafeMutableBufferPointer { bits in
            for index in centers {
                let x = index % size.x - box.x, y = index / size.x % size.y - box.y
                let z = index / (size.x * size.y) - box.z
                bits[(z &* box.size.y &+ y) &* box.size.x &+ x] = 1
            }
        }
        let distances = DistanceTransform.squared(
            to: Mask(size: box.size, bits: bits), spacing: 1 / Self.radii(reach))
        distances.withUnsafeBufferPointer { distances in
            for row in 0..<box.size.y * box.size.z {
                let y = box.y + row % box.size.y, z = box.z + row / box.size.y
                let start = (z &* size.y &+ y) &* size.x &+ box.x
                for x in 0..<box.size.x where distances[row &* box.size.x &+ x] <= Self.edge {
                    if labels[start &+ x] == label { out[start &+ x] = label }
                }
            }
        }
    }

    /// The pixels in the middle of discs by their label, all pixels of an object (or class) equally likely.
    private func centers(
        _ labels: LabelMap, _ random: inout PhiloxStream
    ) throws -> [(label: Int32, centers: [Int])] {
        let objects = try ComponentRuns(labels, .labels, .full)
        // Runs by group, one group after the other.
        let groups = zip(objects.runs, objects.components).map { perObject ? $1 : $0.value }
        let order = groups.indices.filter { objects.runs[$0].value != LabelMap.ignoreLabel }
            .sorted { (groups[$0], $0) < (groups[$1], $1) }
        var chosen: [Int32: [Int]] = [:]
        var first = 0
        while first < order.count {
            var end = first
            while end < order.count, groups[order[end]] == groups[order[first]] { end += 1 }
            let runs = order[first..<end].map { objects.runs[$0] }
            chosen[runs[0].value, default: []] += Self.choose(count, from: runs, &random)
            first = end
        }
        chosen[0] = Self.choose(background, from: try ComponentRuns(labels, .background, .full).runs, &random)
        return chosen.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// Different pixels of runs, all of them if there are not more (R. W. Floyd's algorithm: J. Bentley, "Programming
    /// pearls: a sample of brilliance", Communications of the ACM 30 (1987)).
    private static func choose(_ count: Int, from runs: [ComponentRuns.Run], _ random: inout PhiloxStream) -> [Int] {
        // How many pixels come before each run.
        var before = [0]
        for run in runs { before.append(before[before.count - 1] + run.end - run.start) }
        let total = before[before.count - 1]
        guard count < total else { return runs.flatMap { $0.start..<$0.end } }
        var numbers = Set<Int>()
        for last in total - count..<total {
            if !numbers.insert(random.int(in: 0...last)).inserted { numbers.insert(last) }
        }
        return numbers.sorted().map { number in
            var low = 0, high = runs.count
            while high - low > 1 {
                let middle = (low + high) / 2
                if before[middle] <= number { low = middle } else { high = middle }
            }
            return runs[low].start + number - before[low]
        }
    }
}
