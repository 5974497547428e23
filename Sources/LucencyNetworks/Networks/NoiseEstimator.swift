import LucencyFoundation
import LucencyTensor

/// The network that estimates the noise in a latent image at a time of its diffusion (Ho et al. 2020; with residual
/// resampling and multi-head attention as in Dhariwal and Nichol 2021), as BS-LDM uses it.
///
/// The time enters as `Tensor.timeEmbedding` of width `base`, goes through `t1`, SiLU and `t2`, and modulates every residual
/// block. `down.k.j`, `mid.j` and `up.k.j` number the blocks in their order; every `down.k` leaves a skip, which the `up` blocks
/// take last in, first out, as [current, skip]. `on` and `oc` are the last norm and convolution.
public struct NoiseEstimator: Codable, Hashable, Sendable {
    /// Channels of the input: the noisy image's and those of the condition behind it.
    public var inputChannels = 8
    public var outputChannels = 8
    /// Channels of the first level.
    public var base = 128
    /// Channels of each level in units of `base`; each level but the first has half the resolution of the one before.
    public var multipliers = [1, 1, 2, 2, 4, 4]
    /// Residual blocks of each level.
    public var blocks = 8
    /// Attention stands where the image is reduced by one of these factors.
    public var attentionFactors = [8, 16, 32, 64]
    public var heads = 8
    public var attentionLayout = AttentionLayout.interleaved
    /// Groups of all norms.
    public var groups = 32
    public var dropout: Float = 0

    /// The network of BS-LDM, with 382,978,184 parameters.
    public init() {}

    /// Each extent of the image must be a multiple of this.
    public var sizeMultiple: Int { 1 << min(16, max(0, multipliers.count - 1)) }

    /// Refuses settings that contradict each other, all at once.
    public func problems() -> [Diagnostic] {
        var check = SettingCheck("noise-estimator")
        check.require((1...1 << 12).contains(inputChannels), "inputChannels must be in 1...4096")
        check.require((1...1 << 12).contains(outputChannels), "outputChannels must be in 1...4096")
        check.require((2...1 << 12).contains(base) && base % 2 == 0, "base must be even and in 2...4096, found \(base)")
        check.require(
            (1...10).contains(multipliers.count) && multipliers.allSatisfy { (1...64).contains($0) },
            "multipliers must be 1 to 10 numbers in 1...64, found \(multipliers)")
        check.require((1...64).contains(blocks), "blocks must be in 1...64, found \(blocks)")
        check.require(dropout >= 0 && dropout < 1, "dropout must be in 0..<1, found \(dropout)")
        check.require(
            groups >= 1 && base % max(1, groups) == 0, "\(groups) groups do not divide the base of \(base) channels")
        check.require(
            heads >= 1 && base % max(1, heads) == 0, "\(heads) heads do not divide the base of \(base) channels")
        return check.problems
    }

    /// Records the network.
    ///
    /// - Parameters:
    ///   - x: N, `inputChannels`, spatial.
    ///   - time: N, `base`, from `Tensor.timeEmbedding`.
    /// - Returns: N, `outputChannels`, spatial.
    /// - Throws: `Diagnostic` naming what does not fit.
    public func callAsFunction(_ x: Value, time: Value, _ scope: Scope) throws(Diagnostic) -> Value {
        if let problem = problems().first { throw problem }
        guard x.shape.rank >= 3, x.shape.channels == inputChannels,
            x.shape.spatial.allSatisfy({ $0 % sizeMultiple == 0 })
        else {
            throw Diagnostic(
                .shapeMismatch,
                "noise-estimator: takes images of \(inputChannels) channels whose extents are multiples of "
                    + "\(sizeMultiple), found \(x.shape)")
        }
        let tape = scope.tape, axes = x.shape.rank - 2
        let code = try Linear(4 * base)(tape.silu(Linear(4 * base)(time, scope["t1"])), scope["t2"])
        let down = scope["down"], up = scope["up"], middle = scope["mid"]
        var h = try Convolution(base, kernel: 3, axes: axes)(x, down[0][0])
        var skips = [h]
        for (level, multiplier) in multipliers.enumerated() {
            for _ in 0..<blocks {
                h = try block(h, multiplier, level, code, down[skips.count])
                skips.append(h)
            }
            if level + 1 < multipliers.count {
                h = try residual(multiplier * base, .down)(h, code: code, down[skips.count][0])
                skips.append(h)
            }
        }
        let deepest = residual(h.shape.channels, .none)
        h = try attention(deepest(h, code: code, middle[0]), middle[1])
        h = try deepest(h, code: code, middle[2])
        var number = 0
        for (level, multiplier) in multipliers.enumerated().reversed() {
            for index in 0...blocks {
                guard let skip = skips.popLast() else { break }
                let place = up[number]
                h = try block(tape.concatenation([h, skip]), multiplier, level, code, place)
                if index == blocks, level > 0 {
                    let last = place[hasAttention(level) ? 2 : 1]
                    h = try residual(multiplier * base, .up)(h, code: code, last)
                }
                number += 1
            }
        }
        h = try tape.silu(Norm(.group, groups: groups)(h, scope["on"]))
        var last = Convolution(outputChannels, kernel: 3, axes: axes)
        last.beginsAtZero = true
        return try last(h, scope["oc"])
    }

    private func residual(_ channels: Int, _ move: ModulatedResidual.Move) -> ModulatedResidual {
        ModulatedResidual(channels, groups: groups, move: move, dropout: dropout)
    }

    private func hasAttention(_ level: Int) -> Bool { attentionFactors.contains(1 << level) }

    private func attention(_ x: Value, _ scope: Scope) throws(Diagnostic) -> Value {
        try AttentionBlock(heads: heads, groups: groups, layout: attentionLayout)(x, scope)
    }

    private func block(
        _ x: Value, _ multiplier: Int, _ level: Int, _ code: Value, _ scope: Scope
    ) throws(Diagnostic) -> Value {
        let h = try residual(multiplier * base, .none)(x, code: code, scope[0])
        return hasAttention(level) ? try attention(h, scope[1]) : h
    }
}
