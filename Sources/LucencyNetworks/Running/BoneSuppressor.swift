import LucencyFoundation
import LucencyImaging
import LucencyTensor

/// A chest film without its bones.
public struct SuppressedFilm: Sendable {
    /// The film as a scanner of two energies would show its soft tissue, in the film's intensities.
    public let softTissue: Image
    /// The film less the soft tissue: what was taken for bone.
    public let bone: Image
    /// Standard deviation of the soft tissue over several answers, in the film's intensities: where to doubt it.
    public let uncertainty: Image
}

/// The intensities between which networks of bone suppression work: `low` becomes -1 and `high` 1.
public struct FilmWindow: Hashable, Sendable {
    public let low: Double
    public let high: Double

    /// - Throws: `Diagnostic` when the window is empty.
    public init(low: Double, high: Double) throws(Diagnostic) {
        guard low < high, (high - low).isFinite else {
            throw Diagnostic(.badArgument, "the intensities \(low) to \(high) are no window")
        }
        (self.low, self.high) = (low, high)
    }

    /// That of a model file.
    /// - Throws: `Diagnostic` when it names none.
    public init(of model: ModelFile) throws(Diagnostic) {
        guard case .window(let low, let high) = model.preprocessing?.channels.first?.normalization else {
            throw Diagnostic(
                .missingKey, "the model does not say between which intensities it works",
                remedy: "give one that was trained for bone suppression")
        }
        try self.init(low: low, high: high)
    }

    public var preprocessing: Preprocessing {
        Preprocessing(channels: [.init(name: "film", normalization: .window(low: low, high: high))])
    }

    /// A gray image of one slice as [1, 1, height, width] in -1...1; what lies beyond the window is cut.
    /// - Throws: `Diagnostic` for other images, and for those of another depth than the window's, which would be all black
    ///   or all white.
    public func tensor(_ image: Image) throws(Diagnostic) -> Tensor {
        guard image.channels == 1, image.size.z == 1 else {
            throw Diagnostic(
                .channelMismatch,
                "bone suppression takes gray films of one slice, this has \(image.channels) channel(s)"
                    + " and \(image.size.z) slice(s)", remedy: "make it gray first (`gray`)")
        }
        try check(image)
        let scale = 2 / (high - low), shape = try Shape([1, 1, image.size.y, image.size.x])
        return Tensor(trusted: shape) { target in
            image.pixels.withUnsafeBufferPointer { source in
                for index in source.indices {
                    let value = (Double(source[index]) - low) * scale - 1
                    target.initializeElement(at: index, to: Float(min(max(value, -1), 1)))
                }
            }
        }
    }

    private func check(_ image: Image) throws(Diagnostic) {
        let (lowest, highest) = image.pixels.withUnsafeBufferPointer {
            (Double($0.min() ?? 0), Double($0.max() ?? 0))
        }
        let range = image.origin?.stored.integerRange, width = high - low
        let isDark = lowest < highest && highest < low + width / 100
        let isShallow = range.map { Double($0.upperBound) < low + width / 2 } ?? false
        guard isDark || isShallow || highest > high + width else { return }
        let found = range.map { "[\($0.lowerBound), \($0.upperBound)]" } ?? "[\(lowest), \(highest)]"
        throw Diagnostic(
            .badValue,
            "the film's intensities, \(found), do not fit the window [\(low), \(high)]",
            remedy: "state the film's as `window: \(found)`")
    }

    /// A tensor of one picture as an image of a film's geometry; whole numbers where the film is stored in such.
    /// - Parameter isDifference: whether 0 stays 0, for deviations, which keep their fractions.
    /// - Throws: `Diagnostic` when the sizes differ.
    public func image(_ tensor: Tensor, like film: Image, isDifference: Bool = false) throws(Diagnostic) -> Image {
        let scale = (high - low) / 2, low = low
        let isWhole = !isDifference && film.origin.map { $0.stored.kind != .float } ?? false
        let pixels = tensor.buffer.withUnsafeBufferPointer { source in
            AlignedBuffer<Float>(count: source.count) { target in
                for index in source.indices {
                    let value = Double(source[index])
                    let intensity = isDifference ? value * scale : (value + 1) * scale + low
                    target.initializeElement(at: index, to: Float(isWhole ? intensity.rounded() : intensity))
                }
            }
        }
        return try Image(geometry: film.geometry, pixels: pixels, origin: isDifference ? nil : film.origin)
    }
}

