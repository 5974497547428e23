import LucencyFoundation
import LucencyTensor
import Support
import Testing

/// Similarity over several scales as a loss, and the power that it is made of.
@Suite struct SimilarityTests {
    private struct Run {
        let value: Double
        let gradient: Tensor
    }

    private static func similarity(_ a: Tensor, _ b: Tensor) throws -> Run {
        let tape = Tape(.training)
        let x = tape.input("a", a.shape), y = tape.input("b", b.shape)
        let output = try tape.multiScaleSimilarity(x, y)
        let plan = try TensorPlan(
            tape, outputs: [output], gradientsOf: output, inputGradients: [x],
            options: .init(kernels: Kernels(family: .best)))
        let workspace = try Workspace(plan, parameters: Parameters([], seed: 0), pool: .serial)
        try workspace.run([x: a, y: b])
        return Run(value: Double(try workspace.tensor(output).scalar), gradient: try workspace.gradient(of: x))
    }

    @Test func `similarity over scales is that of the golden pictures, and 1 for equal ones`() throws {
        let images = try GoldenTensors(TestFiles.fixture("LucencyCalibrationTests", "metrics/images.safetensors"))
        func picture(_ name: String) throws -> Tensor {
            let image = try images.tensor(name)
            return try image.reshaped([1, 1] + Array(image.shape.dimensions.suffix(2)))
        }
        let a = try picture("big_a"), b = try picture("big_b")
        #expect(abs(try Self.similarity(a, b).value - 0.9720141265) < 2e-5)
        #expect(abs(try Self.similarity(a, a).value - 1) < 1e-5)
    }

    @Test func `the gradient of similarity is that of finite differences along random directions`() throws {
        let shape = try Shape([1, 1, 176, 176]), count = shape.count
        var random = PhiloxStream(seed: 5)
        func noise() -> [Double] { (0..<count).map { _ in random.uniform(in: -1...1) } }
        // A smooth picture with noise.
        var pixels = noise().enumerated().map { (index: Int, x: Double) -> Float in
            let place = (index / 176 + index % 176) % 40
            return Float(0.5 + 0.005 * Double(place) + 0.08 * x)
        }
        let a = try Tensor(shape.dimensions, pixels), other = noise()
        for index in 0..<count { pixels[index] += Float(0.15 * other[index]) }
        let b = try Tensor(shape.dimensions, pixels)
        let gradient = try Self.similarity(a, b).gradient.array
        for _ in 0..<3 {
            // Along the gradient with some noise, so that the difference is large beside rounding.
            let noise = noise()
            let norm = gradient.reduce(0.0) { (sum: Double, x: Float) -> Double in sum + Double(x) * Double(x) }
                .squareRoot()
            let direction = (0..<count).map { (i: Int) -> Double in
                Double(gradient[i]) / norm + 0.003 * noise[i]
            }
            var sides: [Double] = []
            for sign in [1.0, -1.0] {
                var moved = a.array
                for index in 0..<count { moved[index] += Float(sign * 0.05 * direction[index]) }
                sides.append(try Self.similarity(Tensor(shape.dimensions, moved), b).value)
            }
            let slope = (sides[0] - sides[1]) / 0.1
            let expected = (0..<count).reduce(0.0) { (sum: Double, i: Int) -> Double in
                sum + Double(gradient[i]) * direction[i]
            }
            #expect(abs(slope - expected) < 0.02 * abs(expected) + 1e-5, "\(slope) \(expected)")
        }
    }

    @Test func `powers and their gradients are right, and 0 where the base is not positive`() throws {
        let tape = Tape(.training), x = tape.input("x", try Shape([5]))
        let y = try tape.power(x, 0.3)
        let sum = try tape.mean(y, over: [0])
        let plan = try TensorPlan(
            tape, outputs: [y, sum], gradientsOf: sum, inputGradients: [x],
            options: .init(kernels: Kernels(family: .best)))
        let workspace = try Workspace(plan, parameters: Parameters([], seed: 0), pool: .serial)
        let values: [Float] = [-2, 0, 0.25, 1, 9]
        try workspace.run([x: Tensor([5], values)])
        let result = try workspace.tensor(y).array, gradient = try workspace.gradient(of: x).array
        let powers: [Float] = [0, 0, 0.6597540, 1, 1.9331820]
        let slopes: [Float] = [0, 0, 0.7917047, 0.3, 0.0644394]
        for index in 0..<5 {
            #expect(abs(result[index] - powers[index]) < 1e-6)
            #expect(abs(gradient[index] - slopes[index] / 5) < 1e-6)
        }
    }
}
