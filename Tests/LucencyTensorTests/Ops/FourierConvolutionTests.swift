import LucencyFoundation
import LucencyTensor
import Support
import Testing

/// Convolutions by Fourier transforms beside the direct ones, at sizes that no float64 reference reaches.
@Suite struct FourierConvolutionTests {
    private struct Problem: Sendable, CustomTestStringConvertible {
        let x: [Int], outputs: Int, groups: Int
        let window: ConvolutionWindow

        var testDescription: String { "\(x) to \(outputs) channels, \(window.kernel), \(groups) group(s)" }
    }

    private static let problems = [
        Problem(x: [1, 1, 150, 131], outputs: 1, groups: 1, window: ConvolutionWindow(kernel: [31, 31])),
        Problem(x: [2, 19, 40, 45], outputs: 19, groups: 19, window: ConvolutionWindow(kernel: [29, 33])),
        Problem(x: [2, 17, 33, 30], outputs: 5, groups: 1, window: ConvolutionWindow(kernel: [27, 27])),
        Problem(x: [1, 6, 41, 38], outputs: 9, groups: 3, window: ConvolutionWindow(kernel: [32, 30], padding: 7)),
    ]

    private static func tape(
        _ problem: Problem, _ mode: Tape.Mode, _ method: ConvolutionMethod
    ) throws -> (tape: Tape, x: Value, y: Value) {
        let tape = Tape(mode)
        let x = tape.input("x", try Shape(problem.x))
        let weights = try tape.parameter(
            "weights", Shape([problem.outputs, problem.x[1] / problem.groups] + problem.window.kernel), .constant(0))
        let bias = try tape.parameter("bias", Shape([problem.outputs]), .constant(0))
        let y = try tape.convolution(
            x, weights: weights, bias: bias, window: problem.window, groups: problem.groups, method: method)
        return (tape, x, y)
    }

    private static func random(_ shape: Shape, _ name: String) -> Tensor {
        var stream = PhiloxStream(seed: 8, stream: name)
        return .uniform(shape, in: -1...1, from: &stream)
    }

    /// The result, and the gradients of image, weights and bias.
    private static func run(_ problem: Problem, _ method: ConvolutionMethod, threads: Int = 1) throws -> [Tensor] {
        let (tape, x, y) = try tape(problem, .training, method)
        let plan = try TensorPlan(
            tape, outputs: [y], gradientsOf: tape.weightedSum(y, random(y.shape, "upstream")), inputGradients: [x],
            options: .init(kernels: Kernels(family: .best)))
        let parameters = try Parameters(tape.parameters, seed: 0)
        for declared in tape.parameters { try parameters.set(declared.name, to: random(declared.shape, declared.name)) }
        let workspace = try Workspace(plan, parameters: parameters, pool: ThreadPool(threads: threads))
        try workspace.run([x: random(x.shape, "x")])
        return try [
            workspace.tensor(y), workspace.gradient(of: x), workspace.gradient(of: "weights"),
            workspace.gradient(of: "bias"),
        ]
    }

    private static func operations(_ problem: Problem, _ method: ConvolutionMethod) throws -> [String] {
        try tape(problem, .training, method).tape.records.map(\.operation.name)
    }

    @Test(arguments: problems)
    private func `both methods agree to 1e-5 of the largest number, whatever the threads`(_ problem: Problem) throws {
        #expect(try Self.operations(problem, .fourier) == ["fourier-convolution"])
        let direct = try Self.run(problem, .direct), fourier = try Self.run(problem, .fourier)
        for (expected, found) in zip(direct, fourier) {
            let largest = expected.array.reduce(0) { max($0, abs($1)) }
            let error = zip(expected.array, found.array).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(largest > 0 && error <= 1e-5 * largest, "\(expected.shape): \(error / largest)")
        }
        #expect(try Self.run(problem, .fourier, threads: 2) == fourier)
    }

