/// How gradients change weights.
public struct Optimizer: Codable, Hashable, Sendable {
    public enum Method: String, Codable, Hashable, Sendable, CaseIterable {
        /// Stochastic gradient descent with momentum, as PyTorch defines it: velocity = momentum · velocity + gradient.
        case sgd
        /// Kingma and Ba 2015; weight decay is added to the gradient.
        case adam
        /// Loshchilov and Hutter 2019; weight decay acts on the weights themselves.
        case adamW = "adamw"
    }

    public var method: Method
    /// Momentum of `sgd`, in 0..<1.
    public var momentum: Float = 0
    /// Nesterov's form of momentum, for `sgd`.
    public var isNesterov = false
    /// Decay of the mean of gradients, for Adam.
    public var beta1: Float = 0.9
    /// Decay of the mean of squared gradients, for Adam.
    public var beta2: Float = 0.999
    /// Added to the root of that mean, for Adam.
    public var epsilon: Float = 1e-8
    /// Weight decay, not negative.
    public var decay: Float = 0
    /// Whether biases and the scales and shifts of norms (all parameters of one dimension) are exempt from weight decay.
    public var sparesVectors = false

    public init(_ method: Method) {
        self.method = method
    }

    public static func sgd(momentum: Float = 0, isNesterov: Bool = false, decay: Float = 0) -> Optimizer {
        var optimizer = Optimizer(.sgd)
        optimizer.momentum = momentum
        optimizer.isNesterov = isNesterov
        optimizer.decay = decay
        return optimizer
    }

    public static func adam(decay: Float = 0) -> Optimizer {
        var optimizer = Optimizer(.adam)
        optimizer.decay = decay
        return optimizer
    }

    public static func adamW(decay: Float = 0.01) -> Optimizer {
        var optimizer = Optimizer(.adamW)
        optimizer.decay = decay
        return optimizer
    }

    /// How many numbers are remembered for each weight.
    var moments: Int {
        switch method {
        case .sgd: momentum > 0 ? 1 : 0
        case .adam, .adamW: 2
        }
    }
}
