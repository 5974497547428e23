import LucencyFoundation
import LucencyImaging
import LucencyMorphology

/// Distances between outlines in the plane, weighted by outline length: the form of S. Nikolov et al., "Deep learning to
/// achieve clinically applicable segmentation of head and neck anatomy" (2018), as their `surface-distance` package
/// computes it.
///
/// Nodes lie where four pixels meet that are not all alike. The part of the outline that a node stands for follows from
/// which of the four are set. Empty masks are treated as in `SurfaceDistances`.
public struct ContourDistances: Sendable {
    /// A part of an outline.
    public struct Node: Hashable, Sendable {
        /// To the nearest node of the other outline.
        public var distance: Double
        /// The length of outline it stands for.
        public var length: Double
    }

    public let presence: Presence
    public let unit: LengthUnit
    /// Nodes of the prediction's outline by ascending distance; empty unless both are present.
    public let predictionToReference: [Node]
    public let referenceToPrediction: [Node]

    /// - Throws: `Diagnostic` in 3-D, when the maps lie on different grids, or for a metric unit on assumed spacing.
    public init(
        of label: Int32, prediction: LabelMap, reference: LabelMap, ignoring: Int32? = nil, unit: LengthUnit? = nil,
        pool: ThreadPool = .serial
    ) throws(Diagnostic) {
        guard reference.size.isPlanar else {
            throw Diagnostic(
                .badArgument,
                "distances by contour length are of the plane, and the image has \(reference.size.z) slices",
                remedy: "use the distances between border pixels")
        }
        let pair = try MaskPair(label, prediction: prediction, reference: reference, ignoring: ignoring)
        let scale = try DistanceScale(unit, of: reference.geometry)
        self.unit = scale.unit
        let predicted = Self.nodes(of: pair.prediction, spacing: scale.spacing)
        let referred = Self.nodes(of: pair.reference, spacing: scale.spacing)
        presence = Presence(prediction: !predicted.lengths.isEmpty, reference: !referred.lengths.isEmpty)
        guard presence == .both else {
            predictionToReference = []
            referenceToPrediction = []
            return
        }
        func nodes(_ lengths: [(index: Int, length: Double)], to target: Mask) -> [Node] {
            let squared = DistanceTransform.squared(to: target, spacing: scale.spacing, pool: pool)
            return lengths.map { Node(distance: squared[$0.index].squareRoot(), length: $0.length) }
                .sorted { ($0.distance, $0.length) < ($1.distance, $1.length) }
        }
        predictionToReference = nodes(predicted.lengths, to: referred.mask)
        referenceToPrediction = nodes(referred.lengths, to: predicted.mask)
    }

    private static func nodes(
        of mask: Mask, spacing: SIMD3<Double>
    ) -> (mask: Mask, lengths: [(index: Int, length: Double)]) {
        let diagonal = (spacing.x * spacing.x + spacing.y * spacing.y).squareRoot()
        let size = GridSize(mask.size.x + 1, mask.size.y + 1)
        var lengths: [(index: Int, length: Double)] = []
        let bits = AlignedBuffer<UInt8>(count: size.count) { out in
            mask.bits.withUnsafeBufferPointer { bits in
                func pixel(_ x: Int, _ y: Int) -> Int {
                    x < 0 || y < 0 || x >= mask.size.x || y >= mask.size.y ? 0 : Int(bits[y * mask.size.x + x])
                }
                for y in 0..<size.y {
                    for x in 0..<size.x {
                        let a = pixel(x - 1, y - 1), b = pixel(x, y - 1), c = pixel(x - 1, y), d = pixel(x, y)
                        let length: Double =
                            switch a + b + c + d {
                            case 1, 3: diagonal / 2
                            case 2: a == d ? diagonal : a == b ? spacing.x : spacing.y
                            default: 0
                            }
                        out[y * size.x + x] = length > 0 ? 1 : 0
                        if length > 0 { lengths.append((y * size.x + x, length)) }
                    }
                }
            }
        }
        return (Mask(size: size, bits: bits), lengths)
    }

    private func exception(oneEmpty: Score) -> Score? {
        presence == .both ? nil : presence == .neither ? .undefined : oneEmpty
    }

    /// The larger of the two smallest distances within which at least this share of the outline lies.
    public func hausdorff(percentile: Double = 100) -> Score {
        if let exception = exception(oneEmpty: .infinite) { return exception }
        return .value(
            max(Self.quantile(predictionToReference, percentile), Self.quantile(referenceToPrediction, percentile)))
    }

    /// Length-weighted mean distance from the prediction's outline to the reference's.
    public var averageDistance: Score {
        exception(oneEmpty: .infinite) ?? .value(Self.mean(predictionToReference))
    }

    /// Length-weighted mean distance from the reference's outline to the prediction's.
    public var reverseAverageDistance: Score {
        exception(oneEmpty: .infinite) ?? .value(Self.mean(referenceToPrediction))
    }

    /// The share of both outlines within a tolerance, inclusive, in `unit`.
    public func surfaceDice(tolerance: Double) -> Score {
        if let exception = exception(oneEmpty: .value(0)) { return exception }
        let limit = tolerance * (1 + 1e-9)
        var within = 0.0, total = 0.0
        for node in predictionToReference + referenceToPrediction {
            total += node.length
            if node.distance <= limit { within += node.length }
        }
        return .value(within / total)
    }

    private static func mean(_ nodes: [Node]) -> Double {
        var sum = 0.0, length = 0.0
        for node in nodes {
            sum += node.distance * node.length
            length += node.length
        }
        return sum / length
    }

    private static func quantile(_ nodes: [Node], _ percentile: Double) -> Double {
        let total = nodes.reduce(0) { $0 + $1.length }, share = max(0, min(1, percentile / 100))
        var sum = 0.0
        for node in nodes {
            sum += node.length
            if sum / total >= share { return node.distance }
        }
        return nodes.last?.distance ?? 0
    }
}
