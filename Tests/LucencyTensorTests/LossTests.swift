import LucencyFoundation
import LucencyTensor
import Testing

@Suite struct LossTests {
    private static func crossEntropy(
        _ logits: Tensor, _ labels: Tensor, ignoring ignored: Float? = nil
    ) throws -> (loss: Float, gradient: [Float]) {
        let tape = Tape(.training)
        let x = tape.input("x", logits.shape), y = tape.input("labels", labels.shape)
        let loss = try tape.crossEntropy(x, labels: y, ignoring: ignored)
        let plan = try TensorPlan(
            tape, outputs: [loss], gradientsOf: loss, inputGradients: [x],
            options: .init(kernels: Kernels(family: .best)))
        let workspace = try Workspace(plan, parameters: Parameters([], seed: 0), pool: .serial)
        try workspace.run([x: logits, y: labels])
        return (try workspace.tensor(loss).scalar, try workspace.gradient(of: x).array)
    }

    @Test func `logits of ±80 and beyond give finite losses`() throws {
        let logits = try Tensor([1, 2, 4], [80, -80, 500, -500, -80, 80, -500, 500])
        let result = try Self.crossEntropy(logits, Tensor([1, 4], [0, 0, 1, 1]))
        #expect(result.loss == (0 + 160 + 1000 + 0) / 4)
        #expect(result.gradient.allSatisfy { $0.isFinite && abs($0) <= 0.25 })
    }

    @Test(arguments: [Float(-1), 2, 0.5, .nan, .infinity, 1e30])
    func `a label that is no class makes the loss NaN`(_ label: Float) throws {
        let logits = try Tensor([1, 2, 3], [1, 2, 3, 4, 5, 6])
        #expect(try Self.crossEntropy(logits, Tensor([1, 3], [0, label, 1])).loss.isNaN)
    }

    @Test func `if no pixel counts, loss and gradient are 0`() throws {
        let logits = try Tensor([1, 2, 3], [1, 2, 3, 4, 5, 6])
        let result = try Self.crossEntropy(logits, Tensor([1, 3], [9, 9, 9]), ignoring: 9)
        #expect(result.loss == 0 && result.gradient.allSatisfy { $0 == 0 })
    }

    @Test func `a Gaussian filter adds up to 1 and keeps a constant`() throws {
        let filter = try FilterKernel.gaussian(deviation: 1.3)
        #expect(filter.size == [9, 9])
        #expect(abs(filter.weights.reduce(0, +) - 1) < 1e-5)
        let tape = Tape(.inference)
        let x = tape.input("x", try Shape([1, 3, 6, 7]))
        let y = try tape.fixedFilter(x, filter)
        let plan = try TensorPlan(tape, outputs: [y], options: .init(kernels: Kernels(family: .best)))
        let workspace = try Workspace(plan, parameters: Parameters([], seed: 0), pool: .serial)
        try workspace.run([x: Tensor(x.shape, repeating: 2.5)])
        #expect(try workspace.tensor(y).array.allSatisfy { abs($0 - 2.5) < 1e-5 })
    }

    @Test func `batch statistics move the running ones, with the unbiased variance`() throws {
        let tape = Tape(.training)
        let x = tape.input("x", try Shape([2, 1, 2])), shape = try Shape([1])
        let y = try tape.batchNormalization(
            x, scale: tape.parameter("scale", shape, .constant(1)), shift: tape.parameter("shift", shape, .constant(0)),
            runningMean: tape.parameter("mean", shape, .constant(10), isTrainable: false),
            runningVariance: tape.parameter("variance", shape, .constant(20), isTrainable: false), momentum: 0.25)
        let plan = try TensorPlan(tape, outputs: [y], options: .init(kernels: Kernels(family: .best)))
        let workspace = try Workspace(plan, parameters: Parameters(tape.parameters, seed: 0), pool: .serial)
        try workspace.run([x: Tensor([2, 1, 2], [1, 3, 5, 7])])
        // The mean is 4; squares of differences add up to 20, over 3.
        #expect(workspace.parameters["mean"]?.array == [0.75 * 10 + 0.25 * 4])
        #expect(abs((workspace.parameters["variance"]?.scalar ?? 0) - (0.75 * 20 + 0.25 * 20 / 3)) < 1e-5)
    }
}
