import LucencyFoundation
import LucencyTensor

extension OperationCases {
    /// Interpolates along one dimension at a time, by the formulas of PyTorch's documentation.
    private static func resized(
        _ x: Naive, _ size: [Int], _ interpolation: TensorInterpolation, scales: [Double]
    ) -> Naive {
        var result = x
        for axis in size.indices {
            let extent = x.shape[axis + 2], source = result
            var shape = result.shape
            shape[axis + 2] = size[axis]
            result = Naive(shape) { index in
                func at(_ position: Int) -> Double {
                    var copy = index
                    copy[axis + 2] = min(max(position, 0), extent - 1)
                    return source[copy]
                }
                let output = Double(index[axis + 2])
                func position(_ alignsCorners: Bool) -> Double {
                    alignsCorners
                        ? (size[axis] == 1 ? 0 : output * Double(extent - 1) / Double(size[axis] - 1))
                        : (output + 0.5) * scales[axis] - 0.5
                }
                switch interpolation {
                case .nearest: return at(Int((output * scales[axis]).rounded(.down)))
                case .linear(let alignsCorners):
                    let p = max(0, position(alignsCorners)), first = p.rounded(.down)
                    let t: Double = p - first
                    return (1 - t) * at(Int(first)) + t * at(Int(first) + 1)
                case .cubic(let alignsCorners, let a):
                    let p = position(alignsCorners), first = p.rounded(.down), t = p - first
                    func near(_ d: Double) -> Double { ((a + 2) * d - (a + 3)) * d * d + 1 }
                    func far(_ d: Double) -> Double { a * (((d - 5) * d + 8) * d - 4) }
                    let i = Int(first)
                    let left: Double = far(1 + t) * at(i - 1) + near(t) * at(i)
                    let right: Double = near(1 - t) * at(i + 1) + far(2 - t) * at(i + 2)
                    return left + right
                }
            }
        }
        return result
    }

    private static func resize(
        _ x: [Int], _ size: [Int], _ interpolation: TensorInterpolation
    ) -> OperationCase {
        OperationCase(
            "resize \(x) to \(size), \(interpolation)", [.data(x)],
            build: { tape, inputs throws(Diagnostic) in try tape.resize(inputs[0], to: size, interpolation) },
            reference: { inputs in
                resized(
                    inputs[0], size, interpolation,
                    scales: size.indices.map { Double(x[$0 + 2]) / Double(size[$0]) })
            })
    }

    private static func enlarge(
        _ x: [Int], _ factor: Double, _ interpolation: TensorInterpolation, large: [Int]? = nil
    ) -> OperationCase {
        OperationCase(
            "resize \(x) by \(factor), \(interpolation)", [.data(x)], large: large.map { [$0] },
            build: { tape, inputs throws(Diagnostic) in try tape.resize(inputs[0], by: factor, interpolation) },
            reference: { inputs in
                let size = x.dropFirst(2).map { Int((Double($0) * factor).rounded(.down)) }
                return resized(inputs[0], size, interpolation, scales: size.map { _ in 1 / factor })
            })
    }

    static let resizings: [OperationCase] = [
        enlarge([2, 5, 4, 3], 2, .nearest, large: [1, 64, 128, 128]),
        enlarge([1, 17, 4, 3], 2, .linear(), large: [1, 64, 128, 128]),
        enlarge([1, 3, 2, 3, 4], 2, .nearest, large: [1, 32, 32, 32, 32]),
        enlarge([1, 3, 2, 3, 4], 2, .linear(), large: [1, 32, 32, 32, 32]),
        enlarge([1, 3, 7, 9], 0.5, .linear()),
        enlarge([1, 3, 7, 9], 1.7, .nearest),
        enlarge([1, 3, 7], 2, .linear(alignsCorners: true)),
        enlarge([1, 3, 4, 5], 2, .cubic(), large: [1, 64, 128, 128]),
        resize([2, 5, 4, 6], [7, 5], .linear()),
        resize([2, 5, 4, 6], [7, 5], .linear(alignsCorners: true)),
        resize([2, 5, 4, 6], [7, 5], .nearest),
        resize([2, 5, 4, 6], [3, 11], .cubic()),
        enlarge([1, 3, 4, 5], 4, .cubic(a: -0.5)),
        resize([1, 17, 4, 6], [5, 6], .cubic(alignsCorners: true)),
        resize([1, 3, 4, 5, 3], [6, 4, 7], .linear(alignsCorners: true)),
        resize([1, 3, 5], [1], .linear(alignsCorners: true)),
        resize([1, 3, 1, 1], [4, 3], .linear()),
    ]

    private static func pad(
        _ x: [Int], _ before: [Int], _ after: [Int], _ mode: PaddingMode, constant: Float = 0
    ) -> OperationCase {
        OperationCase(
            "pad \(x) by \(before) and \(after), \(mode.rawValue) \(constant)", [.data(x)],
            large: x[1] == 5 ? [[1, 64, 256, 256]] : nil,
            build: { tape, inputs throws(Diagnostic) in
                try tape.pad(inputs[0], before: before, after: after, mode: mode, constant: constant)
            },
            reference: { inputs in
                Naive(Array(x[..<2]) + before.indices.map { x[$0 + 2] + before[$0] + after[$0] }) { index in
                    var source = index
                    for axis in before.indices {
                        let position = index[axis + 2] - before[axis]
                        guard let inside = Naive.inside(position, x[axis + 2], mode) else { return Double(constant) }
                        source[axis + 2] = inside
                    }
                    return inputs[0][source]
                }
            })
    }

