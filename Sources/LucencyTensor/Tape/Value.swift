import LucencyFoundation

/// A tensor that a tape computes: known by shape now, by content when the plan made from the tape runs.
public struct Value: Hashable, Sendable {
    package let id: Int
    public let shape: Shape
}

/// A tensor that a network owns: a weight that training changes, or a state such as a running mean.
public struct ParameterDeclaration: Hashable, Sendable {
    /// PyTorch's names, so that checkpoints of others map by name: `enc1.0.weight`.
    public let name: String
    public let shape: Shape
    public let initializer: Initializer
    /// Whether gradients are computed and optimisers change it.
    public let isTrainable: Bool

    public init(name: String, shape: Shape, initializer: Initializer, isTrainable: Bool = true) {
        self.name = name
        self.shape = shape
        self.initializer = initializer
        self.isTrainable = isTrainable
    }

    /// The same, beginning with zeros: for parameters that are read from a file at once.
    package var unset: ParameterDeclaration {
        ParameterDeclaration(name: name, shape: shape, initializer: .constant(0), isTrainable: isTrainable)
    }
}

/// How a parameter begins.
public enum Initializer: Hashable, Sendable {
    case constant(Float)
    /// Uniform between minus and plus the bound.
    case uniform(bound: Float)
    case normal(standardDeviation: Float)

    /// He et al. 2015 for ReLU-like activations: normal with variance 2 / ((1 + slope²) · fan-in).
    public static func he(fanIn: Int, slope: Float = 0) -> Initializer {
        .normal(standardDeviation: (2 / ((1 + slope * slope) * Float(max(1, fanIn)))).squareRoot())
    }

    /// What PyTorch gives convolutions and linear layers: uniform with bound 1 / √fan-in.
    public static func fanIn(_ fanIn: Int) -> Initializer {
        .uniform(bound: 1 / Float(max(1, fanIn)).squareRoot())
    }
}
