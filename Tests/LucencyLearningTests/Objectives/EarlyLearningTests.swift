import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyTensor
import Support
import Testing

/// Early-learning regularisation: `shared/methods/elr.md`.
@Suite struct EarlyLearningTests {
    private func golden(_ name: String) throws -> JSONValue {
        try TestFiles.json(TestFiles.fixture("LucencyLearningTests", "elr_\(name).json"))
    }

    private struct Outcome {
        let loss: Double
        let reward: Double
        let gradient: [Float]
    }

    /// Cross-entropy and λ times the reward, as tape operations.
    private func run(
        _ shape: [Int], logits: [Float], labels: [Int], targets: [Float], momentum: Float, weight: Float,
        ignored: Float = 255, family: KernelFamily = .best
    ) throws -> Outcome {
        let tape = Tape(.training)
        let x = tape.input("x", try Shape(shape)), t = tape.input("t", try Shape(shape))
        let y = tape.input("y", try Shape([shape[0]] + shape.dropFirst(2)))
        let reward = try tape.earlyLearning(x, targets: t, labels: y, momentum: momentum, ignoring: ignored)
        let loss = try tape.add(
            tape.crossEntropy(x, labels: y, ignoring: ignored), tape.scale(reward, by: weight))
        let plan = try TensorPlan(
            tape, outputs: [loss, reward], gradientsOf: loss, inputGradients: [x],
            options: .init(kernels: Kernels(family: family)))
        let workspace = try Workspace(plan, parameters: Parameters([], seed: 0), pool: .serial)
        try workspace.run([
            x: Tensor(shape, logits), t: Tensor(shape, targets),
            y: Tensor(y.shape.dimensions, labels.map { Float($0) }),
        ])
        return Outcome(
            loss: Double(try workspace.tensor(loss).scalar), reward: Double(try workspace.tensor(reward).scalar),
            gradient: try workspace.gradient(of: x).array)
    }

