import LucencyFoundation
import LucencyImaging

/// Takes a part out of an image, labels or probabilities; it stays where it is in the world, so `restore` can map results
/// back.
public struct Crop: Sendable {
    /// First pixel along x, y (and z), counted from 0. nil with a size: in the middle.
    public var start: [Int]?
    /// Pixels along x, y (and z). nil: everything from `start` on.
    public var size: [Int]?
    /// How far to go beyond the objects, where the part is the box around labelled objects.
    public var margin: Length

    public init(start: [Int]? = nil, size: [Int]? = nil, margin: Length = .pixels(0)) {
        self.start = start
        self.size = size
        self.margin = margin
    }

    /// The part of a grid.
    /// - Parameter objects: what the box lies around; then neither start nor size may be given. Label 0 and what is
    ///   ignored are no objects.
    /// - Throws: `Diagnostic` when the part is not given, reaches outside, or there are no objects.
    public func region(of geometry: Geometry, around objects: LabelMap? = nil) throws(Diagnostic) -> Region {
        guard let objects else { return try fixed(geometry.size) }
        guard start == nil, size == nil else {
            throw Diagnostic(
                .badArgument, "the part is given twice, by objects and by start or size", remedy: "give one of them")
        }
        try geometry.requireMatch(objects.geometry, "image and objects")
        guard margin.value >= 0, margin.value.isFinite else {
            throw Diagnostic(.badArgument, "a margin of \(margin) is not possible", remedy: "give 0 or more")
        }
        var margins = [0, 0, 0]
        for axis in 0..<geometry.size.dimensions {
            let pixels = try margin.pixels(along: axis, of: geometry)
            margins[axis] = Int(min(pixels.rounded(.up), Double(geometry.size[axis])))
        }
        var box: Region?
        for (label, part) in objects.boundingBoxes() where label > 0 { box = box?.union(part) ?? part }
        guard let box else {
            throw Diagnostic(
                .undefinedResult, "there is no object to crop to: every label is 0",
                remedy: "check the stage that makes the labels, or give start and size")
        }
        return box.grown(by: (margins[0], margins[1], margins[2]), within: geometry.size)
    }

    private func fixed(_ grid: GridSize) throws(Diagnostic) -> Region {
        guard start != nil || size != nil else {
            throw Diagnostic(
                .badArgument, "nothing says which part to take",
                remedy: "give `size: [256, 256]`, `start: [x, y]`, or objects to crop to")
        }
        var starts = [0, 0, 0], sides = [grid.x, grid.y, grid.z]
        for (name, list) in [("start", start), ("size", size)] {
            guard let list else { continue }
            guard list.count == grid.dimensions else {
                throw Diagnostic(.badArgument, "\(name) has \(list.count) entries for a grid of \(grid)")
            }
        }
        for axis in 0..<grid.dimensions {
            // Numbers beyond any grid are brought near, so that nothing overflows below.
            let limit = 1 << 40
            if let start { starts[axis] = min(max(start[axis], -limit), limit) }
            if let size {
                sides[axis] = min(max(size[axis], -limit), limit)
                if start == nil { starts[axis] = (grid[axis] - sides[axis]) / 2 }
            } else {
                sides[axis] = grid[axis] - starts[axis]
            }
        }
        let region = Region(x: starts[0], y: starts[1], z: starts[2], size: GridSize(sides[0], sides[1], sides[2]))
        guard region.fits(in: grid) else {
            throw Diagnostic(
                .regionOutside, "the part \(region) reaches outside the grid of \(grid)",
                remedy: "make it smaller, or `pad` first")
        }
        return region
    }
}
