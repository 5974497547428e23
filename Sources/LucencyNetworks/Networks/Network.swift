import LucencyFoundation
import LucencyTensor

/// What a result of a network is.
public enum NetworkResult: Hashable, Sendable {
    /// A number for each class at each pixel: N, K, spatial.
    case classMap
    /// An image, enlarged by a factor: N, C, factor · spatial.
    case image(factor: Int)
    /// A logit for each class of the whole image: N, K.
    case classes

    /// Pixels of the result along each axis for a pixel of the input.
    var factor: Int { if case .image(let factor) = self { factor } else { 1 } }
}

/// A network as a value: its settings, and how they are recorded on a tape. Weights live in `Parameters`.
public protocol Network: Codable, Hashable, Sendable {
    /// The word for it in model files and pipelines: `unet`.
    static var kind: String { get }

    /// The network with its default settings, which stand in for those that a model file leaves out.
    init()

    /// Spatial dimensions of the images it takes.
    var axes: Int { get }
    /// Channels of the images it takes.
    var inputChannels: Int { get }
    /// Each spatial extent of its input must be a multiple of these. `Predictor` pads and crops to that end.
    var sizeMultiple: [Int] { get }

    /// What its results are, besides coarser ones of deep supervision; usually one class map.
    var results: [NetworkResult] { get }

    /// The same network for other data: images of so many dimensions and channels, and so many classes.
    func fitted(axes: Int, inputChannels: Int, classes: Int) -> Self

    /// Refuses settings that contradict each other, all at once.
    func problems() -> [Diagnostic]

    /// Records the network.
    /// - Parameter x: N, `inputChannels`, spatial.
    /// - Returns: the result at full size first; with deep supervision, then those at coarser scales.
    /// - Throws: `Diagnostic` naming what does not fit.
    func callAsFunction(_ x: Value, _ scope: Scope) throws(Diagnostic) -> [Value]

    /// Records the network, and tells what its classifier at full size reads.
    /// - Parameter x: N, `inputChannels`, spatial.
    /// - Returns: the results as `callAsFunction` gives them, and the features, N, channels, spatial; nil for a network that
    ///   does not end in a classifier.
    /// - Throws: `Diagnostic` naming what does not fit.
    func withFeatures(_ x: Value, _ scope: Scope) throws(Diagnostic) -> (results: [Value], features: Value?)
}

extension Network {
    public var results: [NetworkResult] { [.classMap] }

    public func withFeatures(_ x: Value, _ scope: Scope) throws(Diagnostic) -> (results: [Value], features: Value?) {
        (try self(x, scope), nil)
    }

    /// Refuses wrong settings, and inputs that the network cannot take.
    func check(_ x: Value) throws(Diagnostic) {
        if let problem = problems().first { throw problem }
        let shape = x.shape
        guard shape.rank == axes + 2, shape.channels == inputChannels else {
            throw Diagnostic(
                .shapeMismatch,
                "\(Self.kind): takes images of \(inputChannels) channel(s) and \(axes) dimensions, found \(shape)")
        }
        guard zip(shape.spatial, sizeMultiple).allSatisfy({ $0 % $1 == 0 }) else {
            let padded = zip(shape.spatial, sizeMultiple).map { ($0 + $1 - 1) / $1 * $1 }
            throw Diagnostic(
                .shapeMismatch, "\(Self.kind): the size \(shape.spatial) is not a multiple of \(sizeMultiple)",
                remedy: "pad the image to \(padded) and crop the result, as Predictor does")
        }
    }

    /// The smallest size at or above `size` that the network takes. At the coarsest level at least two pixels are left,
    /// because one has no variance.
    func paddedSize(_ size: [Int]) -> [Int] {
        var padded = zip(size, sizeMultiple).map { ($0 + $1 - 1) / $1 * $1 }
        if padded == sizeMultiple, let last = padded.indices.last, sizeMultiple[last] > 1 { padded[last] *= 2 }
        return padded
    }

    /// The network's initial parameters: a function of the seed and each parameter's name.
    /// - Throws: `Diagnostic` when its settings contradict each other.
    public func parameters(seed: UInt64) throws(Diagnostic) -> Parameters {
        try Parameters(declarations(), seed: seed)
    }

    /// The parameters that the network owns, in the order of their use.
    public func declarations() throws(Diagnostic) -> [ParameterDeclaration] {
        if let problem = problems().first { throw problem }
        let tape = Tape(.inference)
        // Two pixels at the coarsest level, because one has no variance.
        let x = tape.input("image", try Shape([1, inputChannels] + sizeMultiple.map { 2 * $0 }))
        _ = try self(x, Scope(tape))
        return tape.parameters
    }
}

/// Collects what is wrong with settings.
struct SettingCheck {
    let kind: String
    private(set) var problems: [Diagnostic] = []

    init(_ kind: String) { self.kind = kind }

    mutating func require(_ holds: Bool, _ message: @autoclosure () -> String) {
        if !holds { problems.append(Diagnostic(.badArgument, "\(kind): \(message())")) }
    }
}
