import LucencyFoundation

/// Resamples to another spacing or size, along the grid's own axes.
///
/// Exactly one of `spacing`, `factor` and `size` is given. Each holds one entry for all axes (x and y of a 2-D image;
/// x, y and z of a volume; not for `size`), two for x and y (z is kept), or three for x, y and z of a volume.
///
/// - By spacing: `max(1, round(n·s/s'))` pixels of exactly the spacing asked for, centred on the source's extent.
/// - By factor: `max(1, round(n·factor))` pixels; by size: as many as asked for. The outer edges stay where they are, so
///   the spacing is extent / size.
///
/// The weights are those of Pillow: a separable kernel, widened by the scale when shrinking (`antialias`), cut off at the
/// image's ends and renormalised. Alpha is resampled like every other channel.
public struct Resample: Sendable {
    /// Distance between pixels; `px` means present pixels (`2 px` halves the size).
    public var spacing: [Length]?
    /// Pixels per present pixel: 0.5 halves the size.
    public var factor: [Double]?
    /// Pixels along x, y (and z).
    public var size: [Int]?
    /// For images. Probabilities use `.linear` unless this is `.nearest`, because other kernels leave 0...1.
    public var interpolation: Interpolation
    /// For label maps.
    public var labels: LabelInterpolation
    /// Widens the kernel when shrinking, so that fine detail is averaged instead of aliased.
    public var antialias: Bool

    public init(
        spacing: [Length]? = nil, factor: [Double]? = nil, size: [Int]? = nil, interpolation: Interpolation = .linear,
        labels: LabelInterpolation = .nearest, antialias: Bool = true
    ) {
        self.spacing = spacing
        self.factor = factor
        self.size = size
        self.interpolation = interpolation
        self.labels = labels
        self.antialias = antialias
    }

    /// The grid that resampling makes from a grid.
    /// - Throws: `Diagnostic` when not exactly one target is given, an entry is not positive, a millimetre spacing meets an
    ///   assumed one, or the result would be too large.
    public func target(of source: Geometry) throws(Diagnostic) -> Geometry {
        let (placement, size) = try place(on: source)
        return try placement.geometry(of: size, on: source)
    }

    /// - Throws: as `target(of:)`.
    public func callAsFunction(_ image: Image, pool: ThreadPool = .serial) throws -> Image {
        let (placement, size) = try place(on: image.geometry, planes: image.channels)
        let weights = placement.weights(
            from: image.size, to: size, interpolation: interpolation, antialias: antialias)
        return try Image(
            geometry: placement.geometry(of: size, on: image.geometry), colorModel: image.colorModel,
            pixels: weights.apply(image.pixels, planes: image.channels, pool: pool), origin: image.origin)
    }

    /// - Throws: as `target(of:)`.
    public func callAsFunction(_ map: LabelMap, pool: ThreadPool = .serial) throws -> LabelMap {
        let (placement, size) = try place(on: map.geometry)
        return try LabelMap(
            geometry: placement.geometry(of: size, on: map.geometry),
            labels: labels.apply(map.labels, placement, from: map.size, to: size, antialias: antialias, pool: pool)
                .labels,
            table: map.table, origin: map.origin)
    }

    /// Values are clamped to 0...1, and a simplex is made to sum to 1 again.
    /// - Throws: as `target(of:)`.
    public func callAsFunction(_ map: ProbabilityMap, pool: ThreadPool = .serial) throws -> ProbabilityMap {
        let (placement, size) = try place(on: map.geometry, planes: map.classes.count)
        let weights = placement.weights(
            from: map.size, to: size, interpolation: interpolation == .nearest ? .nearest : .linear,
            antialias: antialias)
        var values = weights.apply(map.values, planes: map.classes.count, pool: pool)
        values.makeProbabilities(classes: map.classes.count, kind: map.kind)
        return try ProbabilityMap(
            geometry: placement.geometry(of: size, on: map.geometry), classes: map.classes, kind: map.kind,
            values: values)
    }

