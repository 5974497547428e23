import LucencyFoundation
import LucencyTensor

/// A network with its weights, ready for images of any size: makes a plan for each size at first sight and keeps the last
/// few. Calls from several threads run one after another; each uses all threads of the pool.
public final class Predictor: Sendable {
    public let network: any Network
    public let parameters: Parameters
    public let kernels: Kernels
    /// Which of the network's results it gives.
    public let result: Int
    /// What stands beyond an image whose size is not a multiple of what the network wants; it is cropped off again.
    public let edges: EdgeExtension

    private let pool: ThreadPool
    private let plans: Lock<[Plan]>
    /// Plans that are kept.
    private static let capacity = 4

    private struct Plan {
        let input: Value
        let output: Value
        let workspace: Workspace
    }

    /// - Parameter result: which of the network's results is wanted; the rest is not computed.
    /// - Throws: `Diagnostic` when the parameters are not those of the network, or it has no such result.
    public init(
        _ network: any Network, parameters: Parameters, result: Int = 0, pool: ThreadPool = .serial,
        kernels: Kernels = Kernels(family: .best), edges: EdgeExtension = .mirrored
    ) throws(Diagnostic) {
        for declaration in try network.declarations() {
            guard parameters.slot(declaration.name)?.declaration.shape == declaration.shape else {
                throw Diagnostic(
                    .shapeMismatch, "the parameters hold no '\(declaration.name)' of shape \(declaration.shape)")
            }
        }
        guard network.results.indices.contains(result) else {
            let kind = type(of: network).kind
            throw network.results.isEmpty
                ? Diagnostic(
                    .badArgument, "a network of the kind '\(kind)' gives no result by itself",
                    remedy: "films go through it by `bones.suppress`")
                : Diagnostic(.badArgument, "\(kind): there is no result \(result)")
        }
        self.network = network
        self.result = result
        self.parameters = parameters
        self.pool = pool
        self.kernels = kernels
        self.edges = edges
        plans = Lock([])
    }

    /// The network's result.
    ///
    /// - Parameter images: N, C, spatial.
    /// - Returns: N, K, spatial for a class map or image (coarser ones of deep supervision are left out), N, K for classes.
    /// - Throws: `Diagnostic` when the network cannot take the images.
    public func callAsFunction(_ images: Tensor) throws(Diagnostic) -> Tensor {
        let shape = images.shape
        guard shape.rank == network.axes + 2 else {
            throw Diagnostic(
                .shapeMismatch, "the network takes images of \(network.axes) dimensions, found the shape \(shape)")
        }
        let size = shape.spatial
        let padded = network.paddedSize(size)
        let before = zip(padded, size).map { ($0 - $1) / 2 }
        let input = images.extended(to: padded, before: before, by: edges)
        let result = try plans.withLock { plans throws(Diagnostic) in try run(input, &plans) }
        if network.results[self.result] == .classes { return result }
        let factor = network.results[self.result].factor
        return result.cropped(zip(before, size).map { factor * $0..<factor * ($0 + $1) })
    }

    private func run(_ input: Tensor, _ plans: inout [Plan]) throws(Diagnostic) -> Tensor {
        let plan: Plan
        if let index = plans.firstIndex(where: { $0.input.shape == input.shape }) {
            plan = plans.remove(at: index)
        } else {
            plan = try makePlan(input.shape)
        }
        // The one used last stands last.
        plans.append(plan)
        if plans.count > Self.capacity { plans.removeFirst() }
        try plan.workspace.run([plan.input: input])
        return try plan.workspace.tensor(plan.output)
    }

    private func makePlan(_ shape: Shape) throws(Diagnostic) -> Plan {
        let tape = Tape(.inference)
        let input = tape.input("image", shape)
        let outputs = try network(input, Scope(tape))
        guard outputs.indices.contains(result) else {
            throw Diagnostic(.badArgument, "the network has no result")
        }
        let output = outputs[result]
        let plan = try TensorPlan(tape, outputs: [output], options: .init(kernels: kernels))
        return Plan(
            input: input, output: output, workspace: try Workspace(plan, parameters: parameters, pool: pool))
    }

    /// Bytes that predicting images of a shape takes, besides the images and the parameters.
    /// - Throws: `Diagnostic` when the network cannot take the shape.
    public func bytes(_ shape: Shape) throws(Diagnostic) -> Int {
        try network.predictedCost(shape, result: result, threads: pool.threads, kernels: kernels).bytes
    }
}

extension Network {
    /// Bytes that predicting images of a shape takes, besides the images and the parameters, and how many classes come out.
    /// - Throws: `Diagnostic` when the network cannot take the shape.
    func predictedCost(
        _ shape: Shape, result: Int = 0, threads: Int, kernels: Kernels
    ) throws(Diagnostic) -> (bytes: Int, classes: Int) {
        let tape = Tape(.inference)
        let outputs = try self(
            tape.input("image", Shape([shape.images, shape.channels] + paddedSize(shape.spatial))), Scope(tape))
        let wanted = outputs.indices.contains(result) ? [outputs[result]] : []
        let plan = try TensorPlan(tape, outputs: wanted, options: .init(kernels: kernels))
        return (plan.bytes(threads: threads), wanted.first?.shape.channels ?? 0)
    }
}
