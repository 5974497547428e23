import LucencyFoundation

/// Adds pixels around an image, labels or probabilities; the old pixels stay where they are in the world.
public struct Pad: Sendable {
    /// Pixels in front, along x, y (and z).
    public var before: [Int]
    /// Pixels behind, along x, y (and z).
    public var after: [Int]
    /// Then as many more, half of them in front, that each side is a multiple of this.
    public var multipleOf: Int
    /// What the new pixels show. A constant is `value` in images, 0 in labels, and all of the first class in probabilities.
    public var mode: Continuation
    public var value: Double

    public init(
        before: [Int] = [], after: [Int] = [], multipleOf: Int = 1, mode: Continuation = .constant, value: Double = 0
    ) {
        self.before = before
        self.after = after
        self.multipleOf = multipleOf
        self.mode = mode
        self.value = value
    }

    /// The padded grid.
    /// - Throws: `Diagnostic` when an entry is negative, a list does not fit the grid or the result would be too large.
    public func target(of source: Geometry, planes: Int = 1) throws(Diagnostic) -> Geometry {
        try layout(source, planes: planes).target
    }

    /// - Throws: as `target(of:)`.
    public func callAsFunction(_ image: Image) throws -> Image {
        guard value.isFinite, Double(Float(value)).isFinite else {
            throw Diagnostic(.badArgument, "a value of \(value) is not possible")
        }
        let (target, sources) = try layout(image.geometry, planes: image.channels)
        return try Image(
            geometry: target, colorModel: image.colorModel,
            pixels: Self.gathered(image.pixels, image.size, target.size, sources, planes: image.channels) { _ in
                Float(value)
            }, origin: value == value.rounded() || mode != .constant ? image.origin : image.origin?.rescaled)
    }

    /// - Throws: as `target(of:)`.
    public func callAsFunction(_ map: LabelMap) throws -> LabelMap {
        let (target, sources) = try layout(map.geometry, planes: 1)
        return try LabelMap(
            geometry: target, labels: Self.gathered(map.labels, map.size, target.size, sources, planes: 1) { _ in 0 },
            table: map.table, origin: map.origin)
    }

    /// - Throws: as `target(of:)`.
    public func callAsFunction(_ map: ProbabilityMap) throws -> ProbabilityMap {
        let (target, sources) = try layout(map.geometry, planes: map.classes.count)
        return try ProbabilityMap(
            geometry: target, classes: map.classes, kind: map.kind,
            values: Self.gathered(map.values, map.size, target.size, sources, planes: map.classes.count) { plane in
                map.kind == .simplex && plane == 0 ? 1 : 0
            })
    }

    /// The target grid, and the source pixel of every target pixel along each axis.
    private func layout(_ source: Geometry, planes: Int) throws(Diagnostic) -> (target: Geometry, sources: [[Int]]) {
        guard multipleOf >= 1, multipleOf <= BufferLimit.side else {
            throw Diagnostic(.badArgument, "a multiple of \(multipleOf) is not possible", remedy: "give 1 or more")
        }
        let front = try entries(before, "before", source.size), back = try entries(after, "after", source.size)
        var starts = [0, 0, 0], counts = [1, 1, 1]
        for axis in 0..<3 {
            var count = source.size[axis] + front[axis] + back[axis], start = -front[axis]
            if axis < source.size.dimensions, multipleOf > 1 {
                let missing = (multipleOf - count % multipleOf) % multipleOf
                start -= missing / 2
                count += missing
            }
            starts[axis] = start
            counts[axis] = count
        }
        let size = GridSize(counts[0], counts[1], counts[2])
        try BufferLimit.require(size, planes: planes, for: "padding")
        var map = source.indexToWorld
        map.offset = map([Double(starts[0]), Double(starts[1]), Double(starts[2])])
        return (
            try Geometry(size: size, indexToWorld: map, spacingSource: source.spacingSource),
            (0..<3).map { mode.sources(from: starts[$0], length: counts[$0], of: source.size[$0]) }
        )
    }

    private func entries(_ list: [Int], _ name: String, _ size: GridSize) throws(Diagnostic) -> [Int] {
        guard list.isEmpty || list.count == 1 || list.count == size.dimensions else {
            throw Diagnostic(.badArgument, "\(name) has \(list.count) entries for a grid of \(size)")
        }
        guard list.allSatisfy({ $0 >= 0 && $0 <= BufferLimit.side }) else {
            throw Diagnostic(
                .badArgument, "\(name) holds a number of pixels below 0 or above \(BufferLimit.side)",
                remedy: "`crop` takes pixels away")
        }
        return (0..<3).map { axis in
            guard axis < size.dimensions, !list.isEmpty else { return 0 }
            return list.count == 1 ? list[0] : list[axis]
        }
    }

    private static func gathered<Element>(
        _ values: AlignedBuffer<Element>, _ source: GridSize, _ target: GridSize, _ sources: [[Int]], planes: Int,
        _ constant: (Int) -> Element
    ) -> AlignedBuffer<Element> {
        values.withUnsafeBufferPointer { values in
            AlignedBuffer(count: planes * target.count) { out in
                var next = 0
                for plane in 0..<planes {
                    let constant = constant(plane)
                    for z in sources[2] {
                        for y in sources[1] {
                            let first = ((plane &* source.z &+ z) &* source.y &+ y) &* source.x
                            for x in sources[0] {
                                out[next] = x < 0 || y < 0 || z < 0 ? constant : values[first &+ x]
                                next &+= 1
                            }
                        }
                    }
                }
            }
        }
    }
}