    private func place(on source: Geometry, planes: Int = 1) throws(Diagnostic) -> (Placement, GridSize) {
        guard [spacing != nil, factor != nil, size != nil].count(where: { $0 }) == 1 else {
            throw Diagnostic(
                .badArgument, "exactly one of spacing, factor and size must be given",
                remedy: "give `spacing: 0.5 mm`, `factor: 0.5` or `size: [512, 512]`")
        }
        var counts = [source.size.x, source.size.y, source.size.z]
        var placement = Placement(start: .zero, step: [1, 1, 1])
        func entries<T>(_ list: [T], _ name: String) throws(Diagnostic) -> [T] {
            let list = list.count == 1 ? Array(repeating: list[0], count: source.size.dimensions) : list
            guard list.count == 2 || list.count == 3 && !source.size.isPlanar else {
                throw Diagnostic(.badArgument, "\(name) has \(list.count) entries for a grid of \(source.size)")
            }
            return list
        }
        if let spacing {
            for (axis, length) in try entries(spacing, "spacing").enumerated() {
                let step = try length.pixels(along: axis, of: source)
                guard step > 0, step.isFinite else {
                    throw Diagnostic(.badArgument, "a spacing of \(length) is not possible")
                }
                let count = Double(source.size[axis])
                counts[axis] = try Self.count(count / step, along: axis)
                placement.step[axis] = step
                placement.start[axis] = (count - Double(counts[axis]) * step) / 2
            }
        } else {
            if let factor {
                for (axis, factor) in try entries(factor, "factor").enumerated() {
                    guard factor > 0, factor.isFinite else {
                        throw Diagnostic(.badArgument, "a factor of \(factor) is not possible")
                    }
                    counts[axis] = try Self.count(Double(source.size[axis]) * factor, along: axis)
                }
            } else if let size {
                guard size.count != 1 else { throw Diagnostic(.badArgument, "size needs an entry per axis") }
                for (axis, count) in try entries(size, "size").enumerated() {
                    guard count >= 1 else {
                        throw Diagnostic(.badArgument, "a size of \(count) pixels is not possible")
                    }
                    counts[axis] = try Self.count(Double(count), along: axis)
                }
            }
            for axis in 0..<3 { placement.step[axis] = Double(source.size[axis]) / Double(counts[axis]) }
        }
        let target = GridSize(counts[0], counts[1], counts[2])
        try BufferLimit.require(target, planes: planes, for: "resampling")
        return (placement, target)
    }

    private static func count(_ exact: Double, along axis: Int) throws(Diagnostic) -> Int {
        guard exact <= Double(BufferLimit.side) else {
            throw Diagnostic(
                .tooLarge, "resampling would make more than \(BufferLimit.side) pixels along \(["x", "y", "z"][axis])",
                remedy: "choose a coarser spacing or a smaller size")
        }
        return max(1, Int(exact.rounded()))
    }
}

extension LabelInterpolation {
    /// Labels on the target grid, and the weights that say which pixels lie outside the source.
    func apply(
        _ labels: AlignedBuffer<Int32>, _ placement: Placement, from source: GridSize, to target: GridSize,
        antialias: Bool, pool: ThreadPool
    ) -> (labels: AlignedBuffer<Int32>, weights: GridWeights) {
        let weights = placement.weights(
            from: source, to: target, interpolation: self == .vote ? .linear : .nearest, antialias: antialias)
        return (self == .vote ? weights.vote(labels, pool: pool) : weights.nearest(labels, pool: pool), weights)
    }
}

extension AlignedBuffer where Element == Float {
    /// Clamps to 0...1, and divides the planes of a simplex by their sum.
    package mutating func makeProbabilities(classes: Int, kind: ProbabilityMap.Kind) {
        withUnsafeMutableBufferPointer { values in
            for i in 0..<values.count { values[i] = Swift.min(Swift.max(values[i], 0), 1) }
            guard kind == .simplex else { return }
            let count = values.count / classes
            for i in 0..<count {
                var sum = 0.0
                for plane in 0..<classes { sum += Double(values[plane &* count &+ i]) }
                guard sum > 0, sum != 1 else { continue }
                for plane in 0..<classes {
                    values[plane &* count &+ i] = Float(Double(values[plane &* count &+ i]) / sum)
                }
            }
        }
    }
}
