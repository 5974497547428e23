import LucencyFoundation
import LucencyTensor
import Testing

@Suite struct DropoutTests {
    private struct Result {
        let output: Tensor
        let gradient: Tensor
    }

    /// A tensor of ones through dropout, and the gradient of its sum.
    private static func run(
        channels: Bool = false, family: KernelFamily = .portable, seed: UInt64 = 1, step: UInt64 = 1,
        recomputes: Bool = false, threads: Int = 1, isBlocked: Bool = false
    ) throws -> Result {
        let tape = Tape(.training)
        let shape = try Shape([2, 24, 40, 50]), x = tape.input("x", shape)
        // Pooling by single pixels leaves blocks behind.
        let before = isBlocked ? try tape.averagePooling(x, kernel: [1, 1]) : x
        let y =
            try channels ? tape.channelDropout(before, probability: 0.25) : tape.dropout(before, probability: 0.25)
        let loss = try tape.sum(tape.multiply(y, y))
        var options = TensorPlan.Options(kernels: Kernels(family: family))
        options.recomputation = recomputes ? .cheap : .nothing
        let plan = try TensorPlan(
            tape, outputs: recomputes ? [] : [y], gradientsOf: loss, inputGradients: [x], options: options)
        let workspace = try Workspace(
            plan, parameters: Parameters([], seed: 0), pool: ThreadPool(threads: threads))
        try workspace.run([x: Tensor(shape, repeating: 1)], seed: seed, step: step)
        let gradient = try workspace.gradient(of: x)
        return Result(output: recomputes ? gradient : try workspace.tensor(y), gradient: gradient)
    }

    @Test(arguments: [false, true])
    func `the right share is dropped, and the rest enlarged`(isBlocked: Bool) throws {
        let result = try Self.run(isBlocked: isBlocked)
        let kept = result.output.array.filter { $0 != 0 }
        #expect(kept.allSatisfy { $0 == 1 / 0.75 })
        // Four standard deviations.
        let share = Double(kept.count) / Double(result.output.shape.count)
        #expect(abs(share - 0.75) < 4 * (0.75 * 0.25 / Double(result.output.shape.count)).squareRoot())
        // y² has the slope 2y · mask / 0.75.
        #expect(zip(result.output.array, result.gradient.array).allSatisfy { abs($1 - 2 * $0 / 0.75) < 1e-5 })
    }

    @Test func `seed and step decide what is dropped, threads and families do not`() throws {
        let result = try Self.run()
        #expect(try Self.run().output == result.output)
        #expect(try Self.run(seed: 2).output != result.output)
        #expect(try Self.run(step: 2).output != result.output)
        #expect(try Self.run(threads: 3).output == result.output)
        for family in KernelFamily.available { #expect(try Self.run(family: family).output == result.output) }
    }

    @Test func `what is dropped stays dropped when results are computed again`() throws {
        #expect(try Self.run(recomputes: true).gradient == Self.run().gradient)
    }

    @Test(arguments: [false, true])
    func `channel dropout drops whole channels`(isBlocked: Bool) throws {
        let result = try Self.run(channels: true, isBlocked: isBlocked)
        let pixels = 40 * 50, values = result.output.array
        var dropped = 0
        for channel in 0..<48 {
            let slab = values[channel * pixels..<(channel + 1) * pixels]
            #expect(Set(slab).count == 1)
            if slab.first == 0 { dropped += 1 }
        }
        #expect((3...24).contains(dropped))
        #expect(zip(values, result.gradient.array).allSatisfy { abs($1 - 2 * $0 / 0.75) < 1e-5 })
    }

    @Test func `two dropouts of a network differ, and inference drops nothing`() throws {
        let tape = Tape(.training)
        let shape = try Shape([1000]), x = tape.input("x", shape)
        let first = try tape.dropout(x, probability: 0.5), second = try tape.dropout(x, probability: 0.5)
        let plan = try TensorPlan(
            tape, outputs: [first, second], options: .init(kernels: Kernels(family: .portable)))
        let workspace = try Workspace(plan, parameters: Parameters([], seed: 0), pool: .serial)
        try workspace.run([x: Tensor(shape, repeating: 1)])
        #expect(try workspace.tensor(first) != workspace.tensor(second))
        let inference = Tape(.inference), y = inference.input("x", shape)
        #expect(try inference.dropout(y, probability: 0.5) == y)
        #expect(throws: Diagnostic.self) { try tape.dropout(x, probability: 1) }
    }
}
