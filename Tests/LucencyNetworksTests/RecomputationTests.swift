import LucencyFoundation
import LucencyNetworks
import LucencyTensor
import Testing

/// Training steps that do not keep all results of the forward pass.
@Suite struct RecomputationTests {
    private struct Step {
        let plan: TensorPlan
        let workspace: Workspace

        var gradients: [Float] {
            Array(UnsafeBufferPointer(start: workspace.gradients, count: workspace.parameters.trainableCount))
        }
    }

    /// One training step with random weights, none of them zeros.
    private static func step(
        _ recomputation: Recomputation, threads: Int = 1, _ build: (Tape, Scope) throws -> [Value]
    ) throws -> Step {
        let tape = Tape(.training), results = try build(tape, Scope(tape))
        let loss = try tape.meanSquaredError(results[1], results[2])
        let plan = try TensorPlan(
            tape, outputs: [loss], gradientsOf: loss,
            options: .init(kernels: Kernels(family: .best), recomputation: recomputation))
        let parameters = try Parameters(tape.parameters, seed: 3)
        var random = PhiloxStream(seed: 4)
        for entry in parameters.declarations where entry.shape.rank > 1 {
            try parameters.set(
                entry.name, to: .normal(entry.shape, standardDeviation: 0.05, from: &random))
        }
        let workspace = try Workspace(plan, parameters: parameters, pool: ThreadPool(threads: threads))
        var inputs: [Value: Tensor] = [:]
        for name in ["x", "time", "wanted"] {
            for value in tape.inputs(name) { inputs[value] = .normal(value.shape, from: &random) }
        }
        // Twice, so that nothing depends on memory being fresh.
        for number in 0..<2 { try workspace.run(inputs, seed: 1, step: UInt64(number)) }
        return Step(plan: plan, workspace: workspace)
    }

    private static func estimator(_ tape: Tape, _ scope: Scope) throws -> [Value] {
        var network = NoiseEstimator()
        (network.base, network.multipliers, network.blocks, network.groups) = (16, [1, 2, 2], 4, 4)
        (network.attentionFactors, network.heads, network.dropout) = ([2, 4], 2, 0.1)
        let x = tape.input("x", try Shape([2, 8, 32, 32])), time = tape.input("time", try Shape([2, 16]))
        let wanted = tape.input("wanted", try Shape([2, 8, 32, 32]))
        return [x, try network(x, time: time, scope), wanted]
    }

    private static func autoencoder(_ tape: Tape, _ scope: Scope) throws -> [Value] {
        let network = VectorAutoencoder(channels: [8, 16, 16], hidden: 32)
        let x = tape.input("x", try Shape([2, 1, 96, 96])), wanted = tape.input("wanted", x.shape)
        return [x, try network(x, scope)[0], wanted]
    }

    /// Batch norms, whose running statistics must move once only.
    private static func unet(_ tape: Tape, _ scope: Scope) throws -> [Value] {
        let network = UNet(inputChannels: 1, classes: 2, channels: [8, 16, 32, 32])
        let x = tape.input("x", try Shape([2, 1, 64, 64]))
        let wanted = tape.input("wanted", try Shape([2, 2, 64, 64]))
        return [x, try network(x, scope)[0], wanted]
    }

    private static var networks: [(name: String, share: Double, build: (Tape, Scope) throws -> [Value])] {
        [("estimator", 0.5, estimator), ("autoencoder", 0.8, autoencoder), ("unet", 1, unet)]
    }

    @Test func `segments take less memory, and give the same gradients and states`() throws {
        for (name, share, build) in Self.networks {
            let whole = try Self.step(.nothing, build)
            for recomputation in [Recomputation.cheap, .segments] {
                for threads in [1, 3] {
                    let step = try Self.step(recomputation, threads: threads, build)
                    #expect(step.gradients == whole.gradients, "\(name), \(recomputation)")
                    let states = zip(whole.workspace.parameters.declarations, step.workspace.parameters.declarations)
                    for (a, b) in states {
                        #expect(whole.workspace.parameters[a.name] == step.workspace.parameters[b.name], "\(a.name)")
                    }
                }
            }
            let bytes = (whole.plan.bytes(threads: 1), try Self.step(.segments, build).plan.bytes(threads: 1))
            #expect(Double(bytes.1) <= share * Double(bytes.0), "\(name): \(bytes)")
        }
    }

    @Test func `a gradient is not zero, or the test above would show nothing`() throws {
        for (name, _, build) in Self.networks {
            let gradients = try Self.step(.nothing, build).gradients
            #expect(gradients.contains { $0 != 0 } && gradients.allSatisfy(\.isFinite), "\(name)")
        }
    }
}
