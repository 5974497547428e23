import LucencyFoundation

extension TensorPlan {
    /// Multiply-adds counted twice, of the forward pass; three times that with gradients, as is customary.
    public var floatingPointOperations: Int {
        let forward = saturatingSum(
            schedule.graph.nodes.lazy.map {
                $0.operation.floatingPointOperations($0.signature.inputs, $0.signature.outputs)
            })
        return saturatingProduct(forward, hasGradients ? 3 : 1)
    }
}

extension Workspace {
    /// Milliseconds of the measured runs by operation and direction, largest first, and sets the clock back.
    package func profile() -> [(name: String, milliseconds: Double)] {
        var sums: [String: Double] = [:]
        for (step, seconds) in zip(plan.schedule.steps, stepSeconds) {
            let name = plan.schedule.graph.nodes[step.node].operation.name
            sums[step.phase == .add ? "add gradients" : "\(name) \(step.phase)", default: 0] += seconds * 1000
        }
        resetProfile()
        return sums.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.map { ($0.key, $0.value) }
    }
}
