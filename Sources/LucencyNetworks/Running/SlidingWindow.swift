import LucencyFoundation
import LucencyTensor

/// Prediction of images and volumes of any size in overlapping tiles, as nnU-Net does (Isensee et al. 2021): each tile
/// counts most in its middle, so that seams vanish; mirrored copies of a tile may be predicted too and averaged.
///
/// The first spatial axis is worked off in slabs: what no further tile covers is handed out and forgotten, so memory does
/// not grow with the depth of a volume. As the blending weights are a product of one profile per axis, they are normalised
/// beforehand and no sum of weights is kept. Where a single tile covers a pixel, the result is bit for bit the tile's.
public struct SlidingWindow: Hashable, Sendable {
    public enum Blending: String, Codable, Hashable, Sendable, CaseIterable {
        /// A Gaussian over each axis of a tile, σ an eighth of its size, never below a thousandth of its peak.
        case gaussian
        /// The plain mean of all tiles.
        case uniform
        /// Within the overlap: next to nothing in the outer quarter, then rising to 1 over the next half. Costs little
        /// overlap, and the pixels that saw the tile's edge count least.
        case ramp
    }

    /// Size of the tiles, per spatial axis (1 to 3).
    public var tile: [Int]
    /// Fraction of a tile that the next one covers again, in 0..<1.
    public var overlap = 0.5
    public var blending = Blending.gaussian
    /// Spatial axes along which mirrored copies are predicted too: every combination of them, so n axes cost 2ⁿ.
    public var mirroredAxes: Set<Int> = []
    /// What surrounds an image that is smaller than a tile; the result is cropped to the image.
    public var edges = EdgeExtension.mirrored
    /// Pixels of the result for each of the image along every axis: more than 1 for a prediction that enlarges.
    public var factor = 1

    public init(tile: [Int]) {
        self.tile = tile
    }

    /// Predicts one image slab by slab.
    ///
    /// - Parameters:
    ///   - size: spatial extents of the image.
    ///   - input: gives planes of the first spatial axis as 1, C, planes, …; asked for in ascending order.
    ///   - predict: the prediction for a tile: 1, C, tile to 1, K, factor · tile.
    ///   - emit: takes finished planes of the result as 1, K, planes, … with their place on its first axis, in ascending
    ///     order.
    /// - Throws: `Diagnostic` for settings that make no sense, and what the closures throw.
    public func run(
        size: [Int], pool: ThreadPool = .serial, input: (Range<Int>) throws -> Tensor,
        predict: (Tensor) throws -> Tensor, emit: (Range<Int>, Tensor) throws -> Void
    ) throws {
        try check(size)
        let axes = size.indices.map {
            TileAxis(image: size[$0], tile: tile[$0], overlap: overlap, blending: blending, factor: factor)
        }
        let first = axes[0], inner = axes.dropFirst()
        var slab: Slab?
        // Planes of the image below this one are done.
        var done = 0
        for (index, start) in first.starts.enumerated() {
            // Where the tile's planes come from; margins come from within the image.
            let planes = (start..<start + first.tile).map { edges.source($0 - first.margin, size[0]) }
            let inside = planes.filter { $0 >= 0 }
            let range = (inside.min() ?? 0)..<(inside.max() ?? 0) + 1
            let band = try input(range)
            guard band.shape.dimensions == [1, band.shape.channels, range.count] + size.dropFirst() else {
                throw Diagnostic(
                    .shapeMismatch,
                    "planes \(range) of an image of size \(size) cannot have the shape \(band.shape)")
            }
            let planesInBand = planes.map { $0 < 0 ? -1 : $0 - range.lowerBound }
            for position in positions(inner.map(\.starts.count)) {
                var maps = [planesInBand], weights = [first.weights[index]], offsets = [0]
                for (axis, number) in zip(inner, position) {
                    let start = axis.starts[number]
                    maps.append(
                        (start..<start + axis.tile).map { edges.source($0 - axis.margin, size[maps.count]) })
                    weights.append(axis.weights[number])
                    offsets.append(factor * start)
                }
                let result = try average(band.rearranged(maps), predict)
                if slab == nil {
                    slab = Slab(
                        channels: result.shape.channels, size: ([first.tile] + inner.map(\.size)).map { factor * $0 })
                }
                guard let slab, result.shape.dimensions == [1, slab.channels] + tile.map({ factor * $0 }) else {
                    throw Diagnostic(
                        .shapeMismatch, "the prediction for a tile of \(tile) has the shape \(result.shape)")
                }
                slab.add(result, weights, at: offsets, pool)
            }
            guard let slab else { continue }
            let next = index + 1 < first.starts.count ? first.starts[index + 1] : first.size
            // In the image, without margins.
            let end = min(size[0], next - first.margin)
            if end > done {
                let crop = [done + first.margin - start..<end + first.margin - start]
                let part = crop + inner.enumerated().map { $1.margin..<$1.margin + size[$0 + 1] }
                try emit(
                    factor * done..<factor * end,
                    slab.planes(part.map { factor * $0.lowerBound..<factor * $0.upperBound }))
                done = end
            }
            slab.advance(factor * (next - start))
        }
    }

