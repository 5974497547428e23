import Foundation
import LucencyFoundation
import LucencyTensor

/// Σ weight · x over all numbers: a loss whose gradient is known. For tests of networks.
package struct WeightedSum: LucencyTensor.Operation {
    package let weights: Tensor

    package init(_ weights: Tensor) { self.weights = weights }

    package var name: String { "weighted-sum" }
    package var backwardReads: BackwardReads { .nothing }

    package func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        guard inputs[0] == weights.shape else { throw mismatch("one weight for each number", inputs[0]) }
        return [.scalar]
    }

    package func forward(_ context: OperationContext) {
        weights.buffer.withUnsafeBufferPointer { weights in
            var sum = 0.0
            for index in weights.indices { sum += Double(weights[index]) * Double(context.inputs[0][index]) }
            context.outputs[0].pointee = Float(sum)
        }
    }

    package func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let target = context.inputGradients[0] else { return }
        weights.buffer.withUnsafeBufferPointer { weights in
            for index in weights.indices { target[index] = gradient.pointee * weights[index] }
        }
    }
}

/// The mean of softplus(-sign · logit) over all numbers: binary cross-entropy, with the target as sign -1 or 1 in a second
/// input. For tests of learning.
package struct LogisticLoss: LucencyTensor.Operation {
    package init() {}

    package var name: String { "logistic-loss" }

    package func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] {
        guard inputs[0] == inputs[1] else { throw mismatch("one sign for each logit", inputs[0], inputs[1]) }
        return [.scalar]
    }

    package func forward(_ context: OperationContext) {
        var sum = 0.0
        for index in 0..<context.inputShapes[0].count {
            let margin = Double(context.inputs[0][index] * context.inputs[1][index])
            sum += max(0, -margin) + log(1 + exp(-abs(margin)))
        }
        context.outputs[0].pointee = Float(sum / Double(context.inputShapes[0].count))
    }

    package func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let target = context.inputGradients[0] else { return }
        let count = context.inputShapes[0].count, share = Double(gradient.pointee) / Double(count)
        for index in 0..<count {
            let sign = Double(context.inputs[1][index])
            target[index] = Float(-sign * share / (1 + exp(sign * Double(context.inputs[0][index]))))
        }
    }
}
