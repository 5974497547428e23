import LucencyFoundation
import LucencyLearning
import LucencyTensor
import Support
import Testing

/// The loss of CW-BASS against golden numbers, and what must hold of its parts whatever the numbers are.
@Suite struct ConfidenceLossTests {
    private static func golden(_ name: String) throws -> JSONValue {
        try TestFiles.json(TestFiles.fixture("LucencyLearningTests", "cwbass_\(name).json"))
    }

    private static func tensor(_ value: JSONValue?) throws -> Tensor {
        let value = try #require(value)
        return try Tensor(value.tensorShape, value.tensorData.map { Float($0) })
    }

    private static func difference(_ found: [Float], _ expected: JSONValue?) -> Double {
        let expected = expected?.tensorData ?? []
        guard found.count == expected.count else { return .infinity }
        return zip(found, expected).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
    }

    private static func softmax(_ logits: Tensor) throws -> Tensor {
        let tape = Tape(.inference), x = tape.input("x", logits.shape), p = try tape.softmax(x)
        let plan = try TensorPlan(tape, outputs: [p], options: .init(kernels: Kernels(family: .best)))
        let workspace = try Workspace(plan, parameters: Parameters([], seed: 0), pool: .serial)
        try workspace.run([x: logits])
        return try workspace.tensor(p)
    }

    private static func loss(
        _ logits: Tensor, _ labels: Tensor, _ weights: Tensor
    ) throws -> (value: Double, gradient: [Float]) {
        let tape = Tape(.training), x = tape.input("x", logits.shape)
        let y = tape.input("labels", labels.shape), w = tape.input("weights", labels.shape)
        let loss = try tape.weightedCrossEntropy(x, labels: y, weights: w)
        let plan = try TensorPlan(
            tape, outputs: [loss], gradientsOf: loss, inputGradients: [x],
            options: .init(kernels: Kernels(family: .best)))
        let workspace = try Workspace(plan, parameters: Parameters([], seed: 0), pool: .serial)
        try workspace.run([x: logits, y: labels, w: weights])
        return (Double(try workspace.tensor(loss).scalar), try workspace.gradient(of: x).array)
    }

    private static func all(_ labels: Tensor) -> Tensor { Tensor(labels.shape, repeating: 0) }

    private static var published: CWBASS {
        var strategy = CWBASS()
        strategy.threshold = .dynamic
        strategy.frame = .zero
        return strategy
    }

    // MARK: Golden numbers

