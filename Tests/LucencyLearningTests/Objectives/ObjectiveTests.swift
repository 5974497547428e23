import Foundation
import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyTensor
import Testing

@Suite struct ObjectiveTests {
    private static let everything: [any ObjectiveComponent] = [
        CrossEntropyTarget(weights: [1, 2, 0.5]), DiceTerm(), BoundaryTerm(), ConfidencePenaltyTerm(), MarginTerm(),
    ]

    @Test func `the total is the target plus each term times its weight`() throws {
        let (logits, labels) = try ObjectiveRun.random([2, 3, 9, 11], labels: -1...2)
        let objective = Objective([
            FocalTarget(gamma: 2), DiceTerm(SoftDiceForm(), weight: 0.5), BoundaryTerm(weight: 0.25),
        ])
        let run = try ObjectiveRun(objective, logits: logits, labels: labels)
        let focal = try #require(run.parts["focal"]), dice = try #require(run.parts["dice"])
        let boundary = try #require(run.parts["boundary"])
        #expect(run.parts.count == 3)
        #expect(abs(run.total - (focal + 0.5 * dice + 0.25 * boundary)) < 1e-6 * abs(run.total))
        let alone = try ObjectiveRun(Objective([FocalTarget(gamma: 2)]), logits: logits, labels: labels)
        #expect(alone.total == focal && alone.total != run.total)
        #expect(try ObjectiveRun(Objective([DiceTerm()]), logits: logits, labels: labels).total == dice)
    }

    @Test func `a weight of 0 leaves the target's bytes`() throws {
        let (logits, labels) = try ObjectiveRun.random([1, 3, 8, 9], labels: 0...2)
        let alone = try ObjectiveRun(Objective([CrossEntropyTarget()]), logits: logits, labels: labels)
        let terms: [any ObjectiveTerm] = [
            DiceTerm(SoftDiceForm(), weight: 0), MarginTerm(weight: 0), NeighbourTerm(weight: 0),
        ]
        for term in terms {
            #expect(Objective([CrossEntropyTarget(), term]).additionalInputs.isEmpty)
            let both = try ObjectiveRun(Objective([CrossEntropyTarget(), term]), logits: logits, labels: labels)
            #expect(both.total == alone.total && both.gradient == alone.gradient)
        }
    }

    @Test func `bytes do not depend on the number of threads`() throws {
        let (logits, labels) = try ObjectiveRun.random([3, 3, 90, 101], labels: -1...2)
        let targets: [any ObjectiveTarget] = [
            CrossEntropyTarget(), FocalTarget(), LabelSmoothingTarget(), VaryingSmoothingTarget(),
            SelfDistillationTarget(),
        ]
        for target in targets {
            let objective = Objective([target] + Self.everything.dropFirst() + [NeighbourTerm()])
            let one = try ObjectiveRun(objective, logits: logits, labels: labels)
            let two = try ObjectiveRun(objective, logits: logits, labels: labels, threads: 2)
            #expect(one.total == two.total && one.parts == two.parts && one.gradient == two.gradient)
            #expect(one.total.isFinite && one.gradient.contains { $0 != 0 })
        }
    }

    @Test func `-1 and the ignored label both do not count`() throws {
        let (logits, labels) = try ObjectiveRun.random([2, 3, 6, 7], labels: -1...2)
        let renamed = try labels.map { map in
            let numbers = map.labels.array.enumerated().map { $1 == -1 && $0 % 2 == 0 ? 7 : $1 }
            return try LabelMap(geometry: map.geometry, labels: AlignedBuffer(numbers))
        }
        #expect(renamed != labels)
        let plain = try ObjectiveRun(Objective(Self.everything), logits: logits, labels: labels)
        let named = try ObjectiveRun(Objective(Self.everything, ignoring: 7), logits: logits, labels: renamed)
        #expect(plain.total == named.total && plain.gradient == named.gradient)
    }

    @Test func `a constant added to all logits of a pixel changes nothing, and slopes of a pixel add up to 0`() throws {
        let (logits, labels) = try ObjectiveRun.random([1, 3, 6, 7], labels: 0...2)
        let moved = try Tensor(
            logits.shape.dimensions, logits.array.enumerated().map { $1 + Float($0 % 42 % 5) })
        let objective = Objective(Self.everything)
        let one = try ObjectiveRun(objective, logits: logits, labels: labels)
        let other = try ObjectiveRun(objective, logits: moved, labels: labels)
        #expect(abs(one.total - other.total) < 1e-5 * abs(one.total))
        for pixel in 0..<42 {
            #expect(abs(one.gradient[pixel] + one.gradient[pixel + 42] + one.gradient[pixel + 84]) < 1e-7)
        }
    }

    @Test func `soft Dice lies in 0...1 and is 0 for sure and right logits`() throws {
        let (logits, labels) = try ObjectiveRun.random([1, 3, 6, 7], labels: 0...2)
        let loss = try ObjectiveRun(Objective([DiceTerm()]), logits: logits, labels: labels).total
        #expect(loss > 0.2 && loss < 1)
        let map = labels[0].labels.array
        let right = try Tensor(
            [1, 3, 6, 7], (0..<3).flatMap { number in map.map { $0 == Int32(number) ? Float(40) : -40 } })
        #expect(try ObjectiveRun(Objective([DiceTerm()]), logits: right, labels: labels).total < 1e-4)
    }

    // MARK: Values

    @Test func `every kind of component survives JSON`() throws {
        let parts: [any ObjectiveComponent] =
            [
                FocalTarget(gamma: 1.5, weights: [1, 3]), LabelSmoothingTarget(alpha: 0.2),
                VaryingSmoothingTarget(sigma: [1, 2], strength: 0.5), SelfDistillationTarget(alpha: 0.6),
                NeighbourTerm(weight: 0.2, prior: .imageSquared, border: .zero, distance: .squared),
                EarlyLearningTerm(weight: 1, momentum: 0.9),
            ] + Self.everything
        #expect(Set(parts.map { type(of: $0).name }) == Set(ObjectivePart.kinds.map { $0.name }))
        let objective = Objective(parts, ignoring: 255)
        let data = try JSONEncoder().encode(objective)
        let copy = try JSONDecoder().decode(Objective.self, from: data)
        #expect(copy == objective && copy.hashValue == objective.hashValue)
        #expect(copy != Objective(parts))
        var other = objective
        other.parts[3] = ObjectivePart(DiceTerm(SoftDiceForm(), weight: 2))
        #expect(other != objective)
    }

    @Test func `an unknown component is refused`() {
        let text = #"{"parts": [{"uses": "hope", "with": {}}]}"#
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(Objective.self, from: Data(text.utf8)) }
    }

    @Test func `names are different`() {
        let names = ObjectivePart.kinds.map { $0.name }
        #expect(Set(names).count == names.count)
    }
}
