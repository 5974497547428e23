import LucencyFoundation

/// Maps an image, labels or probabilities back onto a given grid, such as that of the file they came from.
///
/// Where the grids already match, the values are returned untouched. Otherwise both must be parallel (the same direction
/// cosines); a whole-pixel offset at equal spacing is an exact crop or pad, everything else is resampled with the weights
/// of `Resample`. Target pixels whose centre lies outside the source become background, or repeat its edge.
///
/// Two assumed spacings are compared as they stand, since geometry operations keep them in step. If only one of the two
/// is assumed, equal sizes count as a match, and unequal sizes are refused.
public struct Restore: Sendable {
    /// What stands where the source has nothing.
    public enum Outside: String, CaseIterable, Hashable, Sendable {
        case background, edge
    }

    public var outside: Outside
    /// Intensity of background in images.
    public var background: Float
    /// Background in label maps.
    public var backgroundLabel: Int32
    /// The class that has probability 1 outside, in a simplex; independent probabilities are 0 there.
    public var backgroundClass: Int
    /// For images. Probabilities use `.linear` unless this is `.nearest`.
    public var interpolation: Interpolation
    public var labels: LabelInterpolation
    public var antialias: Bool

    public init(
        outside: Outside = .background, background: Float = 0, backgroundLabel: Int32 = 0, backgroundClass: Int = 0,
        interpolation: Interpolation = .linear, labels: LabelInterpolation = .nearest, antialias: Bool = true
    ) {
        self.outside = outside
        self.background = background
        self.backgroundLabel = backgroundLabel
        self.backgroundClass = backgroundClass
        self.interpolation = interpolation
        self.labels = labels
        self.antialias = antialias
    }

    /// - Throws: `Diagnostic` when the grids are not parallel, do not overlap, or cannot be related.
    public func callAsFunction(_ image: Image, onto geometry: Geometry, pool: ThreadPool = .serial) throws -> Image {
        guard let placement = try place(geometry, on: image.geometry, planes: image.channels) else {
            return image.geometry == geometry ? image : try image.with(geometry: geometry)
        }
        let weights = placement.weights(
            from: image.size, to: geometry.size, interpolation: interpolation, antialias: antialias)
        try requireOverlap(weights)
        var pixels = weights.apply(image.pixels, planes: image.channels, pool: pool)
        fill(&pixels, weights, planes: image.channels) { _ in background }
        return try Image(geometry: geometry, colorModel: image.colorModel, pixels: pixels, origin: image.origin)
    }

    /// - Throws: as for images.
    public func callAsFunction(_ map: LabelMap, onto geometry: Geometry, pool: ThreadPool = .serial) throws -> LabelMap
    {
        guard let placement = try place(geometry, on: map.geometry, planes: 1) else {
            return try LabelMap(geometry: geometry, labels: map.labels, table: map.table, origin: map.origin)
        }
        var (values, weights) = labels.apply(
            map.labels, placement, from: map.size, to: geometry.size, antialias: antialias, pool: pool)
        try requireOverlap(weights)
        fill(&values, weights, planes: 1) { _ in backgroundLabel }
        return try LabelMap(geometry: geometry, labels: values, table: map.table, origin: map.origin)
    }

    /// - Throws: as for images, and when there is no class `backgroundClass`.
    public func callAsFunction(
        _ map: ProbabilityMap, onto geometry: Geometry, pool: ThreadPool = .serial
    ) throws -> ProbabilityMap {
        let classes = map.classes.count
        guard (0..<classes).contains(backgroundClass) else {
            throw Diagnostic(.badArgument, "the background class \(backgroundClass) is outside 0..<\(classes)")
        }
        guard let placement = try place(geometry, on: map.geometry, planes: classes) else {
            return try ProbabilityMap(geometry: geometry, classes: map.classes, kind: map.kind, values: map.values)
        }
        let weights = placement.weights(
            from: map.size, to: geometry.size, interpolation: interpolation == .nearest ? .nearest : .linear,
            antialias: antialias)
        try requireOverlap(weights)
        var values = weights.apply(map.values, planes: classes, pool: pool)
        fill(&values, weights, planes: classes) { map.kind == .simplex && $0 == backgroundClass ? 1 : 0 }
        values.makeProbabilities(classes: classes, kind: map.kind)
        return try ProbabilityMap(geometry: geometry, classes: map.classes, kind: map.kind, values: values)
    }

    /// nil where the grids match.
    private func place(_ target: Geometry, on source: Geometry, planes: Int) throws(Diagnostic) -> Placement? {
        if target == source { return nil }
        let assumed = [target, source].count { $0.spacingSource == .assumed }
        if assumed == 1 {
            if target.size == source.size { return nil }
            throw Diagnostic(
                .assumedSpacing,
                "grids of \(source.size) and \(target.size) cannot be related: only one of them states a spacing",
                remedy: "state the spacing of both: `spacing: 0.2 mm` on the source, or `--assume-spacing 0.2mm`")
        }
        try BufferLimit.require(target.size, planes: planes, for: "restoring")
        let placement = try Placement(of: target, on: source)
        let matches = target.size == source.size && placement.start == .zero && placement.step == [1, 1, 1]
        return matches ? nil : placement
    }

    private func requireOverlap(_ weights: GridWeights) throws(Diagnostic) {
        guard weights.missesSource else { return }
        throw Diagnostic(
            .geometryMismatch, "the two grids do not overlap anywhere",
            remedy: "check that both come from the same scan and that their origins are right")
    }

    private func fill<T>(
        _ values: inout AlignedBuffer<T>, _ weights: GridWeights, planes: Int, _ value: (Int) -> T
    ) {
        guard outside == .background, weights.hasOutside else { return }
        let count = weights.size.count
        values.withUnsafeMutableBufferPointer { values in
            for plane in 0..<planes {
                let value = value(plane)
                weights.forEachOutsideRun { run in
                    for i in run { values[plane &* count &+ i] = value }
                }
            }
        }
    }
}
