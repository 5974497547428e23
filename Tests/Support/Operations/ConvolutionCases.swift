import LucencyFoundation
import LucencyTensor

extension OperationCases {
    private static func convolution(
        _ name: String, _ x: [Int], outputs: Int, _ window: ConvolutionWindow, groups: Int = 1, hasBias: Bool = true,
        algorithm: Kernels.Algorithm = .automatic, tolerance: Double = 3e-6, large: [Int]? = nil
    ) -> OperationCase {
        let weights = [outputs, x[1] / groups] + window.kernel
        return OperationCase(
            "convolution " + name,
            [.data(x), .parameter(weights)] + (hasBias ? [.parameter([outputs])] : []),
            large: large.map {
                [$0, [$0[1], $0[1] / (groups == 1 ? 1 : $0[1])] + window.kernel] + (hasBias ? [[$0[1]]] : [])
            },
            algorithm: algorithm, tolerance: tolerance, gradientTolerance: 2 * tolerance,
            build: { tape, inputs throws(Diagnostic) in
                // Depthwise stays so at other sizes.
                let groups = groups == 1 ? 1 : inputs[0].shape[1] / inputs[1].shape[1]
                return try tape.convolution(
                    inputs[0], weights: inputs[1], bias: hasBias ? inputs[2] : nil, window: window, groups: groups)
            },
            reference: { Naive.convolution($0[0], $0[1], hasBias ? $0[2] : nil, window, groups: groups) })
    }

    /// Kernels so large that transforms compute them; with `method`, others too.
    private static func fourier(
        _ name: String, _ x: [Int], outputs: Int, _ window: ConvolutionWindow, groups: Int = 1, hasBias: Bool = true,
        method: ConvolutionMethod = .fourier
    ) -> OperationCase {
        OperationCase(
            "Fourier convolution " + name,
            [.data(x), .parameter([outputs, x[1] / groups] + window.kernel)]
                + (hasBias ? [.parameter([outputs])] : []),
            tolerance: 3e-6, gradientTolerance: 6e-6,
            build: { tape, inputs throws(Diagnostic) in
                try tape.convolution(
                    inputs[0], weights: inputs[1], bias: hasBias ? inputs[2] : nil, window: window, groups: groups,
                    method: method)
            },
            reference: { Naive.convolution($0[0], $0[1], hasBias ? $0[2] : nil, window, groups: groups) })
    }

    static let fourierConvolutions: [OperationCase] = [
        fourier("31×31", [1, 1, 9, 12], outputs: 1, ConvolutionWindow(kernel: [31, 31])),
        fourier("29×33 of odd channels", [2, 3, 7, 6], outputs: 5, ConvolutionWindow(kernel: [29, 33])),
        fourier("30×28", [1, 1, 8, 9], outputs: 2, ConvolutionWindow(kernel: [30, 28]), hasBias: false),
        fourier("depthwise 31×31", [2, 5, 7, 6], outputs: 5, ConvolutionWindow(kernel: [31, 31]), groups: 5),
        fourier("3 groups, 7×5", [2, 6, 11, 10], outputs: 9, ConvolutionWindow(kernel: [7, 5]), groups: 3),
        fourier("unpadded 13×9", [1, 2, 15, 17], outputs: 3, ConvolutionWindow(kernel: [13, 9], padding: 0)),
        fourier("of one result", [1, 2, 7, 7], outputs: 2, ConvolutionWindow(kernel: [7, 7], padding: 0)),
        fourier("padded beyond the kernel", [1, 1, 5, 4], outputs: 2, ConvolutionWindow(kernel: [3, 2], padding: 6)),
        fourier("of one column", [1, 2, 9, 1], outputs: 1, ConvolutionWindow(kernel: [5, 1])),
    ]

