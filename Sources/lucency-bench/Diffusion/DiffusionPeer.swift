import Lucency

/// The peer of latent diffusion, asked for its times and results.
final class DiffusionPeer {
    private let process: PeerProcess
    /// `torch 2.3.0`; nil where it is not installed.
    let version: String?

    init(python: String, threads: Int) throws {
        process = try PeerProcess("diffusion.py", python: python)
        version = try process.versions(threads: threads)["torch"].map { "torch \($0)" }
    }

    /// - Parameter weights: a file of ours, or nil for random ones.
    func prepare(_ network: LatentDiffusion, weights: String?) throws {
        let a = network.autoencoder, e = network.estimator
        func list(_ numbers: [Int]) -> JSONValue { .array(numbers.map { .integer($0) }) }
        _ = try process.ask([
            "do": "prepare", "weights": weights.map { .string($0) } ?? .null,
            "network": [
                "autoencoder": [
                    "channels": list(a.channels), "hidden": .integer(a.hidden), "units": .integer(a.units),
                    "latent": .integer(a.latent), "codes": .integer(a.codes),
                ],
                "estimator": [
                    "outputs": .integer(e.outputChannels), "base": .integer(e.base), "multipliers": list(e.multipliers),
                    "blocks": .integer(e.blocks), "attention": list(e.attentionFactors), "heads": .integer(e.heads),
                    "groups": .integer(e.groups),
                ],
            ],
        ])
    }

    /// Its result for tensors.
    /// - Parameter folder: for the tensors' way there and back.
    func run(
        _ part: DiffusionRun.Part, _ inputs: [Tensor], times: [Int], result: Shape, folder: String
    ) throws -> Tensor {
        var paths: [String] = []
        for (number, tensor) in inputs.enumerated() {
            paths.append(FileSystem.join(folder, "input\(number)"))
            try FileSystem.write(tensor.array.withUnsafeBytes { Array($0) }, to: paths[number])
        }
        let output = FileSystem.join(folder, "output")
        _ = try process.ask([
            "do": "run", "part": .string(part.rawValue), "inputs": .array(paths.map { .string($0) }),
            "shapes": .array(inputs.map { .array($0.shape.dimensions.map { .integer($0) }) }),
            "times": .array(times.map { .integer($0) }), "output": .string(output),
        ])
        let bytes = try FileSystem.bytes(output, limit: 1 << 30)
        guard bytes.count == 4 * result.count else {
            throw Diagnostic(.shapeMismatch, "the peer gave \(bytes.count / 4) numbers, not \(result)")
        }
        let floats = bytes.withUnsafeBytes { raw in
            (0..<result.count).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
        return try Tensor(result.dimensions, floats)
    }

    /// Seconds of each run, and the peak of its resident set in MB.
    func time(_ part: DiffusionRun.Part, side: Int, runs: Int) throws -> (seconds: [Double], peak: Double) {
        let answer = try process.ask([
            "do": "time", "part": .string(part.rawValue), "side": .integer(side), "runs": .integer(runs),
        ])
        return (
            answer["seconds"]?.arrayValue?.compactMap(\.doubleValue) ?? [], answer["peak_mb"]?.doubleValue ?? .nan
        )
    }
}
