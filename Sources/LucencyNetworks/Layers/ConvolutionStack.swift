import LucencyFoundation
import LucencyTensor

/// The order of the parts of a convolution unit.
public enum LayerOrder: String, Codable, Hashable, Sendable, CaseIterable {
    case convolutionNormActivation = "conv-norm-act"
    case convolutionActivationNorm = "conv-act-norm"
    /// Pre-activation (He et al. 2016, "Identity mappings").
    case normActivationConvolution = "norm-act-conv"
    case activationConvolutionNorm = "act-conv-norm"

    enum Part { case convolution, norm, activation }

    var parts: [Part] {
        switch self {
        case .convolutionNormActivation: [.convolution, .norm, .activation]
        case .convolutionActivationNorm: [.convolution, .activation, .norm]
        case .normActivationConvolution: [.norm, .activation, .convolution]
        case .activationConvolutionNorm: [.activation, .convolution, .norm]
        }
    }
}

/// Convolution units one behind another, their parts numbered as in a PyTorch `Sequential` (activations take a number
/// too): `0.weight`, `1.running_mean`, `3.weight` …
///
/// As a residual block, the input is added to the result, through a 1×1 convolution `skip` where the channels differ. If the
/// last part is an activation, it comes after the addition.
public struct ConvolutionStack: Hashable, Sendable {
    public var convolution: Convolution
    /// How many units.
    public var count: Int
    public var norm: Norm
    public var activation: Activation
    public var order: LayerOrder
    public var isResidual: Bool

    public init(
        _ convolution: Convolution, count: Int, norm: Norm, activation: Activation,
        order: LayerOrder = .convolutionNormActivation, isResidual: Bool = false
    ) {
        self.convolution = convolution
        self.count = count
        self.norm = norm
        self.activation = activation
        self.order = order
        self.isResidual = isResidual
    }

    /// - Throws: `Diagnostic` naming the shapes that do not fit.
    public func callAsFunction(_ x: Value, _ scope: Scope) throws(Diagnostic) -> Value {
        var parts = (0..<count).flatMap { _ in order.parts }
        if norm.kind == .none { parts.removeAll { $0 == .norm } }
        let endsActive = isResidual && parts.last == .activation
        if endsActive { parts.removeLast() }
        var y = x, index = 0
        while index < parts.count {
            switch parts[index] {
            case .convolution: y = try convolution(y, scope[index])
            case .norm:
                let isActive = index + 1 < parts.count && parts[index + 1] == .activation
                y = try norm(y, scope[index], activation: isActive ? activation : .linear)
                if isActive { index += 1 }
            case .activation: y = try activation(y, scope)
            }
            index += 1
        }
        guard isResidual else { return y }
        let skip =
            x.shape.channels == y.shape.channels
            ? x : try Convolution(y.shape.channels, kernel: 1, axes: x.shape.rank - 2)(x, scope["skip"])
        y = try scope.tape.add(y, skip)
        return endsActive ? try activation(y, scope) : y
    }
}