    private func isClose(_ a: [Double], _ b: [Double], _ tolerance: Double = 1e-5) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
    }

    private func softmax(_ logits: [Float], classes: Int) -> [Float] {
        let pixels = logits.count / classes
        var result = logits
        for pixel in 0..<pixels {
            let values = (0..<classes).map { Double(logits[$0 * pixels + pixel]) }, largest = values.max() ?? 0
            let powers = values.map { Exponential.of($0 - largest) }, sum = powers.reduce(0, +)
            for number in 0..<classes { result[number * pixels + pixel] = Float(powers[number] / sum) }
        }
        return result
    }

    @Test(arguments: KernelFamily.available)
    func `targets, losses and gradients of samples over five steps are the golden ones`(_ family: KernelFamily) throws {
        let golden = try golden("samples"), classes = 5
        let memory = try TargetMemory(
            Array(repeating: GridSize(1, 1), count: 6), classes: classes, every: 1, momentum: 0.7, folder: nil)
        var exact = Array(repeating: 0.0, count: 6 * classes)
        for (number, step) in try #require(golden["steps"]?.arrayValue).enumerated() {
            let index = try #require(step["index"]?.arrayValue).compactMap(\.intValue)
            let logits = try #require(step["logits"]).tensorData.map { Float($0) }
            let labels = try #require(step["labels"]).tensorData.map { Int($0) }
            let targets = index.flatMap { exact[$0 * classes..<($0 + 1) * classes].map { Float($0) } }
            let result = try run(
                [index.count, classes], logits: logits, labels: labels, targets: targets, momentum: 0.7, weight: 3,
                family: family)
            #expect(abs(result.loss - (step["loss"]?.doubleValue ?? .nan)) < 1e-5, "step \(number)")
            #expect(abs(result.reward - (step["regulariser"]?.doubleValue ?? .nan)) < 1e-5)
            #expect(isClose(result.gradient.map { Double($0) }, try #require(step["grad"]).tensorData))
            for (place, item) in index.enumerated() {
                let p = softmax(Array(logits[place * classes..<(place + 1) * classes]), classes: classes)
                p.withUnsafeBufferPointer { p in
                    if let base = p.baseAddress { memory.update(item, at: AlignedBuffer([0]), with: base) }
                }
            }
            exact = try #require(step["targetsAfter"]).tensorData
            for item in 0..<6 {
                // Halves: one part in 2000, several times over.
                #expect(
                    isClose(read(memory, item, [0], classes), Array(exact[item * classes..<(item + 1) * classes]), 1e-3)
                )
            }
        }
    }

    @Test func `pixels of which some do not count have the golden losses and gradients`() throws {
        let golden = try golden("pixels"), shape = [2, 3, 4, 5]
        let labels = try #require(golden["labels"]).tensorData.map { Int($0) }
        let memory = try TargetMemory(
            [GridSize(5, 4), GridSize(5, 4)], classes: 3, every: 1, momentum: 0.7, folder: nil)
        let everywhere = AlignedBuffer((0..<20).map { Int32($0) })
        var targets = Array(repeating: Float(0), count: 120)
        for step in try #require(golden["steps"]?.arrayValue) {
            let logits = try #require(step["logits"]).tensorData.map { Float($0) }
            let result = try run(
                shape, logits: logits, labels: labels, targets: targets, momentum: 0.7, weight: 3)
            #expect(abs(result.loss - (step["loss"]?.doubleValue ?? .nan)) < 1e-5)
            #expect(abs(result.reward - (step["regulariser"]?.doubleValue ?? .nan)) < 1e-5)
            #expect(isClose(result.gradient.map { Double($0) }, try #require(step["grad"]).tensorData))
            let after = try #require(step["targetsAfter"]).tensorData
            for image in 0..<2 {
                let part = image * 60..<(image + 1) * 60
                let p = softmax(Array(logits[part]), classes: 3)
                p.withUnsafeBufferPointer { p in
                    if let base = p.baseAddress { memory.update(image, at: everywhere, with: base) }
                }
                #expect(isClose(read(memory, image, Array(0..<20), 3), Array(after[part]), 1e-3))
            }
            targets = after.map { Float($0) }
        }
    }

    private func read(_ memory: TargetMemory, _ item: Int, _ places: [Int], _ classes: Int) -> [Double] {
        var values = Array(repeating: Float(-1), count: classes * places.count)
        values.withUnsafeMutableBufferPointer { values in
            if let base = values.baseAddress {
                memory.read(item, at: AlignedBuffer(places.map { Int32($0) }), into: base)
            }
        }
        return values.map { Double($0) }
    }

    @Test func `the weight rises as it does in the golden file`() throws {
        let entries = try #require(try golden("rampup").arrayValue)
        #expect(entries.count == 21)
        for entry in entries {
            var term = EarlyLearningTerm()
            term.rampSteps = try #require(entry["length"]?.intValue)
            let expected = try #require(entry["sigmoid"]?.doubleValue)
            #expect(abs(term.ramp(step: try #require(entry["iteration"]?.intValue)) - expected) < 1e-9)
        }
    }

    @Test func `without a weight, or without targets, the loss and its gradient are those of cross-entropy`() throws {
        var random = PhiloxStream(seed: 2, stream: "elr")
        let shape = [2, 3, 4, 4]
        let logits = Tensor.normal(try Shape(shape), standardDeviation: 2, from: &random).array
        let labels = (0..<32).map { _ in random.int(in: 0...2) }
        let targets = softmax((0..<96).map { _ in Float(random.normal()) }, classes: 3)
        let plain = try run(
            shape, logits: logits, labels: labels, targets: targets, momentum: 0.7, weight: 0)
        let empty = try run(
            shape, logits: logits, labels: labels, targets: Array(repeating: 0, count: 96), momentum: 1, weight: 3)
        #expect(empty.reward == 0)
        #expect(empty.loss == plain.loss && empty.gradient == plain.gradient)
        let rewarded = try run(shape, logits: logits, labels: labels, targets: targets, momentum: 0.7, weight: 3)
        #expect(rewarded.reward < 0 && rewarded.gradient != plain.gradient)
        // Where nothing is clamped, adding to all logits changes nothing.
        for image in 0..<2 {
            for pixel in 0..<16 {
                #expect(abs((0..<3).reduce(Float(0)) { $0 + rewarded.gradient[(image * 3 + $1) * 16 + pixel] }) < 1e-6)
            }
        }
    }

    @Test func `logits of ±100 give a finite reward that is not positive`() throws {
        let result = try run(
            [1, 2, 4], logits: [100, -100, 100, 0, -100, 100, -100, 0], labels: [0, 1, 1, 0],
            targets: [1, 0, 0, 0.5, 0, 1, 1, 0.5], momentum: 0.9, weight: 1)
        #expect(result.reward.isFinite && result.reward <= 0 && result.reward > -9.3)
        #expect(result.gradient.allSatisfy { $0.isFinite })
    }

    @Test func `settings out of range are refused, each by itself`() {
        func problems(_ change: (inout EarlyLearningTerm) -> Void) -> Int {
            var term = EarlyLearningTerm()
            change(&term)
            return term.problems(classes: 3).count
        }
        #expect(problems { _ in } == 0)
        #expect(problems { $0.momentum = 1 } == 1)
        #expect(problems { $0.momentum = -0.1 } == 1)
        #expect(problems { $0.every = 0 } == 1)
        #expect(problems { ($0.scope, $0.every) = (.image, 2) } == 1)
        #expect(problems { $0.rampSteps = -1 } == 1)
        #expect(problems { $0.averageDecay = 1 } == 1)
        let tape = Tape(.training)
        #expect(throws: Diagnostic.self) {
            let x = tape.input("x", try Shape([1, 2, 3])), y = tape.input("y", try Shape([1, 3]))
            _ = try tape.earlyLearning(x, targets: x, labels: y, momentum: 1.5)
        }
        #expect(throws: Diagnostic.self) {
            let x = tape.input("x", try Shape([1, 2, 3])), y = tape.input("y", try Shape([1, 3]))
            _ = try tape.earlyLearning(x, targets: y, labels: y, momentum: 0.5)
        }
    }

    @Test func `of two blobs with 40 % wrong labels, fewer wrong ones are learnt by heart`() throws {
        let plain = try Blobs().train(weight: 0), guarded = try Blobs().train(weight: 3)
        #expect(plain.memorised > 0.6)
        #expect(guarded.accuracy > plain.accuracy + 0.1)
        #expect(guarded.memorised < 0.5 * plain.memorised)
    }
}

