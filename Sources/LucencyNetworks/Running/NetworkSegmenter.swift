import LucencyFoundation
import LucencyImaging
import LucencyTensor

/// Segments images of any size with a trained network, in overlapping tiles where they are large.
///
/// Results lie on the image's own grid. A network of two dimensions works on volumes slice by slice.
public struct NetworkSegmenter: Hashable, Sendable {
    /// Extents of a tile in pixels, x, y (and z); empty: what the model was trained with, and larger for images that
    /// are not much larger.
    public var tile: [Int] = []
    /// Part of a tile that the next one covers again, 0...0.95.
    public var overlap = 0.5
    /// Average over mirrored copies too: 4 times (8 in three dimensions) the time.
    public var flips = false

    public init() {}

    /// What a network can say about an image.
    public enum Part: Sendable, CaseIterable { case logits, probabilities, labels, confidence }

    /// What a network says about an image; parts that were not asked for are nil.
    public struct Result: Sendable {
        /// One channel per class.
        public var logits: Image?
        public var probabilities: ProbabilityMap?
        /// The most probable class of each pixel, as the label value that stands for it.
        public var labels: LabelMap?
        /// The probability of that class.
        public var confidence: Image?
    }

    /// - Parameter parts: what is wanted; the rest is not made.
    /// - Throws: `Diagnostic` in words where the model cannot take the image.
    public func callAsFunction(
        _ image: Image, _ model: ModelFile, parts: Set<Part> = Set(Part.allCases), kernels: KernelFamily = .best,
        pool: ThreadPool = .serial
    ) throws -> Result {
        let kernels = Kernels(family: kernels)
        let channels = (0..<image.channels).map { Preprocessing.Channel(name: "channel \($0 + 1)") }
        let preparation = model.preprocessing ?? Preprocessing(channels: channels)
        let prepared = try preparation(image, pool: pool)
        let logits = try model.predictors.with(
            pool: pool, kernels: kernels, make: { try model.predictor(pool: pool, kernels: kernels) }
        ) { predictor throws -> Image in try self.logits(of: prepared, predictor, model, pool) }
        let decision = ClassDecision(classes: classes(of: model, count: logits.channels), pool: pool)
        let isSameGrid = logits.geometry == image.geometry
        var result = Result()
        if parts.contains(.logits) {
            result.logits = isSameGrid ? logits : try Restore(outside: .edge)(logits, onto: image.geometry, pool: pool)
        }
        if isSameGrid, !parts.contains(.probabilities), !parts.contains(.confidence) {
            // The greatest probability is that of the greatest logit.
            if parts.contains(.labels) {
                result.labels = try decision.labels(logits.pixels, image.geometry, confidence: nil)
            }
            return result
        }
        guard parts != [.logits] else { return result }
        var map = try decision.probabilities(of: logits)
        // Probabilities, not logits, are what may be averaged between pixels.
        if !isSameGrid { map = try Restore(outside: .edge)(map, onto: image.geometry, pool: pool) }
        let confidence = AlignedBuffer<Float>(repeating: 0, count: parts.contains(.confidence) ? map.size.count : 0)
        if parts.contains(.labels) || parts.contains(.confidence) {
            let labels = try decision.labels(
                map.values, map.geometry, confidence: parts.contains(.confidence) ? confidence.stableAddress : nil)
            if parts.contains(.labels) { result.labels = labels }
        }
        if parts.contains(.confidence) { result.confidence = try Image(geometry: map.geometry, pixels: confidence) }
        if parts.contains(.probabilities) { result.probabilities = map }
        return result
    }

    private func classes(of model: ModelFile, count: Int) -> ClassTable {
        if let table = model.classes, table.classes.count == count { return table }
        return ClassTable((0..<count).map { ClassTable.Entry(name: "class \($0)", value: Int32($0)) })
    }

    // MARK: Memory