    @Test func `large kernels are transformed, small ones and other kinds are not`() throws {
        func isFourier(_ x: [Int], _ window: ConvolutionWindow, outputs: Int? = nil, groups: Int = 1) throws -> Bool {
            let problem = Problem(x: x, outputs: outputs ?? x[1], groups: groups, window: window)
            return try Self.operations(problem, .automatic) == ["fourier-convolution"]
        }
        func square(_ side: Int) -> ConvolutionWindow { ConvolutionWindow(kernel: [side, side]) }
        #expect(try isFourier([1, 1, 512, 512], square(31)))
        #expect(try isFourier([1, 32, 256, 256], square(31), groups: 32))
        #expect(try isFourier([8, 32, 256, 256], square(31), groups: 32))
        #expect(try isFourier([1, 16, 128, 128], square(31)))
        #expect(try !isFourier([1, 32, 256, 256], square(15), groups: 32))
        #expect(try !isFourier([1, 16, 128, 128], square(11)))
        #expect(try !isFourier([1, 1, 512, 512], square(7)))
        // A kernel as large as the image, with one result, is cheap; many spectra would take too much memory.
        #expect(try !isFourier([1, 8, 64, 64], ConvolutionWindow(kernel: [64, 64], padding: 0)))
        #expect(try !isFourier([1, 256, 128, 128], square(31)))
        #expect(try !isFourier([1, 1, 1, 1 << 20], ConvolutionWindow(kernel: [1, 1001])))
        #expect(try !isFourier([1, 1, 512, 512], ConvolutionWindow(kernel: [31, 31], stride: 2)))
        #expect(try !isFourier([1, 1, 512, 512], ConvolutionWindow(kernel: [31, 31], dilation: 2)))
        #expect(try !isFourier([1, 1, 512, 512], ConvolutionWindow(kernel: [31, 31], paddingMode: .reflect)))
        #expect(try !isFourier([1, 1, 4096], ConvolutionWindow(kernel: [255])))
        #expect(try !isFourier([1, 1, 64, 64, 64], ConvolutionWindow(kernel: [1, 31, 31])))
    }

    @Test func `bias, norm and activation behind it come out the same in inference`() throws {
        let problem = Self.problems[1]
        func run(_ method: ConvolutionMethod) throws -> Tensor {
            let (tape, x, y) = try Self.tape(problem, .inference, method)
            let shape = try Shape([problem.outputs])
            let norm = try ["scale", "shift", "mean", "variance"].enumerated().map {
                try tape.parameter($1, shape, .constant([1.5, 0.25, -2, 4][$0]))
            }
            let result = try tape.relu(
                tape.batchNormalization(
                    y, scale: norm[0], shift: norm[1], runningMean: norm[2], runningVariance: norm[3]))
            let plan = try TensorPlan(tape, outputs: [result], options: .init(kernels: Kernels(family: .best)))
            let parameters = try Parameters(tape.parameters, seed: 0)
            for name in ["weights", "bias"] {
                guard let declared = tape.parameters.first(where: { $0.name == name }) else { continue }
                try parameters.set(name, to: Self.random(declared.shape, name))
            }
            let workspace = try Workspace(plan, parameters: parameters, pool: .serial)
            try workspace.run([x: Self.random(x.shape, "x")])
            return try workspace.tensor(result)
        }
        let direct = try run(.direct).array, fourier = try run(.fourier).array
        let largest = direct.max() ?? 0
        #expect(largest > 0 && zip(direct, fourier).allSatisfy { abs($0 - $1) <= 1e-5 * largest })
    }

    @Test func `shapes that do not fit are refused before any transform is planned`() throws {
        let tape = Tape(.training)
        let x = tape.input("x", try Shape([1, 1, 8, 8]))
        let weights = try tape.parameter("w", Shape([1, 1, 31, 31]), .constant(0))
        #expect(throws: Diagnostic.self) {
            _ = try tape.convolution(x, weights: weights, window: ConvolutionWindow(kernel: [31, 31], padding: 3))
        }
    }
}