    /// Predicts whole images that are in memory.
    ///
    /// - Parameter images: N, C, spatial.
    /// - Returns: N, K, factor · spatial.
    /// - Throws: `Diagnostic` for settings that make no sense, and what `predict` throws.
    public func callAsFunction(
        _ images: Tensor, pool: ThreadPool = .serial, predict: (Tensor) throws -> Tensor
    ) throws -> Tensor {
        let shape = images.shape
        guard shape.rank >= 3 else {
            throw Diagnostic(.shapeMismatch, "needs images as N, C and spatial dimensions, found \(shape)")
        }
        var parts: [(image: Int, range: Range<Int>, planes: Tensor)] = []
        for image in 0..<shape.images {
            let one = images.image(image)
            try run(
                size: shape.spatial, pool: pool,
                input: { one.cropped([$0] + shape.spatial.dropFirst().map { 0..<$0 }) }, predict: predict
            ) { parts.append((image, $0, $1)) }
        }
        let channels = parts.first?.planes.shape.channels ?? 1
        if let other = parts.first(where: { $0.planes.shape.channels != channels }) {
            throw Diagnostic(
                .shapeMismatch,
                "predictions of one batch have \(channels) and \(other.planes.shape.channels) channels")
        }
        let spatial = shape.spatial.map { factor * $0 }
        let result = try Shape([shape.images, channels] + spatial)
        let plane = spatial.dropFirst().reduce(1, *), depth = spatial[0]
        return Tensor(trusted: result) { target in
            for part in parts {
                part.planes.buffer.withUnsafeBufferPointer { source in
                    guard let from = source.baseAddress, let to = target.baseAddress else { return }
                    let count = part.range.count * plane
                    for channel in 0..<channels {
                        let place = (part.image * channels + channel) * depth + part.range.lowerBound
                        (to + place * plane).update(from: from + channel * count, count: count)
                    }
                }
            }
        }
    }

    private func check(_ size: [Int]) throws(Diagnostic) {
        guard (1...3).contains(size.count), tile.count == size.count, (size + tile).allSatisfy({ $0 >= 1 }),
            tile.allSatisfy({ $0 <= 1 << 20 })
        else {
            throw Diagnostic(.badArgument, "tiles of \(tile) cannot cover an image of size \(size)")
        }
        guard (1...64).contains(factor) else {
            throw Diagnostic(.badArgument, "a result cannot be \(factor) times as large")
        }
        guard tile.reduce(4, { saturatingProduct($0, factor * $1) }) <= Machine.memory else {
            throw Diagnostic(.tooLarge, "a tile of \(tile) is more than the memory holds")
        }
        guard overlap >= 0, overlap <= 0.95 else {
            throw Diagnostic(.badArgument, "the overlap \(overlap) is not in 0...0.95")
        }
        guard mirroredAxes.allSatisfy({ size.indices.contains($0) }) else {
            throw Diagnostic(
                .badArgument, "the mirrored axes \(mirroredAxes.sorted()) are not all in 0..<\(size.count)")
        }
    }

    /// All places on a grid, the last axis fastest.
    private func positions(_ counts: [Int]) -> [[Int]] {
        counts.reduce([[]]) { list, count in list.flatMap { head in (0..<count).map { head + [$0] } } }
    }

