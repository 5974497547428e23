import Foundation
import Lucency

/// What a training step of latent diffusion takes with each kind of recomputation.
struct DiffusionTraining {
    let network: LatentDiffusion
    let side: Int
    let batch: Int
    let threads: Int
    /// Timed steps after the first; 0 only plans.
    let steps: Int

    struct Row {
        let part: String
        let recomputation: Recomputation
        let threads: Int
        /// Of activations, packed weights and gradients, known beforehand; weights and moments come on top.
        let planMegabytes: Double
        var seconds: Double?
        /// Peak resident set in MB.
        var peak: Double?

        static let heading = "training            recompute  threads   plan MB    step s   peak MB"

        var text: String {
            func number(_ value: Double?, _ format: String) -> String {
                let text = value.map { String(format: format, $0) } ?? "-"
                return String(repeating: " ", count: max(0, 10 - text.count)) + text
            }
            func left(_ text: String, _ width: Int) -> String {
                text + String(repeating: " ", count: max(0, width - text.count))
            }
            return left(part, 20) + left(recomputation.rawValue, 9) + String(format: "%9d", threads)
                + number(planMegabytes, "%.0f") + number(seconds, "%.3f") + number(peak, "%.0f")
        }

        var json: JSONValue {
            var members: [String: JSONValue] = [
                "part": .string(part), "recompute": .string(recomputation.rawValue), "threads": .integer(threads),
                "plan_mb": .number(planMegabytes),
            ]
            if let seconds { members["step_s"] = .number(seconds) }
            if let peak { members["peak_mb"] = .number(peak) }
            return .object(members)
        }
    }

    func callAsFunction() throws -> [Row] {
        try [("autoencoder", autoencoder), ("estimator", estimator)].flatMap { part, build in
            try Recomputation.allCases.map { try measure(part, $0, build) }
        }
    }

    private func autoencoder(_ tape: Tape) throws -> Value {
        let x = tape.input("x", try Shape([batch, network.inputChannels, side, side]))
        let result = try network.autoencoder(x, Scope(tape))[0]
        return try tape.meanAbsoluteError(result, x)
    }

    private func estimator(_ tape: Tape) throws -> Value {
        let latent = network.autoencoder.latent, small = side / network.autoencoder.factor
        let x = tape.input("x", try Shape([batch, 2 * latent, small, small]))
        let wanted = tape.input("wanted", try Shape([batch, latent, small, small]))
        let time = tape.input("time", try Shape([batch, network.estimator.base]))
        let output = try network.estimator(x, time: time, Scope(tape))
        return try tape.meanSquaredError(tape.slice(output, axis: 1, 0..<latent), wanted)
    }

    private func measure(
        _ part: String, _ recomputation: Recomputation, _ build: (Tape) throws -> Value
    ) throws -> Row {
        let tape = Tape(.training), loss = try build(tape), kernels = Kernels(family: .best)
        let plan = try TensorPlan(
            tape, outputs: [loss], gradientsOf: loss, options: .init(kernels: kernels, recomputation: recomputation))
        var row = Row(
            part: "\(part), batch \(batch)", recomputation: recomputation, threads: threads,
            planMegabytes: Double(plan.bytes(threads: threads)) / 1e6)
        guard steps > 0 else { return row }
        DiffusionCommand.resetPeak()
        let parameters = try Parameters(tape.parameters, seed: 1)
        let workspace = try Workspace(plan, parameters: parameters, pool: ThreadPool(threads: threads))
        var inputs: [Value: Tensor] = [:], random = PhiloxStream(seed: 1), times: [Double] = []
        for name in ["x", "wanted", "time"] {
            for value in tape.inputs(name) { inputs[value] = .normal(value.shape, from: &random) }
        }
        for _ in 0...steps {
            let start = Machine.seconds
            try workspace.run(inputs)
            times.append(Machine.seconds - start)
        }
        row.seconds = Array(times.dropFirst()).median
        row.peak = try EngineOnceCommand.peakMegabytes()
        return row
    }
}