/// Suppresses bones by latent diffusion (BS-LDM, Sun et al. 2025): several soft-tissue images are drawn under the condition of
/// the film; their mean is the answer and their spread the doubt.
public struct BoneSuppressor: Sendable {
    /// Answers that are drawn, 1...64; with one there is no uncertainty.
    public var samples = 4
    public var sampler = DiffusionSampler()
    /// The intensities of films that are the ends of the model's window; nil takes the model's own.
    public var window: FilmWindow?
    /// Whether the film keeps the detail that the autoencoder loses: what the answer lacks of the autoencoder's picture of
    /// the film is taken from the film itself, softTissue = film - (D(E(film)) - answer). Otherwise, as published, the answer stands alone.
    public var keepsDetail = true

    public init() {}

    /// - Parameters:
    ///   - film: gray, of any size; the model answers best at the size it was trained with.
    ///   - stream: of random numbers, such as the film's name.
    /// - Throws: `Diagnostic`, `DiagnosticList` for films and models that do not fit.
    public func callAsFunction(
        _ film: Image, _ model: ModelFile, seed: UInt64, stream: String, kernels: KernelFamily = .best,
        pool: ThreadPool = .serial
    ) throws -> SuppressedFilm {
        let window = try window ?? FilmWindow(of: model)
        let network = try LatentSampler(model, kernels: Kernels(family: kernels), pool: pool)
        let x = try window.tensor(film)
        let draws = try network(
            x, samples: samples, sampler, seed: seed, stream: stream, reconstructs: keepsDetail)
        var mean = draws.mean
        if let picture = draws.reconstruction {
            mean = x.combined(with: mean) { index, x, answer in min(max(x - (picture.buffer[index] - answer), -1), 1) }
        }
        return try SuppressedFilm(film, mean: mean, deviation: draws.deviation, window)
    }
}

/// Suppresses bones by a U-Net that was trained to give what has to be added to the film. Its doubt is the difference between
/// the answers to the film and to its mirror image.
public struct BoneRegressor: Sendable {
    /// The intensities of films that are the ends of the model's window; nil takes the model's own.
    public var window: FilmWindow?

    /// What models of this kind say of themselves.
    package static let target = "soft-tissue"

    public init() {}

    /// - Throws: `Diagnostic`, `DiagnosticList` for films and models that do not fit.
    public func callAsFunction(
        _ film: Image, _ model: ModelFile, kernels: KernelFamily = .best, pool: ThreadPool = .serial
    ) throws -> SuppressedFilm {
        let window = try window ?? FilmWindow(of: model)
        guard model.training?["target"]?.stringValue == Self.target else {
            throw Diagnostic(
                .badValue, "the model was not trained to suppress bones", remedy: "give one of `train.bone-unet`")
        }
        let predictor = try model.predictor(pool: pool, kernels: Kernels(family: kernels))
        let x = try window.tensor(film)
        func answer(_ x: Tensor) throws -> Tensor {
            try x.combined(with: predictor(x)) { _, x, change in min(max(x + change, -1), 1) }
        }
        let draws = LatentSampler.summary([try answer(x), try answer(x.mirrored([3])).mirrored([3])])
        return try SuppressedFilm(film, mean: draws.mean, deviation: draws.deviation, window)
    }
}

extension SuppressedFilm {
    /// - Parameters:
    ///   - mean: the soft tissue, a plane of -1...1.
    ///   - deviation: its uncertainty in the same unit.
    package init(_ film: Image, mean: Tensor, deviation: Tensor, _ window: FilmWindow) throws(Diagnostic) {
        softTissue = try window.image(mean, like: film)
        uncertainty = try window.image(deviation, like: film, isDifference: true)
        let soft = softTissue.pixels
        let difference = film.pixels.withUnsafeBufferPointer { a in
            soft.withUnsafeBufferPointer { b in
                AlignedBuffer<Float>(count: a.count) { target in
                    for index in a.indices { target.initializeElement(at: index, to: a[index] - b[index]) }
                }
            }
        }
        bone = try Image(geometry: film.geometry, pixels: difference)
    }
}
