import LucencyFoundation
import LucencyTensor

/// Latent diffusion at work: an image's latent image is the condition under which others are drawn from noise, and decoded.
public struct LatentSampler {
    public let network: LatentDiffusion
    public let parameters: Parameters
    private let kernels: Kernels
    private let pool: ThreadPool

    /// - Parameter parameters: those of the network, `autoencoder.…` and `estimator.…`.
    /// - Throws: `Diagnostic` when the settings contradict each other.
    public init(
        _ network: LatentDiffusion, parameters: Parameters, kernels: Kernels = Kernels(family: .best),
        pool: ThreadPool = .serial
    ) throws(Diagnostic) {
        if let problem = network.problems().first { throw problem }
        self.network = network
        self.parameters = parameters
        self.kernels = kernels
        self.pool = pool
    }

    /// The network and weights of a model file.
    /// - Throws: `DiagnosticList` with everything that does not fit.
    public init(
        _ file: ModelFile, kernels: Kernels = Kernels(family: .best), pool: ThreadPool = .serial
    ) throws {
        let built = try file.builtNetwork()
        guard let network = built as? LatentDiffusion else {
            throw Diagnostic(
                .badValue, "the model is a \(type(of: built).kind), no latent diffusion",
                remedy: "give one that `train.bone-diffusion` made")
        }
        let declarations = try network.declarations()
        let needed = saturatingSum(declarations.map(\.shape.count))
        let held = saturatingSum(file.weights.tensors.map(\.count))
        guard needed <= max(held, 1 << 24) else {
            throw Diagnostic(
                .missingKey, "the network of these settings has \(needed) weights, the file holds \(held)")
        }
        let parameters = try Parameters(declarations.map(\.unset), seed: 0)
        try parameters.load(file.weights)
        try self.init(network, parameters: parameters, kernels: kernels, pool: pool)
    }

    private func run(_ tape: Tape, _ output: Value) throws(Diagnostic) -> Workspace {
        try Workspace(
            TensorPlan(tape, outputs: [output], options: .init(kernels: kernels)), parameters: parameters, pool: pool)
    }

    /// The latent image of codes of an image, standardized as the network says.
    /// - Parameter image: N, C, height, width, in -1...1; extents multiples of the autoencoder's factor.
    /// - Throws: `Diagnostic` when it does not fit, or is not finite.
    public func encoded(_ image: Tensor) throws(Diagnostic) -> Tensor {
        let tape = Tape(.inference), x = tape.input("image", image.shape), place = Scope(tape, path: "autoencoder")
        let autoencoder = network.autoencoder
        let z = try autoencoder.quantise(autoencoder.encode(x, place), place).quantised
        let workspace = try run(tape, z)
        try workspace.run([x: image])
        let latent = try workspace.tensor(z)
        guard latent.array.allSatisfy(\.isFinite) else {
            throw Diagnostic(.notFinite, "the image or its latent image holds NaN or infinity")
        }
        return network.standardized(latent)
    }

    /// The image of a standardized latent image, which need not be made of codes.
    public func decoded(_ latent: Tensor) throws(Diagnostic) -> Tensor {
        let tape = Tape(.inference), z = tape.input("latent", latent.shape)
        let image = try network.autoencoder.decode(z, Scope(tape, path: "autoencoder"))
        let workspace = try run(tape, image)
        try workspace.run([z: network.unstandardized(latent)])
        return try workspace.tensor(image)
    }

    /// The estimator made ready for latent images of one size.
    package struct Estimate {
        fileprivate let workspace: Workspace
        fileprivate let input: Value, code: Value, output: Value

        /// What it gives for noisy latent images at a time each, under their conditions.
        package func callAsFunction(_ x: Tensor, condition: Tensor, times: [Int]) throws -> Tensor {
            try workspace.run([
                input: Tensor.stacked(x, condition),
                code: Tensor.timeEmbedding(times.map(Double.init), width: code.shape[1]),
            ])
            return try workspace.tensor(output)
        }

        package var floatingPointOperations: Int { workspace.plan.floatingPointOperations }

        /// Milliseconds by operation, largest first, of what `body` makes it do.
        package func profile(_ body: () throws -> Void) rethrows -> [(name: String, milliseconds: Double)] {
            workspace.measuresSteps = true
            defer { workspace.measuresSteps = false }
            try body()
            return workspace.profile()
        }
    }

    /// - Parameter shape: of the latent images, N, C, height, width.
    package func estimate(for shape: Shape) throws -> Estimate {
        let tape = Tape(.inference), channels = network.autoencoder.latent
        let input = tape.input("x", try shape.with(channels: 2 * channels))
        let code = tape.input("time", try Shape([shape[0], network.estimator.base]))
        let raw = try network.estimator(input, time: code, Scope(tape, path: "estimator"))
        let output = try tape.slice(raw, axis: 1, 0..<channels)
        return Estimate(workspace: try run(tape, output), input: input, code: code, output: output)
    }

    /// What several draws came to.
    public struct Draws: Sendable {
        /// Their mean and standard deviation (n - 1 degrees of freedom), [C, height, width], in units of -1...1.
        public let mean: Tensor
        public let deviation: Tensor
        /// Each draw.
        public let images: [Tensor]
        /// The image through its codes, where it was asked for.
        public var reconstruction: Tensor?
    }

