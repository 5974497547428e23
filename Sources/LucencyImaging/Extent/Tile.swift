import LucencyFoundation

/// One tile of a grid of overlapping tiles, all of the same size, that together cover an image. The last tile of a row or
/// column ends where the image ends, so it may overlap its neighbour by more than the others do.
public struct Tile: Sendable {
    /// Pixels along x, y (and z).
    public var size: [Int]
    /// Pixels that neighbouring tiles share at least.
    public var overlap: Int
    /// Which tile, counted from 0 along x first, then y, then z.
    public var index: Int

    public init(size: [Int], overlap: Int = 0, index: Int = 0) {
        self.size = size
        self.overlap = overlap
        self.index = index
    }

    /// How many tiles cover a grid along x, y, z.
    /// - Throws: `Diagnostic` when the size or overlap is not possible.
    public func counts(in grid: GridSize) throws(Diagnostic) -> [Int] {
        guard size.count == 1 || size.count == grid.dimensions, size.allSatisfy({ $0 >= 1 }) else {
            throw Diagnostic(
                .badArgument, "tiles of size \(size) do not fit a grid of \(grid)",
                remedy: "give a positive number for each axis, or one for all")
        }
        guard overlap >= 0, size.allSatisfy({ overlap < $0 }) else {
            throw Diagnostic(
                .badArgument, "tiles of size \(size) cannot overlap by \(overlap)",
                remedy: "give an overlap of at least 0 and below the size")
        }
        return (0..<3).map { axis in
            let side = side(axis, grid)
            guard grid[axis] > side else { return 1 }
            return (grid[axis] - overlap + side - overlap - 1) / (side - overlap)
        }
    }

    /// Where the tile lies.
    /// - Throws: `Diagnostic` when there is no such tile.
    public func region(in grid: GridSize) throws(Diagnostic) -> Region {
        let counts = try counts(in: grid)
        guard index >= 0, index < counts[0] * counts[1] * counts[2] else {
            throw Diagnostic(
                .regionOutside,
                "there is no tile \(index): \(counts[0]) × \(counts[1]) × \(counts[2]) tiles cover \(grid)",
                remedy: "count from 0 to \(counts[0] * counts[1] * counts[2] - 1)")
        }
        let places = [index % counts[0], index / counts[0] % counts[1], index / (counts[0] * counts[1])]
        let sides = (0..<3).map { min(side($0, grid), grid[$0]) }
        let starts = (0..<3).map { min(places[$0] * (side($0, grid) - overlap), grid[$0] - sides[$0]) }
        return Region(
            x: starts[0], y: starts[1], z: grid.isPlanar ? 0 : starts[2], size: GridSize(sides[0], sides[1], sides[2]))
    }

    private func side(_ axis: Int, _ grid: GridSize) -> Int {
        guard axis < grid.dimensions else { return grid[axis] }
        return size.count == 1 ? size[0] : size[axis]
    }

    /// - Throws: as `region(in:)`.
    public func callAsFunction(_ image: Image) throws -> Image { try image.cropped(to: region(in: image.size)) }
    /// - Throws: as `region(in:)`.
    public func callAsFunction(_ map: LabelMap) throws -> LabelMap { try map.cropped(to: region(in: map.size)) }
}

/// Puts tiles together again, each where it lies in the world. Where tiles overlap, a pixel of an image or probability map
/// is their mean, weighted by how far it lies from each tile's edge; a label is that of the tile whose edge is farthest.
public struct Untile: Sendable {
    public init() {}

    /// - Throws: `Diagnostic` when there are no tiles, they differ in kind, do not lie on the grid's pixels or leave a gap.
    public func callAsFunction(_ tiles: [Image], onto target: Geometry) throws -> Image {
        let first = try first(of: tiles)
        guard tiles.allSatisfy({ $0.colorModel == first.colorModel }) else {
            throw Diagnostic(.channelMismatch, "the tiles have different channels")
        }
        try BufferLimit.require(target.size, planes: first.channels, for: "putting tiles together")
        let pixels = try blended(
            tiles.map { ($0.geometry, $0.pixels) }, planes: first.channels, onto: target)
        return try Image(geometry: target, colorModel: first.colorModel, pixels: pixels, origin: first.origin)
    }

