import LucencyFoundation

struct TemporarySum: Operation {
    var name: String { "sum" }
    var backwardReads: BackwardReads { BackwardReads(inputs: [0]) }
    func outputShapes(_ inputs: [Shape]) -> [Shape] { [.scalar] }
    func forward(_ context: OperationContext) {
        var sum = 0.0
        for index in 0..<context.inputShapes[0].count { sum += Double(context.inputs[0][index] * context.inputs[0][index]) }
        context.outputs[0][0] = Float(sum / 2)
    }
    func backward(_ context: OperationContext) {
        guard let target = context.inputGradients[0] else { return }
        target.update(from: context.inputs[0], count: context.inputShapes[0].count)
    }
}
extension Tape {
    package func sumTemporary(_ x: Value) throws(Diagnostic) -> Value { try record(TemporarySum(), x) }
}
