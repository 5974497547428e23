import LucencyFoundation
import LucencyTensor

extension OperationCases {
    private static func activate(_ activation: Activation) -> @Sendable (Double) -> Double {
        switch activation {
        case .linear: { $0 }
        case .relu: { max($0, 0) }
        case .leakyReLU(let slope): { $0 > 0 ? $0 : $0 * Double(slope) }
        }
    }

    private static func batch(
        _ name: String, _ x: [Int], _ activation: Activation, mode: Tape.Mode, large: [Int]? = nil
    ) -> OperationCase {
        let c = [x[1]]
        return OperationCase(
            "batch normalization " + name,
            [.data(x, -1...3), .parameter(c, 0.5...1.5), .parameter(c), .state(c, 0...2), .state(c, 0.5...2)],
            large: large.map { [$0] + Array(repeating: [$0[1]], count: 4) }, mode: mode, tolerance: 4e-6,
            gradientTolerance: 2e-5,
            build: { tape, inputs throws(Diagnostic) in
                try tape.batchNormalization(
                    inputs[0], scale: inputs[1], shift: inputs[2], runningMean: inputs[3],
                    runningVariance: inputs[4], activation: activation)
            },
            reference: { inputs in
                if mode == .training {
                    return Naive.normalization(inputs[0], inputs[1], inputs[2], epsilon: 1e-5) { $1 }.map(
                        activate(activation))
                }
                return Naive(inputs[0].shape) { index in
                    let c = index[1]
                    let deviation: Double = (inputs[4].data[c] + 1e-5).squareRoot()
                    let normal: Double = (inputs[0][index] - inputs[3].data[c]) / deviation
                    return normal * inputs[1].data[c] + inputs[2].data[c]
                }.map(activate(activation))
            })
    }

    private static func group(
        _ name: String, _ x: [Int], groups: Int, _ activation: Activation, large: [Int]? = nil
    ) -> OperationCase {
        OperationCase(
            name, [.data(x, -1...3), .parameter([x[1]], 0.5...1.5), .parameter([x[1]])],
            large: large.map { [$0, [$0[1]], [$0[1]]] }, tolerance: 4e-6, gradientTolerance: 2e-5,
            build: { tape, inputs throws(Diagnostic) in
                try tape.groupNormalization(
                    inputs[0], scale: inputs[1], shift: inputs[2], groups: groups, activation: activation)
            },
            reference: {
                let size = x[1] / groups
                return Naive.normalization($0[0], $0[1], $0[2], epsilon: 1e-5) { $0 * groups + $1 / size }.map(
                    activate(activation))
            })
    }

    static let normalizations: [OperationCase] = [
        batch("training", [2, 5, 4, 3], .linear, mode: .training),
        batch("training, ReLU", [3, 17, 4, 3], .relu, mode: .training, large: [1, 64, 256, 256]),
        batch("training, leaky ReLU, 3-D", [2, 3, 2, 4, 3], .leakyReLU(slope: 0.1), mode: .training),
        batch("inference", [2, 5, 4, 3], .linear, mode: .inference),
        batch("inference, ReLU", [1, 18, 4, 3], .relu, mode: .inference),
        group("group normalization", [2, 6, 4, 3], groups: 3, .linear),
        group("group normalization, ReLU", [2, 34, 3, 3], groups: 2, .relu, large: [1, 64, 256, 256]),
        group("instance normalization, leaky ReLU", [2, 5, 4, 4], groups: 5, .leakyReLU(slope: 0.01)),
        group("layer normalization", [2, 5, 3, 4], groups: 1, .linear),
    ]
}