/// e^x for references.
private enum Exponential {
    static func of(_ x: Double) -> Double {
        // (1 + x/2ⁿ + …)^(2ⁿ) with the Taylor series of the small part.
        var scaled = x, halvings = 0
        while abs(scaled) > 0.01 { (scaled, halvings) = (scaled / 2, halvings + 1) }
        var term = 1.0, sum = 1.0
        for k in 1..<14 { (term, sum) = (term * scaled / Double(k), sum + term * scaled / Double(k)) }
        for _ in 0..<halvings { sum *= sum }
        return sum
    }
}

/// Two Gaussian blobs in ten dimensions, 40 % of whose labels are wrong, and a small network.
private struct Blobs {
    let count = 240, width = 64, dimensions = 10
    let points: [Float]
    let clean: [Int]
    let given: [Int]

    init() {
        var random = PhiloxStream(seed: 4, stream: "blobs")
        var points: [Float] = [], clean: [Int] = [], given: [Int] = []
        for index in 0..<count {
            let label = index % 2
            clean.append(label)
            given.append(random.uniform() < 0.4 ? 1 - label : label)
            for axis in 0..<dimensions {
                points.append(Float((axis < 4 ? (label == 0 ? -1 : 1) : 0) + random.normal()))
            }
        }
        (self.points, self.clean, self.given) = (points, clean, given)
    }

    /// - Returns: how many points are put right, and how many wrong labels are repeated.
    func train(weight: Float) throws -> (accuracy: Double, memorised: Double) {
        let tape = Tape(.training)
        let x = tape.input("x", try Shape([count, dimensions])), y = tape.input("y", try Shape([count]))
        let t = tape.input("t", try Shape([count, 2]))
        func layer(_ name: String, _ input: Value, _ inputs: Int, _ outputs: Int) throws -> Value {
            try tape.linear(
                input,
                weights: tape.parameter(name + ".weight", Shape([outputs, inputs]), .he(fanIn: inputs)),
                bias: tape.parameter(name + ".bias", Shape([outputs]), .constant(0)))
        }
        let logits = try layer("out", tape.relu(layer("in", x, dimensions, width)), width, 2)
        let reward = try tape.earlyLearning(logits, targets: t, labels: y, momentum: 0.9)
        let loss = try tape.add(tape.crossEntropy(logits, labels: y), tape.scale(reward, by: weight))
        let probabilities = try tape.softmax(logits)
        let plan = try TensorPlan(
            tape, outputs: [loss, probabilities], gradientsOf: loss, options: .init(kernels: Kernels(family: .portable))
        )
        let parameters = try Parameters(tape.parameters, seed: 5)
        let workspace = try Workspace(plan, parameters: parameters, pool: .serial)
        let learner = try Learner(
            parameters, settings: LearningSettings(optimizer: .adamW(), schedule: Schedule(.constant, rate: 0.01)),
            family: .portable)
        let memory = try TargetMemory(
            Array(repeating: GridSize(1, 1), count: count), classes: 2, every: 1, momentum: 0.9, folder: nil)
        let inputs = [x: try Tensor([count, dimensions], points), y: try Tensor([count], given.map { Float($0) })]
        var told: [Float] = []
        for _ in 0..<400 {
            let known = Tensor(trusted: t.shape) { target in
                guard let base = target.baseAddress else { return }
                for item in 0..<count { memory.read(item, at: AlignedBuffer([0]), into: base + 2 * item) }
            }
            try workspace.run(inputs.merging([t: known]) { $1 })
            told = try workspace.tensor(probabilities).array
            told.withUnsafeBufferPointer { told in
                guard let base = told.baseAddress else { return }
                for item in 0..<count { memory.update(item, at: AlignedBuffer([0]), with: base + 2 * item) }
            }
            try learner.learn(from: workspace)
        }
        let found = (0..<count).map { told[2 * $0 + 1] > told[2 * $0] ? 1 : 0 }
        let wrong = (0..<count).filter { given[$0] != clean[$0] }
        return (
            Double(found.indices.count { found[$0] == clean[$0] }) / Double(count),
            Double(wrong.count { found[$0] == given[$0] }) / Double(wrong.count)
        )
    }
}
