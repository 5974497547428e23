/// The extent of a grid in pixels, x fastest. A 2-D image has `z == 1`.
public struct GridSize: Hashable, Sendable, CustomStringConvertible {
    public let x, y, z: Int

    /// - Parameters: each at least 1 to be accepted by `Geometry`.
    public init(_ x: Int, _ y: Int, _ z: Int = 1) {
        self.x = x
        self.y = y
        self.z = z
    }

    /// Number of pixels; saturates instead of overflowing, so that a limit check on it is safe.
    public var count: Int {
        let (plane, overflow) = x.multipliedReportingOverflow(by: y)
        let (volume, overflow2) = plane.multipliedReportingOverflow(by: z)
        return overflow || overflow2 ? .max : volume
    }

    /// Whether the grid is a single plane.
    public var isPlanar: Bool { z == 1 }

    /// 2 or 3.
    public var dimensions: Int { isPlanar ? 2 : 3 }

    /// `512 × 512` or `512 × 512 × 30`.
    public var description: String { isPlanar ? "\(x) × \(y)" : "\(x) × \(y) × \(z)" }

    /// The extent along axis 0 (x), 1 (y) or 2 (z).
    public subscript(axis: Int) -> Int { axis == 0 ? x : axis == 1 ? y : z }
}

/// A box of pixels within a grid.
public struct Region: Hashable, Sendable, CustomStringConvertible {
    /// The lowest pixel.
    public let x, y, z: Int
    public let size: GridSize

    public init(x: Int, y: Int, z: Int = 0, size: GridSize) {
        self.x = x
        self.y = y
        self.z = z
        self.size = size
    }

    /// Whether the box lies wholly within a grid.
    public func fits(in grid: GridSize) -> Bool {
        func inside(_ start: Int, _ length: Int, _ limit: Int) -> Bool {
            start >= 0 && length >= 1 && length <= limit && start <= limit - length
        }
        return inside(x, size.x, grid.x) && inside(y, size.y, grid.y) && inside(z, size.z, grid.z)
    }

    public var description: String { "\(size) at (\(x), \(y), \(z))" }
}