    static let convolutions: [OperationCase] = {
        let three = ConvolutionWindow(kernel: [3, 3])
        func mode(_ mode: PaddingMode) -> ConvolutionWindow {
            ConvolutionWindow(kernel: [3, 3], padding: 2, paddingMode: mode)
        }
        return [
            convolution(
                "1×1", [2, 5, 4, 7], outputs: 3, ConvolutionWindow(kernel: [1, 1]), large: [1, 64, 128, 128]),
            convolution("1×1 of 17 channels", [1, 17, 5, 3], outputs: 33, ConvolutionWindow(kernel: [1, 1])),
            convolution("3×3", [2, 3, 7, 6], outputs: 4, three, large: [1, 64, 128, 128]),
            convolution("3×3 direct", [1, 17, 9, 11], outputs: 5, three, algorithm: .direct),
            convolution("3×3 winograd2", [1, 17, 9, 11], outputs: 18, three, algorithm: .winograd2, tolerance: 1e-5),
            convolution("3×3 winograd4", [1, 17, 9, 11], outputs: 18, three, algorithm: .winograd4, tolerance: 5e-5),
            convolution(
                "3×3 winograd4, tiny", [2, 2, 3, 2], outputs: 3, three, algorithm: .winograd4, tolerance: 5e-5),
            convolution(
                "3×3 of one pixel", [1, 2, 1, 1], outputs: 2, three, hasBias: false),
            convolution("3×3 unpadded", [1, 2, 5, 6], outputs: 3, ConvolutionWindow(kernel: [3, 3], padding: 0)),
            convolution("5×5", [1, 3, 8, 9], outputs: 2, ConvolutionWindow(kernel: [5, 5])),
            convolution("7×7, stride 2", [1, 3, 9, 10], outputs: 4, ConvolutionWindow(kernel: [7, 7], stride: 2)),
            convolution(
                "3×3, stride 2", [2, 4, 7, 8], outputs: 5, ConvolutionWindow(kernel: [3, 3], stride: 2),
                large: [1, 64, 128, 128]),
            convolution(
                "4×4, stride 2", [1, 3, 8, 6], outputs: 4, ConvolutionWindow(kernel: [4, 4], stride: 2, padding: 1)),
            convolution("3×3, dilation 2", [1, 3, 8, 9], outputs: 2, ConvolutionWindow(kernel: [3, 3], dilation: 2)),
            convolution("2 groups", [1, 6, 5, 7], outputs: 4, three, groups: 2),
            convolution("4 groups of 8", [1, 32, 4, 5], outputs: 32, three, groups: 4),
            convolution("16 groups of 2", [2, 32, 5, 6], outputs: 32, three, groups: 16, large: [1, 64, 128, 128]),
            convolution(
                "8 groups of 4, stride 2, dilation 2", [1, 32, 9, 8], outputs: 32,
                ConvolutionWindow(kernel: [3, 3], stride: 2, dilation: 2, padding: 2), groups: 8, hasBias: false),
            convolution("4 groups of 4, reflected", [1, 16, 5, 6], outputs: 16, mode(.reflect), groups: 4),
            convolution("depthwise", [2, 5, 6, 7], outputs: 5, three, groups: 5, large: [1, 64, 128, 128]),
            convolution(
                "depthwise of 18, 5×5", [1, 18, 6, 7], outputs: 18, ConvolutionWindow(kernel: [5, 5]), groups: 18),
            convolution("1-D", [2, 3, 13], outputs: 4, ConvolutionWindow(kernel: [3])),
            convolution(
                "1-D, stride 3", [1, 17, 14], outputs: 2, ConvolutionWindow(kernel: [5], stride: 3, padding: 1)),
            convolution(
                "3-D", [1, 3, 4, 5, 6], outputs: 2, ConvolutionWindow(kernel: [3, 3, 3]), large: [1, 32, 32, 32, 32]),
            convolution(
                "3-D, stride 2", [1, 2, 5, 4, 6], outputs: 3, ConvolutionWindow(kernel: [3, 3, 3], stride: 2)),
            convolution("3-D, 1×3×3", [1, 3, 3, 5, 6], outputs: 2, ConvolutionWindow(kernel: [1, 3, 3])),
            convolution("3-D, 3×1×1", [1, 3, 5, 3, 4], outputs: 2, ConvolutionWindow(kernel: [3, 1, 1])),
            convolution("reflected", [1, 3, 5, 6], outputs: 2, mode(.reflect)),
            convolution("replicated", [1, 3, 5, 6], outputs: 2, mode(.replicate)),
            convolution(
                "replicated, 3-D", [1, 2, 3, 4, 5], outputs: 2,
                ConvolutionWindow(kernel: [3, 3, 3], paddingMode: .replicate)),
            OperationCase(
                "fixed filter", [.data([1, 3, 6, 7])],
                build: { tape, inputs throws(Diagnostic) in
                    try tape.fixedFilter(inputs[0], .sobelX, paddingMode: .reflect)
                },
                reference: { inputs in
                    let row = [-1.0, 0, 1, -2, 0, 2, -1, 0, 1].map { $0 / 8 }
                    return Naive.convolution(
                        inputs[0], Naive([3, 1, 3, 3], row + row + row), nil,
                        ConvolutionWindow(kernel: [3, 3], paddingMode: .reflect), groups: 3)
                }),
        ]
    }()

    private static func transposed(
        _ name: String, _ x: [Int], outputs: Int, _ window: ConvolutionWindow, outputPadding: Int = 0,
        groups: Int = 1, large: [Int]? = nil
    ) -> OperationCase {
        OperationCase(
            "transposed convolution " + name,
            [.data(x), .parameter([x[1], outputs / groups] + window.kernel), .parameter([outputs])],
            large: large.map { [$0, [$0[1], $0[1] / 2] + window.kernel, [$0[1] / 2]] },
            tolerance: 3e-6, gradientTolerance: 6e-6,
            build: { tape, inputs throws(Diagnostic) in
                try tape.transposedConvolution(
                    inputs[0], weights: inputs[1], bias: inputs[2], window: window, outputPadding: outputPadding,
                    groups: groups)
            },
            reference: {
                Naive.transposedConvolution($0[0], $0[1], $0[2], window, outputPadding: outputPadding, groups: groups)
            })
    }

    static let transposedConvolutions: [OperationCase] = [
        transposed(
            "2×2, stride 2", [2, 3, 4, 5], outputs: 5, ConvolutionWindow(kernel: [2, 2], stride: 2, padding: 0),
            large: [1, 128, 64, 64]),
        transposed(
            "3×3, stride 2, output padding 1", [1, 18, 3, 5], outputs: 4,
            ConvolutionWindow(kernel: [3, 3], stride: 2, padding: 1), outputPadding: 1),
        transposed(
            "4×4, stride 2, padding 1", [1, 3, 4, 3], outputs: 17,
            ConvolutionWindow(kernel: [4, 4], stride: 2, padding: 1)),
        transposed(
            "2 groups", [1, 4, 3, 5], outputs: 6, ConvolutionWindow(kernel: [2, 2], stride: 2, padding: 0), groups: 2),
        transposed("1-D", [1, 3, 6], outputs: 2, ConvolutionWindow(kernel: [4], stride: 2, padding: 1)),
        transposed(
            "3-D", [1, 3, 2, 3, 4], outputs: 2, ConvolutionWindow(kernel: [2, 2, 2], stride: 2, padding: 0)),
    ]
}