    private static func slice(_ x: [Int], _ axis: Int, _ range: Range<Int>) -> OperationCase {
        OperationCase(
            "slice \(x) at \(axis), \(range)", [.data(x)],
            build: { tape, inputs throws(Diagnostic) in try tape.slice(inputs[0], axis: axis, range) },
            reference: { inputs in
                var shape = x
                shape[axis] = range.count
                return Naive(shape) { index in
                    var source = index
                    source[axis] += range.lowerBound
                    return inputs[0][source]
                }
            })
    }

    private static func join(_ shapes: [[Int]], _ axis: Int, large: [[Int]]? = nil) -> OperationCase {
        OperationCase(
            "concatenation \(shapes) at \(axis)", shapes.map { .data($0) }, large: large,
            build: { tape, inputs throws(Diagnostic) in try tape.concatenation(inputs, axis: axis) },
            reference: { inputs in
                var shape = shapes[0]
                shape[axis] = shapes.reduce(0) { $0 + $1[axis] }
                return Naive(shape) { index in
                    var source = index, part = 0
                    while source[axis] >= shapes[part][axis] {
                        source[axis] -= shapes[part][axis]
                        part += 1
                    }
                    return inputs[part][source]
                }
            })
    }

    private static func permute(_ x: [Int], _ order: [Int]) -> OperationCase {
        OperationCase(
            "permute \(x) to \(order)", [.data(x)],
            build: { tape, inputs throws(Diagnostic) in try tape.permute(inputs[0], order) },
            reference: { inputs in
                Naive(order.map { x[$0] }) { index in
                    var source = index
                    for (position, axis) in order.enumerated() { source[axis] = index[position] }
                    return inputs[0][source]
                }
            })
    }

    static let shapes: [OperationCase] = [
        pad([2, 5, 3, 4], [1, 2], [2, 0], .zeros),
        pad([1, 17, 3, 4], [1, 2], [2, 3], .reflect),
        pad([1, 3, 3, 4], [1, 5], [4, 0], .replicate),
        pad([1, 3, 3, 4], [1, 0], [2, 3], .zeros, constant: 1.5),
        pad([1, 3, 3, 4, 2], [1, 0, -1], [-1, 3, 2], .zeros),
        pad([1, 3, 6], [2], [1], .reflect),
        OperationCase(
            "crop", [.data([2, 5, 6, 7])],
            build: { tape, inputs throws(Diagnostic) in try tape.crop(inputs[0], origin: [1, 2], size: [4, 3]) },
            reference: { inputs in
                Naive([2, 5, 4, 3]) { inputs[0][[$0[0], $0[1], $0[2] + 1, $0[3] + 2]] }
            }),
        slice([2, 5, 3, 4], 1, 1..<4),
        slice([2, 40, 3, 4], 1, 16..<40),
        slice([2, 40, 3, 2], 1, 16..<32),
        slice([3, 5, 3, 4], 0, 1..<3),
        slice([2, 19, 3, 4], 2, 1..<3),
        slice([2, 3, 3, 4], 3, 0..<1),
        slice([7], 0, 2..<5),
        join([[2, 16, 3, 4], [2, 3, 3, 4]], 1, large: [[1, 64, 256, 256], [1, 64, 256, 256]]),
        join([[2, 3, 3, 4], [2, 18, 3, 4], [2, 1, 3, 4]], 1),
        join([[1, 5, 3, 4], [2, 5, 3, 4]], 0),
        join([[2, 17, 3, 4], [2, 17, 3, 1]], 3),
        join([[2, 3], [4, 3]], 0),
        permute([2, 5, 3, 4], [0, 2, 3, 1]),
        permute([2, 3, 4], [2, 0, 1]),
        permute([3, 4], [1, 0]),
        permute([2, 3, 4], [0, 1, 2]),
        OperationCase(
            "reshape", [.data([2, 6, 3, 4])],
            build: { tape, inputs throws(Diagnostic) in try tape.reshape(inputs[0], [3, 4, 12]) },
            reference: { Naive([3, 4, 12], $0[0].data) }),
        shuffle([2, 12, 3, 4], large: [1, 64, 128, 128]),
        shuffle([2, 128, 3, 5], large: [1, 256, 128, 128]),
        OperationCase(
            "pixel unshuffle in blocks", [.data([2, 16, 6, 4])],
            build: { tape, inputs throws(Diagnostic) in try tape.pixelUnshuffle(inputs[0], factor: 2) },
            reference: { inputs in
                Naive([2, 64, 3, 2]) { index in
                    let i = index[1] % 4 / 2, j = index[1] % 2
                    return inputs[0][[index[0], index[1] / 4, 2 * index[2] + i, 2 * index[3] + j]]
                }
            }),
        OperationCase(
            "pixel unshuffle", [.data([2, 2, 6, 9])],
            build: { tape, inputs throws(Diagnostic) in try tape.pixelUnshuffle(inputs[0], factor: 3) },
            reference: { inputs in
                Naive([2, 18, 2, 3]) { index in
                    let i = index[1] % 9 / 3, j = index[1] % 3
                    return inputs[0][[index[0], index[1] / 9, 3 * index[2] + i, 3 * index[3] + j]]
                }
            }),
    ]

    private static func shuffle(_ x: [Int], large: [Int]) -> OperationCase {
        OperationCase(
            "pixel shuffle \(x)", [.data(x)], large: [large],
            build: { tape, inputs throws(Diagnostic) in try tape.pixelShuffle(inputs[0], factor: 2) },
            reference: { inputs in
                Naive([x[0], x[1] / 4, 2 * x[2], 2 * x[3]]) { index in
                    let channel = 4 * index[1] + 2 * (index[2] % 2) + index[3] % 2
                    return inputs[0][[index[0], channel, index[2] / 2, index[3] / 2]]
                }
            })
    }
}
