import Foundation
import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct ConformalTests {
    /// A small case whose difficulty differs from case to case.
    private func drawn(_ seed: UInt64) throws -> (map: ProbabilityMap, reference: LabelMap) {
        var random = PhiloxStream(seed: seed, stream: "case")
        let skew = 1.5 * random.normal()
        let pixels = 60
        var rows: [[Double]] = [], labels: [Int] = []
        for _ in 0..<pixels {
            let label = random.uniform() < 0.4 ? 1 : 0
            let logit = (label == 1 ? 1.2 : -1.2) + skew + random.normal()
            let p = 1 / (1 + exp(-logit))
            rows.append([1 - p, p])
            labels.append(label)
        }
        return (
            try CalibrationFixture.map(rows, width: pixels), try CalibrationFixture.labels(labels, width: pixels)
        )
    }

    @Test("the expected losses of further cases keep to the promise, and are not far below", arguments: [0.1, 0.3])
    func coverage(risk: Double) throws {
        // Fresh cases for every draw of the calibration set.
        let draws = 300, cases = 39
        var (missed, invented, uncovered) = (0.0, 0.0, 0.0)
        for draw in 0..<draws {
            var sample = RiskControlSample(structure: "class 1"), sets = PixelSetsSample()
            for index in 0..<cases {
                let one = try drawn(UInt64(draw * 1000 + index))
                try sample.add("\(index)", probabilities: one.map, reference: one.reference)
                try sets.add("\(index)", probabilities: one.map, reference: one.reference)
            }
            let control = try sample.choose(outer: risk, inner: risk), pixelSets = try sets.choose(risk: risk)
            let next = try drawn(UInt64(draw * 1000 + 500))
            let masks = try control(next.map), members = try pixelSets(next.map)
            var (total, lost, false_, outside) = (0, 0, 0, 0)
            for index in 0..<60 {
                let label = Int(next.reference.labels[index])
                total += label
                lost += label == 1 && masks.outer.labels[index] == 0 ? 1 : 0
                false_ += label == 0 && masks.inner.labels[index] == 1 ? 1 : 0
                outside += members.members[label * 60 + index] == 0 ? 1 : 0
            }
            missed += Double(lost) / Double(total)
            invented += min(1, Double(false_) / Double(total))
            uncovered += Double(outside) / 60
        }
        for mean in [missed, invented, uncovered].map({ $0 / Double(draws) }) {
            // Three standard errors of losses in 0...1 that are mostly far below 1.
            let slack = 3 * (risk * 0.6 / Double(draws)).squareRoot()
            #expect(mean <= risk + slack, "\(mean)")
            #expect(mean >= risk - 1 / Double(cases + 1) - slack - 0.02, "\(mean)")
        }
    }

    @Test("thresholds are those counted by hand")
    func byHand() throws {
        var sample = RiskControlSample()
        // In each of four cases the structure has two pixels, of 0.2 and 0.9, and background has one of 0.6.
        let map = try CalibrationFixture.map([[0.8, 0.2], [0.1, 0.9], [0.4, 0.6]], width: 3)
        for index in 0..<4 {
            try sample.add(
                "\(index)", probabilities: map, reference: CalibrationFixture.labels([1, 1, 0], width: 3))
        }
        // (4 · ½ + 1)/5 = 0.6, so one of two pixels may be missed: everything up to 0.9.
        let loose = try sample.choose(outer: 0.6, inner: 0.6)
        #expect(loose.outerThreshold <= 0.9 && loose.outerThreshold > 0.85 && loose.outer.observed == 0.5)
        // One false pixel of two is a loss of ½ as well.
        #expect(loose.innerThreshold < 0.2 && loose.inner.observed == 0.5)
        let strict = try sample.choose(outer: 0.5, inner: 0.5)
        #expect(strict.outerThreshold <= 0.2 && strict.outerThreshold > 0.19 && strict.outer.observed == 0)
        #expect(strict.innerThreshold > 0.6 && strict.innerThreshold < 0.65)
        let masks = try strict(map)
        #expect(masks.outer.labels.withUnsafeBufferPointer { Array($0) } == [1, 1, 1])
        #expect(masks.inner.labels.withUnsafeBufferPointer { Array($0) } == [0, 1, 0])
        #expect(strict.structure == "class 1" && strict.outer.cases == 4 && strict.outer.conditions.count == 3)
    }

    @Test("cases without the structure are left out and counted")
    func absent() throws {
        var sample = RiskControlSample()
        let map = try CalibrationFixture.map([[0.8, 0.2], [0.1, 0.9]], width: 2)
        for index in 0..<5 {
            try sample.add(
                "\(index)", probabilities: map,
                reference: CalibrationFixture.labels(index == 0 ? [0, 0] : [0, 1], width: 2))
        }
        #expect(sample.caseCount == 4)
        #expect(try sample.choose(outer: 0.5, inner: 0.5).outer.leftOut == 1)
    }

    @Test("too few cases are refused, with how many it takes")
    func tooFew() throws {
        #expect(ConformalGuarantee.minimumCases(risk: 0.1) == 9 && ConformalGuarantee.minimumCases(risk: 0.05) == 19)
        #expect(ConformalGuarantee.minimumCases(risk: 0.5) == 1 && ConformalGuarantee.minimumCases(risk: 0) == .max)
        var sample = RiskControlSample(), sets = PixelSetsSample()
        for index in 0..<9 {
            let one = try drawn(UInt64(index))
            if index == 8 {
                #expect(code { try sample.choose(outer: 0.1, inner: 0.5) } == .undefinedResult)
                #expect(code { try sample.choose(outer: 0.5, inner: 0.1) } == .undefinedResult)
                #expect(code { try sets.choose(risk: 0.1) } == .undefinedResult)
            }
            try sample.add("\(index)", probabilities: one.map, reference: one.reference)
            try sets.add("\(index)", probabilities: one.map, reference: one.reference)
        }
        #expect(code { try sample.choose(outer: 0.1, inner: 0.1) } == nil)
        #expect(code { try sets.choose(risk: 0.1) } == nil)
        for risk in [0, 1, -0.5, Double.nan] {
            #expect(code { try sample.choose(outer: risk, inner: 0.5) } == .badArgument)
            #expect(code { try sets.choose(risk: risk) } == .badArgument)
        }
    }

    @Test("samples merge to the same in any order and survive being stored")
    func merging() throws {
        var whole = RiskControlSample(), first = whole, second = whole
        var sets = PixelSetsSample(), firstSets = sets, secondSets = sets
        for index in [2, 0, 3, 1] {
            let one = try drawn(UInt64(index))
            try whole.add("\(index)", probabilities: one.map, reference: one.reference)
            try sets.add("\(index)", probabilities: one.map, reference: one.reference)
            if index < 2 {
                try first.add("\(index)", probabilities: one.map, reference: one.reference)
                try firstSets.add("\(index)", probabilities: one.map, reference: one.reference)
            } else {
                try second.add("\(index)", probabilities: one.map, reference: one.reference)
                try secondSets.add("\(index)", probabilities: one.map, reference: one.reference)
            }
        }
        try second.merge(first)
        try secondSets.merge(firstSets)
        #expect(second == whole && secondSets == sets)
        #expect(try JSONDecoder().decode(RiskControlSample.self, from: JSONEncoder().encode(whole)) == whole)
        #expect(try JSONDecoder().decode(PixelSetsSample.self, from: JSONEncoder().encode(sets)) == sets)
        #expect(code { try second.merge(first) } == .duplicateName)
        #expect(code { try secondSets.merge(firstSets) } == .duplicateName)
        #expect(code { try second.merge(RiskControlSample(structure: "class 0")) } == .badArgument)
        #expect(code { try secondSets.merge(PixelSetsSample(region: .foreground)) } == .badArgument)
        let text = String(decoding: try JSONEncoder().encode(sets), as: UTF8.self)
        let damaged = text.replacingOccurrences(of: "\"total\":60", with: "\"total\":-1")
        #expect(throws: (any Error).self) {
            try JSONDecoder().decode(PixelSetsSample.self, from: Data(damaged.utf8))
        }
    }

    @Test("sets always hold the answer, and the region decides what they are promised for")
    func sets() throws {
        var all = PixelSetsSample(), foreground = PixelSetsSample(region: .foreground)
        for index in 0..<20 {
            let one = try drawn(UInt64(index))
            try all.add("\(index)", probabilities: one.map, reference: one.reference)
            try foreground.add("\(index)", probabilities: one.map, reference: one.reference)
        }
        let loose = try all.choose(risk: 0.9), one = try drawn(77)
        #expect(try loose(one.map).sizes.labels.withUnsafeBufferPointer { $0.allSatisfy { $0 == 1 } })
        let strict = try all.choose(risk: 0.05)
        #expect(strict.threshold < loose.threshold)
        #expect(try strict(one.map).sizes.labels.withUnsafeBufferPointer { $0.contains(2) })
        #expect(try foreground.choose(risk: 0.1).region == .foreground)
    }

    @Test("what does not fit is refused")
    func refusals() throws {
        let one = try drawn(1)
        var sample = RiskControlSample(structure: "nothing")
        #expect(code { try sample.add("a", probabilities: one.map, reference: one.reference) } == .badLabel)
        sample = RiskControlSample(labels: [0])
        #expect(code { try sample.add("a", probabilities: one.map, reference: one.reference) } == .badArgument)
        sample = RiskControlSample()
        let small = try CalibrationFixture.labels([0], width: 1)
        #expect(code { try sample.add("a", probabilities: one.map, reference: small) } == .geometryMismatch)
        try sample.add("a", probabilities: one.map, reference: one.reference)
        let three = try CalibrationFixture.map([[0.2, 0.3, 0.5]], width: 1)
        #expect(code { try sample.add("b", probabilities: three, reference: small) } == .channelMismatch)
        let control = try sample.choose(outer: 0.5, inner: 0.5)
        #expect(code { try control(three) } == .channelMismatch)
        var sets = PixelSetsSample(region: .interior)
        #expect(code { try sets.add("a", probabilities: one.map, reference: one.reference) } == .badArgument)
        sets = PixelSetsSample(background: 4)
        #expect(code { try sets.add("a", probabilities: one.map, reference: one.reference) } == .badLabel)
        sets = PixelSetsSample()
        try sets.add("a", probabilities: one.map, reference: one.reference)
        #expect(code { try sets.add("b", probabilities: three, reference: small) } == .channelMismatch)
        let chosen = try sets.choose(risk: 0.5)
        #expect(code { try chosen(three) } == .channelMismatch)
    }
}
