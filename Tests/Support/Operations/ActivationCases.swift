import LucencyFoundation
import LucencyTensor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

// Named and typed, because the compiler takes long over such closures.
@Sendable private func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
@Sendable private func normal(_ x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }
@Sendable private func geluByTanh(_ x: Double) -> Double {
    let argument: Double = (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)
    return 0.5 * x * (1 + tanh(argument))
}
@Sendable private func hyperbolic(_ x: Double) -> Double { tanh(x) }
@Sendable private func power(_ x: Double) -> Double { exp(x) }
@Sendable private func naturalLogarithm(_ x: Double) -> Double { log(x) }
@Sendable private func leaky(_ x: Double) -> Double { x > 0 ? x : 0.1 * x }
@Sendable private func clamped(_ x: Double) -> Double { min(max(x, -1), 2) }
@Sendable private func clampedAbove(_ x: Double) -> Double { min(max(x, 0.5), 2) }

extension OperationCases {
    private static func unary(
        _ name: String, _ range: ClosedRange<Float> = -3...3, large: Bool = true, tolerance: Double = 1e-6,
        build: @escaping @Sendable (Tape, Value) throws(Diagnostic) -> Value,
        reference: @escaping @Sendable (Double) -> Double
    ) -> OperationCase {
        OperationCase(
            name, [.data([2, 5, 4, 7], range)], large: large ? [[1, 64, 256, 256]] : nil, tolerance: tolerance,
            gradientTolerance: 2 * tolerance,
            build: { tape, inputs throws(Diagnostic) in try build(tape, inputs[0]) },
            reference: { $0[0].map(reference) })
    }

    private static let functions: [OperationCase] = [
        unary("relu", build: { tape, x throws(Diagnostic) in try tape.relu(x) }, reference: { max($0, 0) }),
        unary(
            "leaky relu", build: { tape, x throws(Diagnostic) in try tape.leakyReLU(x, slope: 0.1) }, reference: leaky),
        unary("sigmoid", build: { tape, x throws(Diagnostic) in try tape.sigmoid(x) }, reference: logistic),
        unary(
            "sigmoid far out", -85...85, large: false, build: { tape, x throws(Diagnostic) in try tape.sigmoid(x) },
            reference: logistic),
        unary("tanh", build: { tape, x throws(Diagnostic) in try tape.tanh(x) }, reference: hyperbolic),
        unary(
            "tanh near 0", -0.01...0.01, large: false, build: { tape, x throws(Diagnostic) in try tape.tanh(x) },
            reference: hyperbolic),
        unary("silu", build: { tape, x throws(Diagnostic) in try tape.silu(x) }, reference: { $0 * logistic($0) }),
        unary("gelu", build: { tape, x throws(Diagnostic) in try tape.gelu(x) }, reference: { $0 * normal($0) }),
        unary(
            "gelu far out", -30...30, large: false, build: { tape, x throws(Diagnostic) in try tape.gelu(x) },
            reference: { $0 * normal($0) }),
        unary(
            "gelu by tanh", build: { tape, x throws(Diagnostic) in try tape.gelu(x, approximatesByTanh: true) },
            reference: geluByTanh),
        unary(
            "exponential", -5...3, build: { tape, x throws(Diagnostic) in try tape.exponential(x) }, reference: power),
        unary(
            "logarithm", 0.1...50, build: { tape, x throws(Diagnostic) in try tape.logarithm(x) },
            reference: naturalLogarithm),
        unary(
            "square root", 0.1...50, build: { tape, x throws(Diagnostic) in try tape.squareRoot(x) },
            reference: { $0.squareRoot() }),
        unary("magnitude", build: { tape, x throws(Diagnostic) in try tape.magnitude(x) }, reference: { abs($0) }),
        unary("square", build: { tape, x throws(Diagnostic) in try tape.square(x) }, reference: { $0 * $0 }),
        unary("clamp", build: { tape, x throws(Diagnostic) in try tape.clamp(x, to: -1...2) }, reference: clamped),
        unary(
            "clamp without 0", build: { tape, x throws(Diagnostic) in try tape.clamp(x, to: 0.5...2) },
            reference: clampedAbove),
        unary("scale", build: { tape, x throws(Diagnostic) in try tape.scale(x, by: 1.5) }, reference: { 1.5 * $0 }),
        unary(
            "scale and shift", build: { tape, x throws(Diagnostic) in try tape.scale(x, by: -2, plus: 0.75) },
            reference: { -2 * $0 + 0.75 }),
    ]

    static let activations: [OperationCase] = functions + parametric + softmaxes

    private static let parametric: [OperationCase] = [
        OperationCase(
            "parametric relu", [.data([2, 19, 3, 4]), .parameter([19], 0...0.5)], large: [[1, 64, 256, 256], [64]],
            build: { tape, inputs throws(Diagnostic) in try tape.parametricReLU(inputs[0], slopes: inputs[1]) },
            reference: { inputs in
                Naive(inputs[0].shape) { index in
                    let v = inputs[0][index]
                    return v > 0 ? v : v * inputs[1].data[index[1]]
                }
            }),
        OperationCase(
            "parametric relu, one slope", [.data([2, 5, 3, 4]), .parameter([1], 0...0.5)],
            build: { tape, inputs throws(Diagnostic) in try tape.parametricReLU(inputs[0], slopes: inputs[1]) },
            reference: { inputs in inputs[0].map { $0 > 0 ? $0 : $0 * inputs[1].data[0] } }),
    ]

    private static let softmaxes: [OperationCase] = [
        softmax("softmax", [2, 5, 4, 7], 1, isLogarithm: false, -4...4, large: [1, 16, 256, 256]),
        softmax("softmax far out", [1, 3, 9, 9], 1, isLogarithm: false, -80...80),
        softmax("softmax of the last dimension", [3, 4, 70], 2, isLogarithm: false, -4...4, large: [8, 512, 512]),
        softmax("log-softmax", [2, 5, 3, 7], 1, isLogarithm: true, -4...4, large: [1, 16, 256, 256]),
        softmax("log-softmax far out", [1, 3, 9, 9], 1, isLogarithm: true, -80...80),
        softmax("log-softmax of the last dimension", [6, 130], 1, isLogarithm: true, -4...4),
        softmax("softmax of the first dimension", [4, 5], 0, isLogarithm: false, -4...4),
    ]

    private static func softmax(
        _ name: String, _ shape: [Int], _ axis: Int, isLogarithm: Bool, _ range: ClosedRange<Float>,
        large: [Int]? = nil
    ) -> OperationCase {
        OperationCase(
            name, [.data(shape, range)], large: large.map { [$0] }, gradientTolerance: 1e-5,
            build: { tape, inputs throws(Diagnostic) in
                isLogarithm ? try tape.logSoftmax(inputs[0], over: axis) : try tape.softmax(inputs[0], over: axis)
            },
            reference: { inputs in
                let largest = inputs[0].fold([axis], -.infinity, max)
                let moved = Naive.combine(inputs[0], largest) { $0 - $1 }
                let powers = moved.map(power), sum = powers.fold([axis], 0, +)
                if isLogarithm { return Naive.combine(moved, sum.map(naturalLogarithm)) { $0 - $1 } }
                return Naive.combine(powers, sum) { $0 / $1 }
            })
    }
}
