import LucencyFoundation
import LucencyImaging

/// Morphological operations on every label of a label map; 0 is the background.
///
/// Several labels: erosion and opening act on each label's mask alone, and what they remove becomes 0. Dilation and
/// closing only ever claim background pixels, never those of another label; where several labels reach a pixel, the
/// lowest takes it. What lies outside the image never takes part: nothing grows in from there, and objects cut by the
/// image's edge are not eroded from that side (as `mode="ignore"` in scikit-image; SciPy's default erodes there).
public struct Morphology: Sendable {
    public enum Operation: Hashable, Sendable {
        /// Keeps pixels whose whole neighbourhood has their label.
        case erode(StructuringElement)
        /// Gives background pixels the label that lies within reach.
        case dilate(StructuringElement)
        /// Erosion, then dilation: removes what the element does not fit into.
        case open(StructuringElement)
        /// Dilation, then erosion: closes gaps that the element does not fit into.
        case close(StructuringElement)
        /// Fills background that the image's edge cannot be reached from, with the label that borders it most (the
        /// lowest of equals). In 3-D an edge is any of the six faces.
        case fillHoles
        /// Removes connected objects smaller than this, per label.
        case removeSmallObjects(minimum: ObjectSize)
        /// As `fillHoles`, for holes smaller than this. Background that touches the image's edge is no hole.
        case removeSmallHoles(minimum: ObjectSize)
        /// Keeps the largest connected object of each label; of equals the one whose first pixel comes first.
        case largestComponent
        /// Thins each label of a planar map to lines one pixel wide that hang together as the label did: Z. Guo and
        /// R. W. Hall, Comm. ACM 32(3) (1989), algorithm A1. This is scikit-image's `thin`; its `skeletonize` (Zhang and Suen
        /// 1984) chooses other pixels.
        case skeleton
        /// Fills the convex hull of each label of a planar map, over background only; where hulls overlap, the lowest label
        /// takes the pixel.
        case convexHull
    }

    public var operation: Operation
    /// Which pixels of an object hang together; holes take the dual, so that a thin diagonal wall encloses under `full`.
    public var connectivity: Connectivity

    public init(_ operation: Operation, connectivity: Connectivity = .full) {
        self.operation = operation
        self.connectivity = connectivity
    }

    /// - Throws: `Diagnostic` when a radius or size does not fit the grid (negative, metric on assumed spacing, …), or an
    ///   operation of the plane meets a volume.
    public func callAsFunction(_ labels: LabelMap, pool: ThreadPool = .serial) throws -> LabelMap {
        let changed: AlignedBuffer<Int32>
        switch operation {
        case .erode(let element):
            let element = try element.resolved(in: labels.geometry)
            changed = Self.shrunk(labels) { $0.eroded(by: element, pool: pool) }
        case .open(let element):
            let element = try element.resolved(in: labels.geometry)
            changed = Self.shrunk(labels) { $0.eroded(by: element, pool: pool).dilated(by: element, pool: pool) }
        case .dilate(let element):
            let element = try element.resolved(in: labels.geometry)
            changed = Self.grown(labels, reach: element.reach) { $0.dilated(by: element, pool: pool) }
        case .close(let element):
            let element = try element.resolved(in: labels.geometry)
            changed = Self.grown(labels, reach: element.reach) {
                $0.dilated(by: element, pool: pool).eroded(by: element, pool: pool)
            }
        case .fillHoles:
            changed = try Self.withoutHoles(labels, smallerThan: nil, connectivity: connectivity)
        case .removeSmallHoles(let minimum):
            changed = try Self.withoutHoles(
                labels, smallerThan: try minimum.pixels(of: labels.geometry), connectivity: connectivity)
        case .removeSmallObjects(let minimum):
            changed = try Self.withoutSmallObjects(labels, minimum: minimum, connectivity: connectivity)
        case .largestComponent:
            changed = try Self.largestComponents(labels, connectivity: connectivity)
        case .skeleton:
            try Self.requirePlane(labels, for: "a skeleton")
            changed = Self.shrunk(labels) { $0.thinned() }
        case .convexHull:
            try Self.requirePlane(labels, for: "a convex hull")
            changed = Self.grown(labels, reach: (0, 0, 0)) { $0.convexHull() }
        }
        return try LabelMap(geometry: labels.geometry, labels: changed, table: labels.table, origin: labels.origin)
    }

    private static func requirePlane(_ labels: LabelMap, for what: String) throws(Diagnostic) {
        guard labels.size.isPlanar else {
            throw Diagnostic(
                .badArgument, "\(what) is made in the plane only, and this is a volume of \(labels.size)",
                remedy: "`crop` a slice, or leave the operation out")
        }
    }

    /// Each label's mask, within its box and one pixel around, replaced by a part of itself.
    private static func shrunk(_ labels: LabelMap, _ change: (Mask) -> Mask) -> AlignedBuffer<Int32> {
        var result = AlignedBuffer<Int32>(repeating: 0, count: labels.labels.count)
        for (label, tight) in labels.boundingBoxes() {
            let box = tight.grown(by: (1, 1, 1), within: labels.size)
            let mask = change(Mask(labels, in: box) { $0 == label })
            paint(label, mask, in: box, of: labels.size, onto: &result)
        }
        return result
    }

    /// Each label's mask, within reach of its box, grown over background. The margin of one more pixel lets the
    /// erosion of a closing see that the background goes on.
    private static func grown(
        _ labels: LabelMap, reach: (x: Int, y: Int, z: Int), _ change: (Mask) -> Mask
    ) -> AlignedBuffer<Int32> {
        var result = labels.labels
        for (label, tight) in labels.boundingBoxes() {
            let box = tight.grown(by: (reach.x + 1, reach.y + 1, reach.z + 1), within: labels.size)
            let mask = change(Mask(labels, in: box) { $0 == label })
            paint(label, mask, in: box, of: labels.size, onto: &result)
        }
        return result
    }

    /// Writes a label where a mask is set and nothing is written yet.
    private static func paint(
        _ label: Int32, _ mask: Mask, in box: Region, of grid: GridSize, onto result: inout AlignedBuffer<Int32>
    ) {
        result.withUnsafeMutableBufferPointer { result in
            mask.bits.withUnsafeBufferPointer { bits in
                var index = 0
                for z in box.z..<box.z + box.size.z {
                    for y in box.y..<box.y + box.size.y {
                        let start = (z &* grid.y &+ y) &* grid.x &+ box.x
                        for x in 0..<box.size.x where bits[index &+ x] != 0 && result[start &+ x] == 0 {
                            result[start &+ x] = label
                        }
                        index &+= box.size.x
                    }
                }
            }
        }
    }
}