    /// Draws images under the condition of one.
    ///
    /// - Parameters:
    ///   - image: 1, C, height, width, in -1...1, of any size: it is mirrored up to what the network takes.
    ///   - samples: how many, at least 1. One has no deviation: 0.
    ///   - seed, stream: the same give the same images.
    ///   - reconstructs: whether the image through its codes is wanted too.
    /// - Throws: `Diagnostic` for settings that are not possible.
    public func callAsFunction(
        _ image: Tensor, samples: Int = 1, _ sampler: DiffusionSampler = DiffusionSampler(), seed: UInt64,
        stream: String = "latent", reconstructs: Bool = false
    ) throws -> Draws {
        guard image.shape.rank == 4, image.shape[0] == 1, (1...256).contains(samples) else {
            throw Diagnostic(
                .badArgument, "\(samples) samples of images of \(image.shape) are not possible",
                remedy: "take 1 to 256 samples of one image")
        }
        // Norms are over groups of channels, so that one pixel at the coarsest level is enough.
        let size = image.shape.spatial
        let padded = zip(size, network.sizeMultiple).map { ($0 + $1 - 1) / $1 * $1 }
        let before = zip(padded, size).map { ($0 - $1) / 2 }
        let condition = try encoded(image.extended(to: padded, before: before, by: .mirrored))
        func picture(_ z: Tensor) throws -> Tensor {
            let whole = try decoded(z).cropped(zip(before, size).map { $0..<$0 + $1 })
            return whole.combined(with: whole) { _, x, _ in min(max(x, -1), 1) }
        }
        // One draw at a time: its memory is that of one image, and a draw does not depend on how many there are.
        let estimate = try estimate(for: condition.shape)
        var denoising = try Denoising(network.noiseSchedule(), network.prediction)
        denoising.recomputesNoise = sampler.recomputesNoise
        var images: [Tensor] = []
        for sample in 0..<samples {
            var start = PhiloxStream(seed: seed, stream: "\(stream) start", index: sample)
            let z = try sampler(
                from: Tensor.normal(condition.shape, from: &start), denoising,
                noise: { step in
                    var random = PhiloxStream(seed: seed, stream: "\(stream) \(sample) noise", index: step)
                    return Tensor.normal(condition.shape, from: &random)
                },
                network: { x, time in try estimate(x, condition: condition, times: [time]) })
            images.append(try picture(z))
        }
        var draws = Self.summary(images)
        if reconstructs { draws.reconstruction = try picture(condition) }
        return draws
    }

    static func summary(_ images: [Tensor]) -> Draws {
        let count = Double(images.count), first = images[0]
        var sums = [Double](repeating: 0, count: first.shape.count), squares = sums
        for image in images {
            image.buffer.withUnsafeBufferPointer { values in
                for index in values.indices { sums[index] += Double(values[index]) }
            }
        }
        for index in sums.indices { sums[index] /= count }
        for image in images {
            image.buffer.withUnsafeBufferPointer { values in
                for index in values.indices {
                    let difference = Double(values[index]) - sums[index]
                    squares[index] += difference * difference
                }
            }
        }
        let mean = first.combined(with: first) { index, _, _ in Float(sums[index]) }
        let others = max(1, count - 1)
        let deviation = first.combined(with: first) { index, _, _ in Float((squares[index] / others).squareRoot()) }
        return Draws(mean: mean, deviation: deviation, images: images)
    }
}

extension Tensor {
    /// The channels of each image of `a`, and behind them those of the image of `b`.
    package static func stacked(_ a: Tensor, _ b: Tensor) throws(Diagnostic) -> Tensor {
        guard a.shape.rank >= 2, a.shape[0] == b.shape[0], a.shape.spatial == b.shape.spatial else {
            throw Diagnostic(.shapeMismatch, "channels of \(a.shape) and \(b.shape) cannot stand behind one another")
        }
        let shape = try a.shape.with(channels: a.shape[1] + b.shape[1]), images = max(1, a.shape[0])
        let counts = (a.shape.count / images, b.shape.count / images)
        return Tensor(trusted: shape) { target in
            a.buffer.withUnsafeBufferPointer { a in
                b.buffer.withUnsafeBufferPointer { b in
                    for image in 0..<images {
                        let place = image * (counts.0 + counts.1), middle = place + counts.0
                        _ = UnsafeMutableBufferPointer(rebasing: target[place..<middle])
                            .initialize(from: a[image * counts.0..<(image + 1) * counts.0])
                        _ = UnsafeMutableBufferPointer(rebasing: target[middle..<middle + counts.1])
                            .initialize(from: b[image * counts.1..<(image + 1) * counts.1])
                    }
                }
            }
        }
    }

    /// Tensors one behind another along the first dimension; for tensors of one image, also along channels.
    package static func joined(_ tensors: [Tensor]) throws(Diagnostic) -> Tensor {
        guard let first = tensors.first else { throw Diagnostic(.badArgument, "there is no tensor to join") }
        let rest = Array(first.shape.dimensions.dropFirst())
        guard tensors.allSatisfy({ Array($0.shape.dimensions.dropFirst()) == rest }) else {
            throw Diagnostic(.shapeMismatch, "tensors of different sizes cannot stand in one batch")
        }
        let shape = try Shape([tensors.reduce(0) { $0 + $1.shape[0] }] + rest)
        return Tensor(trusted: shape) { target in
            var place = 0
            for tensor in tensors {
                tensor.buffer.withUnsafeBufferPointer { source in
                    _ = UnsafeMutableBufferPointer(rebasing: target[place..<place + source.count])
                        .initialize(from: source)
                    place += source.count
                }
            }
        }
    }
}
