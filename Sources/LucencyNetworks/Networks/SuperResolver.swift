import LucencyFoundation
import LucencyTensor

/// The super-resolution module of SHISRCNet (Xie et al., MICCAI 2023), which enlarges images 2, 4 or 8 times.
///
/// Parameters: `head` (3×3 convolution), `body.k` (`MultiFeature` blocks), `tail` (3×3 convolution; the head's result is
/// added), `up.k` (3×3 convolution to 4 times the channels, pixel shuffle by 2, LeakyReLU) once for each doubling, `h0` (3×3
/// convolution, LeakyReLU), `h1` (3×3 convolution without a bias). The published form ends there; nothing bounds the result.
public struct SuperResolver: Network {
    public static let kind = "super-resolver"

    /// What the result is counted from.
    public enum Skip: String, Codable, Hashable, Sendable, CaseIterable {
        /// From zero: the published form.
        case none
        /// From the bicubic enlargement of the input (a = -0.5), with which the network then begins. Ours: it learns sooner.
        case cubic
    }

    public var inputChannels = 3
    /// Times by which height and width grow: 2, 4 or 8.
    public var factor = 4
    /// Channels within.
    public var features = 64
    /// Multi-feature blocks.
    public var blocks = 3
    public var gate = MultiFeature.Gate.plain
    public var skip = Skip.none
    /// Whether norms of vectors (in reference gates) are over groups of channels instead of the batch.
    public var groupNormOnVectors = false

    public init() {}

    public init(factor: Int, gate: MultiFeature.Gate = .plain, skip: Skip = .none) {
        self.factor = factor
        self.gate = gate
        self.skip = skip
    }

    public var axes: Int { 2 }
    public var sizeMultiple: [Int] { [1, 1] }
    public var results: [NetworkResult] { [.image(factor: factor)] }

    /// Another number of channels; it has neither classes nor other dimensions than two.
    public func fitted(axes: Int, inputChannels: Int, classes: Int) -> SuperResolver {
        var copy = self
        copy.inputChannels = inputChannels
        return copy
    }

    public func problems() -> [Diagnostic] { problems(of: Self.kind) }

    func problems(of kind: String) -> [Diagnostic] {
        var check = SettingCheck(kind)
        check.require((1...1 << 12).contains(inputChannels), "inputChannels must be in 1...4096")
        check.require([2, 4, 8].contains(factor), "factor must be 2, 4 or 8, found \(factor)")
        check.require((1...1 << 12).contains(features), "features must be in 1...4096, found \(features)")
        check.require((1...64).contains(blocks), "blocks must be in 1...64, found \(blocks)")
        return check.problems
    }

    /// - Parameter x: N, `inputChannels`, H, W.
    /// - Returns: N, `inputChannels`, factor · H, factor · W.
    public func callAsFunction(_ x: Value, _ scope: Scope) throws(Diagnostic) -> [Value] {
        try check(x)
        let tape = scope.tape
        func convolution(_ channels: Int) -> Convolution { Convolution(channels, kernel: 3, axes: 2) }
        let first = try convolution(features)(x, scope["head"])
        var y = first
        for index in 0..<blocks {
            y = try MultiFeature(gate: gate, groupNormOnVectors: groupNormOnVectors)(y, scope["body"][index])
        }
        y = try tape.add(convolution(features)(y, scope["tail"]), first)
        for index in 0..<factor.trailingZeroBitCount {
            // The activation commutes with the shuffle, and before it becomes part of the convolution.
            y = try tape.leakyReLU(convolution(4 * features)(y, scope["up"][index]), slope: Self.slope)
            y = try tape.pixelShuffle(y, factor: 2)
        }
        y = try tape.leakyReLU(convolution(features)(y, scope["h0"]), slope: Self.slope)
        var last = Convolution(inputChannels, kernel: 3, axes: 2, hasBias: false)
        last.beginsAtZero = skip == .cubic
        y = try last(y, scope["h1"])
        guard skip == .cubic else { return [y] }
        return [try tape.add(y, tape.resize(x, by: Double(factor), .cubic(a: -0.5)))]
    }

    private static let slope: Float = 0.1
}
