import LucencyFoundation
import LucencyTensor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension OperationCases {
    /// A pixel as a reference sees it.
    private struct Pixel {
        let index: [Int]
        let label: Int
        let logits: [Double]

        var probabilities: [Double] { logarithms.map { exp($0) } }
        var logarithms: [Double] {
            let largest = logits.reduce(-.infinity, max)
            let sum = logits.reduce(0) { $0 + exp($1 - largest) }
            return logits.map { $0 - largest - log(sum) }
        }
    }

    private static func pixels(_ inputs: [Naive], ignored: Int?) -> [Pixel] {
        var pixels: [Pixel] = []
        _ = Naive(inputs[1].shape) { index in
            let label = Int(inputs[1][index])
            let logits = (0..<inputs[0].shape[1]).map { inputs[0][[index[0], $0] + index.dropFirst()] }
            if label != ignored { pixels.append(Pixel(index: index, label: label, logits: logits)) }
            return 0
        }
        return pixels
    }

    /// A mean over pixels: the reference says what one costs, and its weight.
    private static func mean(
        _ name: String, _ x: [Int], _ labels: ClosedRange<Int>, ignored: Int? = nil, range: ClosedRange<Float> = -3...3,
        large: [[Int]]? = nil, others: [OperationCase.Input] = [],
        build: @escaping @Sendable (Tape, [Value], Float?) throws(Diagnostic) -> Value,
        cost: @escaping @Sendable (_ pixel: [Double], _ label: Int, _ others: [Double]) -> (Double, weight: Double)
    ) -> OperationCase {
        OperationCase(
            name, [.data(x, range), .labels([x[0]] + x.dropFirst(2), labels)] + others, large: large,
            build: { tape, inputs throws(Diagnostic) in try build(tape, inputs, ignored.map { Float($0) }) },
            reference: { inputs in
                var loss = 0.0, total = 0.0
                for pixel in pixels(inputs, ignored: ignored) {
                    let other =
                        inputs.count < 3
                        ? [] : (0..<x[1]).map { inputs[2][[pixel.index[0], $0] + pixel.index.dropFirst()] }
                    let (value, weight) = cost(pixel.logits, pixel.label, other)
                    loss += value
                    total += weight
                }
                return .scalar(total > 0 ? loss / total : 0)
            })
    }

    private static func logSoftmax(_ logits: [Double]) -> [Double] {
        Pixel(index: [], label: 0, logits: logits).logarithms
    }

    private static func focal(
        _ name: String, _ x: [Int], _ labels: ClosedRange<Int>, gamma: Float, weights: [Float] = [],
        ignored: Int? = nil, range: ClosedRange<Float> = -3...3, large: [[Int]]? = nil
    ) -> OperationCase {
        mean(
            "focal" + name, x, labels, ignored: ignored, range: range, large: large,
            build: { tape, inputs, ignored throws(Diagnostic) in
                try tape.focal(inputs[0], labels: inputs[1], gamma: gamma, weights: weights, ignoring: ignored)
            },
            cost: { logits, label, _ in
                let logarithms = logSoftmax(logits), weight = weights.isEmpty ? 1 : Double(weights[label])
                var rest = 0.0
                for (number, logarithm) in logarithms.enumerated() where number != label { rest += exp(logarithm) }
                return (-weight * pow(rest, Double(gamma)) * logarithms[label], weight)
            })
    }

    private static func dice(
        _ name: String, _ x: [Int], _ labels: ClosedRange<Int>, ignored: Int? = nil, range: ClosedRange<Float> = -3...3,
        large: [[Int]]? = nil, _ change: (inout SoftDiceForm) -> Void = { _ in }
    ) -> OperationCase {
        var form = SoftDiceForm()
        change(&form)
        let chosen = form
        return OperationCase(
            "soft Dice" + name, [.data(x, range), .labels([x[0]] + x.dropFirst(2), labels)], large: large,
            build: { tape, inputs throws(Diagnostic) in
                try tape.softDice(inputs[0], labels: inputs[1], form: chosen, ignoring: ignored.map { Float($0) })
            },
            reference: { inputs in
                let pixels = pixels(inputs, ignored: ignored), smoothing = Double(chosen.smoothing)
                var losses: [Double] = []
                for image in 0..<(chosen.sumsOverBatch ? 1 : x[0]) {
                    for number in (chosen.includesBackground ? 0 : 1)..<x[1] {
                        var common = 0.0, predicted = 0.0, given = 0.0
                        for pixel in pixels where chosen.sumsOverBatch || pixel.index[0] == image {
                            let p = pixel.probabilities[number], g = pixel.label == number ? 1.0 : 0
                            common += p * g
                            predicted += chosen.isSquared ? p * p : p
                            given += g
                        }
                        if chosen.skipsAbsent, given == 0 { continue }
                        losses.append(1 - (2 * common + smoothing) / (predicted + given + smoothing))
                    }
                }
                return .scalar(losses.isEmpty ? 0 : losses.reduce(0, +) / Double(losses.count))
            })
    }

    private static func smoothing(_ name: String, _ alpha: Float) -> OperationCase {
        mean(
            "label smoothing" + name, [2, 3, 7, 11], -1...2, ignored: -1,
            build: { tape, inputs, ignored throws(Diagnostic) in
                try tape.smoothedCrossEntropy(inputs[0], labels: inputs[1], alpha: alpha, ignoring: ignored)
            },
            cost: { logits, label, _ in
                let logarithms = logSoftmax(logits), share = Double(alpha) / Double(logits.count)
                return (-(1 - Double(alpha)) * logarithms[label] - share * logarithms.reduce(0, +), 1)
            })
    }

    private static func margin(
        _ name: String, _ form: MarginForm, margin: Float, x: [Int] = [2, 4, 5, 14], ignored: Int? = nil
    ) -> OperationCase {
        mean(
            "margin penalty" + name, x, 0...3, ignored: ignored,
            build: { tape, inputs, ignored throws(Diagnostic) in
                try tape.marginPenalty(inputs[0], labels: inputs[1], margin: margin, form: form, ignoring: ignored)
            },
            cost: { logits, _, _ in
                let largest = logits.reduce(-.infinity, max)
                let costs = logits.map { logit in
                    let excess = largest - logit - Double(margin)
                    return form == .linear ? max(0, excess) : pow(form == .squared ? max(0, excess) : excess, 2)
                }
                return (costs.reduce(0, +) / Double(costs.count), 1)
            })
    }

    private static func cost(_ name: String, _ x: [Int]) -> OperationCase {
        mean(
            "expected cost" + name, x, -1...1, ignored: -1,
            others: [OperationCase.Input(shape: x, role: .fixed, numbers: .uniform(-9...9))],
            build: { tape, inputs, ignored throws(Diagnostic) in
                try tape.expectedCost(inputs[0], costs: inputs[2], labels: inputs[1], ignoring: ignored)
            },
            cost: { logits, _, costs in
                (zip(logSoftmax(logits), costs).reduce(0) { $0 + exp($1.0) * $1.1 }, 1)
            })
    }

    private static func entropy(_ name: String, _ x: [Int], range: ClosedRange<Float> = -3...3) -> OperationCase {
        mean(
            "negative entropy" + name, x, -1...1, ignored: -1, range: range,
            build: { tape, inputs, ignored throws(Diagnostic) in
                try tape.negativeEntropy(inputs[0], labels: inputs[1], ignoring: ignored)
            },
            cost: { logits, _, _ in (logSoftmax(logits).reduce(0) { $0 + exp($1) * $1 }, 1) })
    }

    private static func softTargets(_ name: String, _ x: [Int], large: [[Int]]? = nil) -> OperationCase {
        mean(
            "soft cross-entropy" + name, x, -1...1, ignored: -1, large: large,
            others: [OperationCase.Input(shape: x, role: .fixed, numbers: .uniform(-9...9))],
            build: { tape, inputs, ignored throws(Diagnostic) in
                try tape.softCrossEntropy(
                    inputs[0], targets: tape.softmax(inputs[2]), labels: inputs[1], ignoring: ignored)
            },
            cost: { logits, _, targets in
                (-zip(logSoftmax(logits), logSoftmax(targets)).reduce(0) { $0 + $1.0 * exp($1.1) }, 1)
            })
    }

    private static func weightedSum(
        _ name: String, _ x: [Int], range: ClosedRange<Float> = -3...3, large: [[Int]]? = nil
    ) -> OperationCase {
        let spatial = [x[0]] + x.dropFirst(2)
        return OperationCase(
            "weighted cross-entropy" + name,
            [
                .data(x, range), .labels(spatial, -1...1),
                OperationCase.Input(shape: spatial, role: .fixed, numbers: .uniform(0...2)),
            ], large: large,
            build: { tape, inputs throws(Diagnostic) in
                try tape.weightedCrossEntropy(inputs[0], labels: inputs[1], weights: inputs[2], ignoring: -1)
            },
            reference: { inputs in
                .scalar(
                    pixels(inputs, ignored: -1).reduce(0) { $0 - inputs[2][$1.index] * $1.logarithms[$1.label] })
            })
    }

    private static func prior(
        _ name: String, _ x: [Int], _ form: PriorDistanceForm, ofProbabilities: Bool = false, large: [[Int]]? = nil
    ) -> OperationCase {
        mean(
            "prior distance" + name, x, -1...1, ignored: -1, large: large,
            others: [OperationCase.Input(shape: x, role: .fixed, numbers: .uniform(0...1))],
            build: { tape, inputs, ignored throws(Diagnostic) in
                try tape.priorDistance(
                    inputs[0], prior: inputs[2], labels: inputs[1], form: form, isOfProbabilities: ofProbabilities,
                    ignoring: ignored)
            },
            cost: { logits, _, prior in
                let numbers = ofProbabilities ? logSoftmax(logits).map { exp($0) } : logits
                let sum = zip(numbers, prior).reduce(0) {
                    $0 + (form == .absolute ? abs($1.0 - $1.1) : pow($1.0 - $1.1, 2))
                }
                return (sum / Double(logits.count), 1)
            })
    }

    private static func prototypes(_ name: String, _ x: [Int], classes: Int, large: [[Int]]? = nil) -> OperationCase {
        OperationCase(
            "prototype distance" + name, [.data(x), .data([x[0], classes, x[1]])], large: large,
            build: { tape, inputs throws(Diagnostic) in
                try tape.prototypeDistance(inputs[0], prototypes: inputs[1])
            },
            reference: { inputs in
                Naive([x[0], classes] + x.dropFirst(2)) { index in
                    let space = Array(index.dropFirst(2))
                    let sum = (0..<x[1]).reduce(0.0) { sum, channel in
                        sum + abs(inputs[0][[index[0], channel] + space] - inputs[1][[index[0], index[1], channel]])
                    }
                    return sum / Double(x[1])
                }
            })
    }

    /// With a momentum of 1, as central differences would go through targets that take up p.
    private static func earlyLearning(
        _ name: String, _ x: [Int], range: ClosedRange<Float> = -3...3, ofProbabilities: Bool = false,
        large: [[Int]]? = nil
    ) -> OperationCase {
        mean(
            "early learning" + name, x, -1...1, ignored: -1, range: range, large: large,
            others: [OperationCase.Input(shape: x, role: .fixed, numbers: .uniform(-4...4))],
            build: { tape, inputs, ignored throws(Diagnostic) in
                try tape.earlyLearning(
                    inputs[0], targets: tape.softmax(inputs[2]), labels: inputs[1], momentum: 1,
                    isOfProbabilities: ofProbabilities, ignoring: ignored)
            },
            cost: { logits, _, targets in
                let p = (ofProbabilities ? logits : logSoftmax(logits).map { exp($0) }).map {
                    min(max($0, 1e-4), 1 - 1e-4)
                }
                return (log(1 - zip(p, logSoftmax(targets)).reduce(0) { $0 + $1.0 * exp($1.1) }), 1)
            })
    }

    /// Views of the same images and their distance from their mean.
    private static func consistency(
        _ name: String, _ x: [Int], views: Int, sureness: Float, range: ClosedRange<Float> = -2...2,
        large: [[Int]]? = nil
    ) -> OperationCase {
        let inputs = (0..<views).map { _ in OperationCase.Input.data(x, range) }
        return OperationCase(
            "consistency" + name, inputs + [.labels([x[0]] + x.dropFirst(2), -1...1)], large: large,
            build: { tape, inputs throws(Diagnostic) in
                try tape.consistency(
                    Array(inputs.dropLast()), labels: inputs[views], sureness: sureness, ignoring: -1)
            },
            reference: { inputs in
                let perView = (0..<views).map { pixels([inputs[$0], inputs[views]], ignored: nil) }
                var total = 0.0
                for image in 0..<x[0] {
                    var sum = 0.0, largest = 0.0
                    for (place, first) in perView[0].enumerated() where first.index[0] == image {
                        for number in 0..<x[1] {
                            let p = perView.map { $0[place].probabilities[number] }
                            let q = min(max(p.reduce(0, +) / Double(views), 1e-3), 1 - 1e-3)
                            if first.label != -1 { largest = max(largest, q) }
                            for value in p { sum += value * log(value / q) }
                        }
                    }
                    if largest >= Double(sureness) { total += sum }
                }
                return .scalar(total / Double(perView[0].count))
            })
    }

    static let objectives: [OperationCase] = [
        prototypes("", [2, 3, 5, 7], classes: 4, large: [[2, 32, 256, 256], [2, 4, 32]]),
        prototypes(", one channel and class", [1, 1, 9], classes: 1),
        prototypes(", 3-D", [2, 4, 3, 2, 5], classes: 2),
        prototypes(" of more sites than a task", [1, 2, 40, 31], classes: 3),
        focal("", [2, 3, 4, 5], 0...2, gamma: 2, large: [[1, 8, 512, 512], [1, 512, 512]]),
        focal(", γ 3, weighted", [2, 4, 3, 25], 0...3, gamma: 3, weights: [0.1, 1, 2.5, 0.7]),
        focal(", γ 1, ignoring", [2, 3, 4, 5], -1...2, gamma: 1, ignored: -1),
        focal(", γ 0.5 of two classes", [1, 2, 9, 10], 0...1, gamma: 0.5),
        focal(", γ 1.5 far out", [1, 2, 9, 10], 0...1, gamma: 1.5, range: -30...30),
        focal(", γ 0, 3-D", [1, 3, 3, 4, 9], 0...2, gamma: 0),
        focal(", ignoring all", [1, 3, 2, 2], 7...7, gamma: 2, ignored: 7),
        dice("", [2, 3, 4, 17], 0...2, large: [[1, 8, 512, 512], [1, 512, 512]]),
        dice(" of two classes far out", [1, 2, 9, 10], 0...1, range: -80...80),
        dice(", squared", [2, 3, 7, 11], 0...2) { $0.isSquared = true },
        dice(" of the foreground over the batch", [3, 4, 3, 5], 0...3) {
            $0.includesBackground = false
            $0.sumsOverBatch = true
        },
        dice(", ignoring, smooth", [2, 3, 6, 5], -1...2, ignored: -1) { $0.smoothing = 1 },
        dice(", squared over the batch, skipping absent classes, 3-D", [2, 5, 3, 4, 7], 0...3) {
            $0.isSquared = true
            $0.sumsOverBatch = true
            $0.skipsAbsent = true
        },
        dice(", skipping absent classes of small images", [4, 5, 2, 2], 0...4) { $0.skipsAbsent = true },
        dice(", ignoring all", [1, 3, 2, 2], 7...7, ignored: 7),
        smoothing("", 0.1),
        smoothing(" of 0", 0),
        entropy("", [2, 3, 5, 14]),
        entropy(" far out", [1, 2, 7, 11], range: -60...60),
        margin("", .linear, margin: 1),
        margin(", squared, ignoring a class", .squared, margin: 0.5, ignored: 2),
        margin(", without a hinge", .unhinged, margin: 2, x: [1, 4, 2, 3, 12]),
        cost("", [2, 2, 6, 12]),
        cost(", 3-D", [1, 4, 3, 4, 6]),
        softTargets("", [2, 3, 5, 14], large: [[1, 8, 512, 512], [1, 512, 512], [1, 8, 512, 512]]),
        softTargets(", 3-D", [1, 4, 3, 4, 6]),
        weightedSum("", [2, 3, 5, 14], large: [[1, 8, 512, 512], [1, 512, 512], [1, 512, 512]]),
        weightedSum(" far out, 3-D", [1, 4, 3, 4, 6], range: -60...60),
        weightedSum(" of more pixels than a piece", [1, 2, 90, 100]),
        prior("", [2, 3, 5, 14], .absolute, large: [[1, 8, 512, 512], [1, 512, 512], [1, 8, 512, 512]]),
        prior(", squared, 3-D", [1, 4, 3, 4, 6], .squared),
        prior(" of probabilities", [2, 3, 4, 17], .absolute, ofProbabilities: true),
        prior(" of probabilities, squared", [1, 2, 9, 10], .squared, ofProbabilities: true),
        earlyLearning("", [2, 3, 5, 14], large: [[1, 8, 512, 512], [1, 512, 512], [1, 8, 512, 512]]),
        earlyLearning(" far out, 3-D", [1, 4, 3, 4, 6], range: -9...9),
        earlyLearning(" of probabilities", [3, 4], range: 0.05...0.3, ofProbabilities: true),
        consistency(
            "", [2, 3, 5, 14], views: 3, sureness: 0,
            large: [[1, 8, 512, 512], [1, 8, 512, 512], [1, 8, 512, 512], [1, 512, 512]]),
        consistency(" of sure images", [4, 3, 2, 3], views: 3, sureness: 0.75),
        consistency(" of two views far out, 3-D", [1, 2, 3, 4, 9], views: 2, sureness: 0.5, range: -9...9),
    ]
}
