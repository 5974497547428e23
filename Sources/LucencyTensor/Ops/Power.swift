import Foundation
import LucencyFoundation

/// x to a fixed power, element by element; 0 where x is not positive.
struct Power: Operation {
    let exponent: Double

    var name: String { "power" }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0]) }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] { [inputs[0]] }

    func forward(_ context: OperationContext) {
        let x = SharedPointer(context.inputs[0]), y = SharedPointer(context.outputs[0])
        context.chunks(context.inputShapes[0].count) { first, count in
            let x = x + first, y = y + first
            for index in 0..<count {
                let value = x[index]
                y[index] = value > 0 ? Float(pow(Double(value), exponent)) : value.isNaN ? value : 0
            }
        }
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0], let target = context.inputGradients[0] else { return }
        let x = SharedPointer(context.inputs[0]), dy = SharedPointer(gradient), dx = SharedPointer(target)
        context.chunks(context.inputShapes[0].count) { first, count in
            let x = x + first, dy = dy + first, dx = dx + first
            for index in 0..<count {
                let value = Double(x[index])
                dx[index] = value > 0 ? Float(Double(dy[index]) * exponent * pow(value, exponent - 1)) : 0
            }
        }
    }
}

extension Tape {
    /// x to a power, element by element; 0, without a gradient, where x is not positive.
    public func power(_ x: Value, _ exponent: Double) throws(Diagnostic) -> Value {
        try record(Power(exponent: exponent), x)
    }
}
