import LucencyFoundation
import LucencyTensor

extension Tape {
    /// Σ weights · x.
    package func weightedSum(_ x: Value, _ weights: Tensor) throws(Diagnostic) -> Value {
        try record(WeightedSum(weights), x)
    }
}

/// Kernels and threads under which golden numbers must come out.
public struct EngineSetting: Sendable, CustomStringConvertible {
    public let kernels: Kernels
    public let threads: Int

    public init(kernels: Kernels, threads: Int) {
        self.kernels = kernels
        self.threads = threads
    }

    public var description: String {
        "\(kernels.family.rawValue), \(kernels.algorithm.rawValue), \(threads) thread(s)"
    }

    /// Every family that this machine has, with one and two threads.
    public static let families = KernelFamily.available.flatMap { family in
        [1, 2].map { EngineSetting(kernels: Kernels(family: family), threads: $0) }
    }

    /// The same with every algorithm of convolutions.
    public static let all = KernelFamily.available.flatMap { family in
        Kernels.Algorithm.allCases.flatMap { algorithm in
            [1, 2].map { EngineSetting(kernels: Kernels(family: family, algorithm: algorithm), threads: $0) }
        }
    }
}

/// A network run on the inputs and parameters of a fixture, and how far its results are from the fixture's.
package struct GoldenRun {
    package let golden: GoldenTensors
    package let workspace: Workspace
    package let out: Value
    /// Of the result and of each gradient, by the fixture's names, in units of max(1, largest number of the reference).
    package let errors: [String: Double]

    /// A fixture of the engine's tests.
    package static func fixture(_ name: String) throws -> GoldenTensors {
        try GoldenTensors(TestFiles.fixture("LucencyTensorTests", name + ".safetensors"))
    }

    /// - Parameters:
    ///   - inputs: tensors for the network, by the fixture's names without `in.`.
    ///   - rename: the fixture's name of a parameter.
    ///   - build: makes the network of the inputs.
    package init(
        _ golden: GoldenTensors, _ setting: EngineSetting, inputs: [String: Tensor],
        rename: (String) -> String = { $0 },
        build: (Tape, [String: Value]) throws -> Value
    ) throws {
        let tape = Tape(.training), values = inputs.mapValues { tape.input("in", $0.shape) }
        let out = try build(tape, values)
        let plan = try TensorPlan(
            tape, outputs: [out], gradientsOf: tape.weightedSum(out, golden.tensor("upstream")),
            inputGradients: Array(values.values), options: .init(kernels: setting.kernels))
        let parameters = try golden.parameters(tape.parameters, rename: rename)
        let workspace = try Workspace(plan, parameters: parameters, pool: ThreadPool(threads: setting.threads))
        try workspace.run(
            Dictionary(uniqueKeysWithValues: values.compactMap { name, value in inputs[name].map { (value, $0) } }))
        let reference = try golden.tensors["out"] ?? golden.tensor("out_train")
        var errors = ["out": try workspace.tensor(out).error(against: reference)]
        for (name, value) in values {
            guard let reference = golden.tensors["grad.in." + name] else { continue }
            errors["grad.in." + name] = try workspace.gradient(of: value).error(against: reference)
        }
        for declaration in tape.parameters where declaration.isTrainable {
            let name = "grad." + rename(declaration.name)
            guard let reference = golden.tensors[name] else { continue }
            errors[name] = try workspace.gradient(of: declaration.name).error(against: reference)
        }
        self.golden = golden
        self.workspace = workspace
        self.out = out
        self.errors = errors
    }

    /// States of the network after the run that differ from the fixture's, by more than a tolerance.
    package func wrongStates(tolerance: Double) throws -> [String] {
        try golden.names("buffer_after.").filter { name in
            guard let state = workspace.parameters[name] else { return true }
            return try state.error(against: golden.tensor("buffer_after." + name)) > tolerance
        }
    }

    /// How far the same network at inference, with the states from before, is from the fixture's `out_eval`.
    package static func inferenceError(
        _ golden: GoldenTensors, _ setting: EngineSetting, inputs: [String: Tensor],
        build: (Tape, [String: Value]) throws -> Value
    ) throws -> Double {
        let tape = Tape(.inference), values = inputs.mapValues { tape.input("in", $0.shape) }
        let out = try build(tape, values)
        let workspace = try Workspace(
            TensorPlan(tape, outputs: [out], options: .init(kernels: setting.kernels)),
            parameters: golden.parameters(tape.parameters), pool: ThreadPool(threads: setting.threads))
        try workspace.run(
            Dictionary(uniqueKeysWithValues: values.compactMap { name, value in inputs[name].map { (value, $0) } }))
        return try workspace.tensor(out).error(against: golden.tensor("out_eval"))
    }

    /// Gradients that the fixture has and the network has not.
    package var missing: [String] { golden.names("grad.").filter { errors["grad." + $0] == nil } }
}

extension GoldenTensors {
    /// The fixture's numbers for parameters (`param.X`) and states (`buffer_before.X`).
    package func parameters(
        _ declarations: [ParameterDeclaration], rename: (String) -> String = { $0 }
    ) throws -> Parameters {
        let parameters = try Parameters(declarations, seed: 0)
        for declaration in declarations {
            let prefix = declaration.isTrainable ? "param." : "buffer_before."
            let numbers = try tensor(prefix + rename(declaration.name))
            try parameters.set(declaration.name, to: numbers)
        }
        return parameters
    }
}