    /// Bytes that segmenting an image takes at its peak, besides the image, the results and the weights.
    /// - Parameters:
    ///   - size: of the image; `geometry` where it is known, because a model may want another spacing.
    /// - Throws: `Diagnostic` when the model cannot take such an image.
    public func predictedBytes(
        _ size: GridSize, geometry: Geometry? = nil, channels: Int, model: ModelFile, threads: Int,
        kernels: KernelFamily = .best
    ) throws -> (bytes: Int, classes: Int) {
        let network = try model.builtNetwork()
        let target = try geometry.flatMap { try model.preprocessing?.target(of: $0) }
        let size = target?.size ?? size
        let spatial = network.axes == 3 ? [size.z, size.y, size.x] : [size.y, size.x]
        let tile = try window(for: spatial, of: network.axes, model)?.tile ?? spatial
        let shape = try Shape([1, network.inputChannels] + tile)
        let plan = try model.predictors.planBytes(
            network, shape, threads: threads, kernels: Kernels(family: kernels))
        let classes = plan.classes
        // Normalised, and a tile of it with margins; the tile's result, and the sums that tiles are added to.
        let pixels = saturatingProduct(size.count, channels + 2 * classes)
        let tilePixels = saturatingProduct(tile.reduce(1) { saturatingProduct($0, $1) }, channels + 2 * classes)
        return (saturatingSum([plan.bytes, saturatingProduct(4, pixels), saturatingProduct(4, tilePixels)]), classes)
    }

    // MARK: Logits

    private func logits(
        of image: Image, _ predictor: Predictor, _ model: ModelFile, _ pool: ThreadPool
    ) throws -> Image {
        let network = predictor.network, size = image.size
        guard network.results.first == .classMap else {
            throw Diagnostic(
                .badArgument, "a network of the kind '\(type(of: network).kind)' segments no images",
                remedy: "enlarge with `upscale.shisrcnet`, classify with `classify.shisrcnet`, suppress bones with "
                    + "`bones.suppress`")
        }
        guard model.training?["target"] != .string(BoneRegressor.target) else {
            throw Diagnostic(
                .badArgument, "the network was trained to suppress bones, not to segment", remedy: "use `bones.unet`")
        }
        guard network.inputChannels == image.channels else {
            throw Diagnostic(
                .channelMismatch,
                "the network takes \(network.inputChannels) channel(s), the image has \(image.channels)")
        }
        guard network.axes == 2 || !size.isPlanar else {
            throw Diagnostic(
                .shapeMismatch, "the network takes volumes, and the image has a single slice",
                remedy: "read all slices of the volume, or use a network of two dimensions")
        }
        let (values, classes) = try predictor.slicewise(image.pixels, channels: image.channels, size: size) {
            try predict($0, predictor, model, pool)
        }
        return try Image(geometry: image.geometry, colorModel: .channels(classes), pixels: values)
    }

    private func predict(
        _ input: Tensor, _ predictor: Predictor, _ model: ModelFile, _ pool: ThreadPool
    ) throws -> Tensor {
        guard let window = try window(for: input.shape.spatial, of: predictor.network.axes, model) else {
            return try predictor(input)
        }
        return try window(input, pool: pool) { try predictor($0) }
    }

    /// How tiles cover an image; nil where it is predicted in one piece.
    private func window(for spatial: [Int], of axes: Int, _ model: ModelFile) throws -> SlidingWindow? {
        var extents = tile
        if extents.isEmpty { extents = model.trainedPatch ?? (axes == 2 ? [512, 512] : [96, 96, 96]) }
        guard extents.count == axes else {
            throw Diagnostic(.badArgument, "a tile of \(extents) is none for a network of \(axes) dimensions")
        }
        let wanted = Array(extents.reversed())
        // A little more than a tile is quicker in one piece; so is any image of moderate size in two dimensions.
        let isSmall =
            tile.isEmpty
            && (axes == 2 ? spatial.allSatisfy { $0 <= 1024 } : zip(spatial, wanted).allSatisfy { $0 <= $1 * 3 / 2 })
        if isSmall, !flips { return nil }
        var window = SlidingWindow(tile: isSmall ? spatial : wanted)
        window.overlap = overlap
        window.mirroredAxes = flips ? Set(0..<axes) : []
        return window
    }
}

extension ModelFile {
    /// Extents of the patches it was trained with, x, y (and z).
    var trainedPatch: [Int]? {
        training?["patch"]?.arrayValue.flatMap { list in
            let extents = list.compactMap(\.intValue)
            return extents.count == list.count && (2...3).contains(extents.count) ? extents : nil
        }
    }
}
