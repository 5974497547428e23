import LucencyFoundation
import LucencyTensor
import Testing

/// What a caller can get wrong, and what must not go stale.
@Suite struct PlanSafetyTests {
    private static let options = TensorPlan.Options(kernels: Kernels(family: .best))

    private static func sums(_ tape: Tape, _ x: Value, _ weights: Value) throws -> Value {
        try tape.convolution(x, weights: weights, window: ConvolutionWindow(kernel: [3, 3]))
    }

    @Test(arguments: [1, 16])
    func `weights that are an input are packed anew in every run`(channels: Int) throws {
        let tape = Tape(.inference)
        let x = tape.input("x", try Shape([1, channels, 8, 8]))
        let weights = tape.input("w", try Shape([1, channels, 3, 3]))
        let y = try Self.sums(tape, x, weights)
        let plan = try TensorPlan(tape, outputs: [y], options: Self.options)
        let workspace = try Workspace(plan, parameters: Parameters([], seed: 0), pool: .serial)
        for factor in [1, 2] as [Float] {
            try workspace.run([
                x: Tensor(x.shape, repeating: 1), weights: Tensor(weights.shape, repeating: factor),
            ])
            let value = try workspace.tensor(y).array[9]
            #expect(abs(value - 9 * factor * Float(channels)) < 1e-3)
        }
    }

    @Test func `weights folded with running statistics follow them as training changes them`() throws {
        func record(_ mode: Tape.Mode) throws -> (tape: Tape, x: Value, y: Value) {
            let tape = Tape(mode)
            let x = tape.input("x", try Shape([2, 1, 8, 8])), one = try Shape([1])
            let weights = try tape.parameter("w", Shape([1, 1, 3, 3]), .constant(1))
            let y = try tape.batchNormalization(
                Self.sums(tape, x, weights), scale: tape.parameter("scale", one, .constant(1)),
                shift: tape.parameter("shift", one, .constant(0)),
                runningMean: tape.parameter("mean", one, .constant(0), isTrainable: false),
                runningVariance: tape.parameter("variance", one, .constant(1), isTrainable: false))
            return (tape, x, y)
        }
        let training = try record(.training), inference = try record(.inference)
        let parameters = try Parameters(training.tape.parameters, seed: 1)
        let learn = try Workspace(
            TensorPlan(training.tape, outputs: [training.y], options: Self.options), parameters: parameters,
            pool: .serial)
        let plan = try TensorPlan(inference.tape, outputs: [inference.y], options: Self.options)
        let infer = try Workspace(plan, parameters: parameters, pool: .serial)
        var stream = PhiloxStream(seed: 3)
        let image = Tensor.uniform(inference.x.shape, from: &stream)
        try infer.run([inference.x: image])
        let before = try infer.tensor(inference.y)
        for _ in 0..<50 { try learn.run([training.x: image]) }
        try infer.run([inference.x: image])
        let fresh = try Workspace(plan, parameters: parameters, pool: .serial)
        try fresh.run([inference.x: image])
        #expect(try infer.tensor(inference.y) == fresh.tensor(inference.y))
        #expect(try infer.tensor(inference.y) != before)
    }

    @Test func `a value of another tape is refused, whatever its number`() throws {
        let tape = Tape(.inference), other = Tape(.inference)
        let x = tape.input("x", try Shape([4])), foreign = other.input("x", try Shape([1 << 20]))
        let plan = try TensorPlan(tape, outputs: [tape.relu(x)], options: Self.options)
        let workspace = try Workspace(plan, parameters: Parameters([], seed: 0), pool: .serial)
        try workspace.run([x: Tensor(x.shape, repeating: 1)])
        let result = try other.relu(foreign)
        #expect(throws: Diagnostic.self) { try workspace.tensor(result) }
        #expect(throws: Diagnostic.self) { try workspace.gradient(of: foreign) }
        #expect(throws: Diagnostic.self) { try TensorPlan(tape, outputs: [result], options: Self.options) }
    }

    @Test func `a computation larger than the memory is refused before it begins`() throws {
        let tape = Tape(.inference)
        let x = tape.input("x", try Shape([1, 64, 256, 256]))
        let plan = try TensorPlan(tape, outputs: [tape.relu(x)], options: Self.options)
        let error = #expect(throws: Diagnostic.self) {
            try Workspace(plan, parameters: Parameters([], seed: 0), pool: .serial, memory: 1 << 20)
        }
        #expect(error?.code == .tooLarge && error?.remedy != nil)
        #expect(throws: Diagnostic.self) {
            try Parameters(
                [.init(name: "w", shape: Shape([1 << 39]), initializer: .constant(0), isTrainable: true)], seed: 0)
        }
    }

    @Test func `a kernel deeper than the engine can do is refused`() throws {
        let tape = Tape(.inference)
        let x = tape.input("x", try Shape([1, 1, 80, 4, 4]))
        #expect(throws: Diagnostic.self) {
            try tape.convolution(
                x, weights: tape.constant(Tensor(Shape([1, 1, 65, 1, 1]), repeating: 1)),
                window: ConvolutionWindow(kernel: [65, 1, 1]))
        }
    }
}
