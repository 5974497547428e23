import LucencyFoundation
import LucencyTensor

/// The classification module of SHISRCNet (Xie et al., MICCAI 2023): a small selective-kernel network, whose features at
/// three scales are fused and pooled to a descriptor of 384 numbers that two linear layers classify.
///
/// Parameters: `stem` (7×7 unit), `units.k` (`SelectiveKernelUnit`, 0 to 7), `fuse.0` and `fuse.1` (`CrossScaleFusion`, the
/// coarser one first), `hidden` and `classes` (linear).
public struct PatchClassifier: Network {
    public static let kind = "patch-classifier"
    /// Numbers in a descriptor.
    public static let descriptorWidth = 384

    public var inputChannels = 3
    public var classes = 2
    /// Probability with which a number of the hidden layer is dropped while learning.
    public var dropout: Float = 0.1
    /// Whether norms of vectors are over groups of channels instead of the batch.
    public var groupNormOnVectors = false

    public init() {}

    public init(classes: Int) { self.classes = classes }

    public var axes: Int { 2 }
    /// Any size is taken; patches of multiples of 64 pixels are what the fusion's scales meet without a cut.
    public var sizeMultiple: [Int] { [1, 1] }
    public var results: [NetworkResult] { [.classes] }

    public func fitted(axes: Int, inputChannels: Int, classes: Int) -> PatchClassifier {
        var copy = self
        (copy.inputChannels, copy.classes) = (inputChannels, classes)
        return copy
    }

    public func problems() -> [Diagnostic] { problems(of: Self.kind) }

    func problems(of kind: String) -> [Diagnostic] {
        var check = SettingCheck(kind)
        check.require((1...1 << 12).contains(inputChannels), "inputChannels must be in 1...4096")
        check.require((1...1 << 12).contains(classes), "classes must be in 1...4096")
        check.require(dropout >= 0 && dropout < 1, "dropout must be in 0..<1, found \(dropout)")
        return check.problems
    }

    /// The unit's middle and outer channels and stride, in their order.
    private static let units =
        [(32, 64, 1), (32, 64, 1), (64, 128, 2), (64, 128, 1)]
        + Array(repeating: (128, 128, 1), count: 4)

    /// - Parameter x: N, `inputChannels`, H, W.
    /// - Returns: N, `classes`: a logit for each.
    public func callAsFunction(_ x: Value, _ scope: Scope) throws(Diagnostic) -> [Value] {
        [try withDescriptor(x, scope).logits]
    }

    /// Records the network, and gives what its classifier reads as well.
    /// - Parameter x: N, `inputChannels`, H, W.
    /// - Returns: logits, N, `classes`, and descriptors, N, 384: the pooled maps at three scales, coarsest first.
    /// - Throws: `Diagnostic` naming what does not fit.
    public func withDescriptor(
        _ x: Value, _ scope: Scope
    ) throws(Diagnostic) -> (logits: Value, descriptor: Value) {
        try check(x)
        let tape = scope.tape
        func half(_ x: Value) throws(Diagnostic) -> Value {
            try tape.maxPooling(x, kernel: [3, 3], stride: [2, 2], padding: [1, 1])
        }
        var y = try half(ConvolutionUnit(32, kernel: 7, stride: 2)(x, scope["stem"]))
        for (index, (middle, channels, stride)) in Self.units.enumerated() {
            let unit = SelectiveKernelUnit(middle, channels, stride: stride, groupNormOnVectors: groupNormOnVectors)
            y = try unit(y, scope["units"][index])
        }
        let fine = try half(y), medium = try half(fine), coarse = try half(medium)
        let fusion = CrossScaleFusion(groupNormOnVectors: groupNormOnVectors)
        let second = try fusion(medium, coarse, scope["fuse"][0])
        let first = try fusion(fine, second, scope["fuse"][1])
        var means: [Value] = []
        for map in [coarse, second, first] { means.append(try tape.globalAveragePooling(map)) }
        let descriptor = try tape.reshape(tape.concatenation(means), [x.shape.images, Self.descriptorWidth])
        let hidden = try tape.dropout(Linear(256)(descriptor, scope["hidden"]), probability: dropout)
        return (try Linear(classes)(tape.relu(hidden), scope["classes"]), descriptor)
    }
}
