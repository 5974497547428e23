import LucencyFoundation
import LucencyTensor

extension OperationCases {
    private static func fast(_ x: [Int], large: [Int]? = nil) -> OperationCase {
        OperationCase(
            "max-pooling by 2 of \(x)", [.data(x)], large: large.map { [$0] },
            build: { tape, inputs throws(Diagnostic) in try tape.maxPooling(inputs[0]) },
            reference: {
                Naive.pooling(
                    $0[0], size: x.dropFirst(2).map { $0 / 2 }, windows: { 2 * $1..<2 * $1 + 2 }
                ) { values, _ in values.reduce(-.infinity, max) }
            })
    }

    private static func moving(
        _ x: [Int], _ kernel: [Int], stride: [Int], padding: [Int], isMean: Bool, countsPadding: Bool = true,
        large: [Int]? = nil
    ) -> OperationCase {
        let size = kernel.indices.map { (x[$0 + 2] + 2 * padding[$0] - kernel[$0]) / stride[$0] + 1 }
        let name = isMean ? countsPadding ? "average" : "average (inside)" : "max"
        return OperationCase(
            "\(name) pooling of \(x) by \(kernel), stride \(stride), padding \(padding)", [.data(x)],
            large: large.map { [$0] },
            build: { tape, inputs throws(Diagnostic) in
                isMean
                    ? try tape.averagePooling(
                        inputs[0], kernel: kernel, stride: stride, padding: padding, countsPadding: countsPadding)
                    : try tape.maxPooling(inputs[0], kernel: kernel, stride: stride, padding: padding)
            },
            reference: {
                Naive.pooling(
                    $0[0], size: size,
                    windows: { axis, output in
                        let first = output * stride[axis] - padding[axis]
                        return first..<min(first + kernel[axis], x[axis + 2] + padding[axis])
                    }
                ) { values, count in
                    isMean
                        ? values.reduce(0, +) / Double(countsPadding ? count : values.count)
                        : values.reduce(-.infinity, max)
                }
            })
    }

    private static func adaptive(_ x: [Int], _ size: [Int], isMean: Bool) -> OperationCase {
        OperationCase(
            "adaptive \(isMean ? "average" : "max") pooling of \(x) to \(size)", [.data(x)],
            large: size.allSatisfy { $0 == 1 } ? [[1, 64, 256, 256]] : nil,
            build: { tape, inputs throws(Diagnostic) in
                isMean
                    ? try tape.adaptiveAveragePooling(inputs[0], size: size)
                    : try tape.adaptiveMaxPooling(inputs[0], size: size)
            },
            reference: {
                Naive.pooling(
                    $0[0], size: size,
                    windows: { axis, output in
                        let extent = Double(x[axis + 2]), count = Double(size[axis]), i = Double(output)
                        return Int((i * extent / count).rounded(.down))..<Int(((i + 1) * extent / count).rounded(.up))
                    }
                ) { values, count in
                    isMean ? values.reduce(0, +) / Double(count) : values.reduce(-.infinity, max)
                }
            })
    }

    static let poolings: [OperationCase] = [
        fast([2, 5, 6, 8], large: [1, 64, 256, 256]),
        fast([1, 17, 7, 5]),
        fast([1, 3, 5, 4, 6], large: [1, 32, 64, 64, 64]),
        moving([2, 5, 7, 8], [3, 3], stride: [2, 2], padding: [1, 1], isMean: false, large: [1, 64, 256, 256]),
        moving([1, 17, 5, 6], [2, 3], stride: [1, 2], padding: [0, 1], isMean: false),
        moving([1, 3, 9], [3], stride: [2], padding: [1], isMean: false),
        moving([1, 3, 4, 5, 6], [2, 3, 3], stride: [2, 1, 2], padding: [1, 1, 0], isMean: false),
        moving([2, 5, 6, 8], [2, 2], stride: [2, 2], padding: [0, 0], isMean: true, large: [1, 64, 256, 256]),
        moving([1, 17, 7, 6], [3, 3], stride: [2, 2], padding: [1, 1], isMean: true),
        moving([1, 17, 7, 6], [3, 3], stride: [2, 1], padding: [1, 1], isMean: true, countsPadding: false),
        moving([1, 3, 4, 5, 6], [2, 2, 2], stride: [2, 2, 2], padding: [1, 0, 1], isMean: true),
        adaptive([2, 5, 7, 8], [3, 3], isMean: true),
        adaptive([2, 5, 7, 8], [1, 1], isMean: true),
        adaptive([1, 18, 3, 4], [5, 6], isMean: true),
        adaptive([2, 5, 7, 8], [3, 5], isMean: false),
        adaptive([1, 3, 4, 5, 6], [2, 2, 3], isMean: true),
        adaptive([1, 17, 4, 5, 6], [1, 1, 1], isMean: true),
    ]
}
