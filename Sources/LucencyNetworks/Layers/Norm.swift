import LucencyFoundation
import LucencyTensor

/// A normalization of channels with learned scale and shift, and an activation in the same pass. Parameters: `weight`,
/// `bias`, and for `batch` the states `running_mean` and `running_var`.
public struct Norm: Hashable, Sendable {
    /// What means and variances are taken over.
    public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        case none
        /// Over the batch while learning; running statistics otherwise.
        case batch
        /// Over each channel of each image.
        case instance
        /// Over groups of channels of each image.
        case group
    }

    public var kind: Kind
    /// Groups of channels, for `group`.
    public var groups: Int
    public var epsilon: Float
    /// How far the running statistics move towards those of a batch.
    public var momentum: Float
    /// Whether `batch` takes the running statistics where a batch holds a single number per channel (one image, pooled to a
    /// vector), of which there is no variance; otherwise that is an error.
    public var toleratesSingles = false

    public init(_ kind: Kind, groups: Int = 8, epsilon: Float = 1e-5, momentum: Float = 0.1) {
        self.kind = kind
        self.groups = groups
        self.epsilon = epsilon
        self.momentum = momentum
    }

    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func callAsFunction(
        _ x: Value, _ scope: Scope, activation: Activation = .linear
    ) throws(Diagnostic) -> Value {
        if kind == .none { return try activation.callAsFunction(x, scope) }
        let channels = x.shape.channels
        let scale = try scope.parameter("weight", [channels], .constant(1))
        let shift = try scope.parameter("bias", [channels], .constant(0))
        guard kind == .batch else {
            return try scope.tape.groupNormalization(
                x, scale: scale, shift: shift, groups: kind == .group ? groups : channels, epsilon: epsilon,
                activation: activation)
        }
        let mean = try scope.parameter("running_mean", [channels], .constant(0), isTrainable: false)
        let variance = try scope.parameter("running_var", [channels], .constant(1), isTrainable: false)
        return try scope.tape.batchNormalization(
            x, scale: scale, shift: shift, runningMean: mean, runningVariance: variance, epsilon: epsilon,
            momentum: momentum, activation: activation,
            keepsStatistics: toleratesSingles && x.shape.images * x.shape.pixels == 1)
    }
}

extension Activation {
    /// Records the activation as an operation of its own; it has no parameters.
    public func callAsFunction(_ x: Value, _ scope: Scope) throws(Diagnostic) -> Value {
        switch self {
        case .linear: x
        case .relu: try scope.tape.relu(x)
        case .leakyReLU(let slope): try scope.tape.leakyReLU(x, slope: slope)
        }
    }
}
