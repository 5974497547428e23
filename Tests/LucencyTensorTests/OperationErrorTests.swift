import LucencyFoundation
import LucencyTensor
import Testing

/// Operations refuse what they cannot do, by name and with the shapes.
@Suite struct OperationErrorTests {
    private typealias Attempt = (String, @Sendable (Tape) throws -> Void)

    private static func x(_ tape: Tape, _ dimensions: [Int]) throws -> Value { tape.input("x", try Shape(dimensions)) }

    private static let attempts: [Attempt] = [
        ("addition", { _ = try $0.add(x($0, [2, 3]), x($0, [4])) }),
        ("multiplication", { _ = try $0.multiply(x($0, [2, 3, 4]), x($0, [3, 3])) }),
        ("channel-scaling", { _ = try $0.channelScaling(x($0, [2, 3, 4]), scale: x($0, [4])) }),
        ("parametric-relu", { _ = try $0.parametricReLU(x($0, [2, 3, 4]), slopes: x($0, [4])) }),
        ("sum", { _ = try $0.sum(x($0, [2, 3]), over: [2]) }),
        ("mean", { _ = try $0.mean(x($0, [2, 3]), over: [1, 1]) }),
        ("maximum", { _ = try $0.maximum(x($0, [2, 3]), over: -1) }),
        ("max-pooling", { _ = try $0.maxPooling(x($0, [1, 2, 3, 4]), kernel: [3, 3], padding: [2, 2]) }),
        ("max-pooling", { _ = try $0.maxPooling(x($0, [1, 2, 3, 4]), kernel: [5, 5]) }),
        ("average-pooling", { _ = try $0.averagePooling(x($0, [1, 2, 3, 4]), kernel: [2], stride: [1]) }),
        ("average-pooling", { _ = try $0.adaptiveAveragePooling(x($0, [1, 2, 3, 4]), size: [0, 2]) }),
        ("global-average-pooling", { _ = try $0.globalAveragePooling(x($0, [1, 2])) }),
        ("resize", { _ = try $0.resize(x($0, [1, 2, 3, 4]), to: [3]) }),
        ("resize", { _ = try $0.resize(x($0, [1, 2, 3, 4]), by: 0.1) }),
        ("resize", { _ = try $0.resize(x($0, [1, 2, 3, 4]), by: .infinity) }),
        ("resize", { _ = try $0.resize(x($0, [1, 2, 3]), to: [3], .cubic()) }),
        ("pad", { _ = try $0.pad(x($0, [1, 2, 3, 4]), before: [3, 0], after: [0, 0], mode: .reflect) }),
        ("pad", { _ = try $0.pad(x($0, [1, 2, 3, 4]), before: [-2, 0], after: [-1, 0]) }),
        ("pad", { _ = try $0.pad(x($0, [1, 2, 3, 4]), before: [Int.max, 0], after: [0, 0]) }),
        ("crop", { _ = try $0.crop(x($0, [1, 2, 3, 4]), origin: [1, 1], size: [3, 3]) }),
        ("crop", { _ = try $0.crop(x($0, [1, 2, 3, 4]), origin: [Int.max, 1], size: [1, 3]) }),
        ("slice", { _ = try $0.slice(x($0, [2, 3]), axis: 1, 2..<4) }),
        ("split", { _ = try $0.split(x($0, [2, 3]), axis: 1, [1, 1]) }),
        ("concatenation", { _ = try $0.concatenation([x($0, [2, 3]), x($0, [2, 4])], axis: 0) }),
        ("reshape", { _ = try $0.reshape(x($0, [2, 3]), [4]) }),
        ("permutation", { _ = try $0.permute(x($0, [2, 3]), [1, 1]) }),
        ("pixel-shuffle", { _ = try $0.pixelShuffle(x($0, [1, 6, 2, 2]), factor: 2) }),
        ("pixel-shuffle", { _ = try $0.pixelShuffle(x($0, [1, 6, 2, 2]), factor: 0) }),
        ("pixel-unshuffle", { _ = try $0.pixelUnshuffle(x($0, [1, 6, 3, 2]), factor: 2) }),
        ("channel-dropout", { _ = try $0.channelDropout(x($0, [1, 6]), probability: 0.5) }),
        ("softmax", { _ = try $0.softmax(x($0, [3])) }),
        ("cross-entropy", { _ = try $0.crossEntropy(x($0, [2, 3, 4]), labels: x($0, [2, 3])) }),
        ("cross-entropy", { _ = try $0.crossEntropy(x($0, [2, 3, 4]), labels: x($0, [2, 4]), weights: [1]) }),
        ("focal", { _ = try $0.focal(x($0, [2, 3, 4]), labels: x($0, [2, 4]), weights: [1, 2]) }),
        ("focal", { _ = try $0.focal(x($0, [2, 3, 4]), labels: x($0, [2, 4]), gamma: -1) }),
        ("focal", { _ = try $0.focal(x($0, [2, 3, 4]), labels: x($0, [2, 3])) }),
        ("soft-dice", { _ = try $0.softDice(x($0, [2, 1, 4]), labels: x($0, [2, 4])) }),
        ("soft-dice", { _ = try $0.softDice(x($0, [2, 3, 4]), labels: x($0, [2, 3])) }),
        (
            "soft Dice",
            {
                var form = SoftDiceForm()
                form.smoothing = 0
                _ = try $0.softDice(x($0, [2, 3, 4]), labels: x($0, [2, 4]), form: form)
            }
        ),
        ("smoothing", { _ = try $0.smoothedCrossEntropy(x($0, [2, 3, 4]), labels: x($0, [2, 4]), alpha: 1.5) }),
        ("margin", { _ = try $0.marginPenalty(x($0, [2, 3, 4]), labels: x($0, [2, 4]), margin: .nan) }),
        ("negative-entropy", { _ = try $0.negativeEntropy(x($0, [3]), labels: x($0, [3])) }),
        (
            "expected-cost",
            { _ = try $0.expectedCost(x($0, [2, 3, 4]), costs: x($0, [2, 2, 4]), labels: x($0, [2, 4])) }
        ),
        (
            "soft-cross-entropy",
            { _ = try $0.softCrossEntropy(x($0, [2, 3, 4]), targets: x($0, [2, 2, 4]), labels: x($0, [2, 4])) }
        ),
        (
            "weighted-cross-entropy",
            { _ = try $0.weightedCrossEntropy(x($0, [2, 3, 4]), labels: x($0, [2, 3]), weights: x($0, [2, 3])) }
        ),
        (
            "weighted-cross-entropy",
            { _ = try $0.weightedCrossEntropy(x($0, [2, 3, 4]), labels: x($0, [2, 4]), weights: x($0, [2, 3, 4])) }
        ),
        (
            "prior-distance",
            { _ = try $0.priorDistance(x($0, [2, 3, 4]), prior: x($0, [2, 3, 5]), labels: x($0, [2, 4])) }
        ),
        ("prototype-distance", { _ = try $0.prototypeDistance(x($0, [2, 3, 4]), prototypes: x($0, [2, 5, 4])) }),
        ("prototype-distance", { _ = try $0.prototypeDistance(x($0, [2, 3, 4]), prototypes: x($0, [1, 5, 3])) }),
        ("mean-squared-error", { _ = try $0.meanSquaredError(x($0, [2]), x($0, [3])) }),
        ("filter", { _ = try $0.fixedFilter(x($0, [1, 2, 3]), .sobelX) }),
        ("Gaussian", { _ in _ = try FilterKernel.gaussian(deviation: 0) }),
    ]

    @Test(arguments: attempts.indices)
    func `impossible shapes and arguments are refused by name`(_ index: Int) {
        let (name, attempt) = Self.attempts[index]
        let error = #expect(throws: Diagnostic.self, "\(name) accepted it") { try attempt(Tape(.training)) }
        #expect(error?.message.contains(name) == true, "\(error?.message ?? "")")
    }
}
