import LucencyFoundation
import LucencyTensor

/// The multi-feature block of SHISRCNet (Xie et al. 2023): four dilated convolution units in a chain, each of which also sees
/// the block's input, weighted channel by channel by gates.
///
/// y1 = unit(x; rate 1), y2 = unit(y1 + x; 2), y3 = unit(y2 + x; 4), y4 = unit(y3 + x; 8); with the gates' scores
/// a_k = G_k(mean of y_k) and w = softmax over k of sigmoid(a_k), the result is the 1×1 unit of Σ w_k · y_k + x.
/// Parameters: `branch.k` and `project` (units), `gate.k`.
public struct MultiFeature: Hashable, Sendable {
    /// What scores a branch.
    public enum Gate: String, Codable, Hashable, Sendable, CaseIterable {
        /// A 1×1 convolution without a bias, as the paper's figure has it.
        case plain
        /// A 1×1 convolution with a bias, batch norm and ReLU: what the public code executes, because a later class takes
        /// the name of the gate. Scores are not negative then.
        case reference
    }

    public var gate: Gate
    /// Whether norms of vectors (in reference gates) are over groups of channels instead of the batch.
    public var groupNormOnVectors: Bool
    static let rates = [1, 2, 4, 8]

    public init(gate: Gate = .plain, groupNormOnVectors: Bool = false) {
        self.gate = gate
        self.groupNormOnVectors = groupNormOnVectors
    }

    /// - Parameter x: N, C, H, W.
    /// - Returns: of the same shape.
    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func callAsFunction(_ x: Value, _ scope: Scope) throws(Diagnostic) -> Value {
        let tape = scope.tape, channels = x.shape.channels
        var branches: [Value] = [], scores: [Value] = []
        for (index, rate) in Self.rates.enumerated() {
            let input = try branches.last.map { last throws(Diagnostic) in try tape.add(last, x) } ?? x
            let branch = try ConvolutionUnit(channels, kernel: 3, dilation: rate)(input, scope["branch"][index])
            let score = try gate(tape.globalAveragePooling(branch), scope["gate"][index])
            branches.append(branch)
            scores.append(try tape.sigmoid(score))
        }
        let mixture = try tape.add(tape.mixture(branches, scores: scores), x)
        return try ConvolutionUnit(channels, kernel: 1)(mixture, scope["project"])
    }

    private func gate(_ mean: Value, _ scope: Scope) throws(Diagnostic) -> Value {
        let channels = mean.shape.channels
        return switch gate {
        case .plain: try Convolution(channels, kernel: 1, axes: 2, hasBias: false)(mean, scope)
        case .reference:
            try ConvolutionUnit(vectors: channels, hasBias: true, groupNorm: groupNormOnVectors)(mean, scope)
        }
    }
}
