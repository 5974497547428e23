import LucencyFoundation
import LucencyImaging

/// An axis of a grid.
public enum GridAxis: Int, Hashable, Sendable, CaseIterable {
    case x, y, z

    public var name: String { self == .x ? "x" : self == .y ? "y" : "z" }

    /// The two other axes, so that the three turn right-handedly: y, z for x.
    var others: (GridAxis, GridAxis) { self == .x ? (.y, .z) : self == .y ? (.z, .x) : (.x, .y) }
}

extension GridAxis: Codable {
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }

    public init(from decoder: any Decoder) throws {
        let name = try decoder.singleValueContainer().decode(String.self)
        guard let axis = Self.allCases.first(where: { $0.name == name }) else {
            throw Diagnostic(.badValue, "'\(name)' is no axis", remedy: "write x, y or z")
        }
        self = axis
    }
}

/// Mirrors a sample along axes, each with a probability of its own. Exact.
///
/// Leave out an axis along which the anatomy is not symmetrical when the side matters for the label.
public struct Flip: AugmentationComponent {
    public static let name = "flip"
    /// The axes that may be mirrored; z does nothing to a planar sample.
    public var axes: [GridAxis] = [.x, .y, .z]
    /// Of each axis.
    public var probability = 0.5

    public init() {}

    public func check(for form: SampleForm) throws(Diagnostic) {
        try check(probability: probability)
        try require(Set(axes).count == axes.count, "an axis is named twice")
    }

    public func draw(from random: inout PhiloxStream, for form: SampleForm) -> DrawnAugmentation? {
        var drawn: [GridAxis] = []
        for axis in GridAxis.allCases {
            // One number for every axis, so that leaving one out leaves the others as they are.
            let isHit = random.uniform() < probability
            if isHit, axes.contains(axis), form.size[axis.rawValue] > 1 { drawn.append(axis) }
        }
        return drawn.isEmpty ? nil : .flip(Drawn(axes: drawn))
    }

    public struct Drawn: DrawnParameters {
        public static let name = Flip.name
        public var axes: [GridAxis]

        public init(axes: [GridAxis]) {
            self.axes = axes
        }

        public func apply(to sample: inout Sample) throws(Diagnostic) {
            let size = sample.size, set = Set(axes)
            var sources: [Int] = []
            sources.reserveCapacity(size.count)
            for z in 0..<size.z {
                let fromZ = set.contains(.z) ? size.z - 1 - z : z
                for y in 0..<size.y {
                    let fromY = set.contains(.y) ? size.y - 1 - y : y
                    let row = (fromZ * size.y + fromY) * size.x
                    if set.contains(.x) {
                        for x in 0..<size.x { sources.append(row &+ size.x &- 1 &- x) }
                    } else {
                        sources.append(contentsOf: row..<row + size.x)
                    }
                }
            }
            sample.permute(sources, size: size, spacing: sample.spacing)
        }
    }
}
