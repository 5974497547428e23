import LucencyFoundation
import LucencyTensor

/// Predictors of one model that share its weights, so that several images can be predicted at once: each takes one and gives
/// it back.
final class PredictorPool: Sendable {
    private struct Idle {
        let predictor: Predictor
        let pool: ThreadPool
        let kernels: Kernels
    }

    private let idle = Lock<[Idle]>([])
    private let first = Lock<Predictor?>(nil)
    private let costs = Lock<[Cost: (bytes: Int, classes: Int)]>([:])

    private struct Cost: Hashable {
        let shape: Shape
        let threads: Int
        let family: KernelFamily
    }

    /// What predicting images of a shape takes, and how many classes come out; planned once for each shape.
    func planBytes(
        _ network: any Network, _ shape: Shape, threads: Int, kernels: Kernels
    ) throws -> (bytes: Int, classes: Int) {
        let key = Cost(shape: shape, threads: threads, family: kernels.family)
        if let known = costs.withLock({ $0[key] }) { return known }
        let cost = try network.predictedCost(shape, threads: threads, kernels: kernels)
        costs.withLock { $0[key] = cost }
        return cost
    }

    /// Calls `body` with a predictor that nobody else uses meanwhile.
    /// - Parameter make: the first predictor; later ones share its parameters.
    func with<R>(
        pool: ThreadPool, kernels: Kernels, make: () throws -> Predictor, _ body: (Predictor) throws -> R
    ) throws -> R {
        let found = idle.withLock { idle -> Idle? in
            guard let index = idle.firstIndex(where: { $0.pool === pool && $0.kernels.family == kernels.family })
            else { return nil }
            return idle.remove(at: index)
        }
        let taken = try found ?? Idle(predictor: another(pool, kernels, make), pool: pool, kernels: kernels)
        defer { idle.withLock { $0.append(taken) } }
        return try body(taken.predictor)
    }

    private func another(_ pool: ThreadPool, _ kernels: Kernels, _ make: () throws -> Predictor) throws -> Predictor {
        try first.withLock { first in
            guard let known = first else {
                let made = try make()
                first = made
                return made
            }
            return try Predictor(
                known.network, parameters: known.parameters, pool: pool, kernels: kernels, edges: known.edges)
        }
    }
}
