import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyTensor
import Testing

/// What objectives refuse.
@Suite struct ObjectiveProblemTests {
    typealias Refusal = (components: [any ObjectiveComponent], words: String)

    private static func dice(smoothing: Float) -> DiceTerm {
        var form = SoftDiceForm()
        form.smoothing = smoothing
        return DiceTerm(form)
    }

    private static let refusals: [Refusal] = [
        ([], "no target"),
        ([MarginTerm(), DiceTerm()], "mbls is added to a target"),
        ([BoundaryTerm()], "no target"),
        ([CrossEntropyTarget(), FocalTarget()], "cross-entropy and focal are targets"),
        ([CrossEntropyTarget(), DiceTerm(), DiceTerm()], "dice is given twice"),
        ([CrossEntropyTarget(), MarginTerm(weight: -1)], "weight of mbls"),
        ([CrossEntropyTarget(), DiceTerm(SoftDiceForm(), weight: .nan)], "weight of dice"),
        ([CrossEntropyTarget(weights: [1, 2])], "2 class weights for 3 classes"),
        ([CrossEntropyTarget(weights: [0, 0, 0])], "one at least must be positive"),
        ([FocalTarget(gamma: 2, weights: [1, -1, 1])], "must not be negative"),
        ([FocalTarget(gamma: -0.5)], "gamma"),
        ([FocalTarget(gamma: .infinity)], "gamma"),
        ([LabelSmoothingTarget(alpha: 1.1)], "alpha"),
        ([dice(smoothing: 0)], "smoothing"),
        ([CrossEntropyTarget(), MarginTerm(weight: 0.1, margin: .nan)], "margin"),
        ([VaryingSmoothingTarget(sigma: [0])], "sigma must be above 0"),
        ([VaryingSmoothingTarget(sigma: [1, .nan])], "sigma must be above 0"),
        ([VaryingSmoothingTarget(sigma: [])], "sigma must be above 0"),
        ([VaryingSmoothingTarget(sigma: [1], window: 4)], "odd number of pixels"),
        ([VaryingSmoothingTarget(sigma: [1], strength: 1.5)], "strength"),
        ([CrossEntropyTarget(), NeighbourTerm(window: 2)], "odd number of pixels"),
        ([CrossEntropyTarget(), NeighbourTerm(window: 1)], "odd number of pixels"),
        ([CrossEntropyTarget(), NeighbourTerm(weight: -0.1)], "weight of nacl"),
        ([CrossEntropyTarget(), NeighbourTerm(weight: .nan)], "weight of nacl"),
        ([NeighbourTerm(), DiceTerm()], "nacl is added to a target"),
        ([VaryingSmoothingTarget(), SelfDistillationTarget()], "svls and ps-kd are targets"),
        ([SelfDistillationTarget(alpha: 1)], "alpha must be in 0..<1"),
        ([SelfDistillationTarget(alpha: -0.1)], "alpha must be in 0..<1"),
    ]