    /// The mean of the predictions for a tile and its mirror images, each mirrored back.
    private func average(_ tile: Tensor, _ predict: (Tensor) throws -> Tensor) throws -> Tensor {
        let axes = mirroredAxes.sorted()
        var sum = try predict(tile)
        if axes.isEmpty { return sum }
        for choice in 1..<1 << axes.count {
            let mirrored = Set(axes.indices.filter { choice >> $0 & 1 == 1 }.map { axes[$0] })
            let part = try predict(tile.mirrored(mirrored)).mirrored(mirrored)
            guard part.shape == sum.shape else {
                throw Diagnostic(.shapeMismatch, "predictions of one tile have shapes \(sum.shape) and \(part.shape)")
            }
            sum.buffer.combine(with: part.buffer) { $0 + $1 }
        }
        let share = 1 / Float(1 << axes.count)
        sum.buffer.combine(with: sum.buffer) { value, _ in value * share }
        return sum
    }
}

extension AlignedBuffer<Float> {
    fileprivate mutating func combine(with other: AlignedBuffer<Float>, _ operation: (Float, Float) -> Float) {
        withUnsafeMutableBufferPointer { own in
            other.withUnsafeBufferPointer { other in
                for index in own.indices { own[index] = operation(own[index], other[index]) }
            }
        }
    }
}

extension Tensor {
    /// One image of several, as 1, C, spatial.
    fileprivate func image(_ index: Int) -> Tensor {
        if shape.images == 1 { return self }
        let count = shape.count / shape.images
        return Tensor(trusted: Shape(trusted: [1] + shape.dimensions.dropFirst())) { target in
            buffer.withUnsafeBufferPointer { _ = target.initialize(from: $0[index * count..<(index + 1) * count]) }
        }
    }
}

/// The sum of weighted tiles over as many planes as a tile has.
private final class Slab {
    let channels: Int
    /// Depth, height, width.
    private let size: (depth: Int, height: Int, width: Int)
    private let spatial: [Int]
    private let sums: AlignedBuffer<Float>
    /// Zero, with the sign that leaves every number it is added to as it is.
    private static let nothing = -Float.zero

    init(channels: Int, size: [Int]) {
        self.channels = channels
        spatial = size
        // The first axis is the depth, also of images.
        self.size = (size[0], size.count > 2 ? size[1] : 1, size.count > 1 ? size[size.count - 1] : 1)
        sums = AlignedBuffer(repeating: Self.nothing, count: size.reduce(channels, *))
    }

    func add(_ tile: Tensor, _ weights: [[Float]], at offsets: [Int], _ pool: ThreadPool) {
        let extents = tile.shape.spatial
        let height = extents.count > 2 ? extents[1] : 1, width = extents.count > 1 ? extents[extents.count - 1] : 1
        let top = extents.count > 2 ? offsets[1] : 0, left = extents.count > 1 ? offsets[offsets.count - 1] : 0
        let rows = extents.count > 2 ? weights[1] : [1], columns = extents.count > 1 ? weights[weights.count - 1] : [1]
        let planes = weights[0], size = size
        nonisolated(unsafe) let target = sums.stableAddress
        tile.buffer.withUnsafeBufferPointer { source in
            guard let base = source.baseAddress else { return }
            nonisolated(unsafe) let from = base
            pool.forEach(channels * planes.count) { task in
                let channel = task / planes.count, z = task % planes.count
                columns.withUnsafeBufferPointer { columns in
                    for y in 0..<height {
                        let factor = planes[z] * rows[y]
                        let line = from + ((task &* height) &+ y) &* width
                        let place = ((channel &* size.depth &+ z) &* size.height &+ top &+ y) &* size.width &+ left
                        let to = target + place
                        for x in 0..<width { to[x] += factor * columns[x] * line[x] }
                    }
                }
            }
        }
    }

    /// A part of the planes, as 1, K, planes, ….
    func planes(_ ranges: [Range<Int>]) throws(Diagnostic) -> Tensor {
        // Always a copy, because the sums go on.
        try Tensor(Shape([1, channels] + spatial), sums).rearranged(ranges.map(Array.init))
    }

    /// Forgets the first planes; those behind move up.
    func advance(_ count: Int) {
        let plane = size.height * size.width, kept = max(0, size.depth - count)
        let base = sums.stableAddress
        for channel in 0..<channels {
            let start = base + channel * size.depth * plane
            if kept > 0 { start.update(from: start + (size.depth - kept) * plane, count: kept * plane) }
            (start + kept * plane).update(repeating: Self.nothing, count: (size.depth - kept) * plane)
        }
    }
}
