import LucencyFoundation
import LucencyImaging
import LucencyTensor

/// Enlarges images with a trained network that super-resolves, in overlapping tiles where they are large.
///
/// The result covers the same extent, so its spacing is divided by the network's factor. What the network overshoots is cut to
/// the range of intensities, and whole numbers stay whole, so that the depth in which the image is stored is kept. Volumes are
/// enlarged slice by slice.
public struct NetworkUpscaler: Hashable, Sendable {
    /// Extents of a tile in pixels of the image, x, y; empty: 128, and up to 192 in one piece.
    public var tile: [Int] = []
    /// Part of a tile that the next one covers again, 0...0.95.
    public var overlap = 0.25
    /// The intensity that is full brightness; nil: what the model was trained with, else what the image's depth says.
    public var white: Double?

    public init() {}

    /// The grid of the result.
    /// - Throws: `Diagnostic` when the model enlarges no images, or the result would be too large.
    public func target(of geometry: Geometry, _ model: ModelFile) throws -> Geometry {
        try Self.target(of: geometry, factor: try Self.part(of: model).factor)
    }

    private static func target(of geometry: Geometry, factor: Int) throws -> Geometry {
        let factor = Double(factor)
        return try Resample(factor: geometry.size.isPlanar ? [factor, factor] : [factor, factor, 1])
            .target(of: geometry)
    }

    /// - Throws: `Diagnostic` in words where the model cannot take the image.
    public func callAsFunction(
        _ image: Image, _ model: ModelFile, kernels: KernelFamily = .best, pool: ThreadPool = .serial
    ) throws -> Image {
        let (_, _, factor) = try Self.part(of: model)
        let target = try Self.target(of: image.geometry, factor: factor)
        let to = target.size.x * target.size.y
        let channels = image.channels, slices = image.size.z
        let pixels = AlignedBuffer<Float>(repeating: 0, count: channels * target.size.count)
        for z in 0..<slices {
            try run(
                width: image.size.x, height: image.size.y, channels: channels, origin: image.origin,
                isWhole: image.holdsWholeNumbers, model, kernels: kernels, pool: pool,
                input: { rows in
                    image.rows(rows, slice: z)
                }
            ) { rows, band in
                band.withUnsafeBufferPointer { source in
                    guard let base = source.baseAddress else { return }
                    let count = rows.count * target.size.x
                    for channel in 0..<channels {
                        let place = (channel * slices + z) * to + rows.lowerBound * target.size.x
                        (pixels.stableAddress + place).update(from: base + channel * count, count: count)
                    }
                }
            }
        }
        return try Image(geometry: target, colorModel: image.colorModel, pixels: pixels, origin: image.origin)
    }

    /// Enlarges an image that is read and written in bands of rows, so that memory does not grow with its height.
    ///
    /// - Parameters:
    ///   - isWhole: whether intensities are whole numbers.
    ///   - input: gives rows of all channels, planar; asked for in ascending order, a tile's height at a time, and some rows
    ///     more than once.
    ///   - emit: takes rows of the result, planar, in ascending order.
    /// - Throws: `Diagnostic` in words where the model cannot take the image, and what the closures throw.
    public func run(
        width: Int, height: Int, channels: Int, origin: Origin?, isWhole: Bool, _ model: ModelFile,
        kernels: KernelFamily = .best, pool: ThreadPool = .serial,
        input: (Range<Int>) throws -> AlignedBuffer<Float>,
        emit: (Range<Int>, AlignedBuffer<Float>) throws -> Void
    ) throws {
        let kernels = Kernels(family: kernels), (network, result, factor) = try Self.part(of: model)
        guard network.inputChannels == channels else {
            throw Diagnostic(
                .channelMismatch,
                "the network takes \(network.inputChannels) channel(s), the image has \(channels)")
        }
        if model.preprocessing?.spacing != nil {
            throw Diagnostic(.unsupportedFeature, "the model wants images of one spacing, which enlarging cannot keep")
        }
        let scale = try ImageScale(
            model.preprocessing, channels: channels, origin: origin, white: white, isWhole: isWhole)
        let tile = try tile(width: width, height: height)
        var window = SlidingWindow(tile: [tile.y, tile.x])
        window.overlap = overlap
        window.blending = .ramp
        window.factor = factor
        try model.predictors.with(
            result: result, pool: pool, kernels: kernels,
            make: { try model.predictor(result: result, pool: pool, kernels: kernels) }
        ) { predictor in
            try window.run(
                size: [height, width], pool: pool,
                input: { rows in
                    scale.numbers(try input(rows), try Shape([1, channels, rows.count, width]))
                }, predict: { try predictor($0) },
                emit: { rows, band in try emit(rows, scale.intensities(band)) })
        }
    }

    // MARK: Memory

    /// Bytes that enlarging takes at its peak, besides the image and the result: what the network needs for a tile, its weights
    /// as stored and as used, a band of rows as high as a tile, and that band enlarged, twice.
    /// - Throws: `Diagnostic` when the model enlarges no images.
    public func predictedBytes(
        width: Int, height: Int, channels: Int, model: ModelFile, threads: Int, kernels: KernelFamily = .best
    ) throws -> Int {
        let (network, result, factor) = try Self.part(of: model)
        let tile = try tile(width: width, height: height)
        let plan = try model.predictors.planBytes(
            network, Shape([1, network.inputChannels, tile.y, tile.x]), result: result, threads: threads,
            kernels: Kernels(family: kernels))
        let band = saturatingProduct(4 * channels, saturatingProduct(tile.y, max(width, tile.x)))
        let weights = try network.declarations().reduce(0) { $0 + $1.shape.count }
        return saturatingSum([
            plan.bytes, saturatingProduct(8, weights), saturatingProduct(2 + 3 * factor * factor, band),
        ])
    }

    private func tile(width: Int, height: Int) throws(Diagnostic) -> (x: Int, y: Int) {
        if tile.isEmpty {
            return width <= 192 && height <= 192 ? (width, height) : (min(width, 128), min(height, 128))
        }
        guard tile.count == 2, tile.allSatisfy({ (8...1 << 16).contains($0) }) else {
            throw Diagnostic(
                .badArgument, "a tile of \(tile) is none for images", remedy: "say its extents: [128, 128]")
        }
        return (min(width, tile[0]), min(height, tile[1]))
    }

    /// The network of a model that enlarges, and which of its results that is.
    private static func part(of model: ModelFile) throws -> (network: any Network, result: Int, factor: Int) {
        let network = try model.builtNetwork()
        for (index, result) in network.results.enumerated() {
            if case .image(let factor) = result { return (network, index, factor) }
        }
        throw Diagnostic(
            .badArgument, "a network of the kind '\(type(of: network).kind)' enlarges no images",
            remedy: "give a model of train.shisrcnet, or one imported by `lucency model import --map shisrcnet`")
    }
}

extension Image {
    /// Whether its numbers are whole: as its file stores them, or all of them as they are.
    package var holdsWholeNumbers: Bool {
        if let stored = origin?.stored { return stored.kind != .float }
        return pixels.withUnsafeBufferPointer { $0.allSatisfy { $0 == $0.rounded(.towardZero) } }
    }

    /// Rows of all channels of a slice, planar.
    fileprivate func rows(_ rows: Range<Int>, slice: Int) -> AlignedBuffer<Float> {
        let region = Region(x: 0, y: rows.lowerBound, z: slice, size: GridSize(size.x, rows.count, 1))
        return pixels.cropped(to: region, of: size, planes: channels)
    }
}
