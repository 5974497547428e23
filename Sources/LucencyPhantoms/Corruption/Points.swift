import LucencyFoundation
import LucencyImaging
import LucencyMorphology

/// Weak labels as points: a few discs (balls in volumes) per object or class keep their labels, all else is ignored.
/// Discs do not reach beyond the class in which they lie.
public struct Points: LabelCorruptionStep, Hashable {
    /// Points per object, or per class.
    public var count: Int
    /// Points of the background.
    public var background: Int
    /// 0 for single pixels.
    public var radius: Length
    /// Whether each connected object gets `count` points, not each class.
    public var perObject: Bool

    public init(count: Int = 1, background: Int = 5, radius: Length = .pixels(2), perObject: Bool = true) {
        self.count = count
        self.background = background
        self.radius = radius
        self.perObject = perObject
    }

    public func check() throws {
        guard 1...100_000 ~= count, 0...100_000 ~= background else {
            throw Diagnostic(
                .badArgument, "\(count) points and \(background) of the background are not possible",
                remedy: "give 1 point or more (0 for the background), at most 100000")
        }
        try requireLength(radius, "a radius")
    }

    public func callAsFunction(_ labels: LabelMap, random: inout PhiloxStream, pool: ThreadPool) throws -> LabelMap {
        try check()
        let size = labels.size
        var reach = [0.0, 0, 0]
        for axis in 0..<size.dimensions {
            reach[axis] = min(try radius.pixels(along: axis, of: labels.geometry), Double(size[axis]))
        }
        let chosen = try centers(labels, &random)
        let result = AlignedBuffer<Int32>(count: labels.labels.count) { out in
            out.initialize(repeating: LabelMap.ignoreLabel)
            labels.labels.withUnsafeBufferPointer { labels in
                for index in chosen {
                    let x = index % size.x, y = index / size.x % size.y, z = index / (size.x * size.y)
                    let label = labels[index]
                    let steps = reach.map { Int($0) }
                    for k in max(0, z - steps[2])...min(size.z - 1, z + steps[2]) {
                        for j in max(0, y - steps[1])...min(size.y - 1, y + steps[1]) {
                            for i in max(0, x - steps[0])...min(size.x - 1, x + steps[0]) {
                                let place = (k &* size.y &+ j) &* size.x &+ i
                                let a = Double(i - x) / max(reach[0], 0.5), b = Double(j - y) / max(reach[1], 0.5)
                                let c = Double(k - z) / max(reach[2], 0.5)
                                if a * a + b * b + c * c <= 1 + 1e-9, labels[place] == label { out[place] = label }
                            }
                        }
                    }
                }
            }
        }
        return try labels.replaced(by: result)
    }

    /// The pixels in the middle of discs, all pixels of an object (or class) equally likely.
    private func centers(_ labels: LabelMap, _ random: inout PhiloxStream) throws -> [Int] {
        let objects = try ComponentRuns(labels, .labels, .full)
        var groups: [Int32: [ComponentRuns.Run]] = [:]
        for (run, component) in zip(objects.runs, objects.components) where run.value != LabelMap.ignoreLabel {
            groups[perObject ? component : run.value, default: []].append(run)
        }
        var chosen: [Int] = []
        func choose(_ count: Int, from runs: [ComponentRuns.Run]) {
            let total = runs.reduce(0) { $0 + $1.end - $1.start }
            guard total > 0 else { return }
            for _ in 0..<count {
                var rest = random.int(in: 0...total - 1)
                for run in runs {
                    if rest < run.end - run.start { chosen.append(run.start + rest); break }
                    rest -= run.end - run.start
                }
            }
        }
        for (_, runs) in groups.sorted(by: { $0.key < $1.key }) { choose(count, from: runs) }
        choose(background, from: try ComponentRuns(labels, .background, .full).runs)
        return chosen
    }
}
