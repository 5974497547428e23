import LucencyFoundation
import LucencyTensor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension OperationCases {
    private static func product(
        _ name: String, _ a: [Int], _ b: [Int], _ first: Bool = false, _ second: Bool = false, large: [[Int]]? = nil
    ) -> OperationCase {
        OperationCase(
            "matrix product " + name, [.data(a), .parameter(b)], large: large,
            build: { tape, inputs throws(Diagnostic) in
                try tape.matrixProduct(inputs[0], inputs[1], transposesFirst: first, transposesSecond: second)
            },
            reference: { inputs in
                func flipped(_ x: Naive, _ isTransposed: Bool) -> Naive {
                    guard isTransposed else { return x }
                    let rank = x.shape.count
                    return Naive(x.shape.dropLast(2) + [x.shape[rank - 1], x.shape[rank - 2]]) {
                        x[$0.dropLast(2) + [$0[rank - 1], $0[rank - 2]]]
                    }
                }
                let a = flipped(inputs[0], first), b = flipped(inputs[1], second)
                let outer = a.shape.count > 2 ? a.shape.dropLast(2) : b.shape.dropLast(2)
                let inner = a.shape[a.shape.count - 1]
                return Naive(outer + [a.shape[a.shape.count - 2], b.shape[b.shape.count - 1]]) { index in
                    let batch = Array(index.dropLast(2)), row = index[index.count - 2], column = index[index.count - 1]
                    return (0..<inner).reduce(0.0) {
                        let left = a[(a.shape.count > 2 ? batch : []) + [row, $1]]
                        return $0 + left * b[(b.shape.count > 2 ? batch : []) + [$1, column]]
                    }
                }
            })
    }

    private static func attention(
        _ name: String, _ x: [Int], heads: Int, _ layout: AttentionLayout, large: [Int]? = nil
    ) -> OperationCase {
        OperationCase(
            "attention, " + name, [.data(x, -2...2)], large: large.map { [$0] },
            build: { tape, inputs throws(Diagnostic) in
                try tape.attention(inputs[0], heads: heads, layout: layout)
            },
            reference: { inputs in
                let channels = x[1] / 3, width = channels / heads, sites = x.dropFirst(2).reduce(1, *)
                let rows = Naive([x[0], x[1], sites], inputs[0].data)
                func channel(_ part: Int, _ head: Int, _ c: Int) -> Int {
                    layout == .interleaved ? (3 * head + part) * width + c : part * channels + head * width + c
                }
                return Naive(
                    [x[0], channels] + x.dropFirst(2),
                    Naive([x[0], channels, sites]) { index in
                        let head = index[1] / width
                        let weights = (0..<sites).map { key in
                            let score = (0..<width).reduce(0.0) {
                                let q = rows[[index[0], channel(0, head, $1), index[2]]]
                                return $0 + q * rows[[index[0], channel(1, head, $1), key]]
                            }
                            return exp(score / Double(width).squareRoot())
                        }
                        let v = channel(2, head, index[1] % width)
                        let sum = (0..<sites).reduce(0.0) { $0 + weights[$1] * rows[[index[0], v, $1]] }
                        return sum / weights.reduce(0, +)
                    }.data)
            })
    }

    /// Matrix products, and operations on rows of tokens.
    static let tokens: [OperationCase] = [
        product("", [3, 5], [5, 4]),
        product("of batches, transposed", [2, 5, 3], [2, 4, 5], true, true),
        product("with shared weights", [2, 3, 5], [4, 5], false, true, large: [[4, 1024, 256], [256, 256]]),
        OperationCase(
            "linear layer", [.data([2, 3, 5]), .parameter([4, 5]), .parameter([4])],
            large: [[4, 1024, 256], [256, 256], [256]],
            build: { tape, inputs throws(Diagnostic) in
                try tape.linear(inputs[0], weights: inputs[1], bias: inputs[2])
            },
            reference: { inputs in
                Naive([2, 3, 4]) { index in
                    (0..<5).reduce(inputs[2].data[index[2]]) {
                        $0 + inputs[0][[index[0], index[1], $1]] * inputs[1][[index[2], $1]]
                    }
                }
            }),
        OperationCase(
            "layer normalization of tokens", [.data([2, 3, 7], -1...3), .parameter([7], 0.5...1.5), .parameter([7])],
            large: [[4, 1024, 256], [256], [256]], tolerance: 4e-6, gradientTolerance: 2e-5,
            build: { tape, inputs throws(Diagnostic) in
                try tape.layerNormalization(inputs[0], scale: inputs[1], shift: inputs[2])
            },
            reference: { inputs in
                let x = inputs[0]
                let mean = x.fold([2], 0, +).map { $0 / 7 }
                let variance = Naive.combine(x, mean) { ($0 - $1) * ($0 - $1) }.fold([2], 0, +).map { $0 / 7 }
                let normal = Naive.combine(
                    Naive.combine(x, mean, -), variance.map { ($0 + 1e-5).squareRoot() }, /)
                return Naive.combine(Naive.combine(normal, inputs[1], *), inputs[2], +)
            }),
        OperationCase(
            "embedding", [.labels([2, 3], 0...4), .parameter([5, 3])], large: [[4, 4096], [256, 64]],
            build: { tape, inputs throws(Diagnostic) in try tape.embedding(inputs[0], table: inputs[1]) },
            reference: { inputs in
                Naive([2, 3, 3]) { inputs[1][[Int(inputs[0][[$0[0], $0[1]]]), $0[2]]] }
            }),
        attention("heads first", [2, 12, 3, 4], heads: 2, .interleaved, large: [1, 384, 64, 64]),
        attention("queries first, 3-D", [1, 18, 2, 2, 3], heads: 3, .splitFirst),
    ]
}