    @Test func `confidence, pseudo-labels, threshold and boundaries are the golden ones`() throws {
        let golden = try Self.golden("unsupervised")
        let pseudo = PseudoLabels(try Self.softmax(Self.tensor(golden["teacherLogits"])))
        #expect(Self.difference(pseudo.confidence.array, golden["confidence"]) <= 1e-5)
        #expect(Self.difference(pseudo.labels.array, golden["pseudo"]) == 0)
        var threshold = ConfidenceThreshold(.dynamic)
        let level = threshold.next(try #require(pseudo.meanConfidence(Self.all(pseudo.labels))))
        #expect(abs(level - (golden["threshold"]?.doubleValue ?? 0)) <= 1e-6)
        #expect(Self.difference(LabelBoundary(.sobel, frame: .zero)(pseudo.labels).array, golden["boundary"]) == 0)
        #expect(Self.difference(LabelBoundary()(pseudo.labels).array, golden["boundaryReplicatedBorder"]) == 0)
        for (name, level) in [("kept", level), ("keptFixed0.9", 0.9)] {
            let kept = zip(pseudo.labels.array, pseudo.confidence.array).map { Double($1) > level ? $0 : 255 }
            #expect(Self.difference(kept, golden[name]) == 0)
        }
    }

    @Test(arguments: ["gamma1", "gamma2", "gamma0", "gamma1_decayed0.9", "fixedThreshold0.9", "nothingKept"])
    func `losses and gradients are the golden ones`(_ name: String) throws {
        let golden = try Self.golden("unsupervised")
        let item = try #require(golden["cases"]?.arrayValue?.first { $0["name"]?.stringValue == name })
        let pseudo = PseudoLabels(try Self.softmax(Self.tensor(golden["teacherLogits"])))
        var strategy = Self.published
        strategy.gamma = try #require(item["gamma"]?.doubleValue)
        if name.hasSuffix("decayed0.9") { (strategy.decay, strategy.decayForm) = (0.9, .constant) }
        if name.hasPrefix("fixed") { (strategy.threshold, strategy.level) = (.fixed, 0.9) }
        if name == "nothingKept" { (strategy.threshold, strategy.level) = (.fixed, 1) }
        var threshold = strategy.threshold(classes: 4)
        let all = Self.all(pseudo.labels), level = threshold.next(try #require(pseudo.meanConfidence(all)))
        let weights = strategy.weights(pseudo, counted: all, threshold: level, trust: strategy.trust(epoch: 3))
        let result = try Self.loss(Self.tensor(golden["studentLogits"]), pseudo.labels, weights.tensor)
        #expect(abs(result.value - (item["loss"]?.doubleValue ?? -1)) <= 1e-5)
        #expect(Self.difference(result.gradient, item["grad"]) <= 1e-5)
    }

    @Test func `thresholds, rates, warm-up and teacher follow the golden schedules`() throws {
        let golden = try Self.golden("schedules")
        for item in golden["threshold"]?.arrayValue ?? [] {
            let mean = try #require(item["meanConfidence"]?.doubleValue)
            let base = try #require(item["base"]?.doubleValue), slope = try #require(item["beta"]?.doubleValue)
            for (form, name) in [(ConfidenceThresholdForm.dynamic, "threshold"), (.centred, "centred")] {
                var threshold = ConfidenceThreshold(form, base: base, slope: slope)
                #expect(abs(threshold.next(mean) - (item[name]?.doubleValue ?? 0)) <= 1e-9)
            }
        }
        for item in golden["poly"]?.arrayValue ?? [] {
            let rate = try #require(item["base"]?.doubleValue), steps = try #require(item["of"]?.intValue)
            let schedule = Schedule(.polynomial, rate: rate, steps: steps)
            let step = try #require(item["iteration"]?.intValue)
            #expect(abs(schedule.rate(at: step) - (item["lr"]?.doubleValue ?? 0)) <= 1e-9)
        }
        for item in golden["warmup"]?.arrayValue ?? [] {
            let step = try #require(item["iteration"]?.intValue), length = try #require(item["warmup"]?.intValue)
            let ramp = CWBASS().ramp(step: step, stepsPerEpoch: length / 5)
            #expect(abs(ramp - (item["ramp"]?.doubleValue ?? -1)) <= 1e-9)
        }
        #expect(golden["threshold"]?.arrayValue?.count == 36 && golden["warmup"]?.arrayValue?.count == 5)
        let students = golden["ema"]?["student"]?.arrayValue ?? []
        let teachers = golden["ema"]?["teacher"]?.arrayValue ?? []
        let updates = WeightUpdates(.best, pool: .serial)
        var teacher = try Self.tensor(students.first).array
        for (student, expected) in zip(students, teachers).dropFirst() {
            let student = try Self.tensor(student).array
            student.withUnsafeBufferPointer { student in
                teacher.withUnsafeMutableBufferPointer { teacher in
                    guard let student = student.baseAddress, let teacher = teacher.baseAddress else { return }
                    updates.average(student, into: teacher, count: 6, keep: 0.999)
                }
            }
            #expect(Self.difference(teacher, expected) <= 1e-6)
        }
        #expect(students.count == 5 && teachers.count == 5)
    }

    // MARK: Properties

    private static func scene(_ shape: [Int] = [2, 3, 6, 7]) throws -> (PseudoLabels, student: Tensor) {
        var random = PhiloxStream(seed: 4, stream: "confidence")
        let teacher = Tensor.normal(try Shape(shape), standardDeviation: 2, from: &random)
        let student = Tensor.normal(try Shape(shape), standardDeviation: 2, from: &random)
        return (PseudoLabels(try softmax(teacher)), student)
    }

    @Test func `without confidence, threshold and boundaries it is plain cross-entropy of the pseudo-labels`() throws {
        let (pseudo, student) = try Self.scene()
        var strategy = CWBASS()
        (strategy.gamma, strategy.boundaryWeight) = (0, 0)
        let weights = strategy.weights(pseudo, counted: Self.all(pseudo.labels), threshold: 0)
        let result = try Self.loss(student, pseudo.labels, weights.tensor)
        let tape = Tape(.training), x = tape.input("x", student.shape), y = tape.input("y", pseudo.labels.shape)
        let plain = try tape.crossEntropy(x, labels: y)
        let workspace = try Workspace(
            TensorPlan(
                tape, outputs: [plain], gradientsOf: plain, inputGradients: [x],
                options: .init(kernels: Kernels(family: .best))),
            parameters: Parameters([], seed: 0), pool: .serial)
        try workspace.run([x: student, y: pseudo.labels])
        #expect(abs(result.value - Double(try workspace.tensor(plain).scalar)) < 1e-6)
        #expect(zip(result.gradient, try workspace.gradient(of: x).array).allSatisfy { abs($0 - $1) < 1e-7 })
    }

    @Test func `a certain teacher's pixels weigh the same, and pixels that do not count nothing`() throws {
        var certain = [Float](repeating: 0, count: 2 * 12)
        for index in 0..<12 { certain[index % 2 * 12 + index] = 1 }
        let pseudo = PseudoLabels(try Tensor([1, 2, 3, 4], certain))
        var strategy = CWBASS()
        strategy.boundaryWeight = 0
        let counted = try Tensor([1, 3, 4], (0..<12).map { $0 < 4 ? -1 : 0 })
        let weights = strategy.weights(pseudo, counted: counted, threshold: 0.5)
        #expect(weights.counted == 8 && weights.kept == 8)
        #expect(weights.tensor.array == (0..<12).map { $0 < 4 ? 0 : 1 / 8 })
        #expect(pseudo.labels.array == (0..<12).map { Float($0 % 2) })
        #expect(pseudo.meanConfidence(counted) == 1)
    }

    @Test func `where no boundary is kept its term is nothing, and where no pixel is there the loss`() throws {
        let (pseudo, student) = try Self.scene(), one = Tensor(pseudo.labels.shape, repeating: 1)
        let (strategy, all) = (CWBASS(), Self.all(pseudo.labels))
        var without = strategy
        without.boundaryWeight = 0
        // One class everywhere: nothing but the frame could be a boundary.
        let flat = PseudoLabels(try Tensor([2, 3, 6, 7], (0..<252).map { $0 / 42 % 3 == 1 ? 0.8 : 0.1 }))
        let (full, bare) = (
            strategy.weights(flat, counted: all, threshold: 0.5), without.weights(flat, counted: all, threshold: 0.5)
        )
        #expect(full.kept == 84 && full.atBoundaries == 0 && full.tensor.array == bare.tensor.array)
        #expect(try Self.loss(student, one, full.tensor).value > 0)
        // Nobody is sure, or nothing is there.
        let absent = Tensor(pseudo.labels.shape, repeating: -1)
        for (counted, threshold) in [(all, 1.0), (absent, 0.3)] {
            let none = strategy.weights(pseudo, counted: counted, threshold: threshold)
            let result = try Self.loss(student, pseudo.labels, none.tensor)
            #expect(none.kept == 0 && none.atBoundaries == 0)
            #expect(result.value == 0 && result.gradient.allSatisfy { $0 == 0 })
        }
        #expect(pseudo.meanConfidence(absent) == nil)
    }

    @Test func `of equally likely classes the lowest is taken`() throws {
        let pseudo = PseudoLabels(try Tensor([1, 3, 2], [0.4, 0.2, 0.4, 0.4, 0.2, 0.4]))
        #expect(pseudo.labels.array == [0, 1] && pseudo.confidence.array == [0.4, 0.4])
    }

    @Test(arguments: ConfidenceThresholdForm.allCases)
    func `thresholds rise with the confidence and stay within their bounds`(_ form: ConfidenceThresholdForm) {
        var last = 0.0
        for mean in stride(from: 0.0, through: 1, by: 0.01) {
            var threshold = ConfidenceThreshold(form, base: 0.8, slope: 8)
            let level = threshold.next(mean)
            #expect(level >= last && level >= 0.3 && level <= (form == .dynamic ? 0.8 : 0.95))
            last = level
        }
        var centred = ConfidenceThreshold(.centred, base: 0.7)
        #expect(abs(centred.next(0.5) - 0.7) < 1e-12)
    }

    @Test func `the published constants never exceed 0.3374, so that of two classes nothing is rejected`() throws {
        #expect(ConfidenceThreshold(.dynamic).limit <= 0.3374)
        let (pseudo, _) = try Self.scene([2, 2, 9, 9])
        var threshold = Self.published.threshold(classes: 2)
        let all = Self.all(pseudo.labels)
        let weights = Self.published.weights(
            pseudo, counted: all, threshold: threshold.next(try #require(pseudo.meanConfidence(all))))
        #expect(weights.kept == 2 * 81)
        // The floor does reject, once the teacher is sure of most.
        #expect(CWBASS().threshold(classes: 2).form == .floor && CWBASS().threshold(classes: 5).form == .dynamic)
        var floor = CWBASS().threshold(classes: 2), level = 0.0
        for _ in 0..<1000 { level = floor.next(0.97) }
        #expect(level > 0.9 && level <= 0.95)
    }

    @Test func `a constant map has no boundary within, and with zeros beyond the frame exactly the frame`() throws {
        let map = Tensor(try Shape([1, 5, 6]), repeating: 0)
        let frame = (0..<30).map { index -> Float in
            let (y, x) = (index / 6, index % 6)
            return y == 0 || x == 0 || y == 4 || x == 5 ? 1 : 0
        }
        for form in LabelBoundaryForm.allCases {
            #expect(LabelBoundary(form)(map).array.allSatisfy { $0 == 0 })
            #expect(LabelBoundary(form, frame: .zero)(map).array == frame)
        }
    }

    @Test func `boundaries do not depend on what classes are called`() throws {
        let (pseudo, _) = try Self.scene([2, 3, 9, 8]), labels = pseudo.labels
        let renamed = try Tensor(labels.shape, AlignedBuffer(labels.array.map { [2, 0, 1][Int($0)] }))
        for form in LabelBoundaryForm.allCases {
            #expect(LabelBoundary(form)(labels).array == LabelBoundary(form)(renamed).array)
        }
    }

    @Test func `Sobel is silent in the middle of a thin line, the other form is not`() throws {
        let line = try Tensor([1, 5, 5], (0..<25).map { $0 % 5 == 2 ? 1 : 0 })
        let sobel = LabelBoundary(.sobel)(line).array, change = LabelBoundary(.change)(line).array
        #expect(sobel[12] == 0 && sobel[11] == 1 && sobel[13] == 1)
        #expect(change == (0..<25).map { (1...3).contains($0 % 5) ? 1 : 0 })
    }

    @Test func `in volumes Sobel sees each slice alone, the other form 26 neighbours`() throws {
        // One voxel of 3 × 3 × 3, in the first slice's corner.
        let voxel = try Tensor([1, 3, 3, 3], (0..<27).map { $0 == 0 ? 1 : 0 })
        let sobel = LabelBoundary(.sobel)(voxel).array, change = LabelBoundary(.change)(voxel).array
        #expect(sobel[9...].allSatisfy { $0 == 0 } && sobel[4] == 1)
        let near = (0..<27).map { index in index % 3 < 2 && index / 3 % 3 < 2 && index / 9 < 2 }
        #expect(change == near.map { $0 ? 1 : 0 })
    }

    @Test func `trust falls from epoch to epoch to one half, or is the constant of the authors' program`() {
        var strategy = CWBASS()
        #expect((0..<5).allSatisfy { strategy.trust(epoch: $0) == 1 })
        strategy.decay = 0.9
        #expect(abs(strategy.trust(epoch: 2) - 0.81) < 1e-12 && strategy.trust(epoch: 100) == 0.5)
        strategy.decayForm = .constant
        #expect(strategy.trust(epoch: 0) == 0.9 && strategy.trust(epoch: 100) == 0.9)
    }

    @Test func `a mean teacher's weight rises to 1 and stays there`() {
        #expect(abs(MeanTeacher.ramp(step: 0, of: 100) - 0.006738) < 1e-6)
        #expect(MeanTeacher.ramp(step: 50, of: 100) > MeanTeacher.ramp(step: 49, of: 100))
        #expect(MeanTeacher.ramp(step: 100, of: 100) == 1 && MeanTeacher.ramp(step: 0, of: 0) == 1)
    }
}
