import LucencyFoundation

/// One class or object of a label map.
public struct LabelClass: Hashable, Sendable {
    public var name: String
    /// Red, green, blue; nil where none is given.
    public var color: SIMD3<UInt8>?

    public init(name: String, color: SIMD3<UInt8>? = nil) {
        self.name = name
        self.color = color
    }
}

/// Integer labels on a grid. 0 is background unless the table says otherwise. Never interpolated linearly.
public struct LabelMap: Sendable, Equatable {
    public let geometry: Geometry
    /// `z × y × x` labels, x fastest.
    public let labels: AlignedBuffer<Int32>
    /// Names and colours of labels; labels without an entry are allowed (instance numbers).
    public let table: [Int32: LabelClass]
    /// nil for maps that no file stands behind.
    public let origin: Origin?

    /// - Throws: `Diagnostic` when the buffer has the wrong length.
    public init(
        geometry: Geometry, labels: AlignedBuffer<Int32>, table: [Int32: LabelClass] = [:], origin: Origin? = nil
    ) throws(Diagnostic) {
        guard labels.count == geometry.size.count else {
            throw Diagnostic(.sizeMismatch, "\(labels.count) labels do not fill a grid of \(geometry.size)")
        }
        self.geometry = geometry
        self.labels = labels
        self.table = table
        self.origin = origin
    }

    /// Marks pixels that nobody should judge (void, unlabelled); sources make it from their `ignore` values.
    public static let ignoreLabel: Int32 = -1

    public var size: GridSize { geometry.size }

    /// The same labels with another geometry of equal size.
    public func with(geometry: Geometry) throws(Diagnostic) -> LabelMap {
        try LabelMap(geometry: geometry, labels: labels, table: table, origin: origin)
    }

    /// The labels that occur, ascending.
    public func presentLabels() -> [Int32] {
        var present = Set<Int32>()
        labels.withUnsafeBufferPointer { labels in
            var last: Int32?
            for label in labels where label != last {
                present.insert(label)
                last = label
            }
        }
        return present.sorted()
    }

    /// The labels of a region, at the same place in the world.
    /// - Throws: `Diagnostic` when the region reaches outside.
    public func cropped(to region: Region) throws(Diagnostic) -> LabelMap {
        try LabelMap(
            geometry: try geometry.cropped(to: region), labels: labels.cropped(to: region, of: size, planes: 1),
            table: table, origin: origin)
    }
}
