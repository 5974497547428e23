import LucencyFoundation
import LucencyTensor
import Support
import Testing

/// The quantiser of the fixture `quantiser` (MONAI-generative's, see the fixtures' README).
@Suite struct VectorQuantizationTests {
    private struct Run {
        let workspace: Workspace
        let z: Value
        let quantization: Quantization
    }

    private func run(
        _ z: Tensor, _ codebook: Tensor, _ setting: EngineSetting, loss: (Tape, Quantization) throws -> Value
    ) throws -> Run {
        let tape = Tape(.training), input = tape.input("z", z.shape)
        let rows = try tape.parameter("codebook", codebook.shape, .constant(0))
        let q = try tape.vectorQuantization(input, codebook: rows)
        let plan = try TensorPlan(
            tape,
            outputs: [q.quantised, q.commitmentLoss, q.codebookLoss, q.perplexity, q.indices, q.counts, q.sums],
            gradientsOf: loss(tape, q), inputGradients: [input], options: .init(kernels: setting.kernels))
        let parameters = try Parameters(tape.parameters, seed: 0)
        try parameters.set("codebook", to: codebook)
        let workspace = try Workspace(plan, parameters: parameters, pool: ThreadPool(threads: setting.threads))
        try workspace.run([input: z])
        return Run(workspace: workspace, z: input, quantization: q)
    }

    @Test(arguments: EngineSetting.families) func `codes, losses and the straight-through gradient are the reference's`(
        _ setting: EngineSetting
    ) throws {
        let golden = try GoldenRun.fixture("quantiser")
        let run = try run(golden.tensor("z"), golden.tensor("codebook"), setting) { tape, q in
            let upstream = try tape.weightedSum(q.quantised, golden.tensor("upstream"))
            return try tape.add(upstream, q.commitmentLoss)
        }
        let q = run.quantization, workspace = run.workspace
        #expect(try workspace.tensor(q.indices) == golden.tensor("indices"))
        var errors: [String: Double] = [:]
        errors["quantised"] = try workspace.tensor(q.quantised).error(against: golden.tensor("quantised"))
        errors["loss"] = try workspace.tensor(q.commitmentLoss).error(against: golden.tensor("loss"))
        errors["perplexity"] = try workspace.tensor(q.perplexity).error(against: golden.tensor("perplexity"))
        errors["grad_z"] = try workspace.gradient(of: run.z).error(against: golden.tensor("grad_z"))
        for (name, error) in errors { #expect(error <= 1e-5, "\(name)") }
        #expect(try workspace.gradient(of: "codebook").array.allSatisfy { $0 == 0 })
        print("golden quantiser \(setting): \(errors.values.max() ?? 0)")
    }

    @Test(arguments: EngineSetting.families) func `a codebook that learns by gradient gets the reference's`(
        _ setting: EngineSetting
    ) throws {
        let golden = try GoldenRun.fixture("quantiser")
        let run = try run(golden.tensor("z"), golden.tensor("codebook"), setting) { $1.codebookLoss }
        let loss = try run.workspace.tensor(run.quantization.codebookLoss)
        #expect(try loss.error(against: golden.tensor("vq.codebook_loss")) <= 1e-5)
        let gradient = try run.workspace.gradient(of: "codebook")
        #expect(try gradient.error(against: golden.tensor("vq.grad_codebook")) <= 1e-5)
        #expect(try run.workspace.gradient(of: run.z).array.allSatisfy { $0 == 0 })
    }

    @Test(arguments: EngineSetting.families)
    func `three updates of the codebook by moving averages are the reference's`(
        _ setting: EngineSetting
    ) throws {
        let golden = try GoldenRun.fixture("quantiser")
        let batches = try golden.tensor("ema.z"), size = batches.shape.count / 3
        let shape = Array(batches.shape.dimensions.dropFirst())
        var codebook = try golden.tensor("codebook")
        var state = try CodebookAverage.State(of: codebook, size: 0)
        let average = CodebookAverage()
        var worst = 0.0
        for number in 0..<3 {
            let z = try Tensor(shape, batches.array[number * size..<(number + 1) * size])
            let run = try run(z, codebook, setting) { $1.commitmentLoss }, q = run.quantization
            try average.update(
                codebook: &codebook, state: &state, counts: run.workspace.tensor(q.counts),
                sums: run.workspace.tensor(q.sums))
            let name = "ema.\(number)."
            #expect(try run.workspace.tensor(q.indices) == golden.tensor(name + "indices"))
            for (part, tensor) in [("cluster_size", state.sizes), ("w", state.sums), ("codebook", codebook)] {
                // Codes that nothing hits run off to 1e5, so every number counts by its own size.
                for (mine, reference) in zip(tensor.array, try golden.tensor(name + part).array) {
                    let error = Double(abs(mine - reference) / max(1e-3, abs(reference)))
                    worst = max(worst, error)
                    #expect(error <= 1e-5, "\(name)\(part)")
                }
            }
        }
        print("golden quantiser averages \(setting): \(worst)")
    }

    @Test func `equal distances take the lowest code, and NaN takes none and teaches nothing`() throws {
        let codebook = try Tensor([3, 2], [1, 0, -1, 0, 1, 0]), setting = EngineSetting.families[0]
        let tie = try run(Tensor([1, 2, 3], [0, 1, -3, 0, 0, 0]), codebook, setting) { $1.commitmentLoss }
        #expect(try tie.workspace.tensor(tie.quantization.indices).array == [0, 0, 1])
        #expect(try tie.workspace.tensor(tie.quantization.counts).array == [2, 1, 0])

        let bad = try run(Tensor([1, 2, 2], [.nan, 1, 0, 0]), codebook, setting) { $1.commitmentLoss }
        let q = bad.quantization
        #expect(try bad.workspace.tensor(q.indices).array[0].isNaN)
        #expect(try bad.workspace.tensor(q.commitmentLoss).scalar.isNaN)
        var moved = codebook, state = try CodebookAverage.State(of: codebook)
        #expect(throws: Diagnostic.self) {
            try CodebookAverage().update(
                codebook: &moved, state: &state, counts: bad.workspace.tensor(q.counts),
                sums: bad.workspace.tensor(q.sums))
        }
        #expect(moved == codebook)
    }
}
