import LucencyFoundation
import LucencyTensor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension OperationCases {
    private static func crossEntropy(
        _ name: String, _ x: [Int], _ labels: ClosedRange<Int>, weights: [Float] = [], ignored: Int? = nil,
        range: ClosedRange<Float> = -3...3, large: [[Int]]? = nil
    ) -> OperationCase {
        OperationCase(
            "cross-entropy" + name, [.data(x, range), .labels([x[0]] + x.dropFirst(2), labels)], large: large,
            build: { tape, inputs throws(Diagnostic) in
                try tape.crossEntropy(
                    inputs[0], labels: inputs[1], weights: weights, ignoring: ignored.map { Float($0) })
            },
            reference: { inputs in
                var loss = 0.0, total = 0.0
                _ = Naive(inputs[1].shape) { index in
                    let label = Int(inputs[1][index])
                    if label == ignored { return 0 }
                    let values = (0..<x[1]).map { inputs[0][[index[0], $0] + index.dropFirst()] }
                    let largest = values.reduce(-.infinity, max)
                    let sum = values.reduce(0) { $0 + exp($1 - largest) }
                    let weight = weights.isEmpty ? 1 : Double(weights[label])
                    loss += weight * (largest + log(sum) - values[label])
                    total += weight
                    return 0
                }
                return .scalar(total > 0 ? loss / total : 0)
            })
    }

    private static func regression(_ name: String, _ x: [Int], isSquared: Bool) -> OperationCase {
        OperationCase(
            name, [.data(x), .data(x)], large: [[1, 64, 256, 256], [1, 64, 256, 256]],
            build: { tape, inputs throws(Diagnostic) in
                isSquared
                    ? try tape.meanSquaredError(inputs[0], inputs[1])
                    : try tape.meanAbsoluteError(inputs[0], inputs[1])
            },
            reference: {
                let difference = Naive.combine($0[0], $0[1], -)
                let terms = difference.data.map { isSquared ? $0 * $0 : abs($0) }
                return .scalar(terms.reduce(0, +) / Double(terms.count))
            })
    }

    /// - Parameter views: the target of each vector: its other view, or the first other one of the same view.
    private static func contrastive(
        _ name: String, _ x: [Int], views: Int = 2, _ similarity: ContrastiveSimilarity, temperature: Double
    ) -> OperationCase {
        OperationCase(
            "contrastive" + name, (0..<views).map { _ in .data(x, -2...2) },
            build: { tape, inputs throws(Diagnostic) in
                views == 1
                    ? try tape.firstOtherLoss(inputs[0], temperature: temperature)
                    : try tape.contrastiveLoss(
                        inputs[0], inputs[1], temperature: temperature, similarity: similarity)
            },
            reference: { inputs in
                var vectors = inputs.flatMap { view in
                    (0..<x[0]).map { row in (0..<x[1]).map { view[[row, $0]] } }
                }
                if similarity == .cosine {
                    vectors = vectors.map { vector in
                        let norm = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
                        return vector.map { $0 / norm }
                    }
                }
                guard vectors.count > 1 else { return .scalar(0) }
                var loss = 0.0
                for (index, vector) in vectors.enumerated() {
                    let others = vectors.indices.filter { $0 != index }
                    let scores = others.map { zip(vector, vectors[$0]).reduce(0) { $0 + $1.0 * $1.1 } / temperature }
                    let partner = views == 1 ? others[0] : (index + x[0]) % vectors.count
                    loss += log(scores.reduce(0) { $0 + exp($1) })
                    loss -= scores[others.firstIndex(of: partner) ?? 0]
                }
                return .scalar(loss / Double(vectors.count))
            })
    }

    static let losses: [OperationCase] = [
        contrastive("", [4, 7], .cosine, temperature: 0.5),
        contrastive(" by inner products", [3, 5], .dot, temperature: 2),
        contrastive(" of one thing", [1, 6], .cosine, temperature: 2),
        contrastive(" with the first other", [4, 2], views: 1, .dot, temperature: 2),
        crossEntropy("", [2, 3, 4, 5], 0...2, large: [[1, 8, 512, 512], [1, 512, 512]]),
        crossEntropy(" of two classes far out", [1, 2, 9, 10], 0...1, range: -80...80),
        crossEntropy(", weighted", [2, 4, 3, 5], 0...3, weights: [0.1, 1, 2.5, 0.7]),
        crossEntropy(", ignoring", [2, 3, 4, 5], -1...2, ignored: -1),
        crossEntropy(", ignoring a class, weighted", [2, 3, 4, 5], 0...2, weights: [1, 3, 0.5], ignored: 1),
        crossEntropy(", ignoring all", [1, 3, 2, 2], 7...7, ignored: 7),
        crossEntropy(" of vectors", [9, 5], 0...4),
        crossEntropy(", 3-D", [1, 3, 3, 4, 9], 0...2),
        regression("mean squared error", [2, 5, 3, 4], isSquared: true),
        regression("mean absolute error", [2, 5, 3, 4], isSquared: false),
        regression("mean squared error of vectors", [7], isSquared: true),
    ]
}