    @Test(arguments: refusals.indices)
    func `what contradicts is said, and not recorded`(_ index: Int) throws {
        let objective = Objective(Self.refusals[index].components), words = Self.refusals[index].words
        let problems = objective.problems(classes: 3)
        #expect(problems.count == 1 && problems[0].message.contains(words), "\(problems)")
        let tape = Tape(.training), logits = tape.input("x", try Shape([1, 3, 2, 2]))
        let inputs = try objective.inputs(on: tape, logits: logits.shape)
        let error = #expect(throws: Diagnostic.self) {
            try objective.record(on: tape, logits: logits, inputs: inputs)
        }
        #expect(error == problems[0])
    }

    @Test func `all problems are reported at once`() {
        let objective = Objective([
            FocalTarget(gamma: -1, weights: [0]), LabelSmoothingTarget(alpha: -1), MarginTerm(weight: -1, margin: -1),
        ])
        #expect(objective.problems(classes: 1).count == 7)
        #expect(objective.problems().count == 6)
    }

    @Test func `sound objectives have no problems`() {
        let sound: [[any ObjectiveComponent]] = [
            [CrossEntropyTarget()], [DiceTerm()], [DiceTerm(), BoundaryTerm()],
            [FocalTarget(), DiceTerm(), MarginTerm()],
            [CrossEntropyTarget(weights: [0, 1, 2])],
        ]
        for components in sound { #expect(Objective(components).problems(classes: 3).isEmpty) }
        #expect(Objective([CrossEntropyTarget(weights: [1, 2])]).problems().isEmpty)
    }

    @Test func `a label that is no class is refused with its place`() throws {
        let objective = Objective([CrossEntropyTarget()], ignoring: 9)
        let maps = try ObjectiveRun.maps([1, 2, 3, 2], [0, 1, -1, 9, 0, 1, 0, 5, 1, 0, 0, 7])
        let error = #expect(throws: Diagnostic.self) { try objective.sample(maps[0], classes: 3) }
        #expect(error?.code == .badLabel && error?.message == "the label 5 at x 1, y 0, z 1 is none of the 3 classes")
        #expect(throws: Never.self) { try objective.sample(maps[0], classes: 8) }
        let low = try ObjectiveRun.maps([1, 1, 2], [0, -2])
        #expect(throws: Diagnostic.self) { try objective.sample(low[0], classes: 3) }
    }

    @Test func `a prior that looks at the image is refused without one`() throws {
        var term = NeighbourTerm(prior: .image)
        let maps = try ObjectiveRun.maps([1, 2, 2], [0, 1, 1, 0])
        #expect(throws: Diagnostic.self) {
            try Objective([CrossEntropyTarget(), term]).sample(maps[0], classes: 2)
        }
        #expect(throws: Never.self) {
            try Objective([CrossEntropyTarget(), term]).sample(
                maps[0], image: AlignedBuffer([1, 2, 3, 4]), classes: 2)
        }
        term.prior = .wideGaussian
        term.sigma = 9
        #expect(Objective([CrossEntropyTarget(), term]).problems().map(\.message).joined().contains("at most 8"))
    }

    @Test func `a teacher whose predictions do not fit is refused`() throws {
        let objective = Objective([SelfDistillationTarget()]),
            (logits, labels) = try ObjectiveRun.random(
                [1, 2, 3, 4], labels: 0...1)
        let other = Tensor(try Shape([1, 2, 4, 3]), repeating: 0.5)
        #expect(throws: Diagnostic.self) {
            try ObjectiveRun(objective, logits: logits, labels: labels, teacher: (other, 0.5))
        }
        #expect(throws: Diagnostic.self) {
            try ObjectiveRun(
                Objective([CrossEntropyTarget()]), logits: logits, labels: labels, teacher: (logits, 0.5))
        }
    }

    @Test func `label maps that do not fit the logits are refused`() throws {
        let objective = Objective([DiceTerm(), BoundaryTerm()])
        let tape = Tape(.training)
        let inputs = try objective.inputs(on: tape, logits: Shape([2, 3, 2, 4]))
        let (_, good) = try ObjectiveRun.random([2, 3, 2, 4], labels: 0...2)
        let (_, turned) = try ObjectiveRun.random([2, 3, 4, 2], labels: 0...2)
        let samples = try good.map { try objective.sample($0, classes: 3) }
        #expect(try inputs.tensors(samples).count == 2)
        #expect(throws: Diagnostic.self) { try inputs.tensors([samples[0]]) }
        #expect(throws: Diagnostic.self) {
            try inputs.tensors(turned.map { try objective.sample($0, classes: 3) })
        }
        #expect(throws: Diagnostic.self) { try inputs.tensors(good.map { try objective.sample($0, classes: 4) }) }
        #expect(throws: Diagnostic.self) {
            try inputs.tensors(good.map { try Objective([DiceTerm()]).sample($0, classes: 3) })
        }
        #expect(throws: Diagnostic.self) { try objective.inputs(on: tape, logits: Shape([2, 3])) }
        let plain = try Objective([DiceTerm()]).inputs(on: tape, logits: Shape([2, 3, 2, 4]))
        let logits = tape.input("x", try Shape([2, 3, 2, 4]))
        #expect(throws: Diagnostic.self) { try objective.record(on: tape, logits: logits, inputs: plain) }
    }
}
