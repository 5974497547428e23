import LucencyFoundation
import LucencyImaging
import LucencyTensor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

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

    /// What a network says about an image.
    public struct Result: Sendable {
        /// One channel per class.
        public let logits: Image
        public let probabilities: ProbabilityMap
        /// The most probable class of each pixel, as the label value that stands for it.
        public let labels: LabelMap
        /// The probability of that class.
        public let confidence: Image
    }

    /// - Throws: `Diagnostic` in words where the model cannot take the image.
    public func callAsFunction(
        _ image: Image, _ model: ModelFile, kernels: KernelFamily = .best, pool: ThreadPool = .serial
    ) throws -> Result {
        let kernels = Kernels(family: kernels)
        let channels = (0..<image.channels).map { Preprocessing.Channel(name: "channel \($0 + 1)") }
        let preparation = model.preprocessing ?? Preprocessing(channels: channels)
        let prepared = try preparation(image, pool: pool)
        let logits = try model.predictors.with(
            pool: pool, kernels: kernels, make: { try model.predictor(pool: pool, kernels: kernels) }
        ) { predictor throws -> Image in try self.logits(of: prepared, predictor, model, pool) }
        let table = classes(of: model, count: logits.channels)
        let probabilities = try Self.probabilities(of: logits, table)
        guard logits.geometry != image.geometry else { return try result(logits, probabilities, table) }
        // Probabilities, not logits, are what may be averaged between pixels.
        let restored = try Restore(outside: .edge)(probabilities, onto: image.geometry, pool: pool)
        return try result(try Restore(outside: .edge)(logits, onto: image.geometry, pool: pool), restored, table)
    }

    private func result(_ logits: Image, _ probabilities: ProbabilityMap, _ table: ClassTable) throws -> Result {
        let (labels, confidence) = try Self.decided(probabilities, table)
        return Result(logits: logits, probabilities: probabilities, labels: labels, confidence: confidence)
    }

    private func classes(of model: ModelFile, count: Int) -> ClassTable {
        if let table = model.classes, table.classes.count == count { return table }
        return ClassTable((0..<count).map { ClassTable.Entry(name: "class \($0)", value: Int32($0)) })
    }

    // MARK: Logits

    private func logits(
        of image: Image, _ predictor: Predictor, _ model: ModelFile, _ pool: ThreadPool
    ) throws -> Image {
        let network = predictor.network, size = image.size
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
        let axes = predictor.network.axes
        var extents = tile
        if extents.isEmpty { extents = model.trainedPatch ?? (axes == 2 ? [512, 512] : [96, 96, 96]) }
        guard extents.count == axes else {
            throw Diagnostic(.badArgument, "a tile of \(extents) is none for a network of \(axes) dimensions")
        }
        let spatial = input.shape.spatial, wanted = Array(extents.reversed())
        // A little more than a tile is quicker in one piece; so is any image of moderate size in two dimensions.
        let isSmall =
            tile.isEmpty
            && (axes == 2 ? spatial.allSatisfy { $0 <= 1024 } : zip(spatial, wanted).allSatisfy { $0 <= $1 * 3 / 2 })
        if isSmall, !flips { return try predictor(input) }
        var window = SlidingWindow(tile: isSmall ? spatial : wanted)
        window.overlap = overlap
        window.mirroredAxes = flips ? Set(0..<axes) : []
        return try window(input, pool: pool) { try predictor($0) }
    }

    // MARK: Classes

    /// Softmax over the channels.
    private static func probabilities(of logits: Image, _ table: ClassTable) throws -> ProbabilityMap {
        let count = logits.size.count, classes = logits.channels
        let values = AlignedBuffer<Float>(count: classes * count) { out in
            logits.pixels.withUnsafeBufferPointer { values in
                for pixel in 0..<count {
                    var highest = values[pixel]
                    for number in 1..<max(1, classes) { highest = max(highest, values[number &* count &+ pixel]) }
                    var sum: Float = 0
                    for number in 0..<classes {
                        let value = expf(values[number &* count &+ pixel] - highest)
                        out[number &* count &+ pixel] = value
                        sum += value
                    }
                    for number in 0..<classes { out[number &* count &+ pixel] /= sum }
                }
            }
        }
        return try ProbabilityMap(
            geometry: logits.geometry, classes: table.classes.map(\.name), values: values)
    }

    private static func decided(
        _ map: ProbabilityMap, _ table: ClassTable
    ) throws -> (LabelMap, Image) {
        let count = map.size.count, classes = map.classes.count
        var labels = AlignedBuffer<Int32>(repeating: 0, count: count)
        let confidence = AlignedBuffer<Float>(count: count) { out in
            map.values.withUnsafeBufferPointer { values in
                labels.withUnsafeMutableBufferPointer { labels in
                    for pixel in 0..<count {
                        var best = 0, highest = values[pixel]
                        for number in 1..<max(1, classes) {
                            let value = values[number &* count &+ pixel]
                            if value > highest { (best, highest) = (number, value) }
                        }
                        labels[pixel] = table.classes[best].value
                        out[pixel] = highest
                    }
                }
            }
        }
        var names: [Int32: LabelClass] = [:]
        for entry in table.classes {
            let color = entry.color.flatMap { $0.count == 3 ? SIMD3($0[0], $0[1], $0[2]) : nil }
            names[entry.value] = LabelClass(name: entry.name, color: color)
        }
        return (
            try LabelMap(geometry: map.geometry, labels: labels, table: names),
            try Image(geometry: map.geometry, pixels: confidence)
        )
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