    /// - Throws: as for images.
    public func callAsFunction(_ tiles: [ProbabilityMap], onto target: Geometry) throws -> ProbabilityMap {
        let first = try first(of: tiles)
        guard tiles.allSatisfy({ $0.classes == first.classes && $0.kind == first.kind }) else {
            throw Diagnostic(.channelMismatch, "the tiles have different classes")
        }
        try BufferLimit.require(target.size, planes: first.classes.count, for: "putting tiles together")
        var values = try blended(
            tiles.map { ($0.geometry, $0.values) }, planes: first.classes.count, onto: target)
        values.makeProbabilities(classes: first.classes.count, kind: first.kind)
        return try ProbabilityMap(geometry: target, classes: first.classes, kind: first.kind, values: values)
    }

    /// - Throws: as for images.
    public func callAsFunction(_ tiles: [LabelMap], onto target: Geometry) throws -> LabelMap {
        let first = try first(of: tiles)
        try BufferLimit.require(target.size, for: "putting tiles together")
        var nearest = [Int32](repeating: 0, count: target.size.count)
        var labels = AlignedBuffer<Int32>(repeating: 0, count: target.size.count)
        for tile in tiles {
            let region = try region(of: tile.geometry, on: target)
            labels.withUnsafeMutableBufferPointer { labels in
                tile.labels.withUnsafeBufferPointer { values in
                    Self.forEach(region, target.size) { from, to, weight in
                        guard weight > nearest[to] else { return }
                        nearest[to] = weight
                        labels[to] = values[from]
                    }
                }
            }
        }
        try requireCovered(nearest.count(where: { $0 == 0 }))
        return try LabelMap(geometry: target, labels: labels, table: first.table, origin: first.origin)
    }

    private func blended(
        _ tiles: [(geometry: Geometry, values: AlignedBuffer<Float>)], planes: Int, onto target: Geometry
    ) throws -> AlignedBuffer<Float> {
        let count = target.size.count
        var sums = [Double](repeating: 0, count: planes * count), weights = [Double](repeating: 0, count: count)
        for tile in tiles {
            let region = try region(of: tile.geometry, on: target), inside = tile.geometry.size.count
            tile.values.withUnsafeBufferPointer { values in
                Self.forEach(region, target.size) { from, to, weight in
                    weights[to] += Double(weight)
                    for plane in 0..<planes {
                        sums[plane &* count &+ to] += Double(weight) * Double(values[plane &* inside &+ from])
                    }
                }
            }
        }
        try requireCovered(weights.count(where: { $0 == 0 }))
        return AlignedBuffer(count: planes * count) { out in
            for plane in 0..<planes {
                for i in 0..<count { out[plane &* count &+ i] = Float(sums[plane &* count &+ i] / weights[i]) }
            }
        }
    }

    /// Calls `use` with the index of each pixel of a tile, its index on the target, and its distance to the tile's edge.
    private static func forEach(_ region: Region, _ grid: GridSize, _ use: (Int, Int, Int32) -> Void) {
        var from = 0
        let sides = region.size
        func depth(_ place: Int, _ side: Int) -> Int { min(place, side - 1 - place) + 1 }
        for z in 0..<sides.z {
            for y in 0..<sides.y {
                let first = ((region.z &+ z) &* grid.y &+ region.y &+ y) &* grid.x &+ region.x
                let line = min(depth(y, sides.y), sides.z == 1 ? .max : depth(z, sides.z))
                for x in 0..<sides.x {
                    use(from, first &+ x, Int32(min(line, depth(x, sides.x))))
                    from &+= 1
                }
            }
        }
    }

    private func first<Value>(of tiles: [Value]) throws(Diagnostic) -> Value {
        guard let first = tiles.first else { throw Diagnostic(.missingInput, "there are no tiles to put together") }
        return first
    }

    private func requireCovered(_ missing: Int) throws(Diagnostic) {
        guard missing == 0 else {
            throw Diagnostic(
                .undefinedResult, "\(missing) pixels are covered by no tile", remedy: "give every tile of the image")
        }
    }

    private func region(of tile: Geometry, on target: Geometry) throws(Diagnostic) -> Region {
        let placement = try Placement(of: tile, on: target)
        let start = placement.start
        guard placement.step == [1, 1, 1], start == start.rounded(.toNearestOrEven), start.min() >= 0,
            start.max() <= Double(BufferLimit.side)
        else {
            throw Diagnostic(
                .geometryMismatch, "a tile does not lie on the pixels of the image",
                remedy: "tiles must keep their size and place; `restore` maps others back")
        }
        let region = Region(x: Int(start.x), y: Int(start.y), z: Int(start.z), size: tile.size)
        guard region.fits(in: target.size) else {
            throw Diagnostic(.regionOutside, "a tile, \(region), reaches outside the image of \(target.size)")
        }
        return region
    }
}
