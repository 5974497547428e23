import LucencyFoundation
import LucencyTensor
import Testing

/// What all losses over logits and labels have in common.
@Suite struct ObjectiveOperationTests {
    enum Loss: String, CaseIterable, Sendable {
        case focal, flatFocal, steepFocal, smoothing, entropy, margin, unhingedMargin, cost
        case softTargets, weighted, prior, priorSquared, priorOfProbabilities, earlyLearning
        case dice, diceSquared, diceBatch, diceForeground, diceSkipping

        func record(
            _ tape: Tape, _ x: Value, _ labels: Value, _ costs: Value, _ weights: Value
        ) throws(Diagnostic) -> Value {
            var form = SoftDiceForm()
            switch self {
            case .focal: return try tape.focal(x, labels: labels, gamma: 3, ignoring: -1)
            case .flatFocal: return try tape.focal(x, labels: labels, gamma: 0.5, ignoring: -1)
            case .steepFocal: return try tape.focal(x, labels: labels, gamma: 1, weights: [1, 2], ignoring: -1)
            case .smoothing: return try tape.smoothedCrossEntropy(x, labels: labels, ignoring: -1)
            case .entropy: return try tape.negativeEntropy(x, labels: labels, ignoring: -1)
            case .margin: return try tape.marginPenalty(x, labels: labels, margin: 5, ignoring: -1)
            case .unhingedMargin:
                return try tape.marginPenalty(x, labels: labels, margin: 5, form: .unhinged, ignoring: -1)
            case .cost: return try tape.expectedCost(x, costs: costs, labels: labels, ignoring: -1)
            case .softTargets: return try tape.softCrossEntropy(x, targets: costs, labels: labels, ignoring: -1)
            case .weighted:
                return try tape.weightedCrossEntropy(x, labels: labels, weights: weights, ignoring: -1)
            case .prior: return try tape.priorDistance(x, prior: costs, labels: labels, ignoring: -1)
            case .priorSquared:
                return try tape.priorDistance(x, prior: costs, labels: labels, form: .squared, ignoring: -1)
            case .priorOfProbabilities:
                return try tape.priorDistance(
                    x, prior: costs, labels: labels, form: .squared, isOfProbabilities: true, ignoring: -1)
            case .earlyLearning:
                return try tape.earlyLearning(x, targets: costs, labels: labels, momentum: 0.7, ignoring: -1)
            case .dice: break
            case .diceSquared: form.isSquared = true
            case .diceBatch: form.sumsOverBatch = true
            case .diceForeground: form.includesBackground = false
            case .diceSkipping:
                form.skipsAbsent = true
                form.smoothing = 1e-9
            }
            return try tape.softDice(x, labels: labels, form: form, ignoring: -1)
        }

        func callAsFunction(_ logits: Tensor, _ labels: Tensor) throws -> (loss: Float, gradient: [Float]) {
            let tape = Tape(.training)
            let x = tape.input("x", logits.shape), y = tape.input("labels", labels.shape)
            let costs = tape.input("costs", logits.shape), weights = tape.input("weights", labels.shape)
            let loss = try record(tape, x, y, costs, weights)
            let plan = try TensorPlan(
                tape, outputs: [loss], gradientsOf: loss, inputGradients: [x],
                options: .init(kernels: Kernels(family: .best)))
            let workspace = try Workspace(plan, parameters: Parameters([], seed: 0), pool: .serial)
            try workspace.run([
                x: logits, y: labels, costs: Tensor(logits.shape, repeating: 2),
                weights: Tensor(labels.shape, repeating: 0.5),
            ])
            return (try workspace.tensor(loss).scalar, try workspace.gradient(of: x).array)
        }
    }

    @Test(arguments: Loss.allCases, [[Float(1), 1, 0, 0], [0, 0, 0, 0], [-1, 1, -1, 0]])
    func `logits of ±80 and beyond give finite losses and gradients`(_ loss: Loss, _ labels: [Float]) throws {
        let logits = try Tensor([1, 2, 4], [80, -80, 500, -500, -80, 80, -500, 500])
        let result = try loss(logits, Tensor([1, 4], labels))
        #expect(result.loss.isFinite && result.gradient.allSatisfy(\.isFinite))
    }

    @Test(arguments: Loss.allCases, [Float(-2), 2, 0.5, .nan, .infinity, 1e30])
    func `a label that is no class makes the loss NaN`(_ loss: Loss, _ label: Float) throws {
        let logits = try Tensor([1, 2, 3], [1, 2, 3, 4, 5, 6])
        let result = try loss(logits, Tensor([1, 3], [0, label, 1]))
        #expect(result.loss.isNaN && result.gradient[1].isNaN)
    }

    @Test(arguments: Loss.allCases)
    func `if no pixel counts, loss and gradient are 0`(_ loss: Loss) throws {
        let logits = try Tensor([1, 2, 3], [1, 2, 3, 4, 5, 6])
        let result = try loss(logits, Tensor([1, 3], [-1, -1, -1]))
        #expect(result.loss == 0 && result.gradient.allSatisfy { $0 == 0 })
    }

    @Test(arguments: Loss.allCases)
    func `a pixel that does not count changes nothing, and its gradient is 0`(_ loss: Loss) throws {
        let labels = try Tensor([1, 3], [0, -1, 1])
        let one = try loss(Tensor([1, 2, 3], [1, 2, 3, 4, 5, 9]), labels)
        let other = try loss(Tensor([1, 2, 3], [1, 70, 3, 4, -9, 9]), labels)
        #expect(one.loss == other.loss && one.gradient == other.gradient)
        #expect(one.gradient[1] == 0 && one.gradient[4] == 0)
    }
}
