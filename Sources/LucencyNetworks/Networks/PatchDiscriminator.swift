import LucencyFoundation
import LucencyTensor

/// A network that tells for each patch of an image whether it is real (Isola et al. 2017), as BS-LDM trains its autoencoder
/// against. Parameters are numbered as in a PyTorch `Sequential`: convolutions 0, 2, 5, 8, …, batch norms 3, 6, 9, …
public struct PatchDiscriminator: Codable, Hashable, Sendable {
    public var imageChannels = 1
    /// Channels of the first convolution; each following one has twice as many.
    public var base = 64
    /// Convolutions with a norm between the first and the last; all but the last of them halve the image.
    public var layers = 3

    /// The network of BS-LDM, with 2,763,585 parameters.
    public init() {}

    public init(base: Int) { self.base = base }

    /// Refuses settings that contradict each other, all at once.
    public func problems() -> [Diagnostic] {
        var check = SettingCheck("patch-discriminator")
        check.require((1...64).contains(imageChannels), "imageChannels must be in 1...64, found \(imageChannels)")
        check.require((1...1024).contains(base), "base must be in 1...1024, found \(base)")
        check.require((1...6).contains(layers), "layers must be in 1...6, found \(layers)")
        return check.problems
    }

    /// - Parameter x: N, `imageChannels`, height, width.
    /// - Returns: N, 1 and the patches.
    /// - Throws: `Diagnostic` naming what does not fit.
    public func callAsFunction(_ x: Value, _ scope: Scope) throws(Diagnostic) -> Value {
        if let problem = problems().first { throw problem }
        func convolution(_ width: Int, _ stride: Int, hasBias: Bool) -> Convolution {
            Convolution(
                width, window: ConvolutionWindow(kernel: [4, 4], stride: stride, padding: 1), hasBias: hasBias,
                initialization: .adversarial)
        }
        let tape = scope.tape
        var h = try tape.leakyReLU(convolution(base, 2, hasBias: true)(x, scope[0]), slope: 0.2), place = 2
        for layer in 1...layers {
            h = try convolution(base << layer, layer < layers ? 2 : 1, hasBias: false)(h, scope[place])
            h = try Norm(.batch)(h, scope[place + 1], activation: .leakyReLU(slope: 0.2))
            place += 3
        }
        return try convolution(1, 1, hasBias: true)(h, scope[place])
    }

    /// The parameters that the network owns.
    /// - Throws: `Diagnostic` when its settings contradict each other.
    public func declarations() throws(Diagnostic) -> [ParameterDeclaration] {
        let tape = Tape(.inference), size = 16 << layers
        let x = tape.input("image", try Shape([1, imageChannels, size, size]))
        _ = try self(x, Scope(tape))
        return tape.parameters
    }

    /// Draws the scales of norms from N(1, 0.02), as the published network begins.
    /// - Parameter prefix: of the discriminator's names in `parameters`.
    /// - Throws: `Diagnostic` when a scale cannot be set.
    public static func begin(_ parameters: Parameters, prefix: String, seed: UInt64) throws(Diagnostic) {
        for declaration in parameters.declarations
        where declaration.name.hasPrefix(prefix) && declaration.initializer == .constant(1) && declaration.isTrainable {
            var stream = PhiloxStream(seed: seed, stream: declaration.name)
            try parameters.set(
                declaration.name,
                to: Tensor.normal(declaration.shape, mean: 1, standardDeviation: 0.02, from: &stream))
        }
    }
}
