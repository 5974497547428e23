import LucencyFoundation
import LucencyTensor

extension OperationCases {
    private enum Sign: String { case add, subtract, multiply, divide }

    private static func pair(
        _ sign: Sign, _ a: [Int], _ b: [Int], large: [[Int]]? = nil, bIsParameter: Bool = false
    ) -> OperationCase {
        let range: ClosedRange<Float> = sign == .divide ? 0.5...2 : -1...1
        return OperationCase(
            "\(sign.rawValue) \(a) \(b)", [.data(a), bIsParameter ? .parameter(b, range) : .data(b, range)],
            large: large,
            build: { tape, inputs throws(Diagnostic) in
                switch sign {
                case .add: try tape.add(inputs[0], inputs[1])
                case .subtract: try tape.subtract(inputs[0], inputs[1])
                case .multiply: try tape.multiply(inputs[0], inputs[1])
                case .divide: try tape.divide(inputs[0], by: inputs[1])
                }
            },
            reference: {
                Naive.combine($0[0], $0[1]) {
                    switch sign {
                    case .add: $0 + $1
                    case .subtract: $0 - $1
                    case .multiply: $0 * $1
                    case .divide: $0 / $1
                    }
                }
            })
    }

    static let arithmetic: [OperationCase] = [
        pair(.add, [2, 19, 3, 4], [2, 19, 3, 4], large: [[1, 64, 256, 256], [1, 64, 256, 256]]),
        pair(.add, [2, 5, 3, 4], [5, 1, 1], bIsParameter: true),
        pair(.add, [2, 5, 3, 4], [2, 5, 1, 1]),
        pair(.add, [3, 4], [4], bIsParameter: true),
        pair(.add, [3, 1], [1, 4]),
        pair(.add, [2, 3, 4], []),
        pair(.add, [2, 1, 4, 1], [3, 1, 5]),
        pair(.subtract, [2, 5, 3, 4], [2, 5, 3, 4]),
        pair(.subtract, [3, 4], [2, 3, 4]),
        pair(.multiply, [2, 19, 3, 4], [2, 19, 3, 4], large: [[1, 64, 256, 256], [1, 64, 256, 256]]),
        pair(.multiply, [2, 19, 3, 4], [2, 19, 1, 1], large: [[1, 64, 256, 256], [1, 64, 1, 1]]),
        pair(.multiply, [2, 19, 3, 4], [1, 19, 1, 1], bIsParameter: true),
        pair(.multiply, [2, 3, 5, 4], [2, 1, 5, 4], large: [[1, 64, 256, 256], [1, 1, 256, 256]]),
        pair(.multiply, [4, 1], [3]),
        pair(.divide, [2, 5, 3, 4], [2, 5, 3, 4]),
        pair(.divide, [2, 5, 3, 4], [2, 5, 1, 1]),
        pair(.divide, [3], [2, 1]),
        OperationCase(
            "channel scaling", [.data([2, 17, 3, 4]), .data([2, 17]), .parameter([17])],
            large: [[1, 64, 256, 256], [1, 64], [64]],
            build: { tape, inputs throws(Diagnostic) in
                try tape.channelScaling(inputs[0], scale: inputs[1], shift: inputs[2])
            },
            reference: { inputs in
                Naive(inputs[0].shape) {
                    inputs[0][$0] * inputs[1][[$0[0], $0[1]]] + inputs[2].data[$0[1]]
                }
            }),
        OperationCase(
            "channel scaling of single pixels", [.data([3, 5, 1, 1]), .parameter([5]), .data([3, 5])],
            build: { tape, inputs throws(Diagnostic) in
                try tape.channelScaling(inputs[0], scale: inputs[1], shift: inputs[2])
            },
            reference: { inputs in
                Naive(inputs[0].shape) {
                    inputs[0][$0] * inputs[1].data[$0[1]] + inputs[2][[$0[0], $0[1]]]
                }
            }),
    ]

    private static func fold(
        _ x: [Int], _ axes: [Int], isMean: Bool, keeps: Bool = false, large: [Int]? = nil
    ) -> OperationCase {
        let terms = axes.reduce(1) { $0 * x[$1] }
        return OperationCase(
            "\(isMean ? "mean" : "sum") of \(x) over \(axes)\(keeps ? ", kept" : "")", [.data(x)],
            large: large.map { [$0] },
            build: { tape, inputs throws(Diagnostic) in
                isMean
                    ? try tape.mean(inputs[0], over: axes, keepsDimensions: keeps)
                    : try tape.sum(inputs[0], over: axes, keepsDimensions: keeps)
            },
            reference: {
                let sums = $0[0].fold(axes, 0, +).map { isMean ? $0 / Double(terms) : $0 }
                return keeps ? sums : sums.dropping(axes)
            })
    }

    private static func maximum(_ x: [Int], _ axis: Int, keeps: Bool = false) -> OperationCase {
        OperationCase(
            "maximum of \(x) over \(axis)", [.data(x)], large: x.count == 4 ? [[1, 16, 256, 256]] : nil,
            build: { tape, inputs throws(Diagnostic) in
                try tape.maximum(inputs[0], over: axis, keepsDimension: keeps)
            },
            reference: {
                let folded = $0[0].fold([axis], -.infinity, max)
                return keeps ? folded : folded.dropping([axis])
            })
    }

    static let reductions: [OperationCase] = [
        fold([2, 3, 4, 5], [0, 1, 2, 3], isMean: false, large: [1, 64, 256, 256]),
        fold([2, 3, 4, 5], [0, 1, 2, 3], isMean: true),
        fold([2, 3, 4, 5], [2, 3], isMean: true, keeps: true, large: [1, 64, 256, 256]),
        fold([2, 3, 4, 5], [0, 2, 3], isMean: false, large: [4, 64, 128, 128]),
        fold([2, 3, 4, 5], [1], isMean: true, large: [1, 64, 256, 256]),
        fold([2, 3, 4, 5], [3], isMean: false, keeps: true),
        fold([2, 3, 4, 5], [0, 2], isMean: false),
        fold([5, 4], [0], isMean: true),
        fold([7], [0], isMean: false),
        fold([2, 3, 300], [1], isMean: false),
        fold([1, 3, 1], [0, 2], isMean: false),
        // Long enough for partial sums.
        OperationCase(
            "sum of 40000", [.data([2, 20000])],
            build: { tape, inputs throws(Diagnostic) in try tape.sum(inputs[0], over: [1]) },
            reference: { $0[0].fold([1], 0, +).dropping([1]) }),
        maximum([3, 5], 1),
        maximum([3, 5], 0),
        maximum([2, 5, 3, 4], 1, keeps: true),
    ]
}
