import LucencyFoundation

/// Where a spacing came from.
public enum SpacingSource: Hashable, Sendable {
    /// A file or a person stated it, in this unit.
    case stated(LengthUnit)
    /// Nobody did: one pixel counts as 1 mm only so that indices and world agree. Millimetre parameters refuse it.
    case assumed

    /// `stated` or `assumed`.
    public var name: String { self == .assumed ? "assumed" : "stated" }
}

/// Where a grid of pixels lies in the world.
///
/// World coordinates are LPS (x to the patient's left, y to posterior, z to superior) in millimetres; integer indices
/// are pixel centres. Memory order everywhere is z, y, x row-major (x fastest); vectors are written x, y, z.
/// Only geometry stages change it.
public struct Geometry: Hashable, Sendable {
    public let size: GridSize
    /// From pixel indices (x, y, z) to millimetres; columns are direction × spacing.
    public let indexToWorld: Affine3
    public let spacingSource: SpacingSource

    /// - Throws: `Diagnostic` when a side is below 1, or the map is singular or not finite.
    public init(size: GridSize, indexToWorld: Affine3, spacingSource: SpacingSource) throws(Diagnostic) {
        guard size.x >= 1, size.y >= 1, size.z >= 1, size.count < .max else {
            throw Diagnostic(.badGeometry, "a grid of \(size) is not possible")
        }
        let numbers = [indexToWorld.x, indexToWorld.y, indexToWorld.z, indexToWorld.offset]
        guard numbers.allSatisfy({ $0.x.isFinite && $0.y.isFinite && $0.z.isFinite }), indexToWorld.inverse != nil
        else { throw Diagnostic(.badGeometry, "the index-to-world map is singular or not finite") }
        self.size = size
        self.indexToWorld = indexToWorld
        self.spacingSource = spacingSource
    }

    /// An axis-aligned grid with its first pixel at the origin. The spacing is in millimetres.
    public init(size: GridSize, spacing: SIMD3<Double>, source: SpacingSource) throws(Diagnostic) {
        guard spacing.min() > 0, spacing.max().isFinite else {
            throw Diagnostic(.badGeometry, "a spacing of \(spacing.x) × \(spacing.y) × \(spacing.z) mm is not possible")
        }
        try self.init(size: size, indexToWorld: Affine3(scale: spacing), spacingSource: source)
    }

    /// A grid about whose place nothing is known.
    public init(size: GridSize) throws(Diagnostic) {
        try self.init(size: size, spacing: [1, 1, 1], source: .assumed)
    }

    /// Distance between neighbouring pixels along x, y, z, in millimetres.
    public var spacing: SIMD3<Double> {
        let m = indexToWorld
        return [(m.x * m.x).sum().squareRoot(), (m.y * m.y).sum().squareRoot(), (m.z * m.z).sum().squareRoot()]
    }

    /// The same grid with another spacing (mm), keeping directions and the first pixel's place.
    public func withSpacing(_ spacing: SIMD3<Double>, source: SpacingSource) throws(Diagnostic) -> Geometry {
        guard spacing.min() > 0, spacing.max().isFinite else {
            throw Diagnostic(.badGeometry, "a spacing of \(spacing.x) × \(spacing.y) × \(spacing.z) mm is not possible")
        }
        let old = self.spacing, m = indexToWorld
        let map = Affine3(
            x: m.x * (spacing.x / old.x), y: m.y * (spacing.y / old.y), z: m.z * (spacing.z / old.z), offset: m.offset)
        return try Geometry(size: size, indexToWorld: map, spacingSource: source)
    }

    /// The grid of a region of this grid, at the same place in the world.
    /// - Throws: `Diagnostic` when the region reaches outside.
    public func cropped(to region: Region) throws(Diagnostic) -> Geometry {
        guard region.fits(in: size) else {
            throw Diagnostic(.regionOutside, "the region \(region) reaches outside the grid of \(size)")
        }
        var map = indexToWorld
        map.offset = map([Double(region.x), Double(region.y), Double(region.z)])
        return try Geometry(size: region.size, indexToWorld: map, spacingSource: spacingSource)
    }

    /// - Throws: `Diagnostic` naming the remedy when the spacing is only assumed.
    public func requireStatedSpacing(for purpose: String) throws(Diagnostic) {
        guard spacingSource == .assumed else { return }
        throw Diagnostic(
            .assumedSpacing, "\(purpose) needs a pixel spacing, and the image states none",
            remedy: "state it: `spacing: 0.2 mm` on the source, or `--assume-spacing 0.2mm`; or give the length in px")
    }

    /// What differs from another grid, in words with numbers, or nil if they match.
    ///
    /// Sizes must be equal. Places are compared at the eight corners, with a tolerance of a tenth of a pixel, but
    /// only when both spacings are stated: an assumed spacing says nothing to disagree with.
    public func mismatch(with other: Geometry) -> String? {
        if size != other.size { return "sizes differ: \(size) and \(other.size)" }
        guard spacingSource != .assumed, other.spacingSource != .assumed else { return nil }
        let a = spacing, b = other.spacing
        let tolerance = 0.1 * Swift.min(a.min(), b.min())
        for corner in 0..<8 {
            let index = SIMD3(
                Double(corner & 1) * Double(size.x - 1), Double(corner >> 1 & 1) * Double(size.y - 1),
                Double(corner >> 2) * Double(size.z - 1))
            let gap = indexToWorld(index) - other.indexToWorld(index)
            let distance = (gap * gap).sum().squareRoot()
            if distance > tolerance {
                return "the grids lie up to \(distance) mm apart (spacings \(a.x) × \(a.y) × \(a.z) and "
                    + "\(b.x) × \(b.y) × \(b.z) mm)"
            }
        }
        return nil
    }

    /// - Throws: `Diagnostic` when two inputs that must lie on one grid do not.
    public func requireMatch(_ other: Geometry, _ what: String) throws(Diagnostic) {
        if let difference = mismatch(with: other) {
            throw Diagnostic(
                .geometryMismatch, "\(what) do not lie on the same grid: \(difference)",
                remedy: "resample one onto the other (`resample`, `restore`)")
        }
    }
}
