import LucencyFoundation
import LucencyKernels

/// A function of each number by itself.
struct Elementwise: Operation {
    let function: lk_function
    /// Constants of clamp and scale-and-shift.
    var a: Float = 0
    var b: Float = 0

    var name: String {
        switch function {
        case LK_SIGMOID: "sigmoid"
        case LK_TANH: "tanh"
        case LK_SILU: "silu"
        case LK_GELU, LK_GELU_TANH: "gelu"
        case LK_EXP: "exponential"
        case LK_LOG: "logarithm"
        case LK_SQRT: "square-root"
        case LK_ABS: "magnitude"
        case LK_SQUARE: "square"
        case LK_CLAMP: "clamp"
        default: "scale-and-shift"
        }
    }

    private var readsResult: Bool { [LK_SIGMOID, LK_TANH, LK_EXP, LK_SQRT].contains(function) }

    var backwardReads: BackwardReads {
        if function == LK_AFFINE { return .nothing }
        return readsResult ? BackwardReads(outputs: [0]) : BackwardReads(inputs: [0])
    }
    var addsGradients: Bool { true }
    var isCheap: Bool { true }

    func outputShapes(_ inputs: [Shape]) -> [Shape] { inputs }

    /// Whether 0 stays 0 and has a finite slope, so that the unused lanes of blocks stay 0.
    private var keepsZero: Bool {
        switch function {
        case LK_SIGMOID, LK_EXP, LK_LOG, LK_SQRT: false
        case LK_CLAMP: a <= 0 && b >= 0
        case LK_AFFINE: b == 0
        default: true
        }
    }

    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts {
        keepsZero ? OperationLayouts(inputs: available, outputs: available) : .plain
    }

    func forward(_ context: OperationContext) {
        let family = context.signature.kernels.code
        let x = SharedPointer(context.inputs[0]), y = SharedPointer(context.outputs[0])
        context.chunks(context.outputCount) { first, count in
            lk_apply(family, function, x + first, y + first, Int64(count), a, b)
        }
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let result = context.inputGradients[0] else { return }
        let family = context.signature.kernels.code, accumulates: Int32 = context.accumulates[0] ? 1 : 0
        let values = readsResult ? SharedPointer(context.outputs[0]) : SharedPointer(context.inputs[0])
        let dy = SharedPointer(gradient), dx = SharedPointer(result)
        context.chunks(context.outputCount) { first, count in
            lk_apply_gradient(
                family, function, values + first, dy + first, dx + first, Int64(count), a, b, accumulates)
        }
    }
}

extension Tape {
    /// 1 / (1 + exp(-x)).
    public func sigmoid(_ x: Value) throws(Diagnostic) -> Value { try record(Elementwise(function: LK_SIGMOID), x) }

    /// The hyperbolic tangent.
    public func tanh(_ x: Value) throws(Diagnostic) -> Value { try record(Elementwise(function: LK_TANH), x) }

    /// x · sigmoid(x), also called swish (Elfwing et al. 2018).
    public func silu(_ x: Value) throws(Diagnostic) -> Value { try record(Elementwise(function: LK_SILU), x) }

    /// x · Φ(x) with Φ the normal distribution function (Hendrycks and Gimpel 2016).
    /// - Parameter approximatesByTanh: use their approximation x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))).
    public func gelu(_ x: Value, approximatesByTanh: Bool = false) throws(Diagnostic) -> Value {
        try record(Elementwise(function: approximatesByTanh ? LK_GELU_TANH : LK_GELU), x)
    }

    /// e to the power of x.
    public func exponential(_ x: Value) throws(Diagnostic) -> Value { try record(Elementwise(function: LK_EXP), x) }

    /// The natural logarithm: NaN below 0, -∞ at 0.
    public func logarithm(_ x: Value) throws(Diagnostic) -> Value { try record(Elementwise(function: LK_LOG), x) }

    /// The square root: NaN below 0; its slope at 0 is infinite.
    public func squareRoot(_ x: Value) throws(Diagnostic) -> Value { try record(Elementwise(function: LK_SQRT), x) }

    /// |x|, with slope 0 at 0.
    public func magnitude(_ x: Value) throws(Diagnostic) -> Value { try record(Elementwise(function: LK_ABS), x) }

    /// x².
    public func square(_ x: Value) throws(Diagnostic) -> Value { try record(Elementwise(function: LK_SQUARE), x) }

    /// x brought into a range; the slope is 1 inside and at the bounds, 0 outside.
    public func clamp(_ x: Value, to range: ClosedRange<Float>) throws(Diagnostic) -> Value {
        try record(Elementwise(function: LK_CLAMP, a: range.lowerBound, b: range.upperBound), x)
    }

    /// x · factor + offset, with constants.
    public func scale(_ x: Value, by factor: Float, plus offset: Float = 0) throws(Diagnostic) -> Value {
        try record(Elementwise(function: LK_AFFINE, a: factor, b: offset), x)
    }
}
