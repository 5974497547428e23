import LucencyFoundation
import LucencyImaging

/// Objects that are not there: ellipses (ellipsoids in volumes) of one class, drawn onto background only.
public struct SpuriousObjects: LabelCorruptionStep, Hashable {
    /// How many per label map: a whole number of this range.
    public var count: Interval
    /// Half of the longest axis, evenly drawn between these two; the other axes are 0.6 to 1 times as long.
    public var smallest: Length
    public var largest: Length
    /// The class they get. Where the label map names its classes, it must be one of them.
    public var label: Int

    public static let countLimits = 0.0...10_000

    public init(
        count: Interval = Interval(1, 3), smallest: Length = .pixels(3), largest: Length = .pixels(8), label: Int = 1
    ) {
        self.count = count
        self.smallest = smallest
        self.largest = largest
        self.label = label
    }

    public var namedClasses: [Int] { [label] }

    public func check() throws {
        try requireInterval(count, "count", within: Self.countLimits)
        try requireLength(smallest, "a smallest radius")
        try requireLength(largest, "a largest radius")
        guard smallest.unit == largest.unit, smallest.value <= largest.value else {
            throw Diagnostic(
                .badArgument, "radii from \(smallest) to \(largest) are not a range",
                remedy: "give both in the same unit, the smaller one as `smallest`")
        }
        guard 1...Int(Int32.max) ~= label else {
            throw Diagnostic(
                .badArgument, "spurious objects cannot have the label \(label)", remedy: "give a class, 1 or more")
        }
    }

    public func callAsFunction(_ labels: LabelMap, random: inout PhiloxStream, pool: ThreadPool) throws -> LabelMap {
        try check()
        guard labels.table.isEmpty || labels.table[Int32(label)] != nil else {
            let known = labels.table.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value.name))" }
            let shown = known.prefix(20).joined(separator: ", ") + (known.count > 20 ? ", …" : "")
            throw Diagnostic(
                .badLabel, "spurious objects cannot have the label \(label), which no class has",
                remedy: "the classes are: \(shown)")
        }
        let size = labels.size
        var result = labels.labels
        let least = Int(count.lower.rounded()), most = max(least, Int(count.upper.rounded()))
        for _ in 0..<random.int(in: least...most) {
            let radius = Length(random.uniform(in: smallest.value...largest.value), smallest.unit)
            let angle = unitVector(random.uniform(in: 0...(2 * .pi)))
            let axes = (1.0, random.uniform(in: 0.6...1), random.uniform(in: 0.6...1))
            let center = (
                random.int(in: 0...size.x - 1), random.int(in: 0...size.y - 1), random.int(in: 0...size.z - 1)
            )
            var reach = (x: 0.0, y: 0.0, z: 0.0)
            reach.x = try radius.pixels(along: 0, of: labels.geometry)
            reach.y = try radius.pixels(along: 1, of: labels.geometry)
            if size.z > 1 { reach.z = try radius.pixels(along: 2, of: labels.geometry) }
            // At least the pixel in the middle is drawn.
            let (rx, ry, rz) = (max(reach.x, 0.4), max(reach.y, 0.4), max(reach.z, 0.4))
            func range(_ middle: Int, _ reach: Double, _ limit: Int) -> ClosedRange<Int> {
                let steps = Int(min(reach, Double(limit)))
                return max(0, middle - steps)...min(limit - 1, middle + steps)
            }
            result.withUnsafeMutableBufferPointer { result in
                for z in range(center.2, rz, size.z) {
                    for y in range(center.1, ry, size.y) {
                        for x in range(center.0, rx, size.x) {
                            let dx = Double(x - center.0) / rx, dy = Double(y - center.1) / ry
                            let u = (dx * angle.x + dy * angle.y) / axes.0, v = (dy * angle.x - dx * angle.y) / axes.1
                            let w = Double(z - center.2) / (rz * axes.2)
                            let index = (z &* size.y &+ y) &* size.x &+ x
                            if u * u + v * v + w * w <= 1, result[index] == 0 { result[index] = Int32(label) }
                        }
                    }
                }
            }
        }
        return try labels.replaced(by: result)
    }
}
