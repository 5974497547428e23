import LucencyFoundation
import LucencyTensor

/// Fuses a feature map with a coarser one, channel by channel (Xie et al. 2023).
///
/// u is the coarse map through a 2×2 transposed convolution with norm and ReLU `up`; the pooled sum of the fine map and u
/// goes through the units `squeeze.0`, `squeeze.1` and, each on its own, `g1` and `g2`, whose softmax weights the fine map
/// and u.
public struct CrossScaleFusion: Hashable, Sendable {
    /// Width of the code between the squeezing units.
    public var width: Int
    public var groupNormOnVectors: Bool

    public init(width: Int = 32, groupNormOnVectors: Bool = false) {
        self.width = width
        self.groupNormOnVectors = groupNormOnVectors
    }

    /// - Parameters:
    ///   - fine: N, C, H, W.
    ///   - coarse: N, K, ⌈H/2⌉, ⌈W/2⌉; a last row or column too many is cut off.
    /// - Returns: of the shape of `fine`.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func callAsFunction(_ fine: Value, _ coarse: Value, _ scope: Scope) throws(Diagnostic) -> Value {
        let tape = scope.tape, channels = fine.shape.channels, up = scope["up"]
        var enlarged = try TransposedConvolution(channels, enlarging: [2, 2])(coarse, up[0])
        enlarged = try Norm(.batch)(enlarged, up[1], activation: .relu)
        if enlarged.shape != fine.shape {
            enlarged = try tape.crop(enlarged, origin: [0, 0], size: fine.shape.spatial)
        }
        var code = try tape.globalAveragePooling(tape.add(fine, enlarged))
        for (index, width) in [width, channels].enumerated() {
            code = try unit(width)(code, scope["squeeze"][index])
        }
        let scores = try [unit(channels)(code, scope["g1"]), unit(channels)(code, scope["g2"])]
        return try tape.mixture([fine, enlarged], scores: scores)
    }

    private func unit(_ channels: Int) -> ConvolutionUnit {
        ConvolutionUnit(vectors: channels, hasBias: true, groupNorm: groupNormOnVectors)
    }
}
