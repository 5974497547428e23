import LucencyFoundation
import LucencyImaging

/// Connected components: gives every object of a label map a number of its own.
///
/// Numbers run from 1 in the order of the objects' first pixels in memory (z, y, x).
public struct Components: Sendable {
    /// Which pixels of an object hang together.
    public var connectivity: Connectivity
    /// Whether pixels of different labels stay apart. If not, everything but label 0 is one foreground.
    public var perClass: Bool
    /// Smaller objects are left out (their pixels become 0) before numbering.
    public var minimumSize: ObjectSize

    public init(connectivity: Connectivity = .full, perClass: Bool = true, minimumSize: ObjectSize = .pixels(0)) {
        self.connectivity = connectivity
        self.perClass = perClass
        self.minimumSize = minimumSize
    }

    /// The objects as labels 1…n. The table names each object by its class where the source's table does.
    /// - Throws: `Diagnostic` when the minimum size does not fit the grid, or there are more than 2³¹ − 1 objects.
    public func callAsFunction(_ labels: LabelMap) throws -> LabelMap {
        let minimum = try minimumSize.pixels(of: labels.geometry)
        let found = try ComponentRuns(labels, perClass ? .labels : .foreground, connectivity)
        var numbers = [Int32](repeating: 0, count: found.count)
        var next: Int32 = 0
        var table: [Int32: LabelClass] = [:]
        for index in 0..<found.count where Double(found.pixelCounts[index]) >= minimum {
            next += 1
            numbers[index] = next
            // The class's colour is left behind, so that a viewer can tell objects apart.
            if perClass, let name = labels.table[found.values[index]]?.name { table[next] = LabelClass(name: name) }
        }
        return try LabelMap(
            geometry: labels.geometry, labels: found.painted { numbers[Int($0) - 1] }, table: table)
    }
}
