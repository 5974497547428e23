import LucencyFoundation
import LucencyTensor

/// SHISRCNet (Xie et al., MICCAI 2023): a `SuperResolver` and a `PatchClassifier` of what it makes, with one set of weights.
///
/// Parameters: those of the two, under `sr` and `cf`. While learning, the classifier sees the true image besides the made one
/// (see `resolver` and `classifier`); afterwards the class follows from the small image alone.
public struct SHISRCNet: Network {
    public static let kind = "shisrcnet"

    public var inputChannels = 3
    /// Times by which height and width grow: 2, 4 or 8.
    public var factor = 4
    /// Channels within the super-resolver.
    public var features = 64
    /// Multi-feature blocks of the super-resolver.
    public var blocks = 3
    public var gate = MultiFeature.Gate.plain
    public var skip = SuperResolver.Skip.none
    public var classes = 2
    /// Probability with which a number of the classifier's hidden layer is dropped while learning.
    public var dropout: Float = 0.1
    /// Whether norms of vectors are over groups of channels instead of the batch.
    public var groupNormOnVectors = false

    public init() {}

    public init(
        factor: Int, classes: Int = 2, gate: MultiFeature.Gate = .plain, skip: SuperResolver.Skip = .none
    ) {
        self.factor = factor
        self.classes = classes
        self.gate = gate
        self.skip = skip
    }

    public var resolver: SuperResolver {
        var resolver = SuperResolver(factor: factor, gate: gate, skip: skip)
        resolver.inputChannels = inputChannels
        resolver.features = features
        resolver.blocks = blocks
        resolver.groupNormOnVectors = groupNormOnVectors
        return resolver
    }

    public var classifier: PatchClassifier {
        var classifier = PatchClassifier(classes: classes)
        classifier.inputChannels = inputChannels
        classifier.dropout = dropout
        classifier.groupNormOnVectors = groupNormOnVectors
        return classifier
    }

    public var axes: Int { 2 }
    public var sizeMultiple: [Int] { [1, 1] }
    public var results: [NetworkResult] { [.image(factor: factor), .classes] }

    public func fitted(axes: Int, inputChannels: Int, classes: Int) -> SHISRCNet {
        var copy = self
        (copy.inputChannels, copy.classes) = (inputChannels, classes)
        return copy
    }

    public func problems() -> [Diagnostic] {
        resolver.problems(of: Self.kind)
            + classifier.problems(of: Self.kind).filter { !$0.message.contains("inputChannels") }
    }

    /// - Parameter x: N, `inputChannels`, H, W.
    /// - Returns: the enlarged image, N, `inputChannels`, factor · H, factor · W, and the logits, N, `classes`.
    public func callAsFunction(_ x: Value, _ scope: Scope) throws(Diagnostic) -> [Value] {
        try check(x)
        let image = try resolver(x, scope["sr"])[0]
        return [image, try classifier(image, scope["cf"])[0]]
    }
}
