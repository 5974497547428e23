import LucencyFoundation

/// Class probabilities on a grid.
public struct ProbabilityMap: Sendable, Equatable {
    /// How the classes' values relate.
    public enum Kind: String, Hashable, Sendable {
        /// They sum to 1 in every pixel (softmax).
        case simplex
        /// Each is a probability of its own (sigmoid, overlapping classes).
        case independent
    }

    public let geometry: Geometry
    /// Names, in the order of the planes.
    public let classes: [String]
    public let kind: Kind
    /// `classes × z × y × x` values in 0...1, x fastest.
    public let values: AlignedBuffer<Float>

    /// Sums of a simplex may be off by this much (rounding, 8-bit storage).
    public static let sumTolerance: Float = 5e-3

    /// - Throws: `Diagnostic` when the buffer has the wrong length, or a value is not a probability (it names the pixel).
    public init(
        geometry: Geometry, classes: [String], kind: Kind = .simplex, values: AlignedBuffer<Float>
    ) throws(Diagnostic) {
        let count = geometry.size.count
        guard !classes.isEmpty, values.count == count * classes.count else {
            throw Diagnostic(
                .sizeMismatch,
                "\(values.count) values do not fill a grid of \(geometry.size) with \(classes.count) classes")
        }
        let wrong: (index: Int, message: String)? = values.withUnsafeBufferPointer { values in
            for (index, value) in values.enumerated() where !(value >= 0 && value <= 1) {
                return (index % count, "probability \(value) is outside 0...1")
            }
            guard kind == .simplex else { return nil }
            for index in 0..<count {
                var sum: Float = 0
                for plane in 0..<classes.count { sum += values[plane * count + index] }
                if abs(sum - 1) > Self.sumTolerance { return (index, "the probabilities sum to \(sum), not to 1") }
            }
            return nil
        }
        if let wrong {
            let x = wrong.index % geometry.size.x, y = wrong.index / geometry.size.x % geometry.size.y
            let z = wrong.index / (geometry.size.x * geometry.size.y)
            throw Diagnostic(.notFinite, "pixel (\(x), \(y), \(z)): \(wrong.message)")
        }
        self.geometry = geometry
        self.classes = classes
        self.kind = kind
        self.values = values
    }

    public var size: GridSize { geometry.size }

    /// The probabilities of a region, at the same place in the world.
    /// - Throws: `Diagnostic` when the region reaches outside.
    public func cropped(to region: Region) throws(Diagnostic) -> ProbabilityMap {
        try ProbabilityMap(
            geometry: try geometry.cropped(to: region), classes: classes, kind: kind,
            values: values.cropped(to: region, of: size, planes: classes.count))
    }
}
