import LucencyFoundation
import LucencyKernels

/// Activations that convolutions and norms can do in passing.
public enum Activation: Hashable, Sendable {
    case linear
    case relu
    /// max(x, slope · x), slope in 0..<1.
    case leakyReLU(slope: Float)

    var code: lk_activation {
        switch self {
        case .linear: LK_LINEAR
        case .relu: LK_RELU
        case .leakyReLU: LK_LEAKY_RELU
        }
    }

    var slope: Float { if case .leakyReLU(let slope) = self { slope } else { 0 } }
}

/// x where positive, slope · x elsewhere (Maas et al. 2013); slope 0 is ReLU.
struct Rectification: Operation {
    let slope: Float

    var name: String { slope == 0 ? "relu" : "leaky-relu" }
    /// The sign of the result is that of the input, as slopes are not negative.
    var backwardReads: BackwardReads { BackwardReads(outputs: [0]) }
    var addsGradients: Bool { true }
    var isCheap: Bool { true }

    var activation: Activation { slope == 0 ? .relu : .leakyReLU(slope: slope) }

    func outputShapes(_ inputs: [Shape]) -> [Shape] { inputs }

    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts {
        OperationLayouts(inputs: available, outputs: available)
    }

    private static let chunk = 1 << 15

    func forward(_ context: OperationContext) {
        let count = context.signature.outputLayouts[0].count(context.outputShapes[0])
        let family = context.signature.kernels.code
        let x = SharedPointer(context.inputs[0]), y = SharedPointer(context.outputs[0])
        context.parallel((count + Self.chunk - 1) / Self.chunk) { index in
            let first = index * Self.chunk
            lk_relu(family, x + first, y + first, Int64(min(Self.chunk, count - first)), slope)
        }
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let result = context.inputGradients[0] else { return }
        let count = context.signature.outputLayouts[0].count(context.outputShapes[0])
        let family = context.signature.kernels.code, accumulates: Int32 = context.accumulates[0] ? 1 : 0
        let y = SharedPointer(context.outputs[0]), dy = SharedPointer(gradient), dx = SharedPointer(result)
        context.parallel((count + Self.chunk - 1) / Self.chunk) { index in
            let first = index * Self.chunk
            lk_relu_gradient(
                family, y + first, dy + first, dx + first, Int64(min(Self.chunk, count - first)), slope, accumulates)
        }
    }
}

extension Tape {
    /// max(x, 0).
    public func relu(_ x: Value) throws(Diagnostic) -> Value { try record(Rectification(slope: 0), x) }

    /// x where positive, slope · x elsewhere.
    /// - Throws: `Diagnostic` when the slope is not in 0..<1.
    public func leakyReLU(_ x: Value, slope: Float = 0.01) throws(Diagnostic) -> Value {
        guard slope >= 0, slope < 1 else {
            throw Diagnostic(.badArgument, "leaky-relu: the slope \(slope) is not in 0..<1")
        }
        return try record(Rectification(slope: slope), x)
    }
}
