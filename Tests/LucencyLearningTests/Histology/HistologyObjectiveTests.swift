import Foundation
import LucencyFoundation
import LucencyLearning
import LucencyTensor
import Support
import Testing

/// The joint objective against independent numbers (see the fixtures' README).
@Suite struct HistologyObjectiveTests {
    private struct Run {
        let workspace: Workspace
        let values: ObjectiveValues
        let inputs: [String: Value]

        func part(_ name: String) throws -> Double {
            let part = try #require(values.parts.first { $0.name == name })
            return Double(try workspace.tensor(part.value).scalar)
        }
        var total: Double { get throws { Double(try workspace.tensor(values.total).scalar) } }
    }

    private let golden: GoldenTensors
    private let losses: JSONValue

    init() throws {
        golden = try GoldenTensors(TestFiles.fixture("LucencyLearningTests", "shisrcnet_losses.safetensors"))
        losses = try TestFiles.json(TestFiles.fixture("LucencyLearningTests", "shisrcnet_losses.json"))
    }

    private func expected(_ name: String) throws -> Double { try #require(losses[name]?.doubleValue) }

    private func run(
        _ setting: EngineSetting = EngineSetting(kernels: Kernels(family: .portable), threads: 1),
        _ change: (inout HistologyObjective) -> Void = { _ in }
    ) throws -> Run {
        var objective = HistologyObjective()
        change(&objective)
        let tape = Tape(.training)
        var inputs: [String: Value] = [:], tensors: [Value: Tensor] = [:]
        for name in ["sr", "hr", "logits_sr", "logits_hr", "feat_sr", "feat_hr", "labels"] {
            let tensor = try golden.tensor(name), value = tape.input(name, tensor.shape)
            inputs[name] = value
            tensors[value] = tensor
        }
        func input(_ name: String) throws -> Value { try #require(inputs[name]) }
        let values = try objective.record(
            on: tape, upscaled: input("sr"), sharp: input("hr"),
            views: (
                .init(logits: input("logits_sr"), descriptors: input("feat_sr")),
                .init(logits: input("logits_hr"), descriptors: input("feat_hr"))
            ), labels: input("labels"))
        let watched = ["sr", "logits_sr", "logits_hr", "feat_sr", "feat_hr"]
        let plan = try TensorPlan(
            tape, outputs: [values.total] + values.parts.map(\.value), gradientsOf: values.total,
            inputGradients: watched.map(input), options: .init(kernels: setting.kernels))
        let workspace = try Workspace(
            plan, parameters: Parameters(tape.parameters, seed: 0), pool: ThreadPool(threads: setting.threads))
        try workspace.run(tensors)
        return Run(workspace: workspace, values: values, inputs: inputs)
    }

    @Test(arguments: EngineSetting.families)
    func `terms, their sum and its gradients are the fixture's`(_ setting: EngineSetting) throws {
        let run = try run(setting)
        #expect(abs(try run.part("super-resolution") - expected("l1")) < 1e-6)
        let focal = try (expected("focal_sr") + expected("focal_hr")) / 2
        #expect(abs(try run.part("focal") - focal) < 1e-6)
        #expect(abs(try run.part("contrast") - expected("ntxent_cos_tau2")) < 1e-6)
        #expect(abs(try run.total - expected("total")) < 1e-6)
        for name in ["sr", "logits_sr", "logits_hr", "feat_sr", "feat_hr"] {
            let value = try #require(run.inputs[name]), reference = try golden.tensor("grad." + name)
            let largest = reference.array.reduce(0) { max($0, abs($1)) }
            for (a, b) in zip(try run.workspace.gradient(of: value).array, reference.array) {
                #expect(abs(a - b) <= 1e-5 * largest, "\(name)")
            }
        }
    }

    @Test func `temperature, similarity and γ change what they should`() throws {
        let sharper = try run { $0.temperature = 0.5 }
        #expect(abs(try sharper.part("contrast") - expected("ntxent_cos_tau0.5")) < 1e-6)
        let dot = try run { $0.similarity = .dot }
        #expect(abs(try dot.part("contrast") - expected("ntxent_dot_tau2")) < 1e-5)
        // γ = 0 is the cross-entropy; the fixture has it for the super-resolved view.
        let logits = try golden.tensor("logits_sr").array, other = try golden.tensor("logits_hr").array
        let labels = try golden.tensor("labels").array
        func entropy(_ logits: [Float]) -> Double {
            labels.indices.reduce(0.0) { sum, row in
                let (a, b) = (Double(logits[2 * row]), Double(logits[2 * row + 1]))
                return sum + log(exp(a) + exp(b)) - (labels[row] == 0 ? a : b)
            } / Double(labels.count)
        }
        #expect(abs(try entropy(logits) - expected("focal_gamma0_equals_cross_entropy")) < 1e-6)
        let plain = try run { $0.gamma = 0 }
        #expect(abs(try plain.part("focal") - (entropy(logits) + entropy(other)) / 2) < 1e-6)
    }

    @Test func `the executed form is what the public script computes`() throws {
        let run = try run { $0.form = .executed }
        #expect(abs(try run.part("contrast") - expected("published_contrast_on_logits")) < 1e-6)
        #expect(abs(try run.total - expected("published_total_as_executed")) < 1e-5)
    }

    @Test func `a term of weight 0 is left out, and without any there is no objective`() throws {
        let run = try run { $0.contrast = 0 }
        #expect(run.values.parts.map(\.name) == ["super-resolution", "focal"])
        let error = #expect(throws: Diagnostic.self) {
            try self.run { ($0.contrast, $0.classification, $0.superResolution) = (0, 0, 0) }
        }
        #expect(error?.message.contains("all weights are 0") == true)
    }

    /// The contrast of two views.
    private func contrast(_ first: [[Float]], _ second: [[Float]], temperature: Double = 0.5) throws -> Double {
        let tape = Tape(.inference), shape = try Shape([first.count, first[0].count])
        let a = tape.input("a", shape), b = tape.input("b", shape)
        let loss = try tape.contrastiveLoss(a, b, temperature: temperature)
        let plan = try TensorPlan(tape, outputs: [loss], options: .init(kernels: Kernels(family: .portable)))
        let workspace = try Workspace(plan, parameters: Parameters([], seed: 0), pool: .serial)
        try workspace.run([
            a: Tensor(shape.dimensions, first.flatMap { $0 }), b: Tensor(shape.dimensions, second.flatMap { $0 }),
        ])
        return Double(try workspace.tensor(loss).scalar)
    }

    @Test func `NT-Xent is symmetric, takes any order, and is smallest where views agree and pictures differ`() throws {
        let a: [[Float]] = [[1, 0, 0.2], [0.1, 1, 0], [0, -0.3, 2]],
            b: [[Float]] = [[0.9, 0.2, 0], [0, 2, 0.1], [0.5, 0, 1]]
        let loss = try contrast(a, b)
        #expect(abs(try contrast(b, a) - loss) < 1e-6)
        #expect(abs(try contrast([a[2], a[0], a[1]], [b[2], b[0], b[1]]) - loss) < 1e-6)
        let axes: [[Float]] = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
        let agreed = try contrast(axes, axes)
        #expect(agreed < loss)
        #expect(abs(agreed - log(1 + 4 * exp(-2))) < 1e-6)
        // Lengths do not count, and one picture has nothing to be told from.
        #expect(abs(try contrast(a.map { $0.map { 3 * $0 } }, b) - loss) < 1e-6)
        #expect(try contrast([a[0]], [b[0]]) == 0)
    }

    @Test func `a contrast that is not possible is refused`() throws {
        let tape = Tape(.training), x = tape.input("x", try Shape([4, 3])), y = tape.input("y", try Shape([3, 3]))
        #expect(throws: Diagnostic.self) { try tape.contrastiveLoss(x, y, temperature: 1) }
        #expect(throws: Diagnostic.self) { try tape.contrastiveLoss(x, x, temperature: 0) }
        let many = tape.input("many", try Shape([4000, 3]))
        #expect(throws: Diagnostic.self) { try tape.contrastiveLoss(many, many, temperature: 1) }
    }
}
