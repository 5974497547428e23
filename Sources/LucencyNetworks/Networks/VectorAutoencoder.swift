import LucencyFoundation
import LucencyTensor

/// An autoencoder whose latent image is made of the vectors of a codebook (van den Oord et al. 2017; Esser et al. 2021),
/// as BS-LDM's ML-VQGAN: strided convolutions of kernel 4, residual units with wide insides, plain ReLU, no norms.
///
/// Parameters: `encoder.K` and `decoder.K` number the layers in their order, a residual unit has `a` and `b`; the states
/// `codebook` (codes, width), `sizes` (codes) and `sums` (codes, width) follow by moving averages, not by gradients.
public struct VectorAutoencoder: Codable, Hashable, Sendable {
    /// The word for it in model files.
    public static let kind = "vector-autoencoder"

    public var imageChannels = 1
    /// Channels after each halving of the image.
    public var channels = [128, 256, 512]
    /// Channels inside residual units.
    public var hidden = 512
    /// Residual units after each halving.
    public var units = 2
    /// Channels of the latent image: the width of codes.
    public var latent = 4
    public var codes = 256
    /// β: how strongly the encoder is held to its codes.
    public var commitment: Float = 0.25
    /// How fast codes follow.
    public var decay: Float = 0.5
    /// Whether counts of codes begin at 0 as in the published code, where codes not hit at first are lost for good.
    public var referenceInit = false

    /// The network of BS-LDM, with 38,325,509 parameters.
    public init() {}

    public init(channels: [Int], hidden: Int) {
        self.channels = channels
        self.hidden = hidden
    }

    /// Each extent of the image must be a multiple of this; the latent image is smaller by it.
    public var factor: Int { 1 << min(16, channels.count) }

    /// Refuses settings that contradict each other, all at once.
    public func problems() -> [Diagnostic] {
        var check = SettingCheck(Self.kind)
        check.require((1...64).contains(imageChannels), "imageChannels must be in 1...64, found \(imageChannels)")
        check.require(
            (1...8).contains(channels.count) && channels.allSatisfy { (1...1 << 14).contains($0) },
            "channels must be 1 to 8 numbers in 1...16384, found \(channels)")
        check.require((1...1 << 14).contains(hidden), "hidden must be in 1...16384, found \(hidden)")
        check.require((0...64).contains(units), "units must be in 0...64, found \(units)")
        check.require((1...1024).contains(latent), "latent must be in 1...1024, found \(latent)")
        check.require((1...1 << 16).contains(codes), "codes must be in 1...65536, found \(codes)")
        check.require(commitment >= 0 && commitment.isFinite, "commitment must not be negative")
        check.require(decay >= 0 && decay < 1, "decay must be in 0..<1, found \(decay)")
        return check.problems
    }

    private static let halving = ConvolutionWindow(kernel: [4, 4], stride: 2, padding: 1)

    /// The latent image before quantisation.
    /// - Parameter x: N, `imageChannels`, height, width, in -1...1.
    /// - Returns: N, `latent`, height / `factor`, width / `factor`.
    /// - Throws: `Diagnostic` naming what does not fit.
    public func encode(_ x: Value, _ scope: Scope) throws(Diagnostic) -> Value {
        if let problem = problems().first { throw problem }
        let shape = x.shape
        guard shape.rank == 4, shape.channels == imageChannels, shape.spatial.allSatisfy({ $0 % factor == 0 }) else {
            throw Diagnostic(
                .shapeMismatch,
                "\(Self.kind): takes images of \(imageChannels) channel(s) whose extents are multiples of \(factor), "
                    + "found \(shape)")
        }
        let place = scope["encoder"]
        var h = x, layer = 0
        for width in channels {
            h = try scope.tape.relu(Convolution(width, window: Self.halving)(h, place[layer]))
            layer += 1
            for _ in 0..<units {
                h = try unit(h, place[layer])
                layer += 1
            }
        }
        return try Convolution(latent, kernel: 3, axes: 2)(h, place[layer])
    }

    /// The image of a latent image, quantised or not.
    /// - Returns: N, `imageChannels`, and `factor` times the size.
    /// - Throws: `Diagnostic` naming what does not fit.
    public func decode(_ z: Value, _ scope: Scope) throws(Diagnostic) -> Value {
        if let problem = problems().first { throw problem }
        guard z.shape.rank == 4, z.shape.channels == latent else {
            throw Diagnostic(.shapeMismatch, "\(Self.kind): a latent image has \(latent) channels, found \(z.shape)")
        }
        let place = scope["decoder"]
        var h = try Convolution(channels.last ?? 1, kernel: 3, axes: 2)(z, place[0]), layer = 1
        for level in channels.indices.reversed() {
            for _ in 0..<units {
                h = try unit(h, place[layer])
                layer += 1
            }
            let width = level > 0 ? channels[level - 1] : imageChannels
            h = try TransposedConvolution(width, window: Self.halving)(h, place[layer])
            layer += 1
            if level > 0 { h = try scope.tape.relu(h) }
        }
        return h
    }

    /// The codes nearest to a latent image.
    /// - Throws: `Diagnostic` naming what does not fit.
    public func quantise(_ z: Value, _ scope: Scope) throws(Diagnostic) -> Quantization {
        let codebook = try scope.parameter(
            "codebook", [codes, latent], .normal(standardDeviation: 1), isTrainable: false)
        // Recorded, so that whoever holds the parameters holds the averages too.
        _ = try scope.parameter("sizes", [codes], .constant(referenceInit ? 0 : 1), isTrainable: false)
        _ = try scope.parameter("sums", [codes, latent], .constant(0), isTrainable: false)
        return try scope.tape.vectorQuantization(z, codebook: codebook, beta: commitment)
    }

    private func unit(_ x: Value, _ scope: Scope) throws(Diagnostic) -> Value {
        let tape = scope.tape
        let inside = try tape.relu(Convolution(hidden, kernel: 3, axes: 2)(x, scope["a"]))
        return try tape.relu(tape.add(x, Convolution(x.shape.channels, kernel: 3, axes: 2)(inside, scope["b"])))
    }

    /// The parameters and states that the network owns.
    /// - Throws: `Diagnostic` when its settings contradict each other.
    public func declarations() throws(Diagnostic) -> [ParameterDeclaration] {
        if let problem = problems().first { throw problem }
        let tape = Tape(.inference), scope = Scope(tape)
        let x = tape.input("image", try Shape([1, imageChannels, factor, factor]))
        _ = try decode(quantise(encode(x, scope), scope).quantised, scope)
        return tape.parameters
    }

    /// Initial parameters: a function of the seed and each parameter's name.
    /// - Throws: `Diagnostic` when its settings contradict each other.
    public func parameters(seed: UInt64) throws(Diagnostic) -> Parameters {
        let parameters = try Parameters(declarations(), seed: seed)
        // The averaged sums begin as the codebook.
        if let codebook = parameters["codebook"] { try parameters.set("sums", to: codebook) }
        return parameters
    }
}
