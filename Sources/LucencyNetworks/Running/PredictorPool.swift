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
        let result: Int
        let threads: Int
        let family: KernelFamily
    }

    /// What predicting images of a shape takes, and how many classes come out; planned once for each shape.
    func planBytes(
        _ network: any Network, _ shape: Shape, result: Int = 0, threads: Int, kernels: Kernels
    ) throws -> (bytes: Int, classes: Int) {
        let key = Cost(shape: shape, result: result, threads: threads, family: kernels.family)
        if let known = costs.withLock({ $0[key] }) { return known }
        let cost = try network.predictedCost(shape, result: result, threads: threads, kernels: kernels)
        costs.withLock { $0[key] = cost }
        return cost
    }

    /// Calls `body` with a predictor that nobody else uses meanwhile.
    /// - Parameters:
    ///   - result: which of the network's results it gives.
    ///   - make: the first predictor; later ones share its parameters.
    func with<R>(
        result: Int = 0, pool: ThreadPool, kernels: Kernels, make: () throws -> Predictor,
        _ body: (Predictor) throws -> R
    ) throws -> R {
        let found = idle.withLock { idle -> Idle? in
            let index = idle.firstIndex {
                $0.pool === pool && $0.kernels.family == kernels.family && $0.predictor.result == result
            }
            guard let index else { return nil }
            return idle.remove(at: index)
        }
        let taken = try found ?? Idle(predictor: another(result, pool, kernels, make), pool: pool, kernels: kernels)
        defer { idle.withLock { $0.append(taken) } }
        return try body(taken.predictor)
    }

    private func another(
        _ result: Int, _ pool: ThreadPool, _ kernels: Kernels, _ make: () throws -> Predictor
    ) throws -> Predictor {
        try first.withLock { first in
            let known = try first ?? make()
            if first == nil {
                first = known
                if known.result == result { return known }
            }
            return try Predictor(
                known.network, parameters: known.parameters, result: result, pool: pool, kernels: kernels,
                edges: known.edges)
        }
    }
}
